/** Topics as they are, read to their end by our client: committed records, and what each was created with. */
import { Admin, Consumer } from '@troupe/client'

export interface Row {
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  /** Value, timestamp and headers. */
  readonly what: string
  readonly value: string | null
  readonly timestamp: number
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Text as it is, all other bytes in hexadecimal. */
function shown(data: Uint8Array | null): string | null {
  if (data === null) return null
  const text = Buffer.from(data).toString('latin1')
  return /^[ -~]*$/.test(text) ? text : `0x${Buffer.from(data).toString('hex')}`
}

/** All committed records, once every transaction of now has ended. */
export async function readTopic(bootstrap: string, admin: Admin, topic: string, partitions: number): Promise<Row[]> {
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  const ends = await admin.listOffsets(all.map((each) => ({ ...each, at: 'latest' as const })))
  const wanted = [...ends.values()].filter(({ offset }) => offset > 0)
  const rows: Row[] = []
  if (wanted.length === 0) return rows
  await using consumer = new Consumer<Uint8Array | null, Uint8Array | null>({
    'bootstrap.servers': bootstrap,
    'isolation.level': 'read_committed',
    'auto.offset.reset': 'earliest',
    'fetch.max.wait.ms': 50,
  })
  consumer.assign(wanted.map(({ partition }) => ({ topic, partition })))
  const left = new Map(wanted.map(({ partition, offset }) => [partition, offset]))
  while (left.size > 0) {
    for (const { partition, offset, timestamp, key, value, headers } of await consumer.poll({ timeoutMs: 100 })) {
      const named = headers.map((header) => `${header.key}=${shown(header.value)}`).join(',')
      const what = `${shown(value)} @${timestamp} ${named}`
      rows.push({ partition, offset, key: shown(key), what, value: shown(value), timestamp })
    }
    for (const [partition, end] of left) {
      if ((await consumer.position({ topic, partition })) >= end) left.delete(partition)
    }
  }
  return rows
}
