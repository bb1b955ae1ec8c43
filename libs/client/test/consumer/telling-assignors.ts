/**
 * Assignors of an application, for the transcripts: `my-eager` and `my-cooperative` give every partition to the member
 * whose user data is its number, and tell each member how many there are.
 */
import type { Assignor } from '../../src/consumer.ts'
import type { TopicPartition } from '../../src/consumer/topic-partition.ts'
import { data, listed } from './notation.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export function tellingAssignors(tell: (line: string) => void): readonly Assignor[] {
  const made = (name: string, cooperative: boolean): Assignor => ({
    name,
    cooperative,
    userData: (_, { said }) => said,
    assign(partitions, members) {
      const text = new TextDecoder()
      const wanted = new Map([...members].map(([member, { userData }]) => [text.decode(userData!), member]))
      const assignments = new Map([...members.keys()].map((member) => [member, [] as TopicPartition[]]))
      for (const [topic, count] of partitions) {
        for (let partition = 0; partition < count; partition++) {
          assignments.get(wanted.get(`${partition}`) ?? '')?.push({ topic, partition })
        }
      }
      const userData = new Map([...members.keys()].map((member) => [member, bytes(`of ${members.size}`)]))
      return { assignments, userData }
    },
    onAssignment: ({ partitions, userData }, { generationId, memberId }) =>
      tell(`${name}: ${memberId}/${generationId} has ${listed(partitions)} ${data(userData)}`.trimEnd()),
  })
  return [made('my-eager', false), made('my-cooperative', true)]
}
