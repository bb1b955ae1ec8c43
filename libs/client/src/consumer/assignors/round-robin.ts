/**
 * `roundrobin`: all partitions of all topics in a row, dealt to the members in turn; a member that does not
 * subscribe to a topic is passed over. Source: `RoundRobinAssignor`.
 */
import { compareText } from '../topic-partition.ts'
import { emptyAssignments, sortedMembers, type PlainAssignor } from './assignor.ts'

export const roundRobinAssignor: PlainAssignor = {
  name: 'roundrobin',
  cooperative: false,
  userData: () => null,
  assign(partitions, members) {
    const assignments = emptyAssignments(members)
    const order = sortedMembers(members)
    const subscribed = new Set([...members.values()].flatMap(({ topics }) => topics))
    let turn = 0
    for (const topic of [...partitions.keys()].filter((each) => subscribed.has(each)).sort(compareText)) {
      for (let partition = 0; partition < partitions.get(topic)!; partition++) {
        while (!members.get(order[turn % order.length])!.topics.includes(topic)) turn++
        assignments.get(order[turn++ % order.length])!.push({ topic, partition })
      }
    }
    return assignments
  },
}
