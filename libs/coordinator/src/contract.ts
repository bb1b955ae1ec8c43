/**
 * What all coordinators share: a coordinator is `decide` (reads state and a request, answers with records and a
 * response, changes nothing) and `replay` (applies one record; the only code that changes durable state, live and at
 * load alike). The shared shard actor (`shard.ts`) does the rest: load by leader epoch, append, hold the response until
 * the records are committed, hold reads behind earlier writes, rebuild from the log when an append fails.
 *
 * Source: Kafka's CoordinatorRuntime and CoordinatorShard; TransactionStateManager for the transaction coordinator.
 */
import type { Address, ClusterView, Env, Message, ReplyToken } from '@troupe/actor'
import type { ErrorCode } from '@troupe/wire/errors'

/** One record of a coordinator's partition: the wire message of its key and of its value (null: tombstone). */
export interface CoordinatorRecord {
  readonly key: { readonly type: string; readonly value: unknown }
  readonly value: { readonly type: string; readonly version: number; readonly value: unknown } | null
}

/** Records of a transactional offset commit are written under the client's producer id and epoch. */
export interface TransactionalWrite {
  readonly producerId: number
  readonly producerEpoch: number
  /** From the replica's `verifyTransaction`. */
  readonly guard: number
}

export interface Decision<Record = CoordinatorRecord> {
  /**
   * Appended as one batch, replayed at once; the rest of the decision waits until they are committed. [] = nothing
   * to write.
   */
  readonly records: readonly Record[]
  /**
   * Given to the waiting request when the records are committed. Absent: the request parked itself (a join, a
   * sync).
   */
  readonly response?: unknown
  /** Answers to other, parked requests, given at the same moment. */
  readonly replies?: readonly { readonly token: ReplyToken; readonly body: unknown }[]
  /** Messages to others, sent at the same moment (markers after PREPARE is committed). */
  readonly sends?: readonly { readonly to: Address; readonly message: Message }[]
  /** Requests to this very coordinator, decided at the same moment. */
  readonly then?: readonly Message[]
  /**
   * Requests to this very coordinator, decided at once on the replayed records; their effects are held behind
   * these.
   */
  readonly atOnce?: readonly Message[]
  /** Set at once, not at commit. The message comes back as a request to `decide`. */
  readonly timers?: readonly { readonly name: string; readonly at: number; readonly message: Message }[]
  readonly cancelTimers?: readonly string[]
  readonly transaction?: TransactionalWrite
  /**
   * false: the records may be spread over several batches (expiry, deleted topics). Absent: all or nothing, in one
   * batch.
   */
  readonly atomic?: boolean
}

export interface CoordinatorEnv extends Env {
  readonly cluster: ClusterView
  readonly config: Readonly<{ [property: string]: unknown }>
}

/**
 * A protocol on top of the shard actor. `State` holds durable state and volatile state (sessions, parked joins).
 *
 * A coordinator may ask other actors: a message in `sends` carries `replyTo: { ...env.self, id }` with an id > 0
 * of its own (the shard numbers its own asks below zero). A `reply` with such an id comes to `decide` as a request of
 * kind `reply`, a timer's message as it was given; neither is answered. `decide` may change volatile state, never
 * durable state. A response without records is held, like any read, until the records that were appended before it
 * are committed. Requests that a coordinator parked (no response yet) are answered with `refuse` by the shard when it
 * unloads.
 */
export interface Coordinator<State, Request extends Message> {
  readonly kind: string
  /** Whose record types are read at load. Absent: `transaction` for kind `transactions`, else `group`. */
  readonly recordFamily?: 'group' | 'transaction' | 'share'
  /** `leaderEpoch`: under which the shard loads. A new epoch is a new state; it is the coordinator epoch of markers. */
  create(partition: number, env: CoordinatorEnv, leaderEpoch: number): State
  decide(state: State, request: Request, env: CoordinatorEnv): Decision
  /**
   * Applies one record. Bytes in it are valid during the call only: what is kept is copied.
   * `producer` is set for records of a transactional batch: they count only when its marker commits.
   */
  replay(state: State, record: CoordinatorRecord, producer: { producerId: number; producerEpoch: number } | null): void
  /** A transaction marker reached this partition, live or at load. */
  replayEndTxn?(state: State, producerId: number, producerEpoch: number, commit: boolean): void
  /** After load, before the first request: sessions and timeouts start now. */
  onLoaded(state: State, env: CoordinatorEnv): Decision
  /** The answer for a request that meets an unloaded, loading or failed coordinator. */
  refuse(request: Request, error: ErrorCode): unknown
  /** A decision of this request was too large for the log; it and the `replies` were refused, nothing was replayed. */
  onRefused?(state: State, request: Request, env: CoordinatorEnv): Decision
  /** Requests whose answer only reads state: held until all earlier writes are committed, never appended. */
  isRead(request: Request): boolean
  invariants?(state: State): void
}

/** To a shard actor, from the `broker` actor, when its partition is led here; it loads, fenced by the epoch. */
export interface ShardElected extends Message {
  readonly kind: 'elected'
  readonly leaderEpoch: number
}

/** To a shard actor: its partition is not led here any more. Older epochs than the one loaded are ignored (Z32). */
export interface ShardResigned extends Message {
  readonly kind: 'resigned'
  readonly leaderEpoch: number
}

/**
 * To the groups shard: a transaction of these offsets has ended. The shard appends the marker to its partition
 * and replays it.
 */
export interface ShardEndTxn extends Message {
  readonly kind: 'writeTxnMarker'
  readonly replyTo: ReplyToken
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly commit: boolean
  readonly transactionVersion: number
}
