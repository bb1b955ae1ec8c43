/**
 * Requests for the active controller: decided here, passed on to it, or held until there is one.
 */
import type { Message, ReplyToken } from '@troupe/actor'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { BrokerHeartbeatRequest, BrokerRegistrationRequest, DescribeQuorumRequest } from '@troupe/wire/messages'
import { noteDelta } from './actor-apply.ts'
import type { ControllerIo } from './actor-state.ts'
import { isStale, newSession, touchSession } from './controller/brokers.ts'
import { decide, type DecidedApi } from './controller/decide.ts'
import type { DecideEnv, Decision } from './controller/decision.ts'
import { describeQuorum } from './controller/describe-quorum.ts'
import { bootstrapRecords } from './controller/features.ts'
import { electPreferredLeaders, electUncleanLeaders, fenceBroker } from './controller/leadership.ts'
import type { BrokerDown, ControllerRefused, ControllerRequest } from './messages.ts'
import { memberAddress } from './raft/become.ts'
import { append } from './raft/leading.ts'
import { encodeEntries, type KnownRecord } from './records.ts'

/** How long a request waits for a controller to be elected before it is refused. */
const WAIT_MS = 1000
const MAX_WAITING = 1000

export interface ControllerTimer extends Message {
  readonly kind: 'controllerTimer'
  readonly timer: 'sessions' | 'imbalance' | 'waiting'
}

function setTimer({ env, out }: ControllerIo, timer: ControllerTimer['timer'], delayMs: number): void {
  const message: ControllerTimer = { kind: 'controllerTimer', timer }
  out.setTimer(`controller-${timer}`, env.now + delayMs, message)
}

function refuse({ out }: ControllerIo, token: ReplyToken, error: ErrorCode = KafkaError.NOT_CONTROLLER): void {
  const refused: ControllerRefused = { kind: 'refused', error }
  out.reply(token, refused)
}

export function onRequest(io: ControllerIo, request: ControllerRequest): void {
  const { actor, out } = io
  const { raft } = actor
  if (actor.active) return serve(io, request)
  const elsewhere = raft.leaderId >= 0 && raft.leaderId !== raft.config.self
  if (elsewhere && !request.forwarded)
    return out.send(memberAddress(raft.leaderId), { ...request, forwarded: true } as ControllerRequest)
  if (elsewhere || actor.waiting.length >= MAX_WAITING) return refuse(io, request.replyTo)
  if (actor.waiting.length === 0) setTimer(io, 'waiting', WAIT_MS)
  actor.waiting.push({ request, since: io.env.now })
}

/** After every step: somebody may have been elected. */
export function releaseWaiting(io: ControllerIo): void {
  const { actor } = io
  const { raft } = actor
  if (actor.waiting.length === 0 || (!actor.active && (raft.leaderId < 0 || raft.leaderId === raft.config.self))) return
  for (const { request } of actor.waiting.splice(0)) onRequest(io, request)
}

function serve(io: ControllerIo, request: ControllerRequest): void {
  const { actor, env } = io
  const { raft, controller } = actor
  if (request.api === 'DescribeQuorum') {
    const response = describeQuorum(raft, controller.image, request.body as DescribeQuorumRequest, env.now)
    return hold(io, request.replyTo, response)
  }
  const decision = tryToDecide(io, request.api, request.body)
  if (decision === null) return refuse(io, request.replyTo, KafkaError.UNKNOWN_SERVER_ERROR)
  write(io, decision.records)
  touch(io, request, decision.response)
  hold(io, request.replyTo, decision.response)
  if (request.api === 'IncrementalAlterConfigs' || request.api === 'AlterConfigs') {
    const topics = decision.records.some(({ type }) => type === 'ConfigRecord')
    if (topics) write(io, electUncleanLeaders(controller, decideEnv(io)))
  }
}

/**
 * A request on which `decide` breaks has changed nothing: it alone is refused. Were it to end this actor, a client that
 * repeats it would use up the budget of restarts, and with it the broker's, on one broker after the other.
 */
function tryToDecide(io: ControllerIo, api: DecidedApi, body: unknown): Decision | null {
  try {
    return decide(io.actor.controller, api, body, decideEnv(io))
  } catch (error) {
    io.out.trace('decide-failed', { level: 'error', api, error: error instanceof Error ? error.stack : String(error) })
    return null
  }
}

function decideEnv({ actor, env }: ControllerIo): DecideEnv {
  return {
    now: env.now,
    random: () => env.random(),
    safeguards: env.safeguards,
    config: env.config,
    nextOffset: actor.raft.store.endOffset,
  }
}

/** Appends the records as one batch and replays them: from here on they count for every later decision. */
function write(io: ControllerIo, records: readonly KnownRecord[]): void {
  const { actor, env, out } = io
  if (records.length === 0) return
  const { raft, controller } = actor
  append({ raft, env, out }, encodeEntries(records, raft.store.endOffset, raft.epoch, env.now))
  noteDelta(controller.image.apply(records, raft.store.endOffset - 1, raft.epoch, env.now), { actor })
  actor.applied = raft.store.endOffset
}

