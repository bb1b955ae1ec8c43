/** What the examples' tests share: feeding a topic, and reading what is committed in one. */
import { setTimeout } from 'node:timers/promises'
import { type Serde, string } from 'troupe/pipeline'
import type { Cluster } from 'troupe/cluster'

export interface Committed<Value> {
  readonly partition: number
  readonly key: string
  readonly value: Value
  readonly timestamp: number
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

type Fed = readonly [key: string, value: unknown, timestamp?: number, headers?: Readonly<Record<string, string>>]

/** Sends the values as JSON, bytes as they are, with pauses; resolves when all are acknowledged. */
export async function feed(
  cluster: Cluster,
  topic: string,
  records: readonly Fed[],
  { everyMs = 0 } = {},
): Promise<void> {
  await using producer = cluster.producer({ 'linger.ms': 0 })
  const acknowledged: Promise<unknown>[] = []
  for (const [key, given, timestamp, headers] of records) {
    const value = given instanceof Uint8Array ? given : JSON.stringify(given)
    acknowledged.push(producer.send({ topic, key, value, timestamp, headers }))
    if (everyMs > 0) await setTimeout(everyMs)
  }
  await Promise.all(acknowledged)
}

/** All committed records of a topic, in the order of each partition. */
export async function committed<Value>(
  cluster: Cluster,
  topic: string,
  value: Serde<Value>,
): Promise<Committed<Value>[]> {
  await using consumer = cluster.consumer({ 'isolation.level': 'read_committed' }, { key: string, value })
  const partitions = await cluster.partitions(topic)
  consumer.assign(partitions)
  consumer.seekToBeginning(partitions)
  const ends = await consumer.endOffsets(partitions)
  const records: Committed<Value>[] = []
  const isAtEnd = async () => {
    for (const end of ends) if ((await consumer.position(end)) < end.offset) return false
    return true
  }
  while (!(await isAtEnd())) {
    for (const record of await consumer.poll({ timeoutMs: 200 })) records.push(record as Committed<Value>)
  }
  return records
}

/** The last value of each key. */
export function newest<Value>(records: readonly Committed<Value>[]): Map<string, Value> {
  return new Map(records.map(({ key, value }) => [key, value]))
}

/** How often each key is there. */
export function counted(keys: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}
