/** The allocator of producer ids: blocks, prefetch, a controller that fails or lies. */
import { expect, test } from 'vitest'
import { allSafeguards, type ClusterView, type Message, type Outbox, type ReplyToken } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import { producerIdsActor, type ProducerIdsEnv, type ProducerIdsMessage } from '../src/producer-ids.ts'
import type { ProducerIdGiven } from '../src/messages.ts'

function stage() {
  let now = 0
  let asked = 0
  const timers = new Map<string, { at: number; message: Message }>()
  const given: (ProducerIdGiven & { to: number })[] = []
  const questions: { id: number; body: unknown }[] = []
  const brokers = new Map([[1, { epoch: 42 }]])
  const env: ProducerIdsEnv = {
    self: { broker: 1, actor: 'producer-ids' },
    get now() {
      return now
    },
    random: () => 0,
    safeguards: allSafeguards,
    cluster: { brokers } as unknown as ClusterView,
  }
  const out = {
    send: (to, message) => {
      expect(to).toEqual({ broker: 1, actor: 'controller' })
      questions.push({ id: message.replyTo!.id, body: (message as unknown as { body: unknown }).body })
    },
    reply: (token: ReplyToken, body: unknown) => given.push({ to: token.id, ...(body as ProducerIdGiven) }),
    setTimer: (name, at, message) => {
      timers.set(name, { at, message })
    },
    cancelTimer: (name) => {
      timers.delete(name)
    },
    spawn() {},
    stop() {},
    trace() {},
  } satisfies Outbox
  const state = producerIdsActor.start({}, env, out)
  const step = (message: ProducerIdsMessage): void => {
    producerIdsActor.step(state, message, env, out)
    producerIdsActor.invariants!(state)
  }
  return {
    given,
    questions,
    ask: () => step({ kind: 'nextProducerId', replyTo: { broker: 1, actor: 'front', id: ++asked } }),
    block: (producerIdStart: number, producerIdLen: number) =>
      step({ kind: 'reply', id: questions.at(-1)!.id, body: { errorCode: 0, producerIdStart, producerIdLen } }),
    answer: (body: unknown, id = questions.at(-1)!.id) => step({ kind: 'reply', id, body }),
    advance(ms: number) {
      now += ms
      for (const [name, { at, message }] of timers) {
        if (at > now) continue
        timers.delete(name)
        step(message as ProducerIdsMessage)
      }
    },
  }
}

test('the first caller waits for a block; ids are given in order, each once', () => {
  const actor = stage()
  actor.ask()
  actor.ask()
  expect(actor.questions).toEqual([{ id: 1, body: { brokerId: 1, brokerEpoch: 42 } }])
  actor.block(1000, 1000)
  actor.ask()
  expect(actor.given).toEqual([1000, 1001, 1002].map((producerId, i) => ({ to: i + 1, error: 0, producerId })))
})

test('the next block is asked for before the current one is used up, and used after it', () => {
  const actor = stage()
  actor.ask()
  actor.block(0, 10)
  for (let i = 0; i < 8; i++) actor.ask()
  expect(actor.questions).toHaveLength(2)
  actor.block(50, 10)
  for (let i = 0; i < 3; i++) actor.ask()
  expect(actor.given.map(({ producerId }) => producerId)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 50, 51])
  expect(actor.questions).toHaveLength(2)
})

test('a controller without a leader is asked again; who waited too long is told to retry', () => {
  const actor = stage()
  actor.ask()
  actor.answer({ kind: 'refused', error: KafkaError.NOT_CONTROLLER })
  actor.advance(49)
  expect(actor.questions).toHaveLength(1)
  actor.advance(1)
  actor.answer({ kind: 'failed', reason: 'broker-down' })
  actor.advance(50)
  actor.answer({ errorCode: KafkaError.STALE_BROKER_EPOCH })
  actor.advance(1399)
  expect(actor.given).toEqual([])
  actor.advance(1)
  expect(actor.given).toEqual([{ to: 1, error: KafkaError.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 }])
  actor.advance(1000)
  actor.ask()
  actor.block(7, 1)
  expect(actor.given.at(-1)).toEqual({ to: 2, error: 0, producerId: 7 })
})

test('a lost answer is asked for again, and the late one is not used', () => {
  const actor = stage()
  actor.ask()
  actor.advance(1000)
  expect(actor.questions.map(({ id }) => id)).toEqual([1, 2])
  actor.answer({ errorCode: 0, producerIdStart: 5, producerIdLen: 5 }, 1)
  expect(actor.given).toEqual([])
  actor.block(10, 5)
  expect(actor.given).toEqual([{ to: 1, error: 0, producerId: 10 }])
})

test('a block that was given out before, or is none, is refused', () => {
  const actor = stage()
  actor.ask()
  actor.block(100, 1)
  actor.ask()
  actor.block(100, 1)
  actor.advance(50)
  actor.block(-1, 10)
  actor.advance(50)
  actor.block(200, 0)
  actor.advance(50)
  expect(actor.given.map(({ producerId }) => producerId)).toEqual([100])
  actor.block(101, 1)
  expect(actor.given.map(({ producerId }) => producerId)).toEqual([100, 101])
})
