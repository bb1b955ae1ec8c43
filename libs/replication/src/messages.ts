/**
 * Everything that is said to and by a partition replica.
 *
 * | message              | from                          | answered with      |
 * | -------------------- | ----------------------------- | ------------------ |
 * | partition            | the `broker` actor (metadata) | –                  |
 * | produce              | front (Produce)               | Produced           |
 * | append               | coordinators                  | Appended           |
 * | writeTxnMarker       | coordinators, WriteTxnMarkers | MarkerWritten      |
 * | verifyTransaction    | front (TxnOffsetCommit)       | Verified           |
 * | fetch                | front (Fetch)                 | Fetched            |
 * | watch, unwatch       | front (a Fetch that waits)    | Changed; –         |
 * | followerFetch        | followers                     | FollowerFetched    |
 * | listOffset           | front (ListOffsets)           | OffsetListed       |
 * | offsetForLeaderEpoch | front (OffsetForLeaderEpoch)  | EpochOffset        |
 * | deleteRecords        | front (DeleteRecords)         | RecordsDeleted     |
 * | describeProducers    | front (DescribeProducers)     | ProducersDescribed |
 * | describe             | tests, tools                  | ReplicaDescribed   |
 * | readLog              | coordinators (load)           | LogRead            |
 * | awaitCommitted       | coordinators (read barrier)   | Changed            |
 * | maintain             | log-manager                   | –                  |
 *
 * Every answer may also be the shell's `Failed`.
 */
import type { Address, Message, Payload, PartitionView, ReplyToken, Slice } from '@troupe/actor'
import type { AbortedTransaction, LogConfig, ProducerView } from '@troupe/log/contract'
import type { ErrorCode } from '@troupe/wire/errors'

/** What a replica acts on beside its log's own configuration. */
export interface ReplicaConfig {
  log: LogConfig
  'min.insync.replicas': number
  'replica.lag.time.max.ms': number
  'replica.fetch.wait.max.ms': number
  'replica.fetch.max.bytes': number
  'replica.fetch.backoff.ms': number
  'unclean.leader.election.enable': boolean
}

/** Arguments of `spawn(actorNames.replica(…), 'replica', …)`. */
export interface ReplicaArgs {
  topic: string
  topicId: string
  partition: number
  config: ReplicaConfig
}

/** New metadata for this partition, also when only the configuration or the brokers' state changed. */
export interface PartitionUpdate extends Message {
  readonly kind: 'partition'
  readonly view: PartitionView
  readonly config: ReplicaConfig
  /** Epochs of the brokers that are alive (registered, unfenced, not stopping): they may join the ISR (KIP-841). */
  readonly eligibleBrokers: ReadonlyMap<number, number>
  /** This broker's own epoch. */
  readonly brokerEpoch: number
}

/** KIP-890: who decides about this transaction, and whether the partition is added to it on the way (TV2). */
export interface TransactionCheck {
  readonly transactionalId: string
  readonly coordinator: Address | null
  readonly addPartition: boolean
  /** Errors the client understands: Produce v≥12 / TxnOffsetCommit v≥5 know TRANSACTION_ABORTABLE. */
  readonly supportsAbortable: boolean
}

export interface Produce extends Message {
  readonly kind: 'produce'
  readonly replyTo: ReplyToken
  /** Batches of one partition, as the client sent them. Valid during the step; offsets and epochs are set in place. */
  readonly records: Uint8Array
  readonly acks: -1 | 0 | 1
  readonly timeoutMs: number
  readonly transaction: TransactionCheck | null
}

export interface Produced {
  readonly error: ErrorCode
  readonly errorMessage: string | null
  readonly recordErrors: readonly { batchIndex: number; message: string | null }[]
  readonly baseOffset: number
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  /** For KIP-951 and NOT_LEADER_OR_FOLLOWER: the leader as known here. */
  readonly leader: number
  readonly leaderEpoch: number
}

/** A coordinator's own append: always acks=all, fenced by the leader epoch under which it was loaded. */
export interface CoordinatorAppend extends Message {
  readonly kind: 'append'
  readonly replyTo: ReplyToken
  readonly records: Uint8Array
  readonly leaderEpoch: number
  /** From `verifyTransaction`; for transactional batches only. */
  readonly guard?: number
}

/** Given once: when committed (high watermark past the batch), or when that will not happen here. */
export interface Appended {
  readonly error: ErrorCode
  readonly baseOffset: number
  readonly nextOffset: number
}

export interface WriteTxnMarker extends Message {
  readonly kind: 'writeTxnMarker'
  readonly replyTo: ReplyToken
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly commit: boolean
  readonly transactionVersion: number
}

/** Answered when the marker is committed. */
export interface MarkerWritten {
  readonly error: ErrorCode
}

export interface VerifyTransaction extends Message {
  readonly kind: 'verifyTransaction'
  readonly replyTo: ReplyToken
  readonly producerId: number
  readonly producerEpoch: number
  readonly transaction: TransactionCheck
}

/** `guard` proves the verification to a later `append`; a marker in between makes it worthless. 0 = none needed. */
export interface Verified {
  readonly error: ErrorCode
  readonly guard: number
}

