/**
 * The process that the demo kills: consumes flights, produces sums per key, commits what it has read.
 *
 * `transactions`: sums and offsets are one transaction. `plain`: sums are produced, offsets are committed now and
 * then, as an at-least-once consumer does; whatever lies between a sum and the next commit is counted again.
 *
 * Arguments: bootstrap servers, input topic, output topic, mode.
 */
import { Kafka, logLevel, type EachBatchPayload, type Message } from 'kafkajs'
import { addTo, type Total } from './data.ts'

const [bootstrap, input, output, mode] = process.argv.slice(2) as [string, string, string, 'transactions' | 'plain']
const group = `pipeline-${mode}-${input}`

const kafka = new Kafka({
  clientId: 'demo-pipeline',
  brokers: bootstrap.split(','),
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 30, maxRetryTime: 500, retries: 100 },
})
const transactional = mode === 'transactions'
const producer = kafka.producer({
  idempotent: true,
  maxInFlightRequests: 1,
  // The same id in every life: the first act of the next life ends the transaction that this one left open.
  ...(transactional ? { transactionalId: group } : {}),
})
const consumer = kafka.consumer({
  groupId: group,
  sessionTimeout: 6000,
  maxBytesPerPartition: 64 * 1024,
  maxWaitTimeInMs: 100,
})

await producer.connect()
await consumer.connect()
await consumer.subscribe({ topics: [input], fromBeginning: true })
await consumer.run({
  autoCommit: !transactional,
  autoCommitInterval: 1000,
  eachBatchAutoResolve: true,
  eachBatch: transactional ? inTransaction : produceThenCommitLater,
})
process.stdout.write('running\n')

async function inTransaction({ batch }: EachBatchPayload): Promise<void> {
  const transaction = await producer.transaction()
  try {
    await transaction.send({ topic: output, messages: sums(batch) })
    const offset = String(BigInt(batch.lastOffset()) + 1n)
    await transaction.sendOffsets({
      consumerGroupId: group,
      topics: [{ topic: input, partitions: [{ partition: batch.partition, offset }] }],
    })
    await transaction.commit()
  } catch (error) {
    // What became of the transaction may be unknown now. The next life asks the coordinator, and reads on from
    // the offsets that were committed.
    process.stderr.write(`${error}\n`)
    process.exit(3)
  }
}

async function produceThenCommitLater({ batch }: EachBatchPayload): Promise<void> {
  await producer.send({ topic: output, messages: sums(batch) })
}

function sums(batch: EachBatchPayload['batch']): Message[] {
  const totals = new Map<string, Total>()
  for (const { key, value } of batch.messages) {
    addTo(totals, key!.toString(), { count: 1, delay: JSON.parse(value!.toString()).delay })
  }
  // To one partition: see `feed` in run.ts. Whoever reads adds up all partitions.
  return [...totals].map(([key, total]) => ({ partition: batch.partition, key, value: JSON.stringify(total) }))
}
