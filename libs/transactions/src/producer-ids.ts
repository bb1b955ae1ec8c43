/**
 * The actor `producer-ids`: gives out producer ids from blocks that the controller allocates to this broker (KIP-730).
 *
 * One per broker, shared by its transaction coordinators and its front. The next block is asked for when nine tenths of
 * the current one are used, so nobody waits; a block that is lost (crash) is never used again.
 *
 * Source: Kafka's RPCProducerIdManager. Deliberate difference: Kafka refuses at once with COORDINATOR_LOAD_IN_PROGRESS
 * while no block is there; here the first callers wait for it for a moment.
 */
import {
  actorNames,
  isFailed,
  type ActorDefinition,
  type ClusterView,
  type Env,
  type Message,
  type Outbox,
  type Reply,
  type ReplyToken,
} from '@troupe/actor'
import type { AllocateProducerIds, ControllerRefused } from '@troupe/controller/messages'
import { KafkaError } from '@troupe/wire/errors'
import type { AllocateProducerIdsResponseInput } from '@troupe/wire/messages'
import type { NextProducerId, ProducerIdGiven } from './messages.ts'
import { BrokenInvariant } from './shard-state.ts'

const RETRY_BACKOFF_MS = 50
const REQUEST_TIMEOUT_MS = 1000
const MAX_WAIT_MS = 1500
const MAX_WAITING = 10_000
const PREFETCH_AT = 0.9

export interface ProducerIdsEnv extends Env {
  readonly cluster: ClusterView
}

interface Block {
  next: number
  readonly start: number
  readonly end: number
}

export interface ProducerIdsState {
  current: Block
  following: Block | null
  lastAskId: number
  /** The question that is in flight, 0 if none. */
  askId: number
  waiting: { readonly token: ReplyToken; readonly deadline: number }[]
}

/** Timers. */
interface AskAgain extends Message {
  readonly kind: 'askAgain'
}
interface Expire extends Message {
  readonly kind: 'expire'
}

export type ProducerIdsMessage = NextProducerId | Reply | AskAgain | Expire

export const producerIdsActor: ActorDefinition<ProducerIdsState, ProducerIdsMessage, ProducerIdsEnv, unknown> = {
  kind: 'producer-ids',
  start: () => ({
    current: { start: 0, next: 0, end: 0 },
    following: null,
    lastAskId: 0,
    askId: 0,
    waiting: [],
  }),
  step(state, message, env, out) {
    switch (message.kind) {
      case 'nextProducerId':
        return onNextProducerId(state, message, env, out)
      case 'reply':
        return onBlock(state, message, env, out)
      case 'askAgain':
        return onAskAgain(state, env, out)
      case 'expire':
        return onExpire(state, env, out)
    }
  },
  invariants({ current, following, waiting, askId }) {
    if (current.next < current.start || current.next > current.end) throw new BrokenInvariant('id outside its block')
    if (following !== null && following.start < current.end) throw new BrokenInvariant('blocks overlap')
    if (waiting.length > 0 && askId === 0) throw new BrokenInvariant('waiting for nothing')
  },
}

function onNextProducerId(
  state: ProducerIdsState,
  { replyTo }: NextProducerId,
  env: ProducerIdsEnv,
  out: Outbox,
): void {
  const producerId = take(state)
  if (producerId !== null) {
    give(replyTo, { error: KafkaError.NONE, producerId }, out)
  } else if (state.waiting.length >= MAX_WAITING) {
    give(replyTo, { error: KafkaError.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 }, out)
  } else {
    state.waiting.push({ token: replyTo, deadline: env.now + MAX_WAIT_MS })
    if (state.waiting.length === 1) out.setTimer('expire', env.now + MAX_WAIT_MS, { kind: 'expire' })
  }
  if (wantsBlock(state)) ask(state, env, out)
}

function take(state: ProducerIdsState): number | null {
  if (state.current.next === state.current.end && state.following !== null) {
    state.current = state.following
    state.following = null
  }
  const { current } = state
  return current.next < current.end ? current.next++ : null
}

function wantsBlock({ current, following, askId }: ProducerIdsState): boolean {
  if (askId !== 0 || following !== null) return false
  return current.next >= current.start + Math.floor((current.end - current.start) * PREFETCH_AT)
}

function ask(state: ProducerIdsState, env: ProducerIdsEnv, out: Outbox): void {
  state.askId = ++state.lastAskId
  const { broker } = env.self
  const request: AllocateProducerIds = {
    kind: 'controllerRequest',
    replyTo: { ...env.self, id: state.askId },
    api: 'AllocateProducerIds',
    body: { brokerId: broker, brokerEpoch: env.cluster.brokers.get(broker)?.epoch ?? -1 },
  }
  out.send({ broker, actor: actorNames.controller }, request)
  out.setTimer('ask-again', env.now + REQUEST_TIMEOUT_MS, { kind: 'askAgain' })
}

function onBlock(state: ProducerIdsState, reply: Reply, env: ProducerIdsEnv, out: Outbox): void {
  if (reply.id !== state.askId) return
  const block = readBlock(state, reply.body as AllocateProducerIdsResponseInput | ControllerRefused)
  if (block === null) {
    // The controller may be in election, or not know this broker's registration yet.
    out.setTimer('ask-again', env.now + RETRY_BACKOFF_MS, { kind: 'askAgain' })
    return
  }
  state.askId = 0
  out.cancelTimer('ask-again')
  state.following = block
  serve(state, out)
  if (wantsBlock(state)) ask(state, env, out)
}

function readBlock(
  { current }: ProducerIdsState,
  body: AllocateProducerIdsResponseInput | ControllerRefused,
): Block | null {
  if (isFailed(body) || 'kind' in body || (body.errorCode ?? KafkaError.NONE) !== KafkaError.NONE) return null
  const { producerIdStart: start = -1, producerIdLen: length = 0 } = body
  // An id that was given out before would let two producers write as one.
  if (length <= 0 || start < 0 || start < current.end || !Number.isSafeInteger(start + length)) return null
  return { start, next: start, end: start + length }
}

function serve(state: ProducerIdsState, out: Outbox): void {
  while (state.waiting.length > 0) {
    const producerId = take(state)
    if (producerId === null) return
    give(state.waiting.shift()!.token, { error: KafkaError.NONE, producerId }, out)
  }
}

function onAskAgain(state: ProducerIdsState, env: ProducerIdsEnv, out: Outbox): void {
  state.askId = 0
  if (wantsBlock(state)) ask(state, env, out)
}

/** Callers wait in order of their deadlines. */
function onExpire(state: ProducerIdsState, env: ProducerIdsEnv, out: Outbox): void {
  while (state.waiting.length > 0 && state.waiting[0].deadline <= env.now) {
    give(state.waiting.shift()!.token, { error: KafkaError.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 }, out)
  }
  if (state.waiting.length > 0) out.setTimer('expire', state.waiting[0].deadline, { kind: 'expire' })
}

function give(token: ReplyToken, given: ProducerIdGiven, out: Outbox): void {
  out.reply(token, given)
}
