/**
 * Connections: opening them, agreeing on versions, sending what waits, giving up.
 *
 * One ApiVersions per connection says what its broker understands (KIP-35, KIP-511). A request that gets no answer in
 * time costs the connection, since a later answer could not be told from the answers behind it. Source: NetworkClient,
 * ClusterConnectionStates, InFlightRequests.
 */
import { WireError } from '@troupe/wire/io'
import { KafkaError } from '@troupe/wire/errors'
import type { ApiVersionsResponse } from '@troupe/wire/generated/18-api-versions'
import { backoff } from '../config.ts'
import type { NetworkAnswer, Unanswered } from '../messages.ts'
import { API_VERSIONS, correlationIdOf, decodeResponse, encodeRequest, ownMaxVersion, specOf } from './frames.ts'
import { metadataFailed, onMetadataResponse, publish, wantMetadata } from './metadata.ts'
import { authenticate, onAuthenticated, onHandshake } from './authentication.ts'
import { NEVER, linkEdges, type Call, type Link, type SentCall, type Step } from './state.ts'

/** More failures than this change no back-off. */
const MANY = 16
const SOFTWARE = { clientSoftwareName: 'troupe', clientSoftwareVersion: '0.1.0' }

export function linkTo(step: Step, channel: string, broker: number, host: string, port: number): Link {
  const { links } = step.state
  const key = `${channel}@${broker}`
  let link = links.get(key)
  if (!link) {
    link = {
      key,
      channel,
      broker,
      host,
      port,
      phase: 'idle',
      connection: -1,
      versions: null,
      authentication: null,
      reauthenticateAt: NEVER,
      worked: false,
      queue: [],
      sent: [],
      failures: 0,
      retryAt: 0,
      setupAt: 0,
      usedAt: step.env.now,
      throttledUntil: 0,
    }
    links.set(key, link)
  }
  if (link.host !== host || link.port !== port) {
    // The broker has moved. What was sent to its old address is lost with it.
    drop(step, link, 'disconnected')
    link.host = host
    link.port = port
    link.failures = 0
    link.retryAt = 0
  }
  return link
}

/** Queues a request; it goes out as soon as the link lets it. */
export function submit(step: Step, link: Link, call: Call): void {
  link.queue.push(call)
  pump(step, link)
}

/** Does whatever the link can do now: connect when something waits, send what it may. */
export function pump(step: Step, link: Link): void {
  const { state, env } = step
  if (link.phase === 'idle') {
    if (link.queue.length > 0 && env.now >= link.retryAt) connect(step, link)
    return
  }
  if (link.phase !== 'ready' || env.now < link.throttledUntil) return
  if (link.queue.length > 0 && env.now >= link.reauthenticateAt) return authenticate(step, link)
  const limit = state.config['max.in.flight.requests.per.connection']
  while (link.queue.length > 0 && link.sent.length < limit) transmit(step, link, link.queue.shift()!)
}

function connect(step: Step, link: Link): void {
  const { state, env } = step
  link.phase = linkEdges(link.phase, 'connecting')
  link.setupAt = env.now + state.config['socket.connection.setup.timeout.ms']
  link.connection = env.transport.connect(link.host, link.port)
  state.connections.set(link.connection, link.key)
}

export function onConnected(step: Step, link: Link): void {
  if (link.phase !== 'connecting') return
  link.phase = linkEdges(link.phase, 'negotiating')
  askVersions(step, link, ownMaxVersion(specOf(API_VERSIONS)))
}

function askVersions(step: Step, link: Link, version: number): void {
  write(step, link, ownCall(step, 'versions', API_VERSIONS, version >= 3 ? SOFTWARE : {}, version, version), version)
}

function ownCall(
  { state, env }: Step,
  own: NonNullable<Call['own']>,
  api: number,
  body: object,
  minVersion = 0,
  maxVersion = Number.MAX_SAFE_INTEGER,
): Call {
  const deadlineAt = env.now + state.config['request.timeout.ms']
  return { replyTo: null, own, api, body, minVersion, maxVersion, deadlineAt, noResponse: false }
}

/** Before the link is ready. */
export function sendOwn(
  step: Step,
  link: Link,
  own: 'handshake' | 'authenticate',
  api: number,
  body: object,
  minVersion = 0,
): void {
  const call = ownCall(step, own, api, body, minVersion)
  const version = chooseVersion(link, call)
  if (version < 0) return refuse(step, link, KafkaError.UNSUPPORTED_VERSION, `the broker does not know ${own}`)
  write(step, link, call, version)
}

