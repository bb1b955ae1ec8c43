/**
 * What an application says to its consumer, and what it hears. The methods of Java's Consumer; what happens inside of
 * its `poll` happens here only while a poll waits, so that the application's records and callbacks come in the same
 * order.
 *
 * Revocation: the answer of a poll names partitions in `revoking` before they are given up. The application finishes
 * its work with them and commits; its next poll says that it is done. Partitions in a `lost` event belong to somebody
 * else already.
 */
import type { Message, ReplyToken } from '@troupe/actor'
import type { OffsetToCommit } from '../messages.ts'
import type { TopicPartition } from './topic-partition.ts'

/**
 * Which topics: those that a regular expression of JavaScript finds a match in (Java's Pattern is for whole names: write
 * `^…$`), or a pure function. (A function cannot be cloned, and neither can the state of a consumer that has one.)
 */
export type SubscribedPattern = { readonly source: string; readonly flags?: string } | ((topic: string) => boolean)

/** Joins the group `group.id` at the next poll. Again with other topics: rejoins. */
export interface Subscribe extends Message {
  readonly kind: 'subscribe'
  /** Empty with a pattern. */
  readonly topics: readonly string[]
  /** Instead of topics: all that match, also those that are made later. */
  readonly pattern?: SubscribedPattern
  /** For the assignors' `userData`, at this and every later join. */
  readonly userData?: Uint8Array
}

/** The next poll rejoins the group though nothing has changed that the consumer knows of. Without a group: ignored. */
export interface EnforceRebalance extends Message {
  readonly kind: 'enforceRebalance'
  readonly reason?: string
}

/** These partitions, without a group's help. Replaces what was assigned; what stays keeps its position. */
export interface Assign extends Message {
  readonly kind: 'assign'
  readonly partitions: readonly TopicPartition[]
}

/** Leaves the group and forgets all partitions. Answered with a `ConsumerClosed`. */
export interface Unsubscribe extends Message {
  readonly kind: 'unsubscribe'
  readonly replyTo: ReplyToken
}

/** Without a reply: a partition that is not assigned is ignored. */
export interface Seek extends Message {
  readonly kind: 'seek'
  readonly topic: string
  readonly partition: number
  /** A time: the first record that is not older, or the end. */
  readonly to: number | 'beginning' | 'end' | { readonly timestamp: number }
  /** Of the record before: lets the consumer notice a truncation. */
  readonly leaderEpoch?: number
}

export interface Pause extends Message {
  readonly kind: 'pause' | 'resume'
  readonly partitions: readonly TopicPartition[]
}

/** Answered with a `Polled`. One at a time: a second one ends the first with nothing. */
export interface Poll extends Message {
  readonly kind: 'poll'
  readonly replyTo: ReplyToken
  /** Default and upper bound: `max.poll.records`. */
  readonly maxRecords?: number
  readonly timeoutMs: number
}

export interface Polled {
  /** A Kafka error that concerns the whole consumer; 0: none. */
  readonly error: number
  readonly detail: string | null
  readonly records: readonly ConsumerRecord[]
  /** What has happened since the last poll, in order. */
  readonly events: readonly RebalanceEvent[]
  /** Will be given up when the next poll comes. */
  readonly revoking: readonly TopicPartition[]
  /** Positions that the log does not have any more; with a reset policy the consumer has moved by itself. */
  readonly truncations: readonly LogTruncation[]
}

export interface ConsumerRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

/** `revoked`: given up after the application had its say. `lost`: taken away. `assigned`: added. */
export interface RebalanceEvent {
  readonly kind: 'assigned' | 'revoked' | 'lost'
  readonly partitions: readonly TopicPartition[]
  readonly generationId: number
  /** Of `assigned`: what the assignor added to this member's partitions; absent when nothing. */
  readonly userData?: Uint8Array
}

export interface LogTruncation extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch: number
  /** Where the logs part, null when the broker cannot say; records from here on were read and are gone. */
  readonly divergentOffset: number | null
  /** Whether `auto.offset.reset` has moved the position; else the application must seek. */
  readonly reset: boolean
}