/** Sessions are no records: they are this controller's own knowledge. */
function touch(io: ControllerIo, request: ControllerRequest, response: unknown): void {
  const { actor } = io
  if ((response as { errorCode?: number }).errorCode) return
  const env = decideEnv(io)
  if (request.api === 'BrokerRegistration') {
    const { brokerId } = request.body as BrokerRegistrationRequest
    actor.controller.sessions.delete(brokerId)
    touchSession(actor.controller, env, brokerId, -1, actor.applied)
  } else if (request.api === 'BrokerHeartbeat') {
    const { brokerId, currentMetadataOffset } = request.body as BrokerHeartbeatRequest
    touchSession(actor.controller, env, brokerId, currentMetadataOffset, actor.applied)
  }
}

/** The response tells of state that is not committed yet: it waits for all of it. */
function hold({ actor, out }: ControllerIo, token: ReplyToken, response: unknown): void {
  if (actor.applied <= actor.raft.highWatermark) return out.reply(token, response)
  actor.held.push({ endOffset: actor.applied, token, response })
}

export function releaseHeld({ actor, out }: ControllerIo): void {
  const { held } = actor
  let released = 0
  while (released < held.length && held[released]!.endOffset <= actor.raft.highWatermark) {
    const { token, response } = held[released++]!
    out.reply(token, response)
  }
  if (released > 0) held.splice(0, released)
}

/** All of the log is committed and applied here: from now on this is the controller. */
export function activate(io: ControllerIo): void {
  const { actor, env, out } = io
  const { controller } = actor
  actor.active = true
  controller.sessions.clear()
  for (const { id } of controller.image.brokers.values()) controller.sessions.set(id, newSession(env.now, false))
  out.trace('controller-active', { epoch: actor.raft.epoch, offset: actor.applied })
  if (controller.image.features.size === 0) write(io, bootstrapRecords(controller, decideEnv(io)))
  for (const down of actor.down.values()) onBrokerDown(io, down)
  setTimer(io, 'sessions', sessionCheckMs(io))
  setTimer(io, 'imbalance', env.config['leader.imbalance.check.interval.seconds'] * 1000)
}

export function deactivate(io: ControllerIo): void {
  const { actor, out } = io
  actor.active = false
  for (const { token } of actor.held.splice(0)) refuse(io, token)
  actor.controller.sessions.clear()
  out.cancelTimer('controller-sessions')
  out.cancelTimer('controller-imbalance')
  out.trace('controller-inactive', { epoch: actor.raft.epoch })
}

/** Fences the registration that is meant and no later one; a controller that is not active remembers. */
export function onBrokerDown(io: ControllerIo, down: BrokerDown): void {
  const { actor } = io
  const broker = actor.controller.image.brokers.get(down.broker)
  const { brokerEpoch = broker?.epoch, incarnationId = broker?.incarnationId } = down
  if (!actor.active) {
    actor.down.set(down.broker, { kind: 'brokerDown', broker: down.broker, brokerEpoch, incarnationId })
    return
  }
  actor.down.delete(down.broker)
  if (!broker || broker.epoch !== brokerEpoch || broker.incarnationId !== incarnationId) return
  actor.controller.sessions.delete(down.broker)
  if (!broker.fenced) write(io, fenceBroker(actor.controller, decideEnv(io), down.broker))
}

export function onControllerTimer(io: ControllerIo, timer: ControllerTimer['timer']): void {
  switch (timer) {
    case 'sessions':
      return onSessionCheck(io)
    case 'imbalance':
      return onImbalanceCheck(io)
    case 'waiting':
      return onWaitingTimeout(io)
  }
}

const sessionCheckMs = ({ env }: ControllerIo): number =>
  Math.min(1000, Math.ceil(env.config['broker.session.timeout.ms'] / 9))

/** One after the other, so that the second election knows of the first broker's absence. */
function onSessionCheck(io: ControllerIo): void {
  const { actor, env } = io
  if (!actor.active) return
  const { controller } = actor
  for (const broker of controller.image.brokers.values()) {
    const session = controller.sessions.get(broker.id)
    if (broker.fenced || (session && !isStale(session, env))) continue
    io.out.trace('broker-session-expired', { broker: broker.id, epoch: broker.epoch })
    write(io, fenceBroker(controller, decideEnv(io), broker.id))
  }
  setTimer(io, 'sessions', sessionCheckMs(io))
}

function onImbalanceCheck(io: ControllerIo): void {
  const { actor, env } = io
  if (!actor.active) return
  write(io, electUncleanLeaders(actor.controller, decideEnv(io)))
  if (env.config['auto.leader.rebalance.enable']) write(io, electPreferredLeaders(actor.controller, decideEnv(io)))
  setTimer(io, 'imbalance', env.config['leader.imbalance.check.interval.seconds'] * 1000)
}

function onWaitingTimeout(io: ControllerIo): void {
  const { actor, env } = io
  const expired = actor.waiting.filter(({ since }) => env.now - since >= WAIT_MS)
  actor.waiting = actor.waiting.filter(({ since }) => env.now - since < WAIT_MS)
  for (const { request } of expired) refuse(io, request.replyTo)
  if (actor.waiting.length > 0) setTimer(io, 'waiting', actor.waiting[0]!.since + WAIT_MS - env.now)
}