/** Requests may go out. */
export function becomeReady(step: Step, link: Link): void {
  link.phase = linkEdges(link.phase, 'ready')
  link.worked = true
  link.failures = 0
}

/** We and the broker do not accept each other: everybody who waits hears why. */
export function refuse(step: Step, link: Link, error: number, detail: string): void {
  step.out.trace('authentication.failed', { level: 'error', broker: link.broker, error, detail })
  const { queue } = link
  link.queue = []
  drop(step, link, 'disconnected')
  for (const call of queue) fail(step, link, call, 'authentication-failed', { error, detail })
}

/** The highest version that both sides and the asker allow, −1 if there is none. */
function chooseVersion(link: Link, call: Call): number {
  const spec = specOf(call.api)
  const [low, high] = link.versions?.get(call.api) ?? [0, -1]
  const version = Math.min(high, ownMaxVersion(spec), call.maxVersion)
  return version >= Math.max(low, spec.minVersion, call.minVersion) ? version : -1
}

function transmit(step: Step, link: Link, call: Call): void {
  const version = chooseVersion(link, call)
  if (version < 0) return fail(step, link, call, 'unsupported-version')
  write(step, link, call, version)
}

function write(step: Step, link: Link, call: Call, version: number): void {
  const { state, env } = step
  const correlationId = state.nextCorrelationId
  state.nextCorrelationId = (correlationId + 1) & 0x7fffffff
  let frame: Uint8Array
  try {
    frame = encodeRequest(call.api, version, correlationId, state.config['client.id'], call.body)
  } catch (error) {
    // The body holds something that this version cannot carry.
    if (!(error instanceof WireError)) throw error
    step.out.trace('request.unencodable', { api: call.api, version, cause: error.message })
    return fail(step, link, call, 'unsupported-version')
  }
  link.usedAt = env.now
  env.transport.send(link.connection, frame)
  if (call.noResponse) answer(step, link, call, { kind: 'response', version, body: null, broker: link.broker })
  else link.sent.push({ call, correlationId, version })
}

export function onFrame(step: Step, link: Link, bytes: Uint8Array, owned: boolean): void {
  const sent = link.sent.shift()
  if (!sent) return lose(step, link)
  let body: unknown
  try {
    if (correlationIdOf(bytes) !== sent.correlationId) throw new WireError('an answer to another request')
    body = decodeResponse(sent.call.api, sent.version, bytes, owned)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    step.out.trace('response.malformed', { api: sent.call.api, broker: link.broker, cause: error.message })
    fail(step, link, sent.call, 'malformed')
    return lose(step, link)
  }
  const { throttleTimeMs = 0 } = body as { readonly throttleTimeMs?: number }
  link.usedAt = step.env.now
  link.throttledUntil = step.env.now + throttleTimeMs
  received(step, link, sent, body)
  pump(step, link)
}

function received(step: Step, link: Link, { call, version }: SentCall, body: unknown): void {
  switch (call.own) {
    case 'versions':
      return onVersions(step, link, version, body as ApiVersionsResponse)
    case 'handshake':
      return onHandshake(step, link, body as never)
    case 'authenticate':
      return onAuthenticated(step, link, body as never)
    case 'metadata':
      return onMetadataResponse(step, body as never)
    default:
      answer(step, link, call, { kind: 'response', version, body, broker: link.broker })
  }
}

function onVersions(step: Step, link: Link, version: number, response: ApiVersionsResponse): void {
  if (response.errorCode === KafkaError.UNSUPPORTED_VERSION && version > 0) {
    const known = response.apiKeys.find(({ apiKey }) => apiKey === API_VERSIONS)
    return askVersions(step, link, Math.min(known?.maxVersion ?? 0, version - 1))
  }
  if (response.errorCode !== KafkaError.NONE) return lose(step, link)
  link.versions = new Map(response.apiKeys.map((api) => [api.apiKey, [api.minVersion, api.maxVersion]]))
  authenticate(step, link)
  const { state } = step
  if (response.finalizedFeaturesEpoch <= state.features.epoch) return
  const levels = response.finalizedFeatures.map((feature) => [feature.name, feature.maxVersionLevel] as const)
  state.features = { epoch: response.finalizedFeaturesEpoch, levels: new Map(levels) }
  publish(step)
}

