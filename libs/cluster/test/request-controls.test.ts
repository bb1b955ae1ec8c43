/** Requests that are refused, producers whose time is over; and what the cluster says of groups and transactions. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Cluster } from '@troupe/cluster'
import { readAll, texts } from './reading.ts'

let cluster: Cluster
beforeEach(async () => {
  cluster = await Cluster.start()
  await cluster.createTopic('t', { partitions: 2 })
})
afterEach(() => cluster[Symbol.asyncDispose]())

test('the next requests of an API are refused, as often as was said, and have no effect', async () => {
  await using producer = cluster.producer({ 'linger.ms': 0, 'retry.backoff.ms': 10 })
  const failing = await cluster.failRequests('Produce', 'NOT_ENOUGH_REPLICAS', { times: 2 })
  expect(failing.left).toBe(2)
  const { offset } = await producer.send({ topic: 't', partition: 0, value: 'third time lucky' })
  expect(offset).toBe(0)
  expect(failing.left).toBe(0)
  expect((await producer.send({ topic: 't', partition: 0, value: 'a' })).offset).toBe(1)
})

test('an error that is not to be retried reaches the application by its name', async () => {
  await using producer = cluster.producer({ 'linger.ms': 0 })
  await cluster.failRequests(0, 'TOPIC_AUTHORIZATION_FAILED')
  await expect(producer.send({ topic: 't', partition: 0, value: 'a' })).rejects.toMatchObject({
    name: 'TOPIC_AUTHORIZATION_FAILED',
  })
  expect(await cluster.offsets('t', 0)).toMatchObject([{ logEnd: 0 }, { logEnd: 0 }, { logEnd: 0 }])
})

test('requests to one broker are refused while others serve; stop and heal end it', async () => {
  await cluster.moveLeader('t', 0, 1)
  await cluster.moveLeader('t', 1, 2)
  await using producer = cluster.producer({ 'linger.ms': 0, 'retry.backoff.ms': 10, 'enable.idempotence': false })
  const failing = await cluster.failRequests('Produce', 'NOT_ENOUGH_REPLICAS', { times: 1_000_000, broker: 1 })
  let served = false
  const waiting = producer.send({ topic: 't', partition: 0, value: 'refused' }).then(() => (served = true))
  expect((await producer.send({ topic: 't', partition: 1, value: 'served' })).offset).toBe(0)
  await cluster.until(() => failing.left < 999_998)
  expect(served).toBe(false)
  await failing.stop()
  await waiting
  await cluster.failRequests('Produce', 'NOT_ENOUGH_REPLICAS', { times: 1_000_000 })
  const again = producer.send({ topic: 't', partition: 1, value: 'after healing' })
  await cluster.heal()
  expect((await again).offset).toBe(1)
})

test('unknown APIs and errors are refused before anything is', async () => {
  await expect(cluster.failRequests('Prodduce', 'NOT_ENOUGH_REPLICAS')).rejects.toThrow('there is no API Prodduce')
  await expect(cluster.failRequests('Produce', 'NOT_AN_ERROR' as never)).rejects.toThrow('there is no error')
})

test('an open transaction holds readers back, and says whose it is; expired, it is aborted and its producer fenced', async () => {
  const producer = cluster.producer({ 'transactional.id': 'payments', 'linger.ms': 0 })
  await using plain = cluster.producer({ 'linger.ms': 0 })
  await producer.initTransactions()
  await plain.send({ topic: 't', partition: 0, value: 'before' })
  expect(await cluster.lastStableOffset('t', 0)).toEqual({ lastStableOffset: 1, highWatermark: 1, heldBackBy: null })
  expect(await cluster.openTransactions()).toEqual([])
  await producer.beginTransaction()
  await producer.send({ topic: 't', partition: 0, value: 'in doubt' })
  await plain.send({ topic: 't', partition: 0, value: 'after' })
  const stable = await cluster.until(async () => {
    const found = await cluster.lastStableOffset('t', 0)
    return found.highWatermark === 3 ? found : null
  })
  const [open] = await cluster.openTransactions()
  expect(open).toMatchObject({
    transactionalId: 'payments',
    state: 'Ongoing',
    timeoutMs: 60_000,
    partitions: [{ topic: 't', partition: 0 }],
  })
  expect(stable).toEqual({
    lastStableOffset: 1,
    highWatermark: 3,
    heldBackBy: {
      producerId: open!.producerId,
      producerEpoch: open!.producerEpoch,
      transactionalId: 'payments',
      startOffset: 1,
    },
  })

  expect(await cluster.expireProducer('payments')).toBe('aborted')
  expect(await cluster.openTransactions()).toEqual([])
  await cluster.until(async () => (await cluster.lastStableOffset('t', 0)).heldBackBy === null)
  // Which of the fatal ones it is depends on what the producer says first, and on the transaction's version.
  await expect(producer.commitTransaction()).rejects.toMatchObject({ fatal: true })
  const committed = await readAll(cluster, 't', 2, { 'isolation.level': 'read_committed' })
  expect(texts(committed)).toEqual(['before', 'after'])
  await producer.close().catch(() => {})
})

test('a transactional.id that expires without a transaction is forgotten, it alone', async () => {
  await using expired = cluster.producer({ 'transactional.id': 'expired', 'linger.ms': 0 })
  await using others = cluster.producer({ 'transactional.id': 'other', 'linger.ms': 0 })
  for (const producer of [expired, others]) {
    await producer.initTransactions()
    await producer.beginTransaction()
    await producer.send({ topic: 't', partition: 0, value: 'a' })
    await producer.commitTransaction()
  }
  await cluster.until(async () => (await cluster.openTransactions()).length === 0)
  expect(await cluster.expireProducer('expired')).toBe('forgotten')
  await expect(cluster.expireProducer('expired')).rejects.toThrow('nothing to expire')
  await others.beginTransaction()
  await others.send({ topic: 't', partition: 0, value: 'b' })
  await others.commitTransaction()
  await expired.beginTransaction()
  const work = expired.send({ topic: 't', partition: 0, value: 'c' }).then(() => expired.commitTransaction())
  await expect(work).rejects.toMatchObject({ name: 'INVALID_PRODUCER_ID_MAPPING' })
})

test('groups say who is in them, what they have committed and how far that is behind', async () => {
  await using producer = cluster.producer({ 'linger.ms': 0 })
  for (let sent = 0; sent < 5; sent++) await producer.send({ topic: 't', partition: 0, value: String(sent) })
  const consumer = cluster.consumer({
    'group.id': 'readers',
    'client.id': 'r1',
    'auto.offset.reset': 'earliest',
    'enable.auto.commit': false,
  })
  consumer.subscribe(['t'])
  await cluster.until(async () => (await consumer.poll({ timeoutMs: 500, maxRecords: 2 })).length > 0)
  await consumer.commit([{ topic: 't', partition: 0, offset: 2 }])
  const group = (await cluster.group('readers'))!
  expect(group).toMatchObject({
    groupId: 'readers',
    state: 'Stable',
    coordinator: await cluster.coordinator('group', 'readers'),
    members: [
      {
        clientId: 'r1',
        groupInstanceId: null,
        assignment: expect.arrayContaining([
          { topic: 't', partition: 0 },
          { topic: 't', partition: 1 },
        ]),
      },
    ],
    offsets: [{ topic: 't', partition: 0, committed: 2, lag: 3 }],
  })
  await consumer.close()
  await cluster.until(async () => (await cluster.group('readers'))?.state === 'Empty')
  expect(await cluster.groups()).toHaveLength(1)
})

test('partitions and offsets are what clients see', async () => {
  await using producer = cluster.producer({ 'linger.ms': 0 })
  await producer.send({ topic: 't', partition: 1, value: 'a' })
  const seen = await producer.partitionsFor('t')
  const known = await cluster.partitions('t')
  expect(known.map(({ partition, leader }) => ({ partition, leader }))).toEqual(
    seen.map(({ partition, leader }) => ({ partition, leader })),
  )
  await cluster.until(async () => (await cluster.offsets('t', 1)).every(({ highWatermark }) => highWatermark === 1))
  expect(await cluster.offsets('t', 1)).toEqual(
    [1, 2, 3].map((broker) => ({ broker, logStart: 0, highWatermark: 1, lastStableOffset: 1, logEnd: 1 })),
  )
})
