/** What the examples' tests share: feeding a topic, and reading what is committed in one. */
import { setTimeout } from 'node:timers/promises'
import { type Serde, string } from 'troupe/pipeline'
import type { Cluster } from 'troupe/cluster'

export interface Committed<Value> {
  readonly key: string
  readonly value: Value
  readonly timestamp: number
}

/** Sends the values as JSON, with pauses; resolves when all are acknowledged. */
export async function feed(
  cluster: Cluster,
  topic: string,
  records: readonly (readonly [key: string, value: unknown, timestamp?: number])[],
  { everyMs = 0 } = {},
): Promise<void> {
  await using producer = cluster.producer({ 'linger.ms': 0 })
  const acknowledged: Promise<unknown>[] = []
  for (const [key, value, timestamp] of records) {
    acknowledged.push(producer.send({ topic, key, value: JSON.stringify(value), timestamp }))
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
