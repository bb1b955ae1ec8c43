/**
 * The broker's life towards the controller: registration, heartbeats, controlled shutdown.
 *
 * One question is in flight at a time; it is asked again when its answer does not come. While the broker is fenced or
 * stopping it does not wait for the next heartbeat interval but asks as soon as the metadata moves.
 * Source: KIP-631; Kafka's BrokerLifecycleManager.
 */
import { actorNames, isFailed, type Message, type ReplyToken } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import type {
  BrokerHeartbeatRequest,
  BrokerHeartbeatResponse,
  BrokerRegistrationRequest,
  BrokerRegistrationResponse,
} from '@troupe/wire/messages'
import { supportedFeatures } from '../controller/features.ts'
import type { ControllerRefused, ControllerRequest, ResignLeadership } from '../messages.ts'
import { brokerEdges, type BrokerIo, type BrokerPhase } from './state.ts'

const RETRY_MS = 20
/** Longer than an election takes; registering again under the same incarnation changes nothing. */
const REGISTRATION_TIMEOUT_MS = 500
/** Heartbeats while something is waited for. */
const IMPATIENT_MS = 50
/** Without an answer for so long a stopping broker goes: there is nobody left who could move its leaders. */
const SHUTDOWN_SILENCE_MS = 2000
/** How long a broker whose disk has failed waits for its leaders to be moved; its end moves them as well. */
const FENCE_LIMIT_MS = 500

export interface LifecycleTimer extends Message {
  readonly kind: 'lifecycleTimer'
}

function become({ state, out }: BrokerIo, phase: BrokerPhase): void {
  const from = state.phase
  state.phase = brokerEdges(from, phase)
  if (from !== phase) out.trace('broker', { from, to: phase, epoch: state.brokerEpoch })
}

function askController(
  { state, env, out }: BrokerIo,
  api: 'BrokerRegistration' | 'BrokerHeartbeat',
  body: unknown,
): void {
  state.askedId = state.nextId++
  const message: ControllerRequest = {
    kind: 'controllerRequest',
    replyTo: { ...env.self, id: state.askedId },
    api,
    body,
  }
  out.send({ broker: env.self.broker, actor: actorNames.controller }, message)
}

function again({ env, out }: BrokerIo, delayMs: number): void {
  const timer: LifecycleTimer = { kind: 'lifecycleTimer' }
  out.setTimer('lifecycle', env.now + delayMs, timer)
}

export function register(io: BrokerIo): void {
  const { env } = io
  const { brokerEpoch: previous } = io.state
  const body: BrokerRegistrationRequest = {
    brokerId: env.self.broker,
    clusterId: env.image.clusterId,
    incarnationId: env.incarnationId,
    listeners: env.listeners.map(({ name, host, port, securityProtocol }) => ({ name, host, port, securityProtocol })),
    features: [...supportedFeatures].map(([name, { min, max }]) => ({
      name,
      minSupportedVersion: min,
      maxSupportedVersion: max,
    })),
    rack: env.config['broker.rack'],
    isMigratingZkBroker: false,
    logDirs: [env.logs.directoryId],
    previousBrokerEpoch: previous >= 0 ? previous : cleanEpoch(io),
  }
  askController(io, 'BrokerRegistration', body)
  again(io, REGISTRATION_TIMEOUT_MS)
}

/** The epoch in which this broker last stopped cleanly, −1 if it did not (KIP-966: it then leaves every ELR). */
function cleanEpoch({ env }: BrokerIo): number {
  return env.logs.cleanShutdown ? env.logs.previousBrokerEpoch : -1
}

export function heartbeat(io: BrokerIo): void {
  const { state, env } = io
  const body: BrokerHeartbeatRequest = {
    brokerId: env.self.broker,
    brokerEpoch: state.brokerEpoch,
    currentMetadataOffset: env.image.offset,
    wantFence: state.phase === 'failed',
    wantShutDown: state.phase === 'stopping',
    offlineLogDirs: state.failure === null ? [] : [env.logs.directoryId],
    cordonedLogDirs: null,
  }
  askController(io, 'BrokerHeartbeat', body)
  again(io, state.phase === 'running' ? env.config['broker.heartbeat.interval.ms'] : IMPATIENT_MS)
}

export function onLifecycleTimer(io: BrokerIo): void {
  const { state, env } = io
  switch (state.phase) {
    case 'starting':
      return register(io)
    case 'recovery':
    case 'running':
      return heartbeat(io)
    case 'stopping':
      if (env.now - state.lastAnswerMs >= SHUTDOWN_SILENCE_MS) return becomeStopped(io)
      return heartbeat(io)
    case 'failed':
      return end(io)
    case 'stopped':
      return
  }
}

