/** What a shard actor holds beside its coordinator's own state. */
import type { Message, Reply, ReplyToken } from '@troupe/actor'
import type { RecordInput } from '@troupe/wire/record-batch'
import type { Coordinator, Decision, ShardElected, ShardEndTxn, ShardResigned, TransactionalWrite } from './contract.ts'
import { defineEdges } from './edges.ts'

/**
 * unloaded: not led here; requests are answered NOT_COORDINATOR.
 * loading:  replaying the partition's log; requests are answered COORDINATOR_LOAD_IN_PROGRESS.
 * active:   decides.
 * failed:   the log can't be replayed; NOT_COORDINATOR until the next election.
 */
export type ShardPhase = 'unloaded' | 'loading' | 'active' | 'failed'

export const shardEdges = defineEdges<ShardPhase>({
  unloaded: ['loading'],
  loading: ['active', 'failed', 'unloaded', 'loading'], // loading → loading: elected again in a newer epoch
  active: ['unloaded', 'loading'], // active → loading: an append failed, or elected again in a newer epoch
  failed: ['unloaded', 'loading'],
})

export interface ShardArgs {
  readonly partition: number
  readonly topicId: string
  readonly topic: string
}

/** A decision whose effects wait until everything before it is committed. */
export interface Held {
  readonly token: ReplyToken | undefined
  readonly decision: Decision
}

/** Something the replica was asked for and has not confirmed. Entries are settled strictly in order. */
export interface Entry {
  /** Of the question to the replica; what its answer names. */
  readonly id: number
  readonly sinceMs: number
  readonly held: Held[]
  /** Set when the entry is a transaction marker: replayed when committed, then answered. */
  readonly marker: ShardEndTxn | null
  committed: boolean
}

/** The batch that decisions of this turn are gathered in. */
export interface OpenBatch {
  readonly records: RecordInput[]
  sizeInBytes: number
  readonly held: Held[]
  readonly transaction: TransactionalWrite | null
}

export interface Shard<State> {
  readonly args: ShardArgs
  readonly coordinator: Coordinator<State, never>
  phase: ShardPhase
  /** Loaded (or loading) under this leader epoch; −1 before the first election. */
  leaderEpoch: number
  /** Counts loads: timers of an earlier one are void. */
  incarnation: number
  /** null unless loading or active. */
  state: State | null
  /** Questions of the shard itself have negative ids; positive ones are the coordinator's. */
  lastId: number
  /** The `readLog` that is under way, 0 if none. */
  loadId: number
  loadOffset: number
  open: OpenBatch | null
  queue: Entry[]
  /** Every request that has no answer yet, by its token: refused all together when the state is dropped. */
  outstanding: Map<string, Message>
  timers: Set<string>
  commitTimeoutArmed: boolean
}

interface Flush extends Message {
  readonly kind: 'flush'
}
interface LoadAgain extends Message {
  readonly kind: 'loadAgain'
  readonly incarnation: number
}
interface CommitTimeout extends Message {
  readonly kind: 'commitTimeout'
}
/** Z28: replays a marker that has been answered already. Sent only where that safeguard is off. */
export interface ApplyMarker extends Message {
  readonly kind: 'applyMarker'
  readonly marker: ShardEndTxn
  readonly incarnation: number
}
export interface CoordinatorTimer extends Message {
  readonly kind: 'coordinatorTimer'
  readonly name: string
  readonly incarnation: number
  readonly message: Message
}

/** What the shard understands itself; everything else is for the coordinator. */
export type ShardOwnMessage =
  | ShardElected
  | ShardResigned
  | ShardEndTxn
  | Reply
  | Flush
  | LoadAgain
  | CommitTimeout
  | ApplyMarker
  | CoordinatorTimer

export function newShard<State>(coordinator: Coordinator<State, never>, args: ShardArgs): Shard<State> {
  return {
    args,
    coordinator,
    phase: 'unloaded',
    leaderEpoch: -1,
    incarnation: 0,
    state: null,
    lastId: 0,
    loadId: 0,
    loadOffset: -1,
    open: null,
    queue: [],
    outstanding: new Map(),
    timers: new Set(),
    commitTimeoutArmed: false,
  }
}

export function tokenKey(token: ReplyToken): string {
  return `${token.id} ${token.actor} ${token.broker}`
}
