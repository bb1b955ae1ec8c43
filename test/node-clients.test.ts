/**
 * KafkaJS and @platformatic/kafka, unmodified, while brokers crash and return.
 */
import {
  Admin,
  Consumer as PlatformaticConsumer,
  Producer as PlatformaticProducer,
  stringDeserializers,
  stringSerializers,
  MessagesStreamModes,
} from '@platformatic/kafka'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startChaos } from './support/chaos.ts'
import { Cluster, until } from '@troupe/tools/cluster'

let cluster: Cluster
let kafkajs: Kafka
beforeAll(async () => {
  cluster = await Cluster.start()
  kafkajs = new Kafka({
    brokers: cluster.bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 50 },
  })
})
afterAll(() => cluster?.stop())

/** Reads a topic from the start until `done`; values by how often they came. */
async function readAll(
  topic: string,
  group: string,
  done: (values: Map<string, number>) => boolean,
): Promise<Map<string, number>> {
  const values = new Map<string, number>()
  const consumer = kafkajs.consumer({ groupId: group, readUncommitted: false } as never)
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      const value = message.value!.toString()
      values.set(value, (values.get(value) ?? 0) + 1)
    },
  })
  await until(
    () => done(values),
    90_000,
    () => `${topic}: read ${values.size} values`,
  )
  await consumer.disconnect()
  return values
}

test('KafkaJS: admin, idempotent producer, group consumer', async () => {
  const admin = kafkajs.admin()
  await admin.connect()
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic: 'js', numPartitions: 3, replicationFactor: 3 }] })
  expect((await admin.describeCluster()).brokers).toHaveLength(3)
  // KafkaJS gives up when a connection is lost while it asks for its producer id.
  const producer = kafkajs.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const chaos = startChaos(cluster)
  try {
    for (let batch = 0; batch < 100; batch++) {
      await producer.send({
        topic: 'js',
        acks: -1,
        // One partition at a time: after a partial failure KafkaJS asks only those brokers again that have not
        // answered, and so drops a partition whose leader has moved to one that has.
        messages: Array.from({ length: 20 }, (_, i) => ({
          partition: batch % 3,
          key: `k${i}`,
          value: `${batch * 20 + i}`,
        })),
      })
    }
  } finally {
    await chaos.stop()
  }
  await producer.disconnect()
  const values = await readAll('js', 'js-readers', (seen) => seen.size === 2000)
  expect([...values.values()].filter((count) => count !== 1)).toEqual([])
  const offsets = await admin.fetchOffsets({ groupId: 'js-readers', topics: ['js'] })
  expect(offsets[0]!.partitions).toHaveLength(3)
  await admin.disconnect()
})

test('KafkaJS: transactions with offsets, committed and aborted', async () => {
  const producer: Producer = kafkajs.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    transactionalId: 'js-transactions',
  })
  await producer.connect()
  for (let i = 0; i < 40; i++) {
    const transaction = await producer.transaction()
    const fate = i % 4 === 3 ? 'aborted' : 'committed'
    await transaction.send({ topic: 'js-out', messages: [{ value: `${fate}-${i}` }] })
    await transaction.sendOffsets({
      consumerGroupId: 'js-eos',
      topics: [{ topic: 'js', partitions: [{ partition: 0, offset: `${i}` }] }],
    })
    await (fate === 'aborted' ? transaction.abort() : transaction.commit())
  }
  await producer.disconnect()
  const values = await readAll('js-out', 'js-out-readers', (seen) => seen.size >= 30)
  expect([...values.keys()].filter((value) => value.startsWith('aborted'))).toEqual([])
  expect([...values.values()].every((count) => count === 1)).toBe(true)
  const admin = kafkajs.admin()
  await admin.connect()
  const [committed] = await admin.fetchOffsets({ groupId: 'js-eos', topics: ['js'] })
  expect(committed!.partitions.find(({ partition }) => partition === 0)!.offset).toBe('38')
  await admin.disconnect()
})

test('@platformatic/kafka: admin, idempotent producer, consumer stream', async () => {
  const options = {
    clientId: 'troupe-test',
    bootstrapBrokers: cluster.bootstrap.split(','),
    retries: 50,
    retryDelay: 100,
  }
  const admin = new Admin(options)
  await admin.createTopics({ topics: ['platformatic'], partitions: 3, replicas: 3 })
  const producer = new PlatformaticProducer({ ...options, serializers: stringSerializers, idempotent: true })
  for (let batch = 0; batch < 50; batch++) {
    await producer.send({
      messages: Array.from({ length: 10 }, (_, i) => ({
        topic: 'platformatic',
        key: `k${i}`,
        value: `${batch * 10 + i}`,
      })),
    })
  }
  await producer.close()
  const consumer = new PlatformaticConsumer({
    ...options,
    groupId: 'platformatic-readers',
    deserializers: stringDeserializers,
  })
  const stream = await consumer.consume({
    topics: ['platformatic'],
    mode: MessagesStreamModes.EARLIEST,
    autocommit: true,
    maxWaitTime: 100,
  })
  const values = new Map<string, number>()
  for await (const message of stream) {
    const value = String(message.value)
    values.set(value, (values.get(value) ?? 0) + 1)
    if (values.size === 500) break
  }
  await consumer.close(true)
  await admin.close()
  expect([...values.values()].every((count) => count === 1)).toBe(true)
})
