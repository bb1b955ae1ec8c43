/**
 * Faults inside of a running cluster, planted by `support/faulty-assembly.ts`: actors that throw, disks that are full. Clients
 * must see nothing but errors that they retry.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { until } from '@troupe/tools/cluster'
import { startInProcess, type InProcess } from './support/in-process.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let brokers: InProcess
let kafka: Kafka
beforeAll(async () => {
  brokers = await startInProcess({
    brokers: 3,
    properties: { 'offsets.topic.num.partitions': '3', 'min.insync.replicas': '2' },
    assembly: new URL('./support/faulty-assembly.ts', import.meta.url),
  })
  kafka = new Kafka({
    brokers: brokers.bootstrap,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 30, maxRetryTime: 300, retries: 100 },
  })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic: 't', numPartitions: 3, replicationFactor: 3 }] })
  await admin.disconnect()
})
afterAll(() => brokers?.close())

async function produce(values: readonly string[]): Promise<void> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (const value of values) {
    for (const partition of [0, 1, 2]) {
      await producer.send({ topic: 't', acks: -1, messages: [{ partition, value }] })
    }
  }
  await producer.disconnect()
}

async function read(group: string, count: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topics: ['t'], fromBeginning: true })
  const values: string[] = []
  await consumer.run({ eachMessage: async ({ message }) => void values.push(message.value!.toString()) })
  await until(
    () => values.length >= count,
    30_000,
    () => `read ${values.length} of ${count}`,
  )
  await consumer.disconnect()
  return values.toSorted()
}

const restartsOf = (kind: string): number =>
  brokers.reports.filter(({ actor, event }) => event === 'actor-restarted' && actor.startsWith(`${kind}:`)).length

test('a replica that throws is built again, is told what it leads, and takes the records that are sent again', async () => {
  const values = ['a', 'throws-once-b', 'c', 'throws-once-d', 'e']
  await produce(values)
  // Once on every leader's broker, per value; each broker leads one of the three partitions.
  expect(restartsOf('replica')).toBe(6)
  expect(await read('readers', 15)).toEqual(values.flatMap((value) => [value, value, value]).toSorted())
  await brokers.healed()
})

test('a group coordinator that throws loads its partition again by itself', async () => {
  expect(await read('throws-once-group', 15)).toHaveLength(15)
  expect(restartsOf('groups')).toBeGreaterThan(0)
  const admin = kafka.admin()
  await admin.connect()
  const [offsets] = await admin.fetchOffsets({ groupId: 'throws-once-group', topics: ['t'] })
  expect(offsets!.partitions.map(({ offset }) => Number(offset))).toEqual([5, 5, 5])
  await admin.disconnect()
})

test('a transaction coordinator that throws loads its partition again by itself', async () => {
  const producer = kafka.producer({ transactionalId: 'throws-once-tx', idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic: 't', messages: [{ partition: 0, value: 'in a transaction' }] })
  await transaction.commit()
  await producer.disconnect()
  expect(restartsOf('transactions')).toBeGreaterThan(0)
  expect(await read('after the transaction', 16)).toContain('in a transaction')
})

test('a broker whose disk is full hands over its leaders and ends; others serve; it returns when there is room', async () => {
  const mark = join(brokers.directory(3), 'disk-is-full')
  const slot = brokers.cluster.slot(3)!
  const { starts } = slot
  writeFileSync(mark, '')
  await produce(['f', 'g'])
  await until(
    () => slot.process === null || slot.starts > starts,
    10_000,
    () => 'the worker goes on',
  )
  expect(slot.lastEnd).toBe('its log directory has failed')
  expect(brokers.reports.filter(({ event }) => event === 'broker-ends').at(-1)!.fields.reason).toContain(
    'no space left',
  )
  await until(
    async () => (await brokers.status()).partitions.every(({ leader }) => leader !== 3 && leader > 0),
    10_000,
    () => 'it still leads',
  )
  await produce(['h'])
  rmSync(mark)
  await until(
    () => slot.state === 'running',
    30_000,
    () => `it is ${slot.state}`,
  )
  await brokers.healed()
  expect(brokers.givenUp).toEqual([])
  expect(await read('after the full disk', 25)).toHaveLength(25)
})

test('an ordered stop leaves the epoch of its registration, so that the next one counts as clean (KIP-966)', async () => {
  const epoch = async (): Promise<number> => (await brokers.status()).brokers.find(({ id }) => id === 2)!.epoch
  const before = await epoch()
  await brokers.supervisor.stopBroker(2)
  const marker = readFileSync(join(brokers.directory(2), '.kafka_cleanshutdown'), 'utf8')
  expect(JSON.parse(marker)).toMatchObject({ brokerEpoch: before })
  brokers.supervisor.startBroker(2)
  await until(
    () => brokers.cluster.slot(2)!.state === 'running',
    30_000,
    () => 'it does not start',
  )
  expect(await epoch()).toBeGreaterThan(before)
  await brokers.healed()
})
