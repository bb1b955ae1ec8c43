/** How a consumer asks brokers: through the network actor, each question remembered under its number. */
import { isFailed, type Reply } from '@troupe/actor'
import { backoff } from '../config.ts'
import { clientActorNames, type BrokerEndpoint, type NetworkAnswer, type NetworkRequest } from '../messages.ts'
import type { Asked, Step } from './state.ts'

export const api = {
  fetch: 1,
  listOffsets: 2,
  offsetCommit: 8,
  offsetFetch: 9,
  findCoordinator: 10,
  joinGroup: 11,
  heartbeat: 12,
  leaveGroup: 13,
  syncGroup: 14,
  offsetForLeaderEpoch: 23,
} as const

interface Options {
  readonly minVersion?: number
  readonly maxVersion?: number
  readonly timeoutMs?: number
  readonly channel?: string
}

export function ask(
  { state, env, out }: Step,
  to: number | BrokerEndpoint | 'any',
  key: number,
  body: object,
  asked: Asked,
  options: Options = {},
): number {
  const id = state.nextId++
  state.asked.set(id, asked)
  const request: NetworkRequest = {
    kind: 'request',
    replyTo: { ...env.self, id },
    to,
    api: key,
    body,
    timeoutMs: state.config['request.timeout.ms'],
    ...options,
  }
  out.send({ broker: env.self.broker, actor: clientActorNames.network }, request)
  return id
}

/** The group's requests have connections of their own: a fetch that waits must not hold back a heartbeat. */
export function groupChannel({ env }: Step): string {
  return `${env.self.actor}/group`
}

export function answerOf({ body }: Reply<NetworkAnswer>): NetworkAnswer {
  return isFailed(body) ? { kind: 'unanswered', reason: 'disconnected', broker: -1 } : body
}

/** Never heard of again: for answers that would come too late. */
export function forget({ state }: Step, ...kinds: readonly Asked['kind'][]): void {
  for (const [id, { kind }] of state.asked) if (kinds.includes(kind)) state.asked.delete(id)
}

export function isAsking({ state }: Step, kind: Asked['kind']): boolean {
  for (const asked of state.asked.values()) if (asked.kind === kind) return true
  return false
}

/** When to try again after the n-th failure in a row, the first being 0. */
export function retryTime({ state, env }: Step, failures: number): number {
  const { config } = state
  return env.now + backoff(config['retry.backoff.ms'], config['retry.backoff.max.ms'], failures, () => env.random())
}

export function refreshMetadata({ env, out }: Step): void {
  out.send({ broker: env.self.broker, actor: clientActorNames.network }, { kind: 'refreshMetadata' })
}

/** The first error of the whole consumer, for the next poll. */
export function fail({ state }: Step, code: number, detail: string | null): void {
  state.error ??= { code, detail }
}
