/**
 * What is said to and by a `pipeline-thread`.
 *
 * It lives on a client's node beside `network` and `admin`, and starts its own consumer, restore consumer and producer
 * there. External sinks are asked through one actor of the shell (`PipelineThreadArgs.sinks`), because drivers take time.
 */
import type { Address, Message, ReplyToken } from '@troupe/actor'
import { clientActorNames } from '@troupe/client/messages'
import type { AdminProperties, ProducerProperties } from '@troupe/client/config'
import type { ConsumerProperties } from '@troupe/client/consumer'
import type { SinkRecord, Topology, TopicPartition } from '../topology.ts'
import type { PipelineProperties } from './config.ts'

export const pipelineActorNames = {
  thread: (thread: string): string => `pipeline-thread:${thread}`,
  consumer: (thread: string): string => clientActorNames.consumer(thread),
  restoreConsumer: (thread: string): string => clientActorNames.consumer(`${thread}-restore`),
  producer: (thread: string): string => clientActorNames.producer(thread),
  /** Of the shell, or of a simulation: carries out `SinkMessage`s. */
  sinks: 'pipeline-sinks',
} as const

export interface PipelineThreadArgs {
  readonly topology: Topology
  /** Kafka Streams' names; what is not given has its default. */
  readonly properties: Partial<PipelineProperties>
  /** Its actors are named after it: unique on its node. */
  readonly thread: string
  /** `transactional.id` is `<application.id>-<instance>-<index>`: unique, and the same when the thread is replaced. */
  readonly index: number
  /** Of the process: standby copies are never in the same one as what they stand by for. */
  readonly instance: string
  readonly consumer?: Partial<ConsumerProperties>
  readonly restoreConsumer?: Partial<ConsumerProperties>
  readonly producer?: Partial<ProducerProperties>
  readonly admin?: Partial<AdminProperties>
  /** Hears `threadChanged`. */
  readonly observer?: Address
  /** Needed by pipelines that end in outside systems. */
  readonly sinks?: Address
  /** A `pipeline.processed` for each record: for checkers. */
  readonly traceRecords?: boolean
}

/** As `StreamThread.State`. */
export type ThreadPhase =
  | 'CREATED'
  | 'STARTING'
  | 'PARTITIONS_REVOKED'
  | 'PARTITIONS_ASSIGNED'
  | 'RUNNING'
  | 'PENDING_SHUTDOWN'
  | 'DEAD'

/** To the observer, after every change. The actor stops itself after `DEAD`. */
export interface ThreadChanged extends Message {
  readonly kind: 'threadChanged'
  readonly thread: string
  readonly phase: ThreadPhase
  /** Why it has died, if not by order. */
  readonly failure: ThreadFailure | null
}

export interface ThreadFailure {
  /** `StreamsException`, `TopologyException`, `TaskCorruptedException` … or a Kafka error's name. */
  readonly name: string
  readonly message: string
  /** The record at fault, when there is one. */
  readonly record: { readonly topic: string; readonly partition: number; readonly offset: number } | null
  /** What the pipeline's own code has thrown. */
  readonly cause: unknown
}

// --- to the thread

/** Commits, leaves the group, ends. Answered with a `ThreadClosed`. */
export interface CloseThread extends Message {
  readonly kind: 'close'
  readonly replyTo: ReplyToken
  readonly timeoutMs: number
}

export interface ThreadClosed {
  /** Everything processed was committed. */
  readonly clean: boolean
}

/** Answered with a `ThreadDescribed`, at once. */
export interface DescribeThread extends Message {
  readonly kind: 'describe'
  readonly replyTo: ReplyToken
}

export interface ThreadDescribed {
  readonly thread: string
  readonly phase: ThreadPhase
  readonly tasks: readonly { readonly id: string; readonly phase: string; readonly streamTime: number }[]
  readonly standbys: readonly string[]
  readonly metrics: ThreadMetrics
}

/** Counters since the thread began. */
export interface ThreadMetrics {
  processed: number
  sent: number
  polls: number
  commits: number
  /** Transactions given up, tasks thrown away with them included. */
  aborts: number
  rebalances: number
  restoredRecords: number
  /** Records left out by a handler that continues. */
  droppedRecords: number
  deadLetters: number
  /** Records applied to outside systems. */
  external: number
}

/** Answered with a `StoreQueried`, at once: what the thread's tasks hold, uncommitted changes included. */
export interface QueryStore extends Message {
  readonly kind: 'query'
  readonly replyTo: ReplyToken
  readonly store: string
}

export interface StoreQueried {
  readonly entries: readonly { readonly key: unknown; readonly value: unknown; readonly timestamp: number }[]
}

export type ThreadMessage = CloseThread | DescribeThread | QueryStore

// --- external sinks: two messages for every call of a driver

/** The offset of the next record, by partition in the order of the question: answered with a `SinkOffsets`. */
export interface AskSinkOffsets extends Message {
  readonly kind: 'sinkOffsets'
  readonly replyTo: ReplyToken
  readonly sink: string
  readonly partitions: readonly TopicPartition[]
}

export interface SinkOffsets {
  /** Of the driver, in its own words; null: none. */
  readonly error: string | null
  readonly offsets: readonly (number | null)[]
}

/** Applies records and `to` at once if the stored offset is `from`: answered with a `SinkApplied`. */
export interface ApplyToSink extends Message {
  readonly kind: 'applyToSink'
  readonly replyTo: ReplyToken
  readonly sink: string
  readonly partition: TopicPartition
  readonly from: number | null
  readonly to: number
  readonly records: readonly SinkRecord[]
}

/** With an error nobody knows whether it was applied: the stored offset tells. */
export interface SinkApplied {
  readonly error: string | null
  /** False: somebody else has the partition now. */
  readonly applied: boolean
}

export type SinkMessage = AskSinkOffsets | ApplyToSink
