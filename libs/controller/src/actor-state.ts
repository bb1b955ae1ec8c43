/** State of the `controller` actor: a member of the quorum, and the controller on top of it. */
import type { Env, Outbox, ReplyToken } from '@troupe/actor'
import type { BrokerConfig } from '@troupe/config'
import type { ControllerState } from './controller/decision.ts'
import type { BrokerDown, ControllerRequest } from './messages.ts'
import type { QuorumStore } from './quorum-store.ts'
import type { Raft, RaftConfig } from './raft/state.ts'

export interface ControllerEnv extends Env {
  readonly quorum: QuorumStore
  readonly config: BrokerConfig
  readonly voters: readonly number[]
}

/** A response that waits for its records to be committed. */
export interface Held {
  readonly endOffset: number
  readonly token: ReplyToken
  readonly response: unknown
}

export interface ControllerActor {
  readonly raft: Raft
  /** On the active controller ahead of the high watermark by what is not committed yet; elsewhere at it. */
  readonly controller: ControllerState
  /** The image holds everything before this offset. */
  applied: number
  /** The local `broker` actor has been sent everything before this offset. */
  published: number
  active: boolean
  /** In order of offset. */
  held: Held[]
  /** Requests that came while no controller was known, or before this one was active. */
  waiting: { readonly request: ControllerRequest; readonly since: number }[]
  /** Crashes that no active controller has dealt with as far as this member knows. */
  readonly down: Map<number, BrokerDown>
  announced: { leader: number; epoch: number }
  /** Raft's count of installed snapshots when the image was last rebuilt. */
  installs: number
  bytesSinceSnapshot: number
  lastSnapshotMs: number
}

export interface ControllerIo {
  readonly actor: ControllerActor
  readonly env: ControllerEnv
  readonly out: Outbox
}

/**
 * Deliberate difference: Kafka's 1000 and 2000 ms are made for networks. Here a dead peer is told by the shell, so these only
 * bound how long a stalled one is waited for; values that are set explicitly win.
 */
const ELECTION_TIMEOUT_MS = 150
const FETCH_TIMEOUT_MS = 1000
const RETRY_BACKOFF_MS = 10

export function raftConfig({ self, config, voters }: ControllerEnv): RaftConfig {
  const given = (
    name:
      | 'controller.quorum.election.timeout.ms'
      | 'controller.quorum.fetch.timeout.ms'
      | 'controller.quorum.retry.backoff.ms',
    or: number,
  ): number => (config.given.has(name) ? config[name] : or)
  const fetchTimeoutMs = given('controller.quorum.fetch.timeout.ms', FETCH_TIMEOUT_MS)
  return {
    self: self.broker,
    voters,
    electionTimeoutMs: given('controller.quorum.election.timeout.ms', ELECTION_TIMEOUT_MS),
    fetchTimeoutMs,
    fetchMaxWaitMs: Math.min(500, Math.floor(fetchTimeoutMs / 3)),
    backoffMs: given('controller.quorum.retry.backoff.ms', RETRY_BACKOFF_MS),
    fetchMaxBytes: config['controller.quorum.fetch.max.bytes'],
  }
}
