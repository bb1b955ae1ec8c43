/** Links that are cut and slowed, between brokers and to one client: what is seen of it, and that all is undone. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Kafka, logLevel } from 'kafkajs'
import { Cluster } from '@troupe/cluster'

let cluster: Cluster
beforeEach(async () => {
  cluster = await Cluster.start({ properties: { 'replica.lag.time.max.ms': 800 } })
  await cluster.createTopic('t', { configs: { 'min.insync.replicas': 2 } })
})
afterEach(() => cluster[Symbol.asyncDispose]())

async function timed<Value>(work: () => Promise<Value>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/** A leader and a follower neither of which is the controller, unless there is no other way. */
async function placed(): Promise<{ leader: number; follower: number; controller: number }> {
  const controller = await cluster.controller()
  const [leader, follower] = cluster.brokers.filter((broker) => broker !== controller)
  await cluster.moveLeader('t', 0, leader!)
  return { leader: leader!, follower: follower!, controller }
}

test('a follower behind a cut link leaves the ISR; when the link is mended it catches up and returns', async () => {
  const { leader, follower } = await placed()
  await using producer = cluster.producer({ 'linger.ms': 0 })
  await cluster.cut(leader, follower)
  // acks=all waits for everybody in sync, so for the follower's leaving the ISR.
  const waitedMs = await timed(() => producer.send({ topic: 't', value: 'during' }))
  expect(waitedMs).toBeGreaterThan(400)
  expect(await cluster.isr('t', 0)).not.toContain(follower)
  const behind = (await cluster.offsets('t', 0)).find(({ broker }) => broker === follower)!
  expect(behind.logEnd).toBe(0)
  await cluster.mend(leader, follower)
  await cluster.whole()
  expect((await cluster.offsets('t', 0)).map(({ logEnd }) => logEnd)).toEqual([1, 1, 1])
  expect(await cluster.leader('t', 0)).toBe(leader)
})

test('a cut that is mended in time loses nothing and moves nothing', async () => {
  const { leader, follower } = await placed()
  const { leaderEpoch } = await cluster.partition('t', 0)
  await using producer = cluster.producer({ 'linger.ms': 0 })
  await producer.send({ topic: 't', value: 'before' })
  await cluster.cut(leader, follower)
  let acknowledged = false
  const sent = producer.send({ topic: 't', value: 'during' }).then(() => (acknowledged = true))
  await cluster.until(async () => (await cluster.offsets('t', 0)).some(({ logEnd }) => logEnd === 2))
  expect(acknowledged).toBe(false)
  await cluster.mend(leader, follower)
  await sent
  expect(await cluster.partition('t', 0)).toMatchObject({
    leader,
    leaderEpoch,
    isr: expect.arrayContaining([follower]),
  })
})

test('a slow link delays what goes over it by so much each way, and no longer', async () => {
  const { leader, follower } = await placed()
  await using producer = cluster.producer({ 'linger.ms': 0 })
  const send = (): Promise<unknown> => producer.send({ topic: 't', value: 'a' })
  await send()
  await cluster.slow(leader, follower, 150)
  await send()
  // The records go there, and the follower's next fetch comes back.
  expect(await timed(send)).toBeGreaterThanOrEqual(290)
  await cluster.mend(leader, follower)
  await send()
  expect(Math.min(await timed(send), await timed(send), await timed(send))).toBeLessThan(150)
})

test('a client that is cut off hears nothing, over ports and TCP alike; others are served; then its answer comes', async () => {
  await using producer = cluster.producer({ 'client.id': 'unlucky', 'linger.ms': 0 })
  await using lucky = cluster.producer({ 'client.id': 'lucky', 'linger.ms': 0 })
  const kafka = new Kafka({
    clientId: 'unlucky',
    brokers: cluster.bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
  })
  const overTcp = kafka.producer()
  await overTcp.connect()
  await producer.send({ topic: 't', value: 'before' })
  await overTcp.send({ topic: 't', messages: [{ value: 'before' }] })
  await cluster.cutClient('unlucky')
  const answered: string[] = []
  const waiting = [
    producer.send({ topic: 't', value: 'during' }).then(() => answered.push('port')),
    overTcp.send({ topic: 't', messages: [{ value: 'during' }] }).then(() => answered.push('TCP')),
  ]
  for (let sent = 0; sent < 10; sent++) await lucky.send({ topic: 't', value: 'served' })
  expect(answered).toEqual([])
  // Nothing of it was read either.
  expect((await cluster.offsets('t', 0))[0]!.logEnd).toBe(12)
  await cluster.mendClient('unlucky')
  await Promise.all(waiting)
  expect(answered.toSorted()).toEqual(['TCP', 'port'])
  expect(Math.max(...(await cluster.offsets('t', 0)).map(({ logEnd }) => logEnd))).toBe(14)
  await overTcp.disconnect()
})

test('a client that is cut off and connects anew is not served either', async () => {
  await cluster.cutClient('unlucky')
  await using producer = cluster.producer({
    'client.id': 'unlucky',
    'request.timeout.ms': 200,
    'delivery.timeout.ms': 700,
    'max.block.ms': 700,
    'linger.ms': 0,
  })
  await expect(producer.send({ topic: 't', value: 'a' })).rejects.toThrow()
  await cluster.heal()
  await producer.send({ topic: 't', value: 'b' })
})

test('each answer to a slow client comes so much later', async () => {
  await using producer = cluster.producer({ 'client.id': 'far away', 'linger.ms': 0 })
  const send = (): Promise<unknown> => producer.send({ topic: 't', value: 'a' })
  await send()
  await cluster.slowClient('far away', 200)
  expect(await timed(send)).toBeGreaterThanOrEqual(199)
  await cluster.mendClient('far away')
  expect(Math.min(await timed(send), await timed(send), await timed(send))).toBeLessThan(150)
})
