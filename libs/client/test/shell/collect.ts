/** Polls until enough is there: how these suites wait. */
import type { Consumer, ConsumerRecord } from '@troupe/client'

const LIMIT_MS = 30_000

export async function collect<K, V>(consumer: Consumer<K, V>, count: number): Promise<ConsumerRecord<K, V>[]> {
  const records: ConsumerRecord<K, V>[] = []
  const deadline = performance.now() + LIMIT_MS
  while (records.length < count) {
    if (performance.now() > deadline) throw new RangeError(`${records.length} of ${count} records in time`)
    records.push(...(await consumer.poll({ timeoutMs: 500 })))
  }
  return records
}

/** A loop that breaks. */
export async function take<T>(records: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = []
  for await (const record of records) {
    taken.push(record)
    if (taken.length === count) break
  }
  return taken
}

/** Polls all of them in turn, so that a group can rebalance, until `done`. */
export async function pollUntil(consumers: readonly Consumer<never, never>[], done: () => boolean): Promise<void> {
  const deadline = performance.now() + LIMIT_MS
  while (!done()) {
    if (performance.now() > deadline) throw new RangeError('not in time')
    await Promise.all(consumers.map((consumer) => consumer.poll({ timeoutMs: 50 })))
  }
}
