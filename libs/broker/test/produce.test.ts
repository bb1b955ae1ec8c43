/** Produce: what is refused before a replica is asked, and how answers are put together. */
import { describe, expect, test } from 'vitest'
import type { Message, ReplyToken } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import { OFFSETS_TOPIC, TRANSACTION_TOPIC } from '../src/topic-names.ts'
import { topicId } from './cluster.ts'
import { World } from './world.ts'

/** Magic 2, one batch by its own length; what is inside is the log's business. */
function batch(length = 80, change: { magic?: number; attributes?: number; extra?: number } = {}): Uint8Array {
  const bytes = new Uint8Array(length + (change.extra ?? 0))
  const view = new DataView(bytes.buffer)
  view.setInt32(8, length - 12)
  bytes[16] = change.magic ?? 2
  view.setInt16(21, change.attributes ?? 0)
  return bytes
}

const done = {
  error: 0,
  errorMessage: null,
  recordErrors: [],
  baseOffset: 42,
  logAppendTimeMs: -1,
  logStartOffset: 3,
  leader: 1,
  leaderEpoch: 5,
}

function request(records: Uint8Array | null, change: object = {}): object {
  const partitionData = [{ index: 0, records }]
  return { acks: -1, timeoutMs: 1000, topicData: [{ name: 'orders', topicId: topicId(1), partitionData }], ...change }
}

function world(): World {
  const w = new World()
  w.cluster.add('orders', 2, (p) => (p === 1 ? { leader: 2, leaderEpoch: 9, replicas: [2, 3] } : {}))
  w.on('replica', () => done)
  return w
}

function first(body: { responses: { partitionResponses: object[] }[] }): Record<string, unknown> {
  return body.responses[0].partitionResponses[0] as Record<string, unknown>
}

test('records go to the replica as they lie in the frame, and the answer waits for all partitions', () => {
  const w = world()
  w.cluster.add('payments')
  const open: ReplyToken[] = []
  const seen: number[] = []
  w.on('replica', (message: Message) => {
    const { records, replyTo } = message as unknown as { records: Uint8Array; replyTo: ReplyToken }
    seen.push(records[70])
    open.push(replyTo)
  })
  w.open(1)
  const one = batch().fill(1, 70, 71)
  const two = batch().fill(2, 70, 71)
  const topicData = [
    { name: 'orders', partitionData: [{ index: 0, records: one }] },
    { name: 'payments', partitionData: [{ index: 0, records: two }] },
  ]
  w.request(1, 0, 9, request(null, { topicData }))
  expect(seen).toEqual([1, 2])
  w.reply(open[1], { ...done, baseOffset: 2 })
  expect(w.hasResponse(1)).toBe(false)
  w.reply(open[0], { ...done, baseOffset: 1 })
  const { responses } = w.response(1).body
  expect(responses.map((topic: never) => [topic['name'], topic['partitionResponses'][0]['baseOffset']])).toEqual([
    ['orders', 1],
    ['payments', 2],
  ])
})

