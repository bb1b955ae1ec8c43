/**
 * State of one member of the metadata quorum: KIP-595 (pull-based Raft) with pre-vote (KIP-996) and check-quorum.
 *
 * Knows nothing of the controller above it: it replicates opaque batches. Source: Kafka's QuorumState, KafkaRaftClient.
 *
 * | phase       | what it means                                                                      |
 * | ----------- | ---------------------------------------------------------------------------------- |
 * | unattached  | knows an epoch, neither its leader nor anyone to vote for                          |
 * | voted       | has given its vote of this epoch                                                   |
 * | prospective | asks whether a majority would vote for it, before it raises the epoch (KIP-996)    |
 * | candidate   | has raised the epoch, voted for itself and asks for votes                          |
 * | leader      | appends; commits what a majority has, once a record of its own epoch is among it   |
 * | follower    | fetches from the leader of this epoch                                              |
 * | resigned    | led this epoch and will not lead it again (restart, ordered stop, lost majority)   |
 * | observer    | not a voter: fetches, never votes                                                  |
 */
import { defineEdges } from '@troupe/actor/edges'
import { zeroUuid } from '@troupe/wire/uuid'
import type { ReplyToken } from '@troupe/actor'
import type { ElectionState, OffsetAndEpoch, QuorumStore } from '../quorum-store.ts'

export type Phase =
  | 'unattached'
  | 'voted'
  | 'prospective'
  | 'candidate'
  | 'leader'
  | 'follower'
  | 'resigned'
  | 'observer'

export const raftEdges = defineEdges<Phase>({
  unattached: ['unattached', 'voted', 'prospective', 'candidate', 'follower', 'resigned'],
  voted: ['unattached', 'voted', 'prospective', 'candidate', 'follower'],
  prospective: ['unattached', 'voted', 'prospective', 'candidate', 'follower'],
  candidate: ['unattached', 'voted', 'prospective', 'candidate', 'leader', 'follower'],
  leader: ['unattached', 'resigned', 'follower'],
  follower: ['unattached', 'prospective', 'candidate', 'follower'],
  resigned: ['unattached', 'resigned', 'prospective', 'candidate', 'follower'],
  observer: ['observer'],
})

export interface RaftConfig {
  readonly self: number
  readonly voters: readonly number[]
  /** How long a round of votes may take. */
  readonly electionTimeoutMs: number
  /** A follower that hears nothing from its leader for so long starts a pre-vote; a leader resigns after 1.5 times as long. */
  readonly fetchTimeoutMs: number
  /** How long a leader holds a fetch that has nothing to return. */
  readonly fetchMaxWaitMs: number
  readonly backoffMs: number
  readonly fetchMaxBytes: number
}

/** What the leader knows of a replica of the log. */
export interface Progress {
  /** Everything before it is on that replica's disk. −1: not heard of in this epoch. */
  endOffset: number
  lastFetchMs: number
  lastCaughtUpMs: number
  directoryId: string
  parked: ParkedFetch | null
}

export interface ParkedFetch {
  readonly replyTo: ReplyToken
  readonly offset: number
  readonly highWatermark: number
  readonly untilMs: number
}

export interface Leadership {
  /** Offset of this epoch's LeaderChange record. */
  readonly epochStartOffset: number
  readonly since: number
  /** By replica id; voters from the start, observers as they come. */
  readonly progress: Map<number, Progress>
}

export interface Ballot {
  readonly granted: Set<number>
  /** Said no, or cannot be reached. */
  readonly refused: Set<number>
}

export type Ask =
  | { readonly kind: 'vote'; readonly to: number; readonly epoch: number; readonly preVote: boolean }
  | { readonly kind: 'beginQuorumEpoch'; readonly to: number; readonly epoch: number }
  | { readonly kind: 'endQuorumEpoch'; readonly to: number; readonly epoch: number }
  | { readonly kind: 'fetch'; readonly to: number; readonly epoch: number }
  | { readonly kind: 'snapshot'; readonly to: number; readonly epoch: number }

/** A snapshot that is being copied from the leader. */
export interface Download {
  readonly id: OffsetAndEpoch
  readonly chunks: Uint8Array[]
  received: number
}

export interface Raft {
  readonly config: RaftConfig
  readonly store: QuorumStore
  phase: Phase
  epoch: number
  /** Leader of this epoch, −1 while unknown. */
  leaderId: number
  votedId: number
  votedDirectoryId: string
  /** Everything before it is committed, as far as this member knows. Never falls. */
  highWatermark: number
  ballot: Ballot | null
  leadership: Leadership | null
  /** A follower that has fetched from the leader of this epoch refuses pre-votes of others. */
  hasFetched: boolean
  /** What this member waits for, by request id. */
  readonly asks: Map<number, Ask>
  nextId: number
  download: Download | null
  flushScheduled: boolean
  /** Counts snapshots installed, so that whoever replays the log notices that it has been replaced. */
  installs: number
}

export function createRaft(config: RaftConfig, store: QuorumStore): Raft {
  const stored: ElectionState = store.readElection() ?? {
    epoch: 0,
    leaderId: -1,
    votedId: -1,
    votedDirectoryId: zeroUuid,
  }
  return {
    config,
    store,
    phase: config.voters.includes(config.self) ? 'unattached' : 'observer',
    epoch: Math.max(stored.epoch, store.lastEpoch),
    leaderId: stored.epoch >= store.lastEpoch ? stored.leaderId : -1,
    votedId: stored.epoch >= store.lastEpoch ? stored.votedId : -1,
    votedDirectoryId: stored.votedDirectoryId,
    highWatermark: store.latestSnapshot()?.offset ?? 0,
    ballot: null,
    leadership: null,
    hasFetched: false,
    asks: new Map(),
    nextId: 1,
    download: null,
    flushScheduled: false,
    installs: 0,
  }
}

export const isVoter = (raft: Raft): boolean => raft.config.voters.includes(raft.config.self)
export const majority = (raft: Raft): number => Math.floor(raft.config.voters.length / 2) + 1
export const otherVoters = (raft: Raft): number[] => raft.config.voters.filter((id) => id !== raft.config.self)

/** The lower limit of what a leader must already have in its log to be safe: compared by epoch, then by offset. */
export function isUpToDate(raft: Raft, last: OffsetAndEpoch): boolean {
  const own = raft.store.lastEpoch
  return last.epoch > own || (last.epoch === own && last.offset >= raft.store.endOffset)
}

/** What must hold of any state. */
export function checkRaft(raft: Raft): void {
  const { phase, leadership, ballot, store } = raft
  if ((phase === 'leader') !== (leadership !== null)) throw new RaftInvariant('a leader and only a leader leads')
  if ((phase === 'candidate' || phase === 'prospective') !== (ballot !== null))
    throw new RaftInvariant('ballot without election')
  if (raft.highWatermark > store.endOffset) throw new RaftInvariant('high watermark past the end of the log')
  if (store.lastEpoch > raft.epoch) throw new RaftInvariant('a record of a later epoch')
}

export class RaftInvariant extends Error {
  override readonly name = 'RaftInvariant'
}