export interface Fetch extends Message {
  readonly kind: 'fetch'
  readonly replyTo: ReplyToken
  readonly offset: number
  readonly maxBytes: number
  readonly minOneBatch: boolean
  readonly isolation: 'read_uncommitted' | 'read_committed'
  /** −1: the client sent none. */
  readonly currentLeaderEpoch: number
  /** −1: the client sent none. */
  readonly lastFetchedEpoch: number
  /** Only where `fetchBoundsSnapshot` is off: no transaction was open a moment ago, so the high watermark bounds it. */
  readonly wasStable?: boolean
}

export interface Fetched {
  readonly error: ErrorCode
  readonly slice: Slice | null
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly divergingEpoch: { epoch: number; endOffset: number } | null
  readonly leader: number
  readonly leaderEpoch: number
}

/** "Tell me once when something past `offset` becomes visible, or when this replica stops leading in `leaderEpoch`." */
export interface Watch extends Message {
  readonly kind: 'watch'
  readonly replyTo: ReplyToken
  readonly offset: number
  readonly isolation: 'read_uncommitted' | 'read_committed'
}

export interface Unwatch extends Message {
  readonly kind: 'unwatch'
  /** The token of the watch. Idempotent; it is not answered then. */
  readonly token: ReplyToken
}

export interface Changed {
  readonly error: ErrorCode
}

export interface FollowerFetch extends Message {
  readonly kind: 'followerFetch'
  readonly replyTo: ReplyToken
  readonly replica: number
  readonly brokerEpoch: number
  readonly leaderEpoch: number
  readonly offset: number
  readonly lastFetchedEpoch: number
  readonly logStartOffset: number
  readonly maxBytes: number
  readonly maxWaitMs: number
  /** High watermark the follower knows: the leader answers early when its own is larger. */
  readonly highWatermark: number
}

export interface FollowerFetched {
  readonly error: ErrorCode
  /** Echo of the request, so that a stale answer is recognised (Z12). */
  readonly leaderEpoch: number
  readonly offset: number
  readonly records: Payload | null
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly divergingEpoch: { epoch: number; endOffset: number } | null
  /** For OFFSET_OUT_OF_RANGE: whether the follower is behind the leader's log start or ahead of its end. */
  readonly logEndOffset?: number
}

export interface ListOffset extends Message {
  readonly kind: 'listOffset'
  readonly replyTo: ReplyToken
  /** ≥ 0; −1 latest, −2 earliest, −3 max timestamp, −4 earliest local, −5 latest tiered, −6 earliest pending upload. */
  readonly timestamp: number
  readonly isolation: 'read_uncommitted' | 'read_committed'
  readonly currentLeaderEpoch: number
}

export interface OffsetListed {
  readonly error: ErrorCode
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

export interface OffsetForLeaderEpoch extends Message {
  readonly kind: 'offsetForLeaderEpoch'
  readonly replyTo: ReplyToken
  readonly leaderEpoch: number
  readonly currentLeaderEpoch: number
}

export interface EpochOffset {
  readonly error: ErrorCode
  readonly leaderEpoch: number
  readonly endOffset: number
}

export interface DeleteRecords extends Message {
  readonly kind: 'deleteRecords'
  readonly replyTo: ReplyToken
  /** −1: up to the high watermark. */
  readonly offset: number
  readonly timeoutMs: number
}

/** Answered when all live replicas' log start has reached it, or on timeout. */
export interface RecordsDeleted {
  readonly error: ErrorCode
  readonly lowWatermark: number
}

export interface DescribeProducers extends Message {
  readonly kind: 'describeProducers'
  readonly replyTo: ReplyToken
}

export interface ProducersDescribed {
  readonly error: ErrorCode
  readonly producers: readonly ProducerView[]
}

/** For the admin endpoint and tools; answered by leaders and followers alike. */
export interface DescribeReplica extends Message {
  readonly kind: 'describe'
  readonly replyTo: ReplyToken
}

export interface ReplicaDescribed {
  readonly role: 'leader' | 'follower' | 'offline'
  readonly leaderEpoch: number
  readonly isr: readonly number[]
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly sizeInBytes: number
  readonly offlineReason: string | null
}

/** A coordinator reads its partition from the start when it loads; `records` are whole batches. */
export interface ReadLog extends Message {
  readonly kind: 'readLog'
  readonly replyTo: ReplyToken
  readonly leaderEpoch: number
  /** −1: from the log start. */
  readonly offset: number
  readonly maxBytes: number
}

export interface LogRead {
  readonly error: ErrorCode
  readonly records: Payload | null
  readonly nextOffset: number
  readonly logEndOffset: number
  readonly highWatermark: number
}

/**
 * "Tell me once when the high watermark has reached `offset` under `leaderEpoch`": the coordinators' read barrier.
 * Answered with `Changed`.
 */
export interface AwaitCommitted extends Message {
  readonly kind: 'awaitCommitted'
  readonly replyTo: ReplyToken
  readonly offset: number
  readonly leaderEpoch: number
}

/** The log-manager's nudge: retention, flush policy, producer expiry. */
export interface Maintain extends Message {
  readonly kind: 'maintain'
}

export type ReplicaRequest =
  | PartitionUpdate
  | Produce
  | CoordinatorAppend
  | WriteTxnMarker
  | VerifyTransaction
  | Fetch
  | Watch
  | Unwatch
  | FollowerFetch
  | ListOffset
  | OffsetForLeaderEpoch
  | DeleteRecords
  | DescribeProducers
  | DescribeReplica
  | ReadLog
  | AwaitCommitted
  | Maintain
