/**
 * The `network` actor: a client node's connections, and its picture of the cluster.
 *
 * Spawned once per client node, kind `network`, name `network` (`clientActorNames.network`), args
 * `{ properties: { 'bootstrap.servers': ['host:port', …], … } }` (`NetworkProperties`), with `env.transport`. It never throws
 * an answer away: each `request` is answered once. Like NetworkClient and Metadata of the Java client together.
 *
 * | message                                   | from             | effect                                              |
 * | ----------------------------------------- | ---------------- | --------------------------------------------------- |
 * | connected, disconnected, frame            | transport        | moves a link on, answers a request                  |
 * | request                                   | the other actors | one request to a broker, one `NetworkAnswer`        |
 * | closeChannel                              | the other actors | closes what it had open                             |
 * | watchMetadata, unwatchMetadata            | the other actors | who hears `metadataChanged`, of which topics        |
 * | refreshMetadata, leaderHints              | the other actors | the picture is out of date, or somebody knows more  |
 * | oauthToken                                | the shell        | a token for OAUTHBEARER                             |
 * | due                                       | itself           | time-outs, reconnects                               |
 * | refresh                                   | itself           | asks for metadata                                   |
 */
import type { ActorDefinition, Message } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import type { NetworkProperties } from './config.ts'
import type { BrokerEndpoint, NetworkMessage, NetworkRequest, WatchMetadata } from './messages.ts'
import { onToken } from './network/authentication.ts'
import { closeLink, dueAt, expire, linkTo, lose, onConnected, onFrame, refuse, submit } from './network/links.ts'
import { METADATA, metadataRequest, onLeaderHints, refreshAt, wantMetadata, asksForAll } from './network/metadata.ts'
import { NEVER, newNetworkState, type Call, type NetworkEnv, type NetworkState, type Step } from './network/state.ts'
import type { TransportMessage } from './transport.ts'

export interface NetworkArgs {
  readonly properties: Partial<NetworkProperties>
}

interface Due extends Message {
  readonly kind: 'due'
}
interface Refresh extends Message {
  readonly kind: 'refresh'
}

export const networkActor: ActorDefinition<
  NetworkState,
  NetworkMessage | TransportMessage | Due | Refresh,
  NetworkEnv,
  NetworkArgs
> = {
  kind: 'network',
  start: ({ properties }) => newNetworkState(properties),
  step(state, message, env, out) {
    const step: Step = { state, env, out }
    dispatch(step, message)
    refreshIfDue(step)
    setTimers(step)
  },
}

function dispatch(step: Step, message: NetworkMessage | TransportMessage | Due | Refresh): void {
  const { state } = step
  switch (message.kind) {
    case 'connected':
    case 'disconnected':
    case 'frame':
      return onTransport(step, message)
    case 'request':
      return onRequest(step, message)
    case 'closeChannel':
      for (const link of state.links.values()) if (link.channel === message.channel) closeLink(step, link)
      return
    case 'watchMetadata':
      return onWatch(step, message)
    case 'unwatchMetadata':
      state.metadata.watchers.delete(message.from.actor)
      return
    case 'refreshMetadata':
      return wantMetadata(state, 'soon')
    case 'leaderHints':
      return onLeaderHints(step, message)
    case 'oauthToken':
      return onToken(step, message)
    case 'due':
      state.dueAt = NEVER
      for (const link of state.links.values()) expire(step, link)
      return
    case 'refresh':
      state.refreshAt = NEVER
  }
}

function onTransport(step: Step, message: TransportMessage): void {
  const { state, env } = step
  const key = state.connections.get(message.connection)
  const link = key === undefined ? undefined : state.links.get(key)
  // Of an earlier life of this actor, or closed by it a moment ago.
  if (!link) return message.kind === 'disconnected' ? undefined : env.transport.close(message.connection)
  switch (message.kind) {
    case 'connected':
      return onConnected(step, link)
    case 'disconnected':
      if (message.refused === undefined) return lose(step, link)
      return refuse(step, link, KafkaError.SASL_AUTHENTICATION_FAILED, message.refused)
    case 'frame':
      return onFrame(step, link, message.bytes, message.owned ?? false)
  }
}

function onRequest(step: Step, request: NetworkRequest): void {
  const { env, out } = step
  const channel = request.channel ?? request.replyTo.actor
  const broker = resolve(step, request.to, channel)
  if (!broker) {
    wantMetadata(step.state, 'soon')
    const to = typeof request.to === 'number' ? request.to : -1
    return out.reply(request.replyTo, { kind: 'unanswered', reason: 'no-connection', broker: to })
  }
  const call: Call = {
    replyTo: request.replyTo,
    own: null,
    api: request.api,
    body: request.body,
    minVersion: request.minVersion ?? 0,
    maxVersion: request.maxVersion ?? Number.MAX_SAFE_INTEGER,
    deadlineAt: env.now + request.timeoutMs,
    noResponse: request.noResponse ?? false,
  }
  submit(step, linkTo(step, channel, broker.id, broker.host, broker.port), call)
}

