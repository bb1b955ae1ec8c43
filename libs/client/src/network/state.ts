/**
 * The state of the `network` actor: links, and what is known of the cluster.
 *
 * A link is the connection of one channel to one broker, over all its lives: `idle → connecting → negotiating → ready`
 * and back to `idle` when it is lost. Requests wait in its queue until it is ready.
 */
import type { Address, Env, Outbox, ReplyToken } from '@troupe/actor'
import { defineEdges } from '@troupe/actor/edges'
import { networkDefaults, type NetworkProperties } from '../config.ts'
import type { FinalizedFeatures, MetadataSnapshot } from '../messages.ts'
import type { ClientTransport } from '../transport.ts'
import { credentialsOf, type Credentials } from './sasl/credentials.ts'
import type { ClientCrypto } from './sasl/crypto.ts'
import type { ScramState } from './sasl/scram.ts'

export type LinkPhase = 'idle' | 'connecting' | 'negotiating' | 'authenticating' | 'ready'

export const linkEdges = defineEdges<LinkPhase>({
  idle: ['connecting'],
  connecting: ['negotiating', 'idle'],
  negotiating: ['authenticating', 'ready', 'idle'],
  authenticating: ['ready', 'idle'],
  ready: ['authenticating', 'idle'],
})

export interface NetworkEnv extends Env {
  readonly transport: ClientTransport
  /** For SCRAM. */
  readonly crypto?: ClientCrypto
  /** For OAUTHBEARER: asks for a token; an `oauthToken` message with this id answers. */
  readonly tokens?: { request(id: number): void }
}

/** A request, waiting or sent. */
export interface Call {
  /** null: the network's own. */
  readonly replyTo: ReplyToken | null
  readonly own: 'versions' | 'handshake' | 'authenticate' | 'metadata' | null
  readonly api: number
  readonly body: object
  readonly minVersion: number
  readonly maxVersion: number
  readonly deadlineAt: number
  readonly noResponse: boolean
}

export interface SentCall {
  readonly call: Call
  readonly correlationId: number
  readonly version: number
}

/** What is being shown to the broker. `refused`: it has said no, and is told that we have heard it. */
export interface Authentication {
  step: 'handshake' | 'token' | 'exchange' | 'refused'
  /** The token that is waited for. */
  token: number
  scram: ScramState | null
}

export interface Link {
  readonly key: string
  readonly channel: string
  /** Negative: a bootstrap address whose broker is not known by number. */
  readonly broker: number
  host: string
  port: number
  phase: LinkPhase
  /** The transport's number, −1 while idle. */
  connection: number
  /** By API key; null until negotiated. */
  versions: Map<number, readonly [min: number, max: number]> | null
  /** While `authenticating`. */
  authentication: Authentication | null
  /** Before anything is sent after this time, authenticate again (KIP-368). */
  reauthenticateAt: number
  /** It was ready since it was connected. */
  worked: boolean
  queue: Call[]
  sent: SentCall[]
  /** Lost or failed connections in a row. */
  failures: number
  /** Not before this time is it tried again. */
  retryAt: number
  /** When a connection that is being set up, or waits for a token, is given up. */
  setupAt: number
  usedAt: number
  /** The broker has asked for silence until then (KIP-219). */
  throttledUntil: number
}

export interface Watcher {
  readonly address: Address
  readonly topics: readonly string[] | null
  readonly allowAutoTopicCreation: boolean
}

export interface MetadataState {
  snapshot: MetadataSnapshot | null
  /** By actor's name. */
  watchers: Map<string, Watcher>
  /** `now`: somebody wants a topic that was never asked for; `soon`: something is out of date. */
  wanted: 'no' | 'soon' | 'now'
  inFlight: boolean
  /** The request under way is for all topics. */
  asksForAll: boolean
  /** Watched by name, and not among all topics: the next request names them, so that they may be made. */
  missing: readonly string[]
  attemptAt: number
  updatedAt: number
  failures: number
  version: number
}

export interface NetworkState {
  readonly config: NetworkProperties
  /** null: without SASL. */
  readonly credentials: Credentials | null
  nextToken: number
  links: Map<string, Link>
  /** Connection number → link key. */
  connections: Map<number, string>
  nextCorrelationId: number
  metadata: MetadataState
  features: FinalizedFeatures
  /** What the two timers are set to, so that they are set again only when it changes. */
  dueAt: number
  refreshAt: number
}

/** One step's hands. */
export interface Step {
  readonly state: NetworkState
  readonly env: NetworkEnv
  readonly out: Outbox
}

export const NEVER = Number.MAX_SAFE_INTEGER

export function newNetworkState(properties: Partial<NetworkProperties>): NetworkState {
  const config = { ...networkDefaults, ...properties }
  return {
    config,
    credentials: credentialsOf(config),
    nextToken: 0,
    links: new Map(),
    connections: new Map(),
    nextCorrelationId: 0,
    metadata: {
      snapshot: null,
      watchers: new Map(),
      wanted: 'no',
      inFlight: false,
      asksForAll: false,
      missing: [],
      attemptAt: 0,
      updatedAt: 0,
      failures: 0,
      version: 0,
    },
    features: { epoch: -1, levels: new Map() },
    dueAt: NEVER,
    refreshAt: NEVER,
  }
}
