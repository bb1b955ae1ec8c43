/**
 * `range`: each topic by itself is cut into runs of partitions, one per member; the first members get one more.
 * Members of the same subscriptions therefore get the same numbers of every topic. Source: `RangeAssignor`.
 */
import { compareText } from '../topic-partition.ts'
import { emptyAssignments, sortedMembers, type PlainAssignor } from './assignor.ts'

export const rangeAssignor: PlainAssignor = {
  name: 'range',
  cooperative: false,
  userData: () => null,
  assign(partitions, members) {
    const assignments = emptyAssignments(members)
    const order = sortedMembers(members)
    for (const topic of [...partitions.keys()].sort(compareText)) {
      const count = partitions.get(topic)!
      const takers = order.filter((member) => members.get(member)!.topics.includes(topic))
      const share = Math.floor(count / takers.length)
      const extra = count % takers.length
      let next = 0
      takers.forEach((member, index) => {
        const end = next + share + (index < extra ? 1 : 0)
        while (next < end) assignments.get(member)!.push({ topic, partition: next++ })
      })
    }
    return assignments
  },
}