function resolve(step: Step, to: NetworkRequest['to'], channel: string): BrokerEndpoint | undefined {
  const { snapshot } = step.state.metadata
  if (typeof to === 'object') return to
  if (typeof to === 'number') return snapshot?.brokers.find(({ id }) => id === to)
  const controller = to === 'controller' && snapshot?.brokers.find(({ id }) => id === snapshot.controllerId)
  return controller || leastLoaded(step, channel)
}

/** As NetworkClient.leastLoadedNode: connected before connecting before unconnected before backing off; ties by chance. */
function leastLoaded(step: Step, channel: string): BrokerEndpoint | undefined {
  const { state, env } = step
  const known = state.metadata.snapshot?.brokers ?? []
  const candidates = known.length > 0 ? known : bootstrap(state)
  if (candidates.length === 0) return undefined
  const first = env.random() % candidates.length
  let best = candidates[first]!
  let least = Infinity
  for (let n = 0; n < candidates.length; n++) {
    const broker = candidates[(first + n) % candidates.length]!
    const load = loadOf(step, `${channel}@${broker.id}`)
    if (load < least) [best, least] = [broker, load]
  }
  // Nothing of what metadata named can be reached: begin again (KIP-899).
  if (least >= BACKING_OFF && known.length > 0) {
    const anew = bootstrap(state)
    if (anew.length > 0) return anew[env.random() % anew.length]
  }
  return best
}

const CONNECTING = 1000
const UNCONNECTED = 2000
const BACKING_OFF = 3000

function loadOf({ state, env }: Step, key: string): number {
  const link = state.links.get(key)
  if (!link) return UNCONNECTED
  if (link.phase === 'ready') return Math.min(link.sent.length + link.queue.length, CONNECTING - 1)
  if (link.phase !== 'idle') return CONNECTING
  return link.retryAt > env.now ? BACKING_OFF : UNCONNECTED
}

function bootstrap({ config }: NetworkState): BrokerEndpoint[] {
  return config['bootstrap.servers'].map((server, index) => {
    const colon = server.lastIndexOf(':')
    return { id: -1 - index, host: server.slice(0, colon), port: Number(server.slice(colon + 1)), rack: null }
  })
}

function onWatch(step: Step, { from, topics, allowAutoTopicCreation = false }: WatchMetadata): void {
  const { metadata } = step.state
  metadata.watchers.set(from.actor, { address: from, topics, allowAutoTopicCreation })
  const { snapshot } = metadata
  if (snapshot) step.out.send(from, { kind: 'metadataChanged', metadata: snapshot } as never)
  if (!snapshot || topics === null || topics.some((name) => !snapshot.topics.has(name))) wantMetadata(step.state, 'now')
}

const CHANNEL = 'network'

function refreshIfDue(step: Step): void {
  const { state, env } = step
  if (refreshAt(state) > env.now) return
  const broker = leastLoaded(step, CHANNEL)
  if (!broker) return
  state.metadata.inFlight = true
  state.metadata.asksForAll = asksForAll(state.metadata)
  state.metadata.wanted = 'no'
  state.metadata.attemptAt = env.now
  const call: Call = {
    replyTo: null,
    own: 'metadata',
    api: METADATA,
    body: metadataRequest(state),
    minVersion: 0,
    maxVersion: Number.MAX_SAFE_INTEGER,
    deadlineAt: env.now + state.config['request.timeout.ms'],
    noResponse: false,
  }
  submit(step, linkTo(step, CHANNEL, broker.id, broker.host, broker.port), call)
}

function setTimers(step: Step): void {
  const { state, out } = step
  let due = NEVER
  for (const link of state.links.values()) due = Math.min(due, dueAt(step, link, NEVER))
  // A timer that is too early looks again; most requests are answered long before they are overdue.
  if (due < state.dueAt || (due === NEVER && state.dueAt !== NEVER)) {
    state.dueAt = due
    if (due === NEVER) out.cancelTimer('due')
    else out.setTimer('due', due, { kind: 'due' })
  }
  const refresh = refreshAt(state)
  if (refresh !== state.refreshAt) {
    state.refreshAt = refresh
    if (refresh === NEVER) out.cancelTimer('refresh')
    else out.setTimer('refresh', refresh, { kind: 'refresh' })
  }
}
