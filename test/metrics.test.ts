/** What `/metrics` says after real traffic, against what the traffic was. */
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { Cluster, until } from '@troupe/tools/cluster'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let cluster: Cluster
beforeAll(async () => {
  cluster = await Cluster.start({ brokers: 3 })
})
afterAll(() => cluster?.stop())

/** `name{labels}` → value; labels in the order in which they are written. */
async function scrape(): Promise<Map<string, number>> {
  const text = await (await fetch(`${cluster.adminUrl}/metrics`)).text()
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

const sum = (samples: Map<string, number>, name: string, label = ''): number =>
  [...samples].reduce((total, [key, value]) => total + (key.startsWith(`${name}{`) && key.includes(label) ? value : 0), 0)

test('traffic, requests, replication and groups are counted under the names of the JMX exporter', async () => {
  const kafka = new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic: 'm', numPartitions: 3, replicationFactor: 3 }] })
  await admin.disconnect()
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  for (let i = 0; i < 10; i++) {
    const messages = Array.from({ length: 30 }, (_, n) => ({ partition: n % 3, value: 'x'.repeat(100) }))
    await producer.send({ topic: 'm', acks: -1, messages })
  }
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: 'g', maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topics: ['m'], fromBeginning: true })
  let read = 0
  await consumer.run({ eachMessage: async () => void read++ })
  await until(
    () => read === 300,
    30_000,
    () => `read ${read}`,
  )
  const samples = await scrape()
  const topics = 'kafka_server_brokertopicmetrics'
  expect(sum(samples, `${topics}_messagesin_total`, 'topic="m"')).toBe(300)
  const bytesIn = sum(samples, `${topics}_bytesin_total`, 'topic="m"')
  expect(bytesIn).toBeGreaterThan(300 * 100)
  expect(sum(samples, `${topics}_bytesout_total`, 'topic="m"')).toBeGreaterThanOrEqual(bytesIn)
  const times = 'kafka_network_requestmetrics_totaltimems'
  expect(sum(samples, `${times}_count`, 'request="Produce"')).toBeGreaterThanOrEqual(10)
  const quantiles = [...samples].filter(([key]) => key.startsWith(`${times}{`) && key.includes('request="Produce"'))
  expect(quantiles.some(([key]) => key.includes('quantile="0.99"'))).toBe(true)
  expect(quantiles.every(([, value]) => value >= 1)).toBe(true)
  const groups = 'kafka_coordinator_group_groupmetadatamanager_numgroups'
  expect(sum(samples, groups)).toBe(1)
  expect(sum(samples, `${groups}stable`)).toBe(1)
  expect(sum(samples, 'kafka_controller_kafkacontroller_activecontrollercount')).toBe(1)
  expect(samples.get('kafka_controller_kafkacontroller_offlinepartitionscount')).toBe(0)
  await consumer.disconnect()

  const leader = (await cluster.status()).partitions.find(({ topic }) => topic === 'm')!.leader
  const victim = (leader % 3) + 1
  await cluster.stopBroker(victim)
  await until(
    async () => sum(await scrape(), 'kafka_server_replicamanager_underreplicatedpartitions') > 0,
    10_000,
    () => 'nothing is under-replicated',
  )
  await cluster.startBroker(victim)
  await cluster.healed()
  const healed = await scrape()
  expect(sum(healed, 'kafka_server_replicamanager_underreplicatedpartitions')).toBe(0)
  expect(sum(healed, 'kafka_server_replicamanager_isrexpands_total')).toBeGreaterThan(0)
})

test('the admin endpoint says what is wrong with a request', async () => {
  const ask = async (method: string, path: string): Promise<[number, { error?: string; state?: string }]> => {
    const response = await fetch(`${cluster.adminUrl}${path}`, { method })
    return [response.status, (await response.json()) as never]
  }
  expect(await ask('POST', '/v1/brokers/9/crash')).toEqual([404, { error: 'there is no broker 9' }])
  expect(await ask('POST', '/v1/brokers/x/stop')).toMatchObject([404, {}])
  expect(await ask('GET', '/v1/brokers/1/crash')).toEqual([405, { error: 'GET is not allowed here, POST is' }])
  expect(await ask('POST', '/v1/cluster')).toEqual([405, { error: 'POST is not allowed here, GET is' }])
  expect(await ask('GET', '/v1/nothing')).toEqual([404, { error: 'there is no /v1/nothing' }])
  expect(await ask('POST', '/v1/brokers/1/start')).toMatchObject([200, { state: 'running' }])
  for (let i = 0; i < 2; i++) expect(await ask('POST', '/v1/brokers/3/stop')).toMatchObject([200, { state: 'stopped' }])
  expect(await ask('POST', '/v1/brokers/3/crash')).toEqual([409, { error: 'broker 3 is stopped: there is nothing to crash' }])
  expect((await ask('POST', '/v1/brokers/3/start'))[0]).toBe(200)
  await cluster.healed()
})
