/** What a topic holds, read by the client over the cluster's connector. */
import type { ConsumerConfig, ConsumerRecord } from '@troupe/client'
import type { Cluster } from '@troupe/cluster'

type Records = readonly ConsumerRecord<Uint8Array | null, Uint8Array | null>[]

/** Reads until there are `count` records; more of the last poll would show. */
export async function readAll(
  cluster: Cluster,
  topic: string,
  count: number,
  properties: ConsumerConfig = {},
): Promise<Records> {
  const partitions = await cluster.partitions(topic)
  await using consumer = cluster.consumer({ 'auto.offset.reset': 'earliest', ...properties })
  consumer.assign(partitions.map(({ topic, partition }) => ({ topic, partition })))
  const records: Records[number][] = []
  await cluster.until(
    async () => {
      records.push(...(await consumer.poll({ timeoutMs: 500 })))
      return records.length >= count
    },
    { what: () => `${count} records of ${topic}, there are ${records.length}` },
  )
  return records
}

export function texts(records: Records): string[] {
  return records.map(({ value }) => Buffer.from(value!).toString())
}
