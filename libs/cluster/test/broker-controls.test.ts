/** Brokers that crash, pause, stop, lose their leadership or their disk: what a client sees of it, and that all is undone. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Report } from '@troupe/runtime/control'
import { Cluster } from '@troupe/cluster'
import { readAll, texts } from './reading.ts'

let cluster: Cluster
const reports: Report[] = []
beforeEach(async () => {
  reports.length = 0
  cluster = await Cluster.start({ onReport: (report) => void reports.push(report) })
  await cluster.createTopic('t')
})
afterEach(() => cluster[Symbol.asyncDispose]())

const others = (broker: number): number[] => cluster.brokers.filter((other) => other !== broker)

test('a crashed broker is gone at once, another leads, and what it had written is there when it is started', async () => {
  await using producer = cluster.producer()
  await producer.send({ topic: 't', value: 'before' })
  const leader = await cluster.leader('t', 0)
  await cluster.crash(leader)
  await producer.send({ topic: 't', value: 'meanwhile' })
  expect(others(leader)).toContain(await cluster.leader('t', 0))
  expect(await cluster.isr('t', 0)).toEqual(expect.not.arrayContaining([leader]))
  expect((await cluster.offsets('t', 0)).map(({ broker }) => broker)).toEqual(others(leader))
  await cluster.start(leader)
  await cluster.whole()
  expect((await cluster.offsets('t', 0)).map(({ logEnd }) => logEnd)).toEqual([2, 2, 2])
  await cluster.moveLeader('t', 0, leader)
  expect(texts(await readAll(cluster, 't', 2))).toEqual(['before', 'meanwhile'])
})

test('a paused broker answers nothing and keeps its connections; when it goes on it answers what was asked', async () => {
  const leader = await cluster.leader('t', 0)
  await using producer = cluster.producer({ 'linger.ms': 0 })
  await producer.send({ topic: 't', value: 'before' })
  await cluster.pause(leader)
  let acknowledged = false
  const sent = producer.send({ topic: 't', value: 'into the pause' }).then((metadata) => {
    acknowledged = true
    return metadata
  })
  // Another broker is asked, and answers, for longer than an acknowledgement takes.
  for (let asked = 0; asked < 20; asked++) await cluster.partitions('t')
  expect(acknowledged).toBe(false)
  await cluster.resume(leader)
  expect((await sent).offset).toBe(1)
})

test('a broker that is paused past its session is fenced, and comes back', async () => {
  const properties = { 'broker.session.timeout.ms': 1000, 'broker.heartbeat.interval.ms': 100 }
  await using short = await Cluster.start({ properties })
  await short.createTopic('t')
  const controller = await short.controller()
  const paused = short.brokers.find((broker) => broker !== controller)!
  await short.moveLeader('t', 0, paused)
  await short.pause(paused)
  await short.until(async () => (await short.leader('t', 0)) !== paused, { what: 'another leads' })
  // It may turn to the paused broker first.
  await using producer = short.producer({ 'socket.connection.setup.timeout.ms': 300 })
  await producer.send({ topic: 't', value: 'meanwhile' })
  await short.heal()
  expect((await short.isr('t', 0)).toSorted()).toEqual([1, 2, 3])
})

test('a broker that is stopped hands over its leaders first, and serves again when it is started', async () => {
  const leader = await cluster.leader('t', 0)
  const { leaderEpoch } = await cluster.partition('t', 0)
  await cluster.stop(leader)
  const after = await cluster.partition('t', 0)
  expect(others(leader)).toContain(after.leader)
  // Once, by the controlled shutdown: the broker's end finds nothing left to move.
  expect(after.leaderEpoch).toBe(leaderEpoch + 1)
  await cluster.start(leader)
  await cluster.moveLeader('t', 0, leader)
  await using producer = cluster.producer()
  expect((await producer.send({ topic: 't', value: 'a' })).offset).toBe(0)
})

test('a leader moves where it is told to, also to a broker without a replica', async () => {
  await cluster.createTopic('one', { replicationFactor: 1 })
  await using producer = cluster.producer()
  await producer.send({ topic: 'one', value: 'a' })
  const from = await cluster.leader('one', 0)
  for (const broker of [...others(from), from]) {
    await cluster.moveLeader('one', 0, broker)
    expect(await cluster.leader('one', 0)).toBe(broker)
    await producer.send({ topic: 'one', value: `from ${broker}` })
    await cluster.moveLeader('t', 0, broker)
    expect(await cluster.partition('t', 0)).toMatchObject({ leader: broker })
  }
  expect(await readAll(cluster, 'one', 4)).toHaveLength(4)
})

test('a broker whose disk is full ends and others take over; it returns when there is room', async () => {
  await using producer = cluster.producer()
  await producer.send({ topic: 't', value: 'before' })
  const leader = await cluster.leader('t', 0)
  await cluster.fillDisk(leader)
  await producer.send({ topic: 't', value: 'meanwhile' })
  await cluster.until(async () => others(leader).includes(await cluster.leader('t', 0)))
  const ended = await cluster.until(() =>
    reports.find(({ event, broker }) => event === 'broker-ends' && broker === leader),
  )
  expect(ended.fields.reason).toContain('no space left')
  await cluster.freeDisk(leader)
  await cluster.whole()
  expect((await cluster.offsets('t', 0)).map(({ logEnd }) => logEnd)).toEqual([2, 2, 2])
  expect(texts(await readAll(cluster, 't', 2))).toEqual(['before', 'meanwhile'])
})
