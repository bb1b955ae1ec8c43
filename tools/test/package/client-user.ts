/**
 * What somebody writes who has installed the client: compiled against its declarations, then run by every Node and by
 * Deno. Prints one line of JSON; `node client-user.js BOOTSTRAP PREFIX`.
 */
import { Admin, Consumer, KafkaError, Producer, serdes, type ConsumerRecord, type ProducerConfig } from '@troupe/client'

const [bootstrap, prefix] = process.argv.slice(2) as [string, string]
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const each = 40
const connection: ProducerConfig = { 'bootstrap.servers': bootstrap }

interface Payment {
  readonly from: string
  readonly cents: number
}

const input = `${prefix}-in`
const output = `${prefix}-out`
const admin = new Admin(connection)
await admin.createTopics([input, output].map((name) => ({ name, numPartitions: 3, replicationFactor: 1 })))

for (const codec of codecs) {
  const producer = new Producer(
    { ...connection, 'compression.type': codec, 'linger.ms': 5 },
    { key: serdes.string, value: serdes.json<Payment>() },
  )
  const value = (n: number): Payment => ({ from: `${codec} ${'and again '.repeat(30)}`, cents: n })
  const sent = Array.from({ length: each }, (_, n) => producer.send({ topic: input, key: `k${n}`, value: value(n) }))
  for (const { topic, offset } of await Promise.all(sent)) {
    if (topic !== input || offset < 0) throw new Error(`not acknowledged: ${topic} ${offset}`)
  }
  await producer.close()
}

const transactional = { ...connection, 'transactional.id': `${prefix}-copier` }
const producer = new Producer(transactional, { key: serdes.string, value: serdes.int32 })
await producer.initTransactions()
const consumer = new Consumer(
  {
    ...connection,
    'group.id': `${prefix}-group`,
    'auto.offset.reset': 'earliest',
    'enable.auto.commit': false,
    'isolation.level': 'read_committed',
  },
  { key: serdes.string, value: serdes.json<Payment>() },
)
consumer.subscribe([input])

let copied = 0
let aborted = 0
while (copied < codecs.length * each) {
  const records: readonly ConsumerRecord<string, Payment>[] = await consumer.poll({ timeoutMs: 1000, maxRecords: 30 })
  if (records.length === 0) continue
  await producer.beginTransaction()
  for (const { key, value } of records) void producer.send({ topic: output, key, value: value.cents })
  if (aborted++ === 0) {
    // Once in vain: what it wrote is not seen, and its records are read again.
    await producer.flush()
    await producer.abortTransaction()
    const first = new Map<number, number>()
    for (const { partition, offset } of records) first.set(partition, Math.min(offset, first.get(partition) ?? offset))
    for (const [partition, offset] of first) consumer.seek({ topic: input, partition }, offset)
    continue
  }
  const next = new Map<number, number>()
  for (const { partition, offset } of records) next.set(partition, offset + 1)
  const offsets = [...next].map(([partition, offset]) => ({ topic: input, partition, offset }))
  await producer.sendOffsetsToTransaction(offsets, await consumer.groupMetadata())
  await producer.commitTransaction()
  copied += records.length
}
await consumer.close()

const reader = new Consumer(
  {
    ...connection,
    'group.id': `${prefix}-reader`,
    'auto.offset.reset': 'earliest',
    'isolation.level': 'read_committed',
  },
  { key: serdes.string, value: serdes.int32 },
)
reader.subscribe([output])
let read = 0
let cents = 0
for await (const { value } of reader) {
  cents += value
  if (++read === codecs.length * each) break
}
const surplus = await reader.poll({ timeoutMs: 300 })
await reader.close()

// Another one with its transactional.id: the first is fenced, and is told so by Kafka's name.
const usurper = new Producer(transactional)
await usurper.initTransactions()
const fenced = await producer
  .beginTransaction()
  .then(() => producer.send({ topic: output, key: 'late', value: 1 }))
  .then(() => producer.commitTransaction())
  .then(
    () => 'nothing',
    (error: unknown) => (error instanceof KafkaError ? `${error.name} fatal=${error.fatal}` : String(error)),
  )
await Promise.allSettled([usurper.close(), producer.close({ timeoutMs: 0 })])
await admin.close()

console.log(JSON.stringify({ read, cents, surplus: surplus.length, fenced }))
