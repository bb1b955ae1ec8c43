/**
 * What a partition replica knows, and the only edges its role may take.
 *
 *   none      has a log, has not heard from the metadata yet; serves nobody
 *   leader    takes appends, serves fetches, keeps the ISR and the high watermark
 *   follower  copies the leader's log (also while there is no leader)
 *   offline   its log met a storage error; answers KAFKA_STORAGE_ERROR until it is restarted
 *
 * Role changes go through `become…` in roles.ts and nowhere else.
 * Source: Kafka's Partition, Replica, PartitionState, AbstractFetcherThread, VerificationStateEntry.
 */
import type { ClusterView, Env, Outbox, Reply, ReplyToken } from '@troupe/actor'
import { defineEdges } from '@troupe/actor/edges'
import type { Log, LogStore } from '@troupe/log/contract'
import type { Produced, ReplicaArgs, ReplicaConfig, ReplicaRequest, TransactionCheck, Watch } from './messages.ts'

export type Role = 'none' | 'leader' | 'follower' | 'offline'

export const roleEdges = defineEdges<Role>({
  none: ['leader', 'follower', 'offline'],
  leader: ['leader', 'follower', 'offline'],
  follower: ['leader', 'follower', 'offline'],
  offline: ['offline'],
})

/** The broker-wide properties a replica reads. */
export interface ReplicaBrokerConfig {
  readonly 'request.timeout.ms': number
  readonly 'add.partitions.to.txn.retry.backoff.ms': number
  readonly 'add.partitions.to.txn.retry.backoff.max.ms': number
  readonly 'transaction.partition.verification.enable': boolean
}

export interface ReplicaEnv extends Env {
  readonly logs: LogStore
  readonly cluster: ClusterView
  readonly config: ReplicaBrokerConfig
}

/** Its own timers. Their messages carry nothing: what is due is read from the state. */
export type ReplicaTimer =
  | { readonly kind: 'expiry' }
  | { readonly kind: 'propagate' }
  | { readonly kind: 'isr' }
  | { readonly kind: 'alterPartitionDue' }
  | { readonly kind: 'fetchDue' }
  | { readonly kind: 'flushDue' }
  | { readonly kind: 'verificationDue'; readonly producerId: number }

export type ReplicaMessage = ReplicaRequest | Reply | ReplicaTimer

/** What the leader knows of one follower. Reset with every leader epoch (Z12a). */
export interface FollowerProgress {
  readonly id: number
  /** −1 until it has fetched in this leader epoch. */
  logEndOffset: number
  logStartOffset: number
  /** −1: none known; the controller then compares nothing. */
  brokerEpoch: number
  lastFetchLeaderLogEndOffset: number
  lastFetchTimeMs: number
  /** The largest time at which this follower had all that the leader had. */
  lastCaughtUpTimeMs: number
  /** What the last answer told it, so that news is told once. */
  sentHighWatermark: number
  sentLogStartOffset: number
  /** A fetch that waits for data or news; at most one. */
  parked: ParkedFetch | null
}

export interface ParkedFetch {
  readonly token: ReplyToken
  readonly offset: number
  readonly maxBytes: number
  readonly leaderEpoch: number
  readonly deadline: number
}

/** An AlterPartition that the controller has not answered, or refused without saying what holds now. */
export interface PendingIsr {
  readonly kind: 'expand' | 'shrink'
  readonly isr: readonly number[]
  /** Of the members, as they were when this was proposed (KIP-903). */
  readonly brokerEpochs: readonly number[]
  /** Number of the request in flight, −1 between attempts. */
  requestId: number
  attempts: number
  /** Refused for good; only newer metadata tells what the ISR is. */
  refused: boolean
}

/** Someone who is answered when the high watermark has reached `offset`. Kept in order of `offset`. */
export type Awaiting = { readonly token: ReplyToken; readonly offset: number; readonly deadline: number } & (
  | { readonly kind: 'produce'; readonly answer: Produced }
  | { readonly kind: 'append'; readonly baseOffset: number }
  | { readonly kind: 'marker' }
  | { readonly kind: 'committed' }
)

export interface DeleteWaiter {
  readonly token: ReplyToken
  readonly offset: number
  readonly deadline: number
}

/** Proof that a verification is under way or done; gone with the first append and with every marker (Z21). */
export interface Guard {
  readonly epoch: number
  readonly number: number
}

/** One conversation with a transaction coordinator, and the batches that wait for its end, in order. */
export interface Verification {
  readonly producerId: number
  readonly producerEpoch: number
  readonly check: TransactionCheck
  readonly startedAt: number
  guard: number
  /** asking: a request is out; waiting: until the earlier transaction is complete. */
  phase: 'asking' | 'waiting'
  /** −1 while none is out. */
  requestId: number
  deadline: number
  /** The back-off's timer is set. */
  isTimed: boolean
  readonly waiters: VerificationWaiter[]
}

