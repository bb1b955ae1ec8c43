/** Beginning and end of clients: no broker, a node of several clients, nothing that is left or holds the process. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ClientNode, Consumer, Producer, type Logger } from '@troupe/client'
import { Cluster, freePort } from '@troupe/tools/cluster'
import { collect } from './collect.ts'
import { createTopics } from './topics.ts'

test('without a broker a send is given up after max.block.ms, and says so', async () => {
  const properties = { 'bootstrap.servers': `127.0.0.1:${await freePort()}`, 'max.block.ms': 200 }
  const producer = new Producer(properties)
  await expect(producer.send({ topic: 't', value: 'v' })).rejects.toMatchObject({
    name: 'REQUEST_TIMED_OUT',
    retriable: true,
    indefinite: false,
    message: expect.stringContaining('max.block.ms'),
  })
  await expect(producer.partitionsFor('t')).rejects.toMatchObject({ name: 'REQUEST_TIMED_OUT' })
  await producer.close()
})

test('without a broker a poll ends in time, and questions are given up', async () => {
  const properties = { 'bootstrap.servers': `127.0.0.1:${await freePort()}`, 'default.api.timeout.ms': 200 }
  const consumer = new Consumer({ ...properties, 'group.id': 'g' })
  consumer.subscribe(['t'])
  expect(await consumer.poll({ timeoutMs: 100 })).toEqual([])
  await expect(consumer.endOffsets([{ topic: 't', partition: 0 }])).rejects.toMatchObject({ name: 'REQUEST_TIMED_OUT' })
  await expect(consumer.commit([{ topic: 't', partition: 0, offset: 1 }])).rejects.toMatchObject({
    name: 'UNKNOWN_MEMBER_ID',
  })
  await consumer.close()
})

describe('with a broker', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await Cluster.start({ brokers: 1 })
  })
  afterAll(() => cluster.stop())

  test('several clients share a node, and close only themselves', async () => {
    const properties = { 'bootstrap.servers': cluster.bootstrap }
    const node = new ClientNode({ properties })
    await createTopics(cluster.bootstrap, [{ name: 'shared', partitions: 1, replicationFactor: 1 }])
    const first = new Producer(properties, { node })
    const second = new Producer(properties, { node })
    const consumer = new Consumer({ ...properties, 'auto.offset.reset': 'earliest' }, { node })
    await Promise.all([first.send({ topic: 'shared', value: 'a' }), second.send({ topic: 'shared', value: 'b' })])
    await first.close()
    await second.send({ topic: 'shared', value: 'c' })
    consumer.assign([{ topic: 'shared', partition: 0 }])
    expect((await collect(consumer, 3)).length).toBe(3)
    await consumer.close()
    expect(node.closed).toBe(false)
    node.close()
    await expect(second.send({ topic: 'shared', value: 'd' })).rejects.toMatchObject({ name: 'IllegalStateException' })
    await second.close().catch(() => {})
  })

  test('what is asked of a closed node fails; what waits is told', async () => {
    const node = new ClientNode({ properties: { 'bootstrap.servers': cluster.bootstrap } })
    const consumer = new Consumer({ 'bootstrap.servers': cluster.bootstrap }, { node })
    consumer.assign([{ topic: 'nothing-here', partition: 0 }])
    const waiting = consumer.poll({ timeoutMs: 60_000 })
    await new Promise((resolve) => setImmediate(resolve))
    node.close()
    await expect(waiting).rejects.toThrow()
    await expect(node.ask('network', { kind: 'nothing' })).rejects.toMatchObject({ name: 'IllegalStateException' })
  })

  test('an actor that fails says why', async () => {
    const told: string[] = []
    const logger: Logger = { info: () => {}, warn: () => {}, error: (message) => void told.push(message) }
    const definition = {
      kind: 'broken',
      start: () => null,
      step() {
        throw new RangeError('on purpose')
      },
    }
    const kinds = new Map([['broken', { definition, ports: () => ({}) }]])
    const node = new ClientNode({ properties: { 'bootstrap.servers': cluster.bootstrap }, kinds, logger })
    node.spawn('broken', 'broken', null)
    const error = await node.ask('broken', { kind: 'go' }).catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ name: 'KafkaException', cause: expect.stringContaining('on purpose') })
    expect(told).toEqual(['broken: actor-failed'])
    node.close()
  })

  test.each([
    ['has closed its clients', 'close'],
    ['has clients that reach nobody', 'unreachable'],
  ])('a process that %s ends', async (_, what) => {
    const servers = what === 'close' ? cluster.bootstrap : `127.0.0.1:${await freePort()}`
    const child = spawn(process.execPath, [join(import.meta.dirname, 'program.ts'), servers, what], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    const code = await new Promise((resolve) => child.once('exit', resolve))
    expect([code, out.trim()]).toEqual([0, what === 'close' ? '1 record' : 'nobody'])
  })
})
