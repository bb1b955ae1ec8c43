/**
 * The state of a consumer: its membership, its partitions with their positions, what is fetched and not yet polled,
 * and what it has asked. Plain data throughout: the model checker clones and hashes it.
 */
import type { Env, Outbox, ReplyToken } from '@troupe/actor'
import { defineEdges } from '@troupe/actor/edges'
import type { JoinGroupResponse } from '@troupe/wire/messages'
import type { BrokerEndpoint, MetadataSnapshot, OffsetToCommit } from '../messages.ts'
import type { Assignor, LastAssignment } from './assignors/assignor.ts'
import { consumerDefaults, type ConsumerProperties } from './config.ts'
import type { ConsumerRecord, LogTruncation, RebalanceEvent, SubscribedPattern } from './messages.ts'
import { resetTarget, type ResetTarget } from './reset-policy.ts'
import type { TopicPartition } from './topic-partition.ts'

/**
 * A member's phases (`MemberState`, and what Java does between two of them inside of `poll`).
 * `preparing`: commits, and asks the application to let go. `adopting`: has its assignment, which waits for a poll.
 */
export type MemberPhase = 'unjoined' | 'preparing' | 'joining' | 'syncing' | 'adopting' | 'stable'

export const memberEdges = defineEdges<MemberPhase>({
  unjoined: ['preparing', 'unjoined'],
  preparing: ['joining', 'unjoined'],
  joining: ['syncing', 'preparing', 'unjoined'],
  syncing: ['adopting', 'preparing', 'unjoined'],
  adopting: ['stable', 'unjoined'],
  stable: ['preparing', 'unjoined'],
})

export interface Membership {
  phase: MemberPhase
  /** '': none yet. */
  memberId: string
  /** −1: none, or lost. */
  generationId: number
  /**
   * As whom it took up its last assignment, also when it has lost the group since: what was polled then is committed in
   * that name, and refused. (Java's ConsumerCoordinator changes its group metadata on joining only.)
   */
  lastJoined: { readonly generationId: number; readonly memberId: string }
  protocolName: string | null
  /** Why to join again; null: no need to. */
  rejoin: string | null
  /** What is being joined for: the topics that were sent. */
  joinedTopics: readonly string[] | null
  /** Every assignor hears of the assignments it made itself. */
  last: Map<string, LastAssignment>
  /** As a leader: the answer to its join, while it waits for metadata of all members' topics. */
  leading: JoinGroupResponse | null
  /** As a leader: topics of all members, and how many partitions they had when it assigned. */
  groupTopics: readonly string[]
  assignedFor: Map<string, number> | null
  /** From SyncGroup, until a poll takes it over. */
  assignment: readonly TopicPartition[] | null
  /** What came with it for the assignor; counts while `assignment` does. */
  assignmentData: Uint8Array | null
  /** What the application has been asked to let go. */
  revoking: readonly TopicPartition[] | null
  /** The commit before the rebalance: `null` not begun, `done`, or the commit's number. */
  prepared: number | 'done' | null
  /** A rebalance does not wait longer for its commit. */
  prepareUntil: number
  retryAt: number
  failures: number
  heartbeat: { inFlight: boolean; sentAt: number; answeredAt: number }
}

export interface Coordinator {
  known: BrokerEndpoint | null
  looking: boolean
  retryAt: number
  failures: number
}

/** `FetchStates`: where a partition's position comes from. Only `fetching` ones are fetched. */
export type PositionPhase = 'initializing' | 'fetching' | 'awaitReset' | 'awaitValidation'

export const positionEdges = defineEdges<PositionPhase>({
  initializing: ['fetching', 'awaitReset', 'awaitValidation'],
  fetching: ['fetching', 'awaitReset', 'awaitValidation'],
  awaitReset: ['fetching', 'awaitReset'],
  awaitValidation: ['fetching', 'awaitReset', 'awaitValidation'],
})

/** Epochs: −1 when not known. */
export interface Position {
  readonly offset: number
  /** Of the record before `offset`. */
  readonly offsetEpoch: number
  readonly leader: number
  readonly leaderEpoch: number
}

export interface PartitionState extends TopicPartition {
  readonly key: string
  phase: PositionPhase
  position: Position | null
  resetTo: ResetTarget
  /** A replica nearer than the leader, until a time (KIP-392). */
  preferred: { readonly node: number; readonly until: number } | null
  /** The request whose answer decides an initial or a reset position; an older one comes too late. */
  asked: number
  retryAt: number
  failures: number
  paused: boolean
  /** Not fetched nor polled any more: it is about to be given up. */
  revoking: boolean
  highWatermark: number
  lastStableOffset: number
  logStartOffset: number
}

export interface SessionPartition extends TopicPartition {
  readonly topicId: string
  readonly fetchOffset: number
  readonly currentLeaderEpoch: number
  readonly lastFetchedEpoch: number
  readonly partitionMaxBytes: number
}

/** What a broker knows of our fetches (KIP-227). */
export interface FetchSession {
  /** 0: none. */
  id: number
  epoch: number
  partitions: ReadonlyMap<string, SessionPartition>
}

/** One partition of a Fetch response, until all of it is polled. */
export interface CompletedFetch extends TopicPartition {
  readonly key: string
  readonly records: Uint8Array
  /** Where the next batch begins. */
  at: number
  nextOffset: number
  /** That it was fetched under, −1 when not known. */
  readonly leaderEpoch: number
  lastEpoch: number
  /** Of the batch that is being polled. */
  batch: readonly ConsumerRecord[]
  batchAt: number
  /** Where `nextOffset` goes when the batch is polled. */
  batchEnd: number
  /** By first offset; those that have not begun yet. */
  aborted: readonly { readonly producerId: number; readonly firstOffset: number }[]
  abortedAt: number
  /** Whose records belong to an aborted transaction at this place. */
  readonly aborting: Set<number>
}

