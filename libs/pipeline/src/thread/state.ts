/**
 * The state of a pipeline's thread: its phase, its tasks and standby copies, what it has asked its clients, and the
 * three things that take several messages: setup, commit, recovery. At most one of them is under way.
 */
import type { Env, Outbox, ReplyToken } from '@troupe/actor'
import { defineEdges } from '@troupe/actor/edges'
import type { GroupMetadata, OffsetToCommit } from '@troupe/client/messages'
import type { ConsumedOffset, Task, TaskId } from '../engine/contract.ts'
import type { SinkRecord, TopicPartition } from '../topology.ts'
import { pipelineDefaults, type PipelineProperties } from './config.ts'
import type { PipelineThreadArgs, ThreadFailure, ThreadMetrics, ThreadPhase } from './messages.ts'

/** Source: StreamThread.State. */
export const threadEdges = defineEdges<ThreadPhase>({
  CREATED: ['STARTING', 'PENDING_SHUTDOWN'],
  STARTING: ['PARTITIONS_REVOKED', 'PARTITIONS_ASSIGNED', 'PENDING_SHUTDOWN'],
  PARTITIONS_REVOKED: ['PARTITIONS_REVOKED', 'PARTITIONS_ASSIGNED', 'PENDING_SHUTDOWN'],
  PARTITIONS_ASSIGNED: ['PARTITIONS_REVOKED', 'PARTITIONS_ASSIGNED', 'RUNNING', 'PENDING_SHUTDOWN'],
  RUNNING: ['PARTITIONS_REVOKED', 'PARTITIONS_ASSIGNED', 'PENDING_SHUTDOWN'],
  PENDING_SHUTDOWN: ['DEAD'],
  DEAD: [],
})

/**
 * `opening`: asks what was committed. `locating`: asks where its changelogs end. `restoring`: reads them.
 * `positioning`: knows where to go on, and waits for the moment to tell the consumer. `running`: processes.
 */
export type TaskPhase = 'opening' | 'locating' | 'restoring' | 'positioning' | 'running'

export const taskEdges = defineEdges<TaskPhase>({
  opening: ['locating', 'positioning'],
  locating: ['restoring'],
  restoring: ['positioning'],
  positioning: ['running'],
  running: [],
})

export interface ChangelogState extends TopicPartition {
  readonly store: string
  /** The high watermark when it was asked; null: not known yet. */
  end: number | null
  /** Where the restore consumer is: the next offset. −1: not known. */
  position: number
}

export interface ActiveTask {
  readonly id: TaskId
  readonly task: Task
  readonly inputs: readonly TopicPartition[]
  phase: TaskPhase
  /** The question that its phase waits for; 0: to be asked. */
  asked: number
  retryAt: number
  failures: number
  /** By key of the changelog's partition. */
  readonly changelogs: Map<string, ChangelogState>
  /** The consumer is not where the task begins: it has been there before, or the outside system knows better. */
  rewind: boolean
  /** By key of the input: what is committed, as far as known. */
  readonly committed: Map<string, number>
  /** By key of the input: the first offset this thread has got of it. Where to go back to when nothing is committed. */
  readonly first: Map<string, number>
  /** Has consumed something since the last commit. */
  dirty: boolean
  readonly paused: Set<string>
  /** Inputs that are at the end of what the brokers have, as of the last poll. */
  caughtUp: ReadonlySet<string>
  /** Since when it could go on if another input had something; −1: it does not wait. */
  idleSince: number
  /** null: ends in Kafka. */
  readonly external: { readonly sink: string; offset: number | null; records: SinkRecord[] } | null
}

export interface StandbyTask {
  readonly id: TaskId
  readonly task: Task
  readonly changelogs: Map<string, ChangelogState>
}

/** What an answer is for; found by its number. */
export type Asked =
  | { readonly kind: 'metadata' | 'create' }
  | { readonly kind: 'poll' }
  | { readonly kind: 'init' | 'begin' | 'flush' | 'sendOffsets' | 'commitTransaction' | 'abortTransaction' }
  | { readonly kind: 'group' }
  | { readonly kind: 'commit' }
  | { readonly kind: 'send'; readonly count: number }
  | { readonly kind: 'committed' | 'ends'; readonly tasks: readonly TaskId[] }
  | { readonly kind: 'sinkOffsets' | 'apply'; readonly task: TaskId }
  | { readonly kind: 'lag' }
  | { readonly kind: 'restorePoll' }
  | { readonly kind: 'position'; readonly key: string }
  | { readonly kind: 'purge' }
  | { readonly kind: 'unsubscribe' | 'closeClient' }

