/**
 * Fetch sessions (KIP-227) against a model: a client that only ever hears what is new knows the same as one that asks for
 * everything.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Message } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import { FetchSessionCache } from '../src/fetch/session-cache.ts'
import { topicId } from './cluster.ts'
import { fetched, slice } from './scripted-actors.ts'
import { World } from './world.ts'

const FETCH = 1

interface Truth {
  highWatermark: number
  bytes: number
  error: number
}

/** One topic; partition p has what `truth[p]` says. */
class Stage {
  readonly world = new World()
  readonly truth: Truth[]
  private correlationId = 0

  constructor(partitions: number, slots?: string) {
    if (slots !== undefined) this.world = new World({ 'max.incremental.fetch.session.cache.slots': slots })
    this.world.cluster.add('orders', partitions)
    this.truth = Array.from({ length: partitions }, () => ({ highWatermark: 10, bytes: 0, error: 0 }))
    this.world.on('replica', (message: Message) => {
      if (message.kind !== 'fetch') return undefined
      const partition = Number(this.world.said[this.world.said.length - 1].actor.split(':')[2])
      const { highWatermark, bytes, error } = this.truth[partition]
      return { ...fetched, error, highWatermark, slice: bytes > 0 && error === 0 ? slice(bytes) : null }
    })
    this.world.open(1)
  }

  fetch(
    sessionId: number,
    sessionEpoch: number,
    asked: readonly number[],
    forgotten: readonly number[] = [],
    version = 12,
  ) {
    const named = { topic: 'orders', topicId: topicId(1) }
    const partitions = asked.map((partition) => ({ partition, fetchOffset: 10, partitionMaxBytes: 1000 }))
    this.world.request(
      1,
      FETCH,
      version,
      {
        maxWaitMs: 0,
        minBytes: 1,
        maxBytes: 100_000,
        sessionId,
        sessionEpoch,
        topics: asked.length > 0 ? [{ ...named, partitions }] : [],
        forgottenTopicsData: forgotten.length > 0 ? [{ ...named, partitions: forgotten }] : [],
      },
      ++this.correlationId,
    )
    const { body } = this.world.response(1)
    return {
      error: body.errorCode as number,
      session: body.sessionId as number,
      partitions: body.responses.flatMap((topic: { partitions: never[] }) => topic.partitions) as {
        partitionIndex: number
        errorCode: number
        highWatermark: number
        records: Uint8Array
      }[],
    }
  }
}

const indexes = (partitions: readonly { partitionIndex: number }[]) =>
  partitions.map(({ partitionIndex }) => partitionIndex)

