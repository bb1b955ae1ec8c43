/**
 * Input for topologies that run twice: by chance from a seed, but such that what comes out is not.
 *
 * Keys and letters belong to partitions, by Kafka's own partitioner: what is repartitioned by one of them stays with its
 * partition's records, so that no task has two writers whose order depends on the moment. No two records of different
 * topics have the same timestamp, so that it says which is first.
 */
import { partitionForKey } from '@troupe/client/producer/partitioner'
import { utf8 } from './streams-records.ts'

export const PARTITIONS = 2
export const inputTopics = ['a', 'b', 't', 'u'] as const

export interface InputRecord {
  readonly topic: string
  readonly partition: number
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
  readonly n: number
}

const belongs = (text: string, partition: number): boolean => partitionForKey(utf8(text), PARTITIONS) === partition
const some = (from: string, partition: number): string[] =>
  [...from].filter((each) => belongs(each, partition)).slice(0, 4)

interface Chance {
  below(limit: number): number
  of<Each>(list: readonly Each[]): Each
}

/** mulberry32. */
function chance(seed: number): Chance {
  let state = seed
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
  return { below, of: (list) => list[below(list.length)]! }
}

/**
 * Two halves. Time goes on by small steps, one record in four is late, some of them too late for their window. The second
 * half begins after the end of the first in all topics, and with records on time: who begins there is not behind anyone.
 */
export function inputs(seed: number, base: number, perHalf: number): [InputRecord[], InputRecord[]] {
  const { below, of } = chance(seed)
  const halves: [InputRecord[], InputRecord[]] = [[], []]
  for (const [at, topic] of inputTopics.entries()) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const keys = some('ABCDEFGHIJKL', partition)
      const letters = some('xyzuvwklm', partition)
      let now = 0
      for (let n = 0; n < perHalf * 2; n++) {
        const onTime = n === perHalf
        now = onTime ? perHalf * 11 : now + below(3) * 5
        const late = onTime || below(4) > 0 ? 0 : below(14) * 5
        halves[n < perHalf ? 0 : 1].push({
          topic,
          partition,
          key: below(12) === 0 && !onTime ? null : of(keys),
          value: below(8) === 0 && !onTime ? null : Array.from({ length: 1 + below(3) }, () => of(letters)).join(''),
          timestamp: base + Math.max(0, now - late) + at,
          n,
        })
      }
    }
  }
  return halves
}
