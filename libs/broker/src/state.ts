/**
 * The front's state: open connections, requests that wait for an answer, fetch sessions.
 *
 * All of it is volatile. When the front restarts, its connections are closed and clients come back by themselves.
 */
import type { Failed, Outbox } from '@troupe/actor'
import type { RequestContext } from './context.ts'
import { FetchSessionCache } from './fetch/session-cache.ts'
import type { FrontEnv } from './transport.ts'

export interface Connection {
  readonly id: number
  readonly remoteAddress: string
  readonly listener: string
  /** Requests in the order they came; answers leave in this order. */
  readonly queue: RequestContext[]
  muted: boolean
  open: boolean
}

export interface PendingAsk {
  readonly request: RequestContext
  readonly resume: (body: unknown | Failed) => void
}

export interface PendingTimer {
  readonly request: RequestContext
  readonly resume: () => void
}

export interface AdvertisedApi {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

export interface FrontState {
  /** Those of the current step. */
  env: FrontEnv
  out: Outbox
  /** Numbers of asks and timers. Starts at random, so that no answer to an earlier life is mistaken for ours. */
  nextId: number
  readonly connections: Map<number, Connection>
  readonly asks: Map<number, PendingAsk>
  readonly timers: Map<number, PendingTimer>
  readonly sessions: FetchSessionCache
  /** What ApiVersions says. */
  readonly advertised: readonly AdvertisedApi[]
  /** Topics that are being created because somebody asked for them, and until when that is believed. */
  readonly creating: Map<string, number>
  /** Recent size of an API's responses, by key: what to acquire for the next one. */
  readonly responseSizes: Map<number, number>
}

export function newFrontState(env: FrontEnv, out: Outbox, advertised: readonly AdvertisedApi[]): FrontState {
  return {
    env,
    out,
    nextId: env.random() * 2 ** 20,
    connections: new Map(),
    asks: new Map(),
    timers: new Map(),
    sessions: new FetchSessionCache(env.config['max.incremental.fetch.session.cache.slots']),
    advertised,
    creating: new Map(),
    responseSizes: new Map(),
  }
}