describe('by example', () => {
  test('the first answer names all, the next only what is new', () => {
    const stage = new Stage(3)
    const first = stage.fetch(0, 0, [0, 1, 2])
    expect(first.session).toBeGreaterThan(0)
    expect(indexes(first.partitions)).toEqual([0, 1, 2])
    expect(stage.fetch(first.session, 1, []).partitions).toEqual([])
    stage.truth[1].highWatermark = 11
    expect(indexes(stage.fetch(first.session, 2, []).partitions)).toEqual([1])
    expect(stage.fetch(first.session, 3, []).partitions).toEqual([])
  })

  test('an error is told every time, and the recovery once', () => {
    const stage = new Stage(2)
    const { session } = stage.fetch(0, 0, [0, 1])
    stage.truth[0].error = KafkaError.NOT_LEADER_OR_FOLLOWER
    expect(indexes(stage.fetch(session, 1, []).partitions)).toEqual([0])
    expect(indexes(stage.fetch(session, 2, []).partitions)).toEqual([0])
    stage.truth[0].error = 0
    expect(indexes(stage.fetch(session, 3, []).partitions)).toEqual([0])
    expect(indexes(stage.fetch(session, 4, []).partitions)).toEqual([])
  })

  test('partitions that gave records go to the end of the line', () => {
    const stage = new Stage(3)
    const { session } = stage.fetch(0, 0, [0, 1, 2])
    stage.truth[0].bytes = 100
    expect(indexes(stage.fetch(session, 1, []).partitions)).toEqual([0])
    stage.truth[1].bytes = stage.truth[2].bytes = 100
    expect(indexes(stage.fetch(session, 2, []).partitions)).toEqual([1, 2, 0])
  })

  test('unknown ids, wrong epochs, names where ids were', () => {
    const stage = new Stage(1)
    const { session } = stage.fetch(0, 0, [0])
    expect(stage.fetch(session + 1, 1, []).error).toBe(KafkaError.FETCH_SESSION_ID_NOT_FOUND)
    expect(stage.fetch(session, 2, [])).toMatchObject({ error: KafkaError.INVALID_FETCH_SESSION_EPOCH, session: 0 })
    expect(stage.fetch(session, 1, [], [], 13).error).toBe(KafkaError.FETCH_SESSION_TOPIC_ID_ERROR)
    expect(stage.fetch(session, 1, []).error).toBe(KafkaError.NONE)
  })

  test('epoch −1 closes; a full fetch closes the session it names and opens another', () => {
    const stage = new Stage(1)
    const { session } = stage.fetch(0, 0, [0])
    const closed = stage.fetch(session, -1, [0])
    expect([closed.session, indexes(closed.partitions)]).toEqual([0, [0]])
    expect(stage.fetch(session, 1, []).error).toBe(KafkaError.FETCH_SESSION_ID_NOT_FOUND)
    const again = stage.fetch(0, 0, [0])
    const other = stage.fetch(again.session, 0, [0])
    expect(other.session).not.toBe(again.session)
    expect(stage.world.state.sessions.size).toBe(1)
  })

  test('a session whose last partition is forgotten is closed', () => {
    const stage = new Stage(1)
    const { session } = stage.fetch(0, 0, [0])
    expect(stage.fetch(session, 1, [], [0])).toMatchObject({ error: 0, session: 0, partitions: [] })
    expect(stage.world.state.sessions.size).toBe(0)
  })

  test('topic ids: a topic made anew under its name is another one', () => {
    const stage = new Stage(1)
    const { session } = stage.fetch(0, 0, [0], [], 13)
    stage.world.cluster.remove('orders')
    const { partitions } = stage.fetch(session, 1, [], [], 13)
    expect(partitions).toEqual([expect.objectContaining({ errorCode: KafkaError.UNKNOWN_TOPIC_ID })])
  })

  test('a request that was overtaken in its session is told so', () => {
    const stage = new Stage(1)
    const { session } = stage.fetch(0, 0, [0])
    const { world } = stage
    world.open(2)
    const waits = {
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 1000,
      sessionId: session,
      sessionEpoch: 1,
      topics: [],
      forgottenTopicsData: [],
    }
    world.request(2, FETCH, 12, waits)
    expect(world.hasResponse(2)).toBe(false)
    expect(stage.fetch(session, 2, []).error).toBe(KafkaError.NONE)
    world.advance(500)
    expect(world.response(2).body.errorCode).toBe(KafkaError.INVALID_FETCH_SESSION_EPOCH)
  })

  test('without a slot a client is served without a session', () => {
    const stage = new Stage(2, '1')
    const { session } = stage.fetch(0, 0, [0])
    expect(stage.fetch(0, 0, [0, 1])).toMatchObject({ error: 0, session: 0 })
    stage.world.advance(60_000)
    expect(stage.fetch(session, 1, []).error).toBe(0)
    // Its two minutes are over, and a larger one comes.
    stage.world.advance(61_000)
    expect(stage.fetch(0, 0, [0, 1]).session).toBeGreaterThan(0)
    expect(stage.fetch(session, 2, []).error).toBe(KafkaError.FETCH_SESSION_ID_NOT_FOUND)
  })
})