/** Answered with a `Committed`. */
export interface Commit extends Message {
  readonly kind: 'commit'
  readonly replyTo: ReplyToken
  /** null: the positions of everything that is assigned. */
  readonly offsets: readonly OffsetToCommit[] | null
  /** With `offsets` null: positions of partitions that are named here count as no further than this. */
  readonly unseen?: readonly OffsetToCommit[]
  /** Tried once (commitAsync). Default: until it succeeds, fails for good or `timeoutMs` is over. */
  readonly once?: boolean
  readonly timeoutMs?: number
}

export interface Committed {
  readonly error: number
  readonly detail: string | null
  readonly offsets: readonly OffsetToCommit[]
  /** With an error: whether the coordinator may have taken it nevertheless. */
  readonly indefinite: boolean
}

/** What the group has committed: answered with an `OffsetsAnswer`. */
export interface AskCommitted extends Message {
  readonly kind: 'committed'
  readonly replyTo: ReplyToken
  readonly partitions: readonly TopicPartition[]
  readonly timeoutMs?: number
}

/** The offset of the next record, as soon as it is known: answered with an `OffsetsAnswer`. */
export interface AskPosition extends Message {
  readonly kind: 'position'
  readonly replyTo: ReplyToken
  readonly topic: string
  readonly partition: number
  readonly timeoutMs?: number
}

/** The end of the visible log, or its beginning: answered with an `OffsetsAnswer`. */
export interface AskOffsets extends Message {
  readonly kind: 'beginningOffsets' | 'endOffsets'
  readonly replyTo: ReplyToken
  readonly partitions: readonly TopicPartition[]
  /** Default: the consumer's `isolation.level`. Under `read_uncommitted` the end is the high watermark. */
  readonly isolation?: 'read_uncommitted' | 'read_committed'
  readonly timeoutMs?: number
}

/** The first record that is not older than `timestamp` (ms since the epoch): answered with an `OffsetsAnswer`. */
export interface AskOffsetsForTimes extends Message {
  readonly kind: 'offsetsForTimes'
  readonly replyTo: ReplyToken
  readonly partitions: readonly (TopicPartition & { readonly timestamp: number })[]
  readonly timeoutMs?: number
}

/**
 * How much lies behind each position, as far as the last fetches told, at once: answered with an `OffsetsAnswer` in which
 * `offset` is the lag; without an entry it is not known. KIP-695.
 */
export interface AskCurrentLag extends Message {
  readonly kind: 'currentLag'
  readonly replyTo: ReplyToken
  readonly partitions: readonly TopicPartition[]
}

export interface OffsetsAnswer {
  readonly error: number
  readonly detail: string | null
  /** Without an entry: none. `timestamp`: of the record, for `offsetsForTimes`. */
  readonly offsets: readonly (OffsetToCommit & { readonly timestamp?: number })[]
}

/** Answered with a `GroupMetadata`, at once. */
export interface AskGroupMetadata extends Message {
  readonly kind: 'groupMetadata'
  readonly replyTo: ReplyToken
}

/**
 * Commits if it should, leaves the group (static members stay), then the actor stops. Answered with a
 * `ConsumerClosed`.
 */
export interface CloseConsumer extends Message {
  readonly kind: 'close'
  readonly replyTo: ReplyToken
  readonly timeoutMs: number
  /** As in `Commit`. */
  readonly unseen?: readonly OffsetToCommit[]
}

export interface ConsumerClosed {
  readonly events: readonly RebalanceEvent[]
}

export type ApplicationMessage =
  | Subscribe
  | EnforceRebalance
  | Assign
  | Unsubscribe
  | Seek
  | Pause
  | Poll
  | Commit
  | AskCommitted
  | AskPosition
  | AskOffsets
  | AskCurrentLag
  | AskOffsetsForTimes
  | AskGroupMetadata
  | CloseConsumer