describe('refusals', () => {
  test.each([
    ['acks of 2', { acks: 2 }, batch(), KafkaError.INVALID_REQUIRED_ACKS],
    ['no records', {}, null, KafkaError.INVALID_RECORD],
    ['empty records', {}, new Uint8Array(0), KafkaError.INVALID_RECORD],
    ['less than a batch header', {}, new Uint8Array(60), KafkaError.CORRUPT_MESSAGE],
    ['magic 1', {}, batch(80, { magic: 1 }), KafkaError.INVALID_RECORD],
    ['two batches', {}, batch(80, { extra: 80 }), KafkaError.INVALID_RECORD],
  ])('%s', (_name, change, records, error) => {
    expect(first(world().ask(0, 9, request(records, change)))).toMatchObject({ errorCode: error, baseOffset: -1 })
  })

  test('zstd before v7', () => {
    const records = batch(80, { attributes: 4 })
    expect(first(world().ask(0, 6, request(records))).errorCode).toBe(KafkaError.UNSUPPORTED_COMPRESSION_TYPE)
    expect(first(world().ask(0, 7, request(batch(80, { attributes: 4 })))).errorCode).toBe(KafkaError.NONE)
  })

  test('topics by name and by id that nobody knows, partitions past the last', () => {
    const named = { topicData: [{ name: 'none', partitionData: [{ index: 0, records: batch() }] }] }
    expect(first(world().ask(0, 9, request(null, named))).errorCode).toBe(KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
    const byId = { topicData: [{ topicId: topicId(99), partitionData: [{ index: 0, records: batch() }] }] }
    expect(first(world().ask(0, 13, request(null, byId))).errorCode).toBe(KafkaError.UNKNOWN_TOPIC_ID)
    const past = { topicData: [{ name: 'orders', partitionData: [{ index: 2, records: batch() }] }] }
    expect(first(world().ask(0, 9, request(null, past))).errorCode).toBe(KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('internal topics are not for clients', () => {
    const w = world()
    w.cluster.add(OFFSETS_TOPIC)
    const topicData = [{ name: OFFSETS_TOPIC, partitionData: [{ index: 0, records: batch() }] }]
    expect(first(w.ask(0, 9, request(null, { topicData }))).errorCode).toBe(KafkaError.INVALID_TOPIC_EXCEPTION)
  })

  test('KIP-951: the leader and its endpoint on the listener the client came in on, from v10 on', () => {
    const topicData = [{ name: 'orders', partitionData: [{ index: 1, records: batch() }] }]
    const old = world().ask(0, 9, request(null, { topicData }))
    expect(first(old).errorCode).toBe(KafkaError.NOT_LEADER_OR_FOLLOWER)
    const w = world()
    w.open(1, 'INTERNAL')
    w.request(1, 0, 10, request(null, { topicData }))
    const { body } = w.response(1)
    expect(first(body)).toMatchObject({ errorCode: 6, currentLeader: { leaderId: 2, leaderEpoch: 9 } })
    expect(body.nodeEndpoints).toEqual([expect.objectContaining({ nodeId: 2, host: 'broker-2', port: 19093 })])
  })

  test('a replica that crashed: whether it was written is open, the client looks for the leader', () => {
    const w = world()
    w.on('replica', () => ({ kind: 'failed', reason: 'actor-crashed' }))
    expect(first(w.ask(0, 9, request(batch()))).errorCode).toBe(KafkaError.NOT_LEADER_OR_FOLLOWER)
  })
})

describe('acks=0', () => {
  test('has no answer', () => {
    const w = world()
    w.open(1)
    w.request(1, 0, 9, request(batch(), { acks: 0 }))
    expect([w.hasResponse(1), w.transport.closed.has(1)]).toEqual([false, false])
    w.request(1, 18, 0, {}, 8)
    expect(w.transport.frames.get(1)!.length).toBe(1)
    expect([...w.transport.frames.get(1)![0].subarray(4, 8)]).toEqual([0, 0, 0, 8])
  })

  test('an error closes the connection', () => {
    const w = world()
    w.on('replica', () => ({ ...done, error: KafkaError.CORRUPT_MESSAGE }))
    w.open(1)
    w.request(1, 0, 9, request(batch(), { acks: 0 }))
    expect(w.transport.closed.has(1)).toBe(true)
  })
})

test("a transaction: its coordinator is the leader of the id's partition; v11 knows abortable, v12 adds", () => {
  const checks = [9, 11, 12, 13].map((version) => {
    const w = world()
    w.cluster.add(TRANSACTION_TOPIC, 50, (p) => ({ leader: (p % 3) + 1 }))
    w.ask(0, version, request(batch(), { transactionalId: 'tx-1' }))
    return (w.said[0].message as unknown as { transaction: object }).transaction
  })
  // In Java "tx-1".hashCode() is 3572520: partition 20 of 50, led by 20 % 3 + 1.
  const coordinator = { broker: 3, actor: 'transactions:20' }
  expect(checks).toEqual([
    { transactionalId: 'tx-1', coordinator, addPartition: false, supportsAbortable: false },
    { transactionalId: 'tx-1', coordinator, addPartition: false, supportsAbortable: true },
    { transactionalId: 'tx-1', coordinator, addPartition: true, supportsAbortable: true },
    { transactionalId: 'tx-1', coordinator, addPartition: true, supportsAbortable: true },
  ])
})

test('without a coordinator the replica is told that there is none', () => {
  const w = world()
  w.ask(0, 12, request(batch(), { transactionalId: 'tx-1' }))
  expect((w.said[0].message as unknown as { transaction: object }).transaction).toMatchObject({ coordinator: null })
})