describe('eviction', () => {
  const partitions = (count: number) =>
    new Map(
      Array.from({ length: count }, (_, p) => [
        `t:${p}`,
        {
          topic: 't',
          topicId: '',
          partition: p,
          maxBytes: 1,
          fetchOffset: 0,
          currentLeaderEpoch: -1,
          lastFetchedEpoch: -1,
          highWatermark: 0,
          logStartOffset: 0,
        },
      ]),
    )
  let next = 1
  const random = () => next++

  test('first the one that was idle for two minutes, else a smaller one that had its time, never a younger one', () => {
    const cache = new FetchSessionCache(2)
    const small = cache.create(0, random, false, partitions(1))!
    const large = cache.create(0, random, false, partitions(5))!
    expect(cache.create(1000, random, false, partitions(9))).toBe(null)
    cache.touch(small, 110_000)
    cache.touch(large, 115_000)
    expect(cache.create(120_000, random, false, partitions(9))).toBe(null)
    expect(cache.create(120_001, random, false, partitions(1))).toBe(null)
    expect(cache.create(120_001, random, false, partitions(2))).not.toBe(null)
    expect([cache.get(small.id), cache.get(large.id)]).toEqual([undefined, large])
    expect(cache.create(235_001, random, false, partitions(1))).not.toBe(null)
    expect(cache.get(large.id)).toBe(undefined)
  })
})

test('a client in a session knows what a client without one would know', () => {
  const action = fc.record({
    changes: fc.array(
      fc.record({ partition: fc.nat(4), kind: fc.constantFrom('hw', 'data', 'drained', 'error', 'healed') }),
      {
        maxLength: 4,
      },
    ),
    add: fc.array(fc.nat(4), { maxLength: 2 }),
    forget: fc.array(fc.nat(4), { maxLength: 1 }),
    restart: fc.nat(9),
  })
  fc.assert(
    fc.property(fc.array(action, { minLength: 1, maxLength: 25 }), fc.boolean(), (actions, byId) => {
      const stage = new Stage(5)
      const version = byId ? 13 : 12
      const members = new Set<number>()
      const known = new Map<number, { highWatermark: number; error: number }>()
      let session = 0
      let epoch = 0
      for (const { changes, add, forget, restart } of actions) {
        for (const { partition, kind } of changes) {
          const truth = stage.truth[partition]
          if (kind === 'hw') truth.highWatermark++
          if (kind === 'data') truth.bytes = 100
          if (kind === 'drained') truth.bytes = 0
          if (kind === 'error') truth.error = KafkaError.NOT_LEADER_OR_FOLLOWER
          if (kind === 'healed') truth.error = 0
        }
        const full = session === 0 || restart === 0
        for (const partition of add) members.add(partition)
        for (const partition of forget) members.delete(partition)
        if (full) known.clear()
        for (const partition of known.keys()) if (!members.has(partition)) known.delete(partition)
        const answer = full
          ? stage.fetch(session, 0, [...members], [], version)
          : stage.fetch(
              session,
              epoch,
              add.filter((p) => members.has(p)),
              forget,
              version,
            )
        expect(answer.error).toBe(KafkaError.NONE)
        for (const data of answer.partitions) {
          expect(members.has(data.partitionIndex)).toBe(true)
          const before = known.get(data.partitionIndex)
          const now = { highWatermark: data.highWatermark, error: data.errorCode }
          if (!full && before && before.error === 0 && data.errorCode === 0 && data.records.length === 0) {
            // Named although it has no records: then there is news, or it had failed before.
            expect(now).not.toEqual(before)
          }
          known.set(data.partitionIndex, now)
        }
        const named = new Set(indexes(answer.partitions))
        for (const partition of members) {
          const { highWatermark, bytes, error } = stage.truth[partition]
          expect(known.get(partition)).toEqual(error === 0 ? { highWatermark, error } : { highWatermark: -1, error })
          if (bytes > 0 || error !== 0) expect(named.has(partition)).toBe(true)
        }
        session = answer.session
        epoch = full ? 1 : epoch + 1
        if (session === 0) expect(members.size).toBe(0)
      }
    }),
    { numRuns: 150, seed: 3 },
  )
})
