/**
 * What members of the quorum say to each other. Votes and epoch changes are the wire messages; Fetch and FetchSnapshot
 * carry what KIP-595 and KIP-630 put into theirs, without what only a client of a broker needs.
 *
 * | message          | from                | to                | answered with       |
 * | ---------------- | ------------------- | ----------------- | ------------------- |
 * | vote             | prospective, candidate | voters         | VoteResponse        |
 * | beginQuorumEpoch | leader              | voters            | BeginQuorumEpochResponse |
 * | endQuorumEpoch   | leader that resigns | voters            | EndQuorumEpochResponse |
 * | quorumFetch      | followers, observers| leader (observers: any voter) | QuorumFetched |
 * | quorumSnapshot   | followers, observers| leader            | SnapshotChunk       |
 * | raftTimer, raftFlush | itself          | itself            | –                   |
 */
import type { Message, ReplyToken } from '@troupe/actor'
import type { ErrorCode } from '@troupe/wire/errors'
import type { OffsetAndEpoch } from '../quorum-store.ts'

export const METADATA_TOPIC = '__cluster_metadata'

export interface QuorumFetch extends Message {
  readonly kind: 'quorumFetch'
  readonly replyTo: ReplyToken
  readonly clusterId: string
  readonly replica: number
  readonly directoryId: string
  /** The epoch in which the sender believes the receiver leads. */
  readonly epoch: number
  /** Log end offset of the sender, all of it on its disk. */
  readonly offset: number
  readonly lastFetchedEpoch: number
  /** What it knows: the leader answers at once when its own is larger (KAFKA-13959). */
  readonly highWatermark: number
}

export interface QuorumFetched {
  readonly error: ErrorCode
  readonly leader: number
  readonly epoch: number
  readonly highWatermark: number
  /** Valid during the step. */
  readonly records: Uint8Array | null
  readonly divergingEpoch: { readonly epoch: number; readonly endOffset: number } | null
  /** The sender's position is before the leader's log start: copy this snapshot first. */
  readonly snapshot: OffsetAndEpoch | null
}

export interface QuorumSnapshot extends Message {
  readonly kind: 'quorumSnapshot'
  readonly replyTo: ReplyToken
  readonly replica: number
  readonly epoch: number
  readonly snapshot: OffsetAndEpoch
  readonly position: number
  readonly maxBytes: number
}

export interface SnapshotChunk {
  readonly error: ErrorCode
  readonly leader: number
  readonly epoch: number
  readonly snapshot: OffsetAndEpoch
  readonly size: number
  readonly position: number
  readonly records: Uint8Array | null
}

/** Our own timers. */
export interface RaftTimer extends Message {
  readonly kind: 'raftTimer'
  readonly timer: 'election' | 'voteRetry' | 'fetch' | 'request' | 'checkQuorum' | 'parked' | 'begin'
}

/** To ourselves, behind what else has arrived in this turn: one fsync for all of it. */
export interface RaftFlush extends Message {
  readonly kind: 'raftFlush'
}
