/** Fetch: budgets, waiting, errors and hints, over scripted replicas. */
import { describe, expect, test } from 'vitest'
import type { Message, ReplyToken, Slice } from '@troupe/actor'
import type { Fetch, Fetched } from '@troupe/replication/messages'
import { KafkaError } from '@troupe/wire/errors'
import { topicId } from './cluster.ts'
import { fetched, slice } from './scripted-actors.ts'
import { World } from './world.ts'

interface Asked {
  readonly partition: number
  readonly fetchOffset?: number
  readonly partitionMaxBytes?: number
  readonly currentLeaderEpoch?: number
}

function request(partitions: readonly Asked[], change: object = {}): object {
  return {
    maxWaitMs: 500,
    minBytes: 1,
    maxBytes: 10_000,
    topics: [
      {
        topic: 'orders',
        topicId: topicId(1),
        partitions: partitions.map((one) => ({ partitionMaxBytes: 1000, ...one })),
      },
    ],
    ...change,
  }
}

/** Bytes that each partition has; a fetch gets whole batches of 100. */
function world(available: Record<number, number>, change: Partial<Fetched> = {}): World {
  const w = new World()
  w.cluster.add('orders', 4)
  w.on('replica', (message: Message) => {
    const { kind, maxBytes, minOneBatch } = message as unknown as Fetch
    if (kind !== 'fetch') return undefined
    const partition = Number(w.said[w.said.length - 1].actor.split(':')[2])
    const has = available[partition] ?? 0
    const fits = Math.min(has, Math.floor(maxBytes / 100) * 100)
    const size = fits === 0 && minOneBatch && has > 0 ? 100 : fits
    return { ...fetched, slice: size > 0 ? slice(size, 7) : null, ...change }
  })
  return w
}

// Rows of a decoded response.
// oxlint-disable-next-line no-explicit-any
function sizes(body: any): [number, number][] {
  return body.responses.flatMap(({ partitions }: never) =>
    (partitions as { partitionIndex: number; records: Uint8Array }[]).map((p) => [p.partitionIndex, p.records.length]),
  )
}

describe('budget', () => {
  test('one batch from the first partition that has any, then only what fits', () => {
    const w = world({ 1: 300, 2: 300 })
    const body = w.ask(1, 12, request([{ partition: 0 }, { partition: 1 }, { partition: 2 }], { maxBytes: 50 }))
    expect(sizes(body)).toEqual([
      [0, 0],
      [1, 100],
      [2, 0],
    ])
  })

  test('what one partition gave the next may not', () => {
    const w = world({ 0: 300, 1: 300, 2: 300 })
    const body = w.ask(1, 12, request([{ partition: 0 }, { partition: 1 }, { partition: 2 }], { maxBytes: 450 }))
    expect(sizes(body)).toEqual([
      [0, 300],
      [1, 100],
      [2, 0],
    ])
  })

  test('fetch.max.bytes of the broker bounds what the client may ask', () => {
    const w = world({ 0: 5000, 1: 5000 })
    Object.defineProperty(w.env, 'config', { value: { ...w.env.config, 'fetch.max.bytes': 1500 } })
    expect(sizes(w.ask(1, 12, request([{ partition: 0 }, { partition: 1 }])))).toEqual([
      [0, 1000],
      [1, 500],
    ])
  })
})