/** The connection is gone, or not worth keeping. */
export function lose(step: Step, link: Link): void {
  drop(step, link, 'disconnected')
  wantMetadata(step.state, 'soon')
  pump(step, link)
}

/** Closes; what was sent is answered with `why`. What waits is kept if the link ever worked, else it is given up. */
function drop(step: Step, link: Link, why: Unanswered['reason']): void {
  const { state, env } = step
  if (link.phase === 'idle') return
  const { worked } = link
  state.connections.delete(link.connection)
  env.transport.close(link.connection)
  link.phase = linkEdges(link.phase, 'idle')
  link.connection = -1
  link.versions = null
  link.authentication = null
  link.reauthenticateAt = NEVER
  link.worked = false
  link.throttledUntil = 0
  const { 'reconnect.backoff.ms': base, 'reconnect.backoff.max.ms': max } = state.config
  link.retryAt = env.now + backoff(base, max, link.failures, env.random)
  link.failures = Math.min(link.failures + 1, MANY)
  const sent = link.sent
  link.sent = []
  for (const { call } of sent) if (!isSetup(call)) fail(step, link, call, why)
  if (worked) return
  const queue = link.queue
  link.queue = []
  for (const call of queue) fail(step, link, call, 'no-connection')
}

/** Of the connection itself. */
function isSetup({ own }: Call): boolean {
  return own !== null && own !== 'metadata'
}

/** Nothing is sent that would be overdue one day. */
function isWaiting({ phase, authentication }: Link): boolean {
  return phase === 'connecting' || authentication?.step === 'token'
}

/** What is overdue on this link. */
export function expire(step: Step, link: Link): void {
  const { now } = step.env
  const late = link.queue.filter((call) => call.deadlineAt <= now)
  if (late.length > 0) {
    link.queue = link.queue.filter((call) => call.deadlineAt > now)
    for (const call of late) fail(step, link, call, 'no-connection')
  }
  if (isWaiting(link) && link.setupAt <= now) return lose(step, link)
  const overdue = link.sent.filter(({ call }) => call.deadlineAt <= now)
  if (overdue.length > 0) {
    link.sent = link.sent.filter(({ call }) => call.deadlineAt > now)
    for (const { call } of overdue) if (!isSetup(call)) fail(step, link, call, 'timed-out')
    return lose(step, link)
  }
  if (link.phase === 'ready' && isIdle(link) && idleUntil(step, link) <= now) drop(step, link, 'disconnected')
  pump(step, link)
}

function isIdle(link: Link): boolean {
  return link.sent.length === 0 && link.queue.length === 0
}

function idleUntil(step: Step, link: Link): number {
  return link.usedAt + step.state.config['connections.max.idle.ms']
}

/** When something may have to happen on this link though nobody says anything. */
export function dueAt(step: Step, link: Link, never: number): number {
  let at = never
  for (const { deadlineAt } of link.queue) at = Math.min(at, deadlineAt)
  for (const { call } of link.sent) at = Math.min(at, call.deadlineAt)
  if (isWaiting(link)) at = Math.min(at, link.setupAt)
  if (link.phase === 'idle' && link.queue.length > 0) at = Math.min(at, link.retryAt)
  if (link.queue.length > 0 && link.throttledUntil > step.env.now) at = Math.min(at, link.throttledUntil)
  if (link.phase === 'ready' && isIdle(link)) at = Math.min(at, idleUntil(step, link))
  return at
}

export function closeLink(step: Step, link: Link): void {
  drop(step, link, 'disconnected')
  for (const call of link.queue) fail(step, link, call, 'no-connection')
  step.state.links.delete(link.key)
}

function fail(
  step: Step,
  link: Link,
  call: Call,
  reason: Unanswered['reason'],
  refusal?: { readonly error: number; readonly detail: string },
): void {
  if (call.own === 'metadata') return metadataFailed(step, refusal)
  // No version of ApiVersions in common: nothing else can be said to this broker.
  if (isSetup(call)) return
  answer(step, link, call, { kind: 'unanswered', reason, broker: link.broker, ...refusal })
}

function answer(step: Step, _link: Link, call: Call, body: NetworkAnswer): void {
  if (call.replyTo) step.out.reply(call.replyTo, body)
}