export function onControllerAnswer(io: BrokerIo, id: number, body: unknown): void {
  const { state, env } = io
  if (id !== state.askedId) return
  state.askedId = 0
  if (state.phase === 'failed') return end(io)
  if (isFailed(body) || (body as ControllerRefused).kind === 'refused')
    return again(io, RETRY_MS + (env.random() % RETRY_MS))
  state.lastAnswerMs = env.now
  if (state.phase === 'starting') return onRegistered(io, body as BrokerRegistrationResponse)
  onHeartbeatAnswer(io, body as BrokerHeartbeatResponse)
}

function onRegistered(
  io: BrokerIo,
  { errorCode = KafkaError.NONE, brokerEpoch }: Partial<BrokerRegistrationResponse>,
): void {
  const { state, out } = io
  if (errorCode !== KafkaError.NONE) {
    out.trace('broker-registration-refused', { error: errorCode })
    return again(io, IMPATIENT_MS)
  }
  state.brokerEpoch = brokerEpoch!
  become(io, 'recovery')
  heartbeat(io)
}

function onHeartbeatAnswer(io: BrokerIo, answer: Partial<BrokerHeartbeatResponse>): void {
  const { state, env, out } = io
  const { errorCode = KafkaError.NONE, isFenced = true, shouldShutDown = false } = answer
  if (errorCode !== KafkaError.NONE) {
    out.trace('broker-heartbeat-refused', { error: errorCode })
    if (state.phase === 'stopping') return becomeStopped(io)
    // Unregistered, or another life of this broker has taken over: ask for an epoch again.
    become(io, 'starting')
    return again(io, RETRY_MS)
  }
  if (state.phase === 'stopping') return shouldShutDown ? becomeStopped(io) : again(io, IMPATIENT_MS)
  const next = isFenced ? 'recovery' : 'running'
  if (next !== state.phase) become(io, next)
  again(io, isFenced ? IMPATIENT_MS : env.config['broker.heartbeat.interval.ms'])
  answerReady(io)
}

/** After metadata was applied: it may be what the controller waits to hear of. `othersStop`: a broker waits for us to know. */
export function onMetadataApplied(io: BrokerIo, othersStop: boolean): void {
  const { state, env } = io
  answerReady(io)
  if (state.phase === 'running') {
    // Fenced behind our back (a stall, a false alarm): say at once that we are here.
    if (othersStop || env.image.brokers.get(env.self.broker)?.fenced) heartbeat(io)
    return
  }
  const caughtUp = env.image.offset >= state.brokerEpoch
  if (state.phase === 'stopping' || (state.phase === 'recovery' && caughtUp && state.askedId === 0)) heartbeat(io)
}

function answerReady({ state, env, out }: BrokerIo): void {
  if (state.phase !== 'running' || state.ready.length === 0) return
  const own = env.image.brokers.get(env.self.broker)
  if (own?.epoch !== state.brokerEpoch || own.fenced) return
  for (const token of state.ready.splice(0)) out.reply(token, {})
}

export function onAwaitReady(io: BrokerIo, token: ReplyToken): void {
  io.state.ready.push(token)
  answerReady(io)
}

export function onBeginShutdown(io: BrokerIo, token: ReplyToken): void {
  const { state, env, out } = io
  if (state.phase === 'stopped' || state.phase === 'failed') return out.reply(token, {})
  state.stopping.push(token)
  if (state.phase === 'stopping') return
  const registered = state.brokerEpoch >= 0 && state.phase !== 'starting'
  become(io, 'stopping')
  state.lastAnswerMs = env.now
  if (registered) heartbeat(io)
  else becomeStopped(io)
}

function becomeStopped(io: BrokerIo): void {
  const { state, env, out } = io
  become(io, 'stopped')
  // An answer that is still on its way changes nothing any more.
  state.askedId = 0
  out.cancelTimer('lifecycle')
  const resign: ResignLeadership = { kind: 'resignLeadership' }
  out.send({ broker: env.self.broker, actor: actorNames.controller }, resign)
  for (const token of state.stopping.splice(0)) out.reply(token, {})
}

/**
 * A log directory in which something could not be written or read is not used any more, and this broker has no other.
 * Leaders move away in an orderly manner if that is possible at once; then the worker ends, and is tried again later.
 * Source: Kafka's LogManager.handleLogDirFailure, BrokerLifecycleManager.propagateDirectoryFailure.
 */
export function onDirectoryFailed(io: BrokerIo, reason: string): void {
  const { state, env, out } = io
  if (state.failure !== null || state.phase === 'stopped') return
  state.failure = reason
  out.trace('log-directory-failed', { directoryId: env.logs.directoryId, reason })
  const registered = state.phase === 'running' || state.phase === 'recovery' || state.phase === 'stopping'
  become(io, 'failed')
  if (!registered) return end(io)
  heartbeat(io)
  again(io, FENCE_LIMIT_MS)
}

/** The shell ends the worker. (In a simulation nobody is there to hear it: the broker stays fenced.) */
function end({ state, env, out }: BrokerIo): void {
  out.cancelTimer('lifecycle')
  out.send({ broker: env.self.broker, actor: actorNames.shell }, {
    kind: 'endWorker',
    reason: state.failure,
  } as Message)
}