describe('waiting', () => {
  function waiting(change: object = {}): { w: World; available: Record<number, number>; watches: ReplyToken[] } {
    const available: Record<number, number> = {}
    const w = world(available)
    const fetches = w.scripts.get('replica')!
    const watches: ReplyToken[] = []
    w.on('replica', (message, itself) => {
      if (message.kind === 'watch') watches.push(message.replyTo!)
      return fetches(message, itself)
    })
    w.open(1)
    w.request(
      1,
      1,
      12,
      request(
        [
          { partition: 0, fetchOffset: 10 },
          { partition: 1, fetchOffset: 4 },
        ],
        change,
      ),
    )
    return { w, available, watches }
  }

  test('watches every partition from where its visible end was, and answers at the first change', () => {
    const { w, available, watches } = waiting()
    const offsets = w.said
      .filter(({ message }) => message.kind === 'watch')
      .map(({ message }) => (message as unknown as { offset: number }).offset)
    expect(offsets).toEqual([10, 10])
    available[1] = 100
    w.reply(watches[1], { error: 0 })
    expect(sizes(w.response(1).body)).toEqual([
      [0, 0],
      [1, 100],
    ])
    const unwatched = w.said.filter(({ message }) => message.kind === 'unwatch')
    expect(unwatched.map(({ message }) => (message as unknown as { token: ReplyToken }).token)).toEqual([watches[0]])
    expect([w.timerCount, w.state.asks.size]).toEqual([0, 0])
  })

  test('reads again only what changed', () => {
    const { w, available, watches } = waiting({ minBytes: 500 })
    const before = w.said.length
    available[1] = 100
    w.reply(watches[1], { error: 0 })
    expect(w.said.slice(before).map(({ actor, message }) => `${message.kind} ${actor.split(':')[2]}`)).toEqual([
      'fetch 1',
    ])
    expect(w.hasResponse(1)).toBe(false)
    w.advance(500)
    expect(sizes(w.response(1).body)).toEqual([
      [0, 0],
      [1, 100],
    ])
  })

  test('answers empty when the wait is over', () => {
    const { w } = waiting()
    w.advance(499)
    expect(w.hasResponse(1)).toBe(false)
    w.advance(1)
    expect(sizes(w.response(1).body)).toEqual([
      [0, 0],
      [1, 0],
    ])
  })

  test('a watch that is called over and over without a change does not spin', () => {
    const { w, watches } = waiting()
    for (let called = 0; called < watches.length && called < 100; called++) w.reply(watches[called], { error: 0 })
    expect(watches.length).toBe(2)
    w.advance(500)
    expect(w.hasResponse(1)).toBe(true)
  })

  test('a lost leadership ends the wait', () => {
    const { w, watches } = waiting()
    w.on('replica', () => ({ ...fetched, error: KafkaError.NOT_LEADER_OR_FOLLOWER }))
    w.reply(watches[0], { error: KafkaError.NOT_LEADER_OR_FOLLOWER })
    expect(w.response(1).body.responses[0].partitions[0].errorCode).toBe(KafkaError.NOT_LEADER_OR_FOLLOWER)
  })

  test('maxWait 0 and minBytes 0 do not wait', () => {
    expect(sizes(world({}).ask(1, 12, request([{ partition: 0 }], { maxWaitMs: 0 })))).toEqual([[0, 0]])
    expect(sizes(world({}).ask(1, 12, request([{ partition: 0 }], { minBytes: 0 })))).toEqual([[0, 0]])
  })

  test('a topic that nobody knows does not hurry the others', () => {
    const w = world({})
    w.open(1)
    const topics = [
      { topic: 'none', partitions: [{ partition: 0, partitionMaxBytes: 1000 }] },
      { topic: 'orders', partitions: [{ partition: 0, partitionMaxBytes: 1000, fetchOffset: 10 }] },
    ]
    w.request(1, 1, 12, request([], { topics }))
    expect(w.hasResponse(1)).toBe(false)
    w.advance(500)
    expect(w.response(1).body.responses[0].partitions[0].errorCode).toBe(KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  })
})

describe('the bytes', () => {
  test('records are read in place behind the fields; aborted transactions come along', () => {
    const w = world({ 0: 200 }, { abortedTransactions: [{ producerId: 9, firstOffset: 4 }] })
    const body = w.ask(1, 12, request([{ partition: 0 }], { isolationLevel: 1 }))
    const [data] = body.responses[0].partitions
    expect(data).toMatchObject({ highWatermark: 10, lastStableOffset: 9, logStartOffset: 1, preferredReadReplica: -1 })
    expect(data.abortedTransactions).toEqual([expect.objectContaining({ producerId: 9, firstOffset: 4 })])
    expect([...data.records]).toEqual(Array.from({ length: 200 }, () => 7))
    expect((w.said[0].message as unknown as Fetch).isolation).toBe('read_committed')
    // Straight into the buffer that was taken for it: nothing grew, nothing was copied.
    expect(w.transport.out.size).toBe(0)
  })

  test('a truncation between asking and reading shortens the answer, and what follows is still right', () => {
    const short: Slice = {
      sizeInBytes: 1000,
      readInto(target, at) {
        target.fill(3, at, at + 120)
        return 120
      },
    }
    const w = world({ 1: 300 })
    const fetches = w.scripts.get('replica')!
    w.on('replica', (message, itself) =>
      w.said[w.said.length - 1].actor.endsWith(':0') ? { ...fetched, slice: short } : fetches(message, itself),
    )
    for (const version of [4, 12, 18]) {
      const body = w.ask(1, version, request([{ partition: 0 }, { partition: 1 }]))
      expect(sizes(body)).toEqual([
        [0, 120],
        [1, 300],
      ])
      expect([...body.responses[0].partitions[0].records]).toEqual(Array.from({ length: 120 }, () => 3))
      expect([...body.responses[0].partitions[1].records]).toEqual(Array.from({ length: 300 }, () => 7))
    }
  })
})

describe('refusals', () => {
  test('by name and by id', () => {
    const unknown = { topics: [{ topic: 'none', topicId: topicId(9), partitions: [{ partition: 0 }] }] }
    const by = (version: number): number =>
      world({}).ask(1, version, request([], unknown)).responses[0].partitions[0].errorCode
    expect([by(12), by(13)]).toEqual([KafkaError.UNKNOWN_TOPIC_OR_PARTITION, KafkaError.UNKNOWN_TOPIC_ID])
  })

  test('KIP-951 from v16 on', () => {
    const refused = { error: KafkaError.FENCED_LEADER_EPOCH, leader: 3, leaderEpoch: 8 } as const
    const old = world({}, refused).ask(1, 15, request([{ partition: 0 }]))
    expect([old.responses[0].partitions[0].currentLeader.leaderId, old.nodeEndpoints]).toEqual([-1, []])
    const body = world({}, refused).ask(1, 16, request([{ partition: 0 }]))
    expect(body.responses[0].partitions[0].currentLeader).toMatchObject({ leaderId: 3, leaderEpoch: 8 })
    expect(body.nodeEndpoints).toEqual([expect.objectContaining({ nodeId: 3, host: 'localhost', port: 9094 })])
  })

  test('a diverging epoch is answered at once, from v12 on', () => {
    const body = world({}, { divergingEpoch: { epoch: 3, endOffset: 5 } }).ask(1, 12, request([{ partition: 0 }]))
    expect(body.responses[0].partitions[0].divergingEpoch).toMatchObject({ epoch: 3, endOffset: 5 })
  })

  test('followers do not come this way', () => {
    const w = world({ 0: 100 })
    const body = w.ask(1, 12, request([{ partition: 0 }], { replicaId: 2 }))
    expect(body.responses[0].partitions[0].errorCode).toBe(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    expect(w.said).toEqual([])
  })
})
