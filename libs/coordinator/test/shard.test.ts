/** What a transcript does not show: batch boundaries, elections out of order, a restart after a crash. */
import type { Effect, Message, Outbox } from '@troupe/actor'
import { allSafeguards, type TopicView } from '@troupe/actor'
import { coordinatorShard, type CoordinatorEnv } from '@troupe/coordinator'
import { expect, test } from 'vitest'
import { registerCoordinator, registerStage } from './register.ts'

const set = (name: string, value: number, producer = 0): object => ({ kind: 'set', name, value, text: '', producer })

test('decisions of one turn share one batch, up to its size', () => {
  const { harness } = registerStage()
  harness.burst(Array.from({ length: 100 }, (_, i) => set(`r${i}`, i)))
  expect(harness.batches()).toBe(1)
  expect(harness.state.values.size).toBe(100)
  const { harness: small } = registerStage({ config: { 'message.max.bytes': 61 + 3 * 60 } })
  const lines = small.burst(Array.from({ length: 10 }, (_, i) => set(`r${i}`, i)))
  expect(small.batches()).toBeGreaterThanOrEqual(3)
  expect(lines.filter((line) => line.startsWith('reply'))).toHaveLength(10)
})

test('a transaction shares no batch with anyone else', () => {
  const { harness } = registerStage()
  harness.burst([set('a', 1), set('b', 2, 7), set('c', 3, 7), set('d', 4, 8), set('e', 5)])
  expect(harness.batches()).toBe(4)
  expect([...harness.state.pending.keys()]).toEqual([7, 8])
})

test('a burst whose append fails is refused as one', () => {
  const { harness } = registerStage()
  harness.step('refuse NOT_LEADER_OR_FOLLOWER')
  const lines = harness.burst([set('a', 1), { kind: 'get', name: 'a' }, set('b', 2)])
  expect(lines).toEqual([1, 2, 3].map((id) => `reply ${id} error=NOT_COORDINATOR`))
  expect(harness.state.values.size).toBe(0)
})

function bareShard(leader: number, gate = true) {
  const effects: Effect[] = []
  const out: Outbox = {
    send: (to, message) => effects.push({ kind: 'send', to, message }),
    reply: (token, body) => effects.push({ kind: 'reply', token, body }),
    setTimer: (name, at, message) => effects.push({ kind: 'setTimer', name, at, message }),
    cancelTimer: (name) => effects.push({ kind: 'cancelTimer', name }),
    spawn: () => {},
    stop: () => {},
    trace: () => {},
  }
  const topic = { name: '__internal', partitions: [{ leader, leaderEpoch: 4 }] } as unknown as TopicView
  const env = {
    self: { broker: 1, actor: 'register:0' },
    now: 0,
    random: () => 1,
    safeguards: { ...allSafeguards, coordinatorEpochGate: gate },
    cluster: { topicById: () => topic, configs: () => new Map() },
    config: {},
  } as unknown as CoordinatorEnv
  const actor = coordinatorShard(registerCoordinator)
  const shard = actor.start({ partition: 0, topicId: 'x', topic: '__internal' }, env, out)
  const tell = (message: object): Message[] => {
    effects.length = 0
    actor.step(shard, message as never, env, out)
    return effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []))
  }
  return { shard, tell, effects, actor }
}

test('after a crash the shard loads by itself where the metadata says that it is led here', () => {
  const { shard, effects } = bareShard(1)
  expect(shard.phase).toBe('loading')
  expect(effects[0]).toMatchObject({ kind: 'send', message: { kind: 'readLog', leaderEpoch: 4, offset: -1 } })
  expect(bareShard(2).shard.phase).toBe('unloaded')
})

test('Z32: elections and resignations count by leader epoch, not by arrival', () => {
  const { shard, tell } = bareShard(2)
  tell({ kind: 'elected', leaderEpoch: 7 })
  tell({ kind: 'resigned', leaderEpoch: 6 })
  expect(shard).toMatchObject({ phase: 'loading', leaderEpoch: 7 })
  expect(tell({ kind: 'elected', leaderEpoch: 5 })).toEqual([])
  tell({ kind: 'resigned', leaderEpoch: 8 })
  expect(shard.phase).toBe('unloaded')
  tell({ kind: 'elected', leaderEpoch: 7 })
  expect(shard.phase).toBe('unloaded')
})

test('Z32: without the gate the last to arrive wins', () => {
  const { shard, tell } = bareShard(2, false)
  tell({ kind: 'elected', leaderEpoch: 7 })
  tell({ kind: 'resigned', leaderEpoch: 6 })
  expect(shard.phase).toBe('unloaded')
})

test('an answer to an earlier load is not taken for one to this', () => {
  const { shard, tell } = bareShard(2)
  const [first] = tell({ kind: 'elected', leaderEpoch: 7 })
  const [second] = tell({ kind: 'elected', leaderEpoch: 8 })
  const read = { error: 0, records: null, nextOffset: 0, logEndOffset: 0, highWatermark: 0 }
  tell({ kind: 'reply', id: first.replyTo!.id, body: read })
  expect(shard.phase).toBe('loading')
  tell({ kind: 'reply', id: second.replyTo!.id, body: read })
  expect(shard.phase).toBe('active')
})

test("a log that can't be read now is read again; one that can't be replayed fails the shard", () => {
  const { shard, tell, effects } = bareShard(2)
  const [read] = tell({ kind: 'elected', leaderEpoch: 7 })
  tell({ kind: 'reply', id: read.replyTo!.id, body: { kind: 'failed', reason: 'no-such-actor' } })
  const timer = effects.find((effect) => effect.kind === 'setTimer')
  expect(timer).toMatchObject({ name: 'load-again' })
  const [again] = tell((timer as { message: object }).message)
  expect(again.kind).toBe('readLog')
  const records = new Uint8Array(70)
  const body = { error: 0, records, nextOffset: 1, logEndOffset: 1, highWatermark: 1 }
  tell({ kind: 'reply', id: again.replyTo!.id, body })
  expect(shard.phase).toBe('failed')
})

test('a timer that breaks the coordinator ends the actor: nobody could be told', () => {
  const { harness } = registerStage()
  const { shard } = harness
  const timer = {
    kind: 'coordinatorTimer',
    name: 'x',
    incarnation: shard.incarnation,
    message: { kind: 'break', name: 'x' },
  }
  expect(() => harness.deliver(timer)).toThrow('x breaks')
})