/** A client's batches until they are appended. */
export interface ClientBatch {
  readonly token: ReplyToken
  readonly records: Uint8Array
  readonly acks: -1 | 0 | 1
  readonly deadline: number
}

export type VerificationWaiter =
  | (ClientBatch & { readonly kind: 'produce' })
  | { readonly kind: 'verify'; readonly token: ReplyToken }

/** The follower's side: one fetch in flight. */
export interface Fetcher {
  inFlight: { readonly id: number; readonly offset: number; readonly leaderEpoch: number } | null
  /** When to do something (give up, try again), however late the timer is set. Infinity: nothing. */
  dueAt: number
  /** When the timer fires, Infinity when none is set. */
  timerAt: number
  /** 0 while all is well. */
  backoffMs: number
  /** How long the leader may hold the fetch; grows while nothing happens. */
  waitMs: number
}

export interface ReplicaState {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** This broker. */
  readonly id: number
  config: ReplicaConfig
  role: Role
  log: Log | null
  offlineReason: string | null

  leader: number
  leaderEpoch: number
  /** LEO when this leader epoch began; −1 unless leader. */
  leaderEpochStartOffset: number
  partitionEpoch: number
  /** As committed by the controller; [] unless leader. */
  isr: readonly number[]
  pendingIsr: PendingIsr | null
  eligibleBrokers: ReadonlyMap<number, number>
  brokerEpoch: number

  readonly followers: Map<number, FollowerProgress>
  awaiting: Awaiting[]
  /** Answers of acks=1 held until flush.messages is satisfied. */
  awaitingFlush: { readonly token: ReplyToken; readonly offset: number; readonly answer: Produced }[]
  watches: Watch[]
  deleteWaiters: DeleteWaiter[]
  /** High watermark and last stable offset that the watches have seen. */
  seenHighWatermark: number
  seenLastStableOffset: number

  readonly guards: Map<number, Guard>
  /** By producer id. */
  readonly verifications: Map<number, Verification>
  /** By request id; also those whose producer has moved on. */
  readonly verificationRequests: Map<number, Verification>

  readonly fetcher: Fetcher

  /** When the `expiry` timer fires, Infinity when none is set; likewise the others. */
  expiryTimerAt: number
  propagateTimerAt: number
  flushTimerAt: number
  isrTimerSet: boolean
  flushing: boolean
  /** Set by the flush's callback, outside of a step. */
  readonly flushResult: { error: string | null; done: boolean }

  nextId: number
  /** The request of this step while nobody has answered or parked it. */
  request: ReplyToken | null
}

/** The names of the timers, so that none is spelled twice. */
export const timers = {
  expiry: 'expiry',
  propagate: 'propagate',
  isr: 'isr',
  alterPartition: 'alter-partition',
  fetch: 'fetch',
  flush: 'flush',
  verification: (producerId: number): string => `verification:${producerId}`,
} as const

export function newState(args: ReplicaArgs, env: Env): ReplicaState {
  return {
    topic: args.topic,
    topicId: args.topicId,
    partition: args.partition,
    id: env.self.broker,
    config: args.config,
    role: 'none',
    log: null,
    offlineReason: null,
    leader: -1,
    leaderEpoch: -1,
    leaderEpochStartOffset: -1,
    partitionEpoch: -1,
    isr: [],
    pendingIsr: null,
    eligibleBrokers: new Map(),
    brokerEpoch: -1,
    followers: new Map(),
    awaiting: [],
    awaitingFlush: [],
    watches: [],
    deleteWaiters: [],
    seenHighWatermark: 0,
    seenLastStableOffset: 0,
    guards: new Map(),
    verifications: new Map(),
    verificationRequests: new Map(),
    fetcher: {
      inFlight: null,
      dueAt: Infinity,
      timerAt: Infinity,
      backoffMs: 0,
      waitMs: args.config['replica.fetch.wait.max.ms'],
    },
    expiryTimerAt: Infinity,
    propagateTimerAt: Infinity,
    flushTimerAt: Infinity,
    isrTimerSet: false,
    flushing: false,
    flushResult: { error: null, done: false },
    // Numbers of an earlier life of this actor must not be taken for ours.
    nextId: 1 + env.random(),
    request: null,
  }
}

/** Answers, and remembers that this step's request has its answer. */
export function answer(state: ReplicaState, out: Outbox, token: ReplyToken, body: unknown): void {
  if (state.request === token) state.request = null
  out.reply(token, body)
}

/** This step's request will be answered later. */
export function park(state: ReplicaState): void {
  state.request = null
}

/** Sees to it that the `expiry` timer fires at `deadline` at the latest. It usually is set already: no effect then. */
export function expireAt(state: ReplicaState, out: Outbox, deadline: number): void {
  if (deadline >= state.expiryTimerAt) return
  state.expiryTimerAt = deadline
  out.setTimer(timers.expiry, deadline, { kind: 'expiry' })
}

/** The log of a replica that is not offline. */
export function logOf(state: ReplicaState): Log {
  return state.log as Log
}