/** What a request was for; its answer finds it by number. */
export type Asked =
  | { readonly kind: 'coordinator' }
  | { readonly kind: 'join'; readonly memberId: string; readonly generationId: number }
  | { readonly kind: 'sync' | 'heartbeat'; readonly memberId: string; readonly generationId: number }
  | { readonly kind: 'leave' }
  | { readonly kind: 'commit'; readonly commit: number; readonly memberId: string; readonly generationId: number }
  | { readonly kind: 'initial'; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: 'committed'; readonly question: number }
  | { readonly kind: 'reset'; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: 'offsets'; readonly question: number; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: 'validate'; readonly positions: ReadonlyMap<string, Position> }
  | {
      readonly kind: 'fetch'
      readonly node: number
    }
  | { readonly kind: 'closeSession' }

export interface PendingCommit {
  readonly id: number
  /** null: the consumer's own. */
  readonly replyTo: ReplyToken | null
  readonly purpose: 'application' | 'auto' | 'prepare' | 'close'
  readonly offsets: readonly OffsetToCommit[]
  readonly once: boolean
  readonly deadlineAt: number
  inFlight: boolean
  /** Some attempt may have been taken. */
  indefinite: boolean
  retryAt: number
  failures: number
}

/** The application waits for offsets. */
export interface Question {
  readonly id: number
  readonly kind: 'committed' | 'position' | 'beginningOffsets' | 'endOffsets' | 'offsetsForTimes'
  readonly replyTo: ReplyToken
  readonly partitions: readonly (TopicPartition & { readonly timestamp?: number })[]
  readonly isolation: 'read_uncommitted' | 'read_committed'
  readonly deadlineAt: number
  readonly found: Map<string, OffsetToCommit & { readonly timestamp?: number }>
  /** Requests under way. */
  waiting: number
  retryAt: number
  failures: number
}

export interface PendingPoll {
  readonly replyTo: ReplyToken
  readonly maxRecords: number
  readonly deadlineAt: number
}

export interface ConsumerState {
  readonly config: ConsumerProperties
  /** By name. Functions: a state that has some cannot be cloned. */
  readonly customAssignors: ReadonlyMap<string, Assignor>
  metadata: MetadataSnapshot | null
  /** What the network was told to watch; null: all topics. */
  watched: readonly string[] | null
  /** null: partitions are assigned by hand, or not at all. */
  subscription: readonly string[] | null
  /** What `subscription` follows; it holds when all topics of the cluster are known. */
  pattern: SubscribedPattern | null
  patternKnown: boolean
  /** Beside the topics, for the assignor. */
  subscriptionData: Uint8Array | null
  /** By key, in the order of their turns. */
  readonly partitions: Map<string, PartitionState>
  readonly member: Membership
  readonly coordinator: Coordinator
  /** In the order in which they came. */
  fetched: CompletedFetch[]
  /** By node. */
  readonly sessions: Map<number, FetchSession>
  /** Nodes that have a Fetch under way. */
  readonly fetching: Set<number>
  readonly asked: Map<number, Asked>
  readonly commits: Map<number, PendingCommit>
  readonly questions: Map<number, Question>
  nextId: number
  poll: PendingPoll | null
  /** For the next poll. */
  events: RebalanceEvent[]
  truncations: LogTruncation[]
  error: { readonly code: number; readonly detail: string | null } | null
  autoCommitAt: number
  closing: { readonly replyTo: ReplyToken; readonly deadlineAt: number; phase: 'committing' | 'leaving' } | null
  wakeAt: number
}

/** One step: handed to every function that may change something or cause something. */
export interface Step {
  readonly state: ConsumerState
  readonly env: Env
  readonly out: Outbox
}

export const NEVER = Number.MAX_SAFE_INTEGER

export function newConsumerState(
  properties: Partial<ConsumerProperties>,
  now: number,
  customAssignors: readonly Assignor[] = [],
): ConsumerState {
  const config = { ...consumerDefaults, ...properties }
  // Refused here rather than at the first reset.
  resetTarget(config['auto.offset.reset'], now)
  return {
    config,
    customAssignors: new Map(customAssignors.map((each) => [each.name, each])),
    metadata: null,
    watched: [],
    subscription: null,
    pattern: null,
    patternKnown: false,
    subscriptionData: null,
    partitions: new Map(),
    member: {
      phase: 'unjoined',
      memberId: '',
      generationId: -1,
      lastJoined: { generationId: -1, memberId: '' },
      protocolName: null,
      rejoin: null,
      joinedTopics: null,
      last: new Map(),
      leading: null,
      groupTopics: [],
      assignedFor: null,
      assignment: null,
      assignmentData: null,
      revoking: null,
      prepared: null,
      prepareUntil: 0,
      retryAt: 0,
      failures: 0,
      heartbeat: { inFlight: false, sentAt: 0, answeredAt: 0 },
    },
    coordinator: { known: null, looking: false, retryAt: 0, failures: 0 },
    fetched: [],
    sessions: new Map(),
    fetching: new Set(),
    asked: new Map(),
    commits: new Map(),
    questions: new Map(),
    nextId: 1,
    poll: null,
    events: [],
    truncations: [],
    error: null,
    autoCommitAt: now + config['auto.commit.interval.ms'],
    closing: null,
    wakeAt: NEVER,
  }
}
