/**
 * What runs one task: one partition of one subtopology. Synchronous, without clock, sockets or randomness; the
 * `pipeline-thread` actor feeds it and carries out what it says.
 *
 * A task never decides about a poison record: it leaves the record out at the node that could not deal with it, as
 * Kafka Streams does when its handler says CONTINUE, reports it, and ends the batch there. Whoever runs the task then
 * goes on, writes to a dead-letter topic, or throws the task away with everything since the last commit (FAIL).
 */
import type { Header, SinkRecord, Topology, TopicPartition } from '../topology.ts'

export interface TaskOptions {
  /** Partitions of a topic in `Subtopology.countedTopics`, as of now; undefined: not known (a production poison). */
  partitionCount?(topic: string): number | undefined
  /**
   * Kafka's `statestore.cache.max.bytes` as a switch: results of tables go downstream and to the changelog once per key
   * and `flush()` instead of once per record. Default false: every update.
   */
  readonly caching?: boolean
}

/** `0_3`: subtopology 0, partition 3. */
export type TaskId = string

/** As the consumer gives it. */
export interface InputRecord extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch?: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly Header[]
}

/** To be produced, in this order. */
export interface OutputRecord {
  readonly topic: string
  /** null: by the producer's partitioner. Changelog records: the task's. */
  readonly partition: number | null
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly Header[]
  readonly timestamp: number
}

export interface Processed {
  /** How many input records were taken, poisoned ones included. */
  readonly taken: number
  readonly outputs: readonly OutputRecord[]
  /** For the outside system that the subtopology ends in. */
  readonly external: readonly SinkRecord[]
  /** Why the batch has ended before `limit`: all of one input record. */
  readonly poison: readonly Poison[]
}

/** Which of Kafka's handlers is meant: deserialization, processing or production exception handler. */
export interface Poison {
  readonly kind: 'deserialization' | 'processing' | 'production'
  readonly node: string
  readonly error: unknown
  /** The input record, for the dead-letter topic. */
  readonly record: InputRecord
}

/** What to commit for one input partition: the next offset, and Kafka Streams' metadata beside it. */
export interface ConsumedOffset extends TopicPartition {
  readonly offset: number
  /** −1: not known. */
  readonly leaderEpoch: number
  /** Partition time, in Kafka Streams' format (TopicPartitionMetadata, base64). Give it back with `resume`. */
  readonly metadata: string
}

export interface Task {
  readonly id: TaskId
  readonly topology: Topology
  readonly subtopology: number
  readonly partition: number
  /** Partition `partition` of every source topic that has one; `createTask` is told which. */
  readonly inputs: readonly TopicPartition[]
  /** Changelog topic by store, of stores that are logged: to be read from the start (or a checkpoint) by `restore`. */
  readonly changelogs: ReadonlyMap<string, string>

  /** Committed offset and its metadata, before the first record: partition times go on from there. */
  resume(partition: TopicPartition, metadata: string): void
  /**
   * Records of a changelog partition in the order of the log. Before the first `process`; later for standby copies
   * only.
   */
  restore(store: string, records: readonly InputRecord[]): void

  /** Buffers input; records of one partition in the order of their offsets. */
  add(records: readonly InputRecord[]): void
  /**
   * Records that wait for `process`, of one input or of all: pause the partition above
   * `buffered.records.per.partition`.
   */
  buffered(partition?: TopicPartition): number
  /** Inputs without a buffered record: `max.task.idle.ms` waits for them. */
  empty(): readonly TopicPartition[]

  /** Takes up to `limit` records, each the one with the smallest timestamp at the head of the inputs. */
  process(limit: number): Processed
  /** Before every commit: what caches held back. `taken` is 0. */
  flush(): Processed
  /** What `process` has consumed since the task was made, of inputs with any: commit it after `flush`. */
  consumed(): readonly ConsumedOffset[]

  /** Largest timestamp processed, −1 before the first. */
  readonly streamTime: number
  /** For queries and tests: entries of a store in the order of their keys, deserialised. */
  query(store: string): Iterable<StoreEntry>
}

export interface StoreEntry {
  /** A windowed key in window and session stores. */
  readonly key: unknown
  readonly value: unknown
  readonly timestamp: number
}

/** Exported by `engine/task.ts`. */
export type CreateTask = (
  topology: Topology,
  subtopology: number,
  partition: number,
  options: CreateTaskOptions,
) => Task

export interface CreateTaskOptions extends TaskOptions {
  /** As `partitionCounts` (`engine/partitions.ts`) has derived them: says which source topics have this partition. */
  readonly counts: ReadonlyMap<string, number>
}
