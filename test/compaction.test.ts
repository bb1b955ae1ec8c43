/**
 * Large compacted logs are compacted by the pool's thread while their broker goes on; whatever is killed meanwhile, the
 * newest record of each key is there.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigResourceTypes, Kafka, logLevel, type Admin, type Producer } from 'kafkajs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { until } from '@troupe/tools/cluster'
import { startInProcess, type InProcess } from './support/in-process.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const keys = 500
const valueBytes = 2000
let brokers: InProcess
let kafka: Kafka
let admin: Admin
let producer: Producer
beforeAll(async () => {
  brokers = await startInProcess({
    brokers: 1,
    properties: { 'log.cleaner.backoff.ms': '20', 'log.initial.task.delay.ms': '0', 'log.segment.delete.delay.ms': '0' },
  })
  kafka = new Kafka({
    brokers: brokers.bootstrap,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 30, maxRetryTime: 300, retries: 100 },
  })
  admin = kafka.admin()
  await admin.connect()
  const configEntries = Object.entries({
    'segment.bytes': String(1024 * 1024),
    'file.delete.delay.ms': '0',
  }).map(([name, value]) => ({ name, value }))
  await admin.createTopics({
    waitForLeaders: true,
    topics: ['calm', 'killed'].map((topic) => ({ topic, numPartitions: 1, replicationFactor: 1, configEntries })),
  })
  producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
})
afterAll(async () => {
  await producer?.disconnect()
  await admin?.disconnect()
  await brokers?.close()
})

/** Every key once, with values that name the round. */
async function write(topic: string, round: number): Promise<void> {
  const messages = Array.from({ length: keys }, (_, key) => ({
    key: `k${key}`,
    value: `${round} `.padEnd(valueBytes, String(key)),
  }))
  for (let at = 0; at < keys; at += 100) await producer.send({ topic, acks: -1, messages: messages.slice(at, at + 100) })
}

/** The log as a consumer reads it: key, offset and round of each record. */
async function read(topic: string, endOffset: number): Promise<{ key: string; offset: number; round: number }[]> {
  const consumer = kafka.consumer({ groupId: `${topic}-${Math.random()}`, maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const records: { key: string; offset: number; round: number }[] = []
  await consumer.run({
    eachMessage: async ({ message: { key, offset, value } }) =>
      void records.push({ key: key!.toString(), offset: Number(offset), round: parseInt(value!.toString(), 10) }),
  })
  await until(
    () => records.at(-1)?.offset === endOffset - 1,
    30_000,
    () => `${topic}: read to ${records.at(-1)?.offset} of ${endOffset}`,
  )
  await consumer.disconnect()
  return records
}

const happened = (event: string, topic: string): typeof brokers.reports =>
  brokers.reports.filter(
    (report) => report.event === event && String(report.fields.directory).endsWith(`${topic}-0`),
  )
const files = (topic: string): string[] => readdirSync(join(brokers.directory(1), `${topic}-0`))

/** Written first, so that there is much to do at once. */
async function startToCompact(topic: string): Promise<void> {
  const configEntries = [
    { name: 'cleanup.policy', value: 'compact' },
    { name: 'segment.bytes', value: String(1024 * 1024) },
    { name: 'file.delete.delay.ms', value: '0' },
  ]
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
  })
}

test('a large log is compacted elsewhere, while its broker answers', async () => {
  const rounds = 12
  for (let round = 0; round < rounds; round++) await write('calm', round)
  await startToCompact('calm')
  await until(
    () => happened('log.cleaned', 'calm').length > 0,
    30_000,
    () => 'it is not compacted',
  )
  const [{ fields }] = happened('log.cleaned', 'calm') as [(typeof brokers.reports)[number]]
  expect(fields).toMatchObject({ elsewhere: true })
  expect(fields.bytesRead).toBeGreaterThan(8 * 1024 * 1024)
  expect(fields.bytesKept).toBeLessThan((fields.bytesRead as number) / 4)
  const records = await read('calm', rounds * keys)
  expect(records.length).toBeLessThan(4 * keys)
  expect(newest(records)).toEqual(allOf(rounds - 1))
  expect(files('calm').filter((name) => /\.(tmp|cleaned|swap)$/.test(name))).toEqual([])
})

test('a broker that is killed while its log is compacted comes back with all of it, and compacts it then', async () => {
  const rounds = 30
  for (let round = 0; round < rounds; round++) await write('killed', round)
  await startToCompact('killed')
  for (let kill = 1; kill <= 3; kill++) {
    await until(
      () => happened('log.compacting', 'killed').length >= kill,
      30_000,
      () => 'no compaction begins',
    )
    const { starts } = brokers.cluster.slot(1)!
    await brokers.supervisor.crash(1)
    await until(
      () => brokers.cluster.slot(1)!.starts > starts && brokers.cluster.slot(1)!.state === 'running',
      30_000,
      () => 'it does not return',
    )
  }
  await until(
    () => happened('log.cleaned', 'killed').length > 0,
    60_000,
    () => 'it is not compacted any more',
  )
  expect(happened('log.compacting', 'killed').length).toBeGreaterThan(3)
  expect(newest(await read('killed', rounds * keys))).toEqual(allOf(rounds - 1))
})

function newest(records: readonly { key: string; round: number }[]): Map<string, number> {
  return new Map(records.map(({ key, round }) => [key, round]))
}

function allOf(round: number): Map<string, number> {
  return new Map(Array.from({ length: keys }, (_, key) => [`k${key}`, round]))
}