export interface Commit {
  /** `group`: asks in whose name. `writing`: everything is under way but the end. `ending`: the end is. */
  phase: 'group' | 'writing' | 'ending'
  group: GroupMetadata | null
  offsets: readonly OffsetToCommit[]
  tasks: ReadonlyMap<TaskId, readonly ConsumedOffset[]>
  /** Answers that `writing` waits for, beside those to sends. */
  waiting: number
}

export interface Recovery {
  /** `aborted`: its tasks go on from their last commit. `migrated`: they belong to others. `failed`: the thread ends. */
  cause: 'aborted' | 'migrated' | 'failed'
  /** The producer is of no use any more. */
  replaceProducer: boolean
  /** The consumer has not noticed that the group went on without it. */
  rejoin: boolean
  /** The abort, the flush or the new producer's initialisation has been asked for. */
  asked: boolean
}

/** Under at_least_once always `ready`. */
export type ProducerPhase = 'initializing' | 'ready' | 'open' | 'ending' | 'aborting'

export interface ThreadState {
  readonly args: PipelineThreadArgs
  readonly config: PipelineProperties
  phase: ThreadPhase
  /** Partitions of source and internal topics, once they are there. */
  counts: ReadonlyMap<string, number>
  setup: { asked: boolean; retryAt: number; attempts: number; done: boolean }
  readonly asked: Map<number, Asked>
  nextId: number
  producer: { phase: ProducerPhase; openedAt: number; unacknowledged: number }
  /** The number of the poll under way; 0: none. */
  poll: number
  joined: boolean
  /** Assigned partitions, by key. */
  readonly owned: Map<string, TopicPartition>
  /** Will be given up when the next poll goes out. */
  revoking: readonly TopicPartition[]
  readonly tasks: Map<TaskId, ActiveTask>
  readonly standbys: Map<TaskId, StandbyTask>
  /** Whose turn it is. */
  turn: number
  restore: { spawned: boolean; poll: number; positions: number; assigned: ReadonlySet<string> }
  commit: Commit | null
  recovery: Recovery | null
  lastCommitAt: number
  /** A commit before this moment would meet a group that rebalances. */
  commitNotBefore: number
  commitRequested: boolean
  purgeAt: number
  asksLag: boolean
  working: boolean
  failure: ThreadFailure | null
  closing: { replyTo: ReplyToken | null; deadlineAt: number; clients: number; asked: boolean; clean: boolean } | null
  readonly metrics: ThreadMetrics
}

export interface Step {
  readonly state: ThreadState
  readonly env: Env
  readonly out: Outbox
}

/** `nextId`: where questions are counted from; answers to an earlier life of the actor must not find one. */
export function newThreadState(args: PipelineThreadArgs, now: number, nextId: number): ThreadState {
  const config = { ...pipelineDefaults, ...args.properties }
  return {
    args,
    config,
    phase: 'CREATED',
    counts: new Map(),
    setup: { asked: false, retryAt: 0, attempts: 0, done: false },
    asked: new Map(),
    nextId,
    producer: { phase: 'ready', openedAt: 0, unacknowledged: 0 },
    poll: 0,
    joined: false,
    owned: new Map(),
    revoking: [],
    tasks: new Map(),
    standbys: new Map(),
    turn: 0,
    restore: { spawned: false, poll: 0, positions: 0, assigned: new Set() },
    commit: null,
    recovery: null,
    lastCommitAt: now,
    commitNotBefore: 0,
    commitRequested: false,
    purgeAt: now + config['repartition.purge.interval.ms'],
    asksLag: false,
    working: false,
    failure: null,
    closing: null,
    metrics: {
      processed: 0,
      sent: 0,
      polls: 0,
      commits: 0,
      aborts: 0,
      rebalances: 0,
      restoredRecords: 0,
      droppedRecords: 0,
      deadLetters: 0,
      external: 0,
    },
  }
}
