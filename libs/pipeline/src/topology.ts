/**
 * A pipeline as data: nodes, the stores they use, the topics between them, and the parts that run independently.
 *
 * The DSL (`dsl/`) makes it, the engine (`engine/`) runs one partition of one subtopology of it, the renderers print
 * it, and the thread spreads its tasks over the members of a group. Names are those that Kafka Streams 4.3 gives for
 * the same pipeline, so that internal topics and `describe()` agree. Source: InternalTopologyBuilder,
 * TopologyDescription.
 */
import type { Serde } from '@troupe/client/serdes'
import type { Operation } from './engine/operation.ts'

export type { Serde }

export interface Header {
  readonly key: string
  readonly value: Uint8Array | null
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface Topology {
  /** The pipeline's name. */
  readonly name: string
  /** Prefix of the internal topics, and the group's id. */
  readonly applicationId: string
  /** In the order in which the pipeline names them; a node comes after its predecessors. */
  readonly nodes: ReadonlyMap<string, TopologyNode>
  readonly stores: ReadonlyMap<string, StoreSpec>
  readonly subtopologies: readonly Subtopology[]
  /** Repartition and changelog topics of all subtopologies, by name. */
  readonly internalTopics: ReadonlyMap<string, InternalTopic>
}

/** Nodes that are connected by more than a topic: a task is one partition of one of these. */
export interface Subtopology {
  readonly id: number
  readonly nodes: readonly string[]
  /** Topics it reads, repartition topics included, sorted. */
  readonly sourceTopics: readonly string[]
  /** Those of them that the pipeline itself writes: records may be deleted when their offsets are committed. */
  readonly repartitionSources: readonly string[]
  /** Topics it writes, known beforehand, sorted; changelogs are not among them. */
  readonly sinkTopics: readonly string[]
  /** The ones among them for which the engine must know the number of partitions (`TaskOptions.partitionCount`). */
  readonly countedTopics: readonly string[]
  readonly stores: readonly string[]
  /** Groups of its source topics that must have equally many partitions. */
  readonly copartitioned: readonly (readonly string[])[]
  /** Set when it ends in an outside system: then it has one source topic, no store and no other output. */
  readonly external: Sink | null
}

export type TopologyNode = SourceNode | ProcessorNode | SinkNode | ExternalSinkNode

interface NodeBase {
  readonly name: string
  readonly subtopology: number
  readonly predecessors: readonly string[]
  readonly successors: readonly string[]
}

export interface SourceNode extends NodeBase {
  readonly kind: 'source'
  readonly topics: readonly string[]
  readonly key: Serde<any>
  readonly value: Serde<any>
  /** Event time of a record. Default: the record's own timestamp; a negative one is a poison record. */
  readonly timestamp: TimestampExtractor | null
  /** Where to begin without a committed offset; null: the consumer's `auto.offset.reset`. */
  readonly offsetReset: 'earliest' | 'latest' | 'none' | null
}

export type TimestampExtractor<K = any, V = any> = (
  record: { readonly topic: string; readonly partition: number; readonly offset: number; readonly timestamp: number },
  key: K,
  value: V,
  /** Largest timestamp seen on this partition, −1 before the first. */
  partitionTime: number,
) => number

export interface ProcessorNode extends NodeBase {
  readonly kind: 'processor'
  readonly operation: Operation
  readonly stores: readonly string[]
}

export interface SinkNode extends NodeBase {
  readonly kind: 'sink'
  /** A function: chosen for each record. Internal topics carry their full name. */
  readonly topic: string | TopicChooser
  readonly key: Serde<any>
  readonly value: Serde<any>
  readonly partitioner: StreamPartitioner | null
  /** Keys are windowed: the partition follows from the key alone, not from the window (WindowedStreamPartitioner). */
  readonly windowedKey: ((key: unknown) => Uint8Array | null) | null
}

export type TopicChooser = (
  key: unknown,
  value: unknown,
  record: { readonly timestamp: number; readonly headers: readonly Header[] },
) => string
/** null: as if there were no partitioner. */
export type StreamPartitioner = (topic: string, key: unknown, value: unknown, partitions: number) => number | null

export interface ExternalSinkNode extends NodeBase {
  readonly kind: 'external'
  readonly sink: Sink
}

// --- stores

export type StoreSpec = KeyValueStoreSpec | WindowStoreSpec | SessionStoreSpec | BufferStoreSpec

interface StoreBase {
  readonly name: string
  /** Full name of the changelog topic; null: not logged. */
  readonly changelog: string | null
  /** Of the key itself, without the window that stores of windows add. */
  readonly key: Serde<any>
  readonly value: Serde<any>
}

/** Key → value and timestamp. Changelog: plain value, the timestamp is the record's. */
export interface KeyValueStoreSpec extends StoreBase {
  readonly kind: 'keyValue'
}

export interface WindowStoreSpec extends StoreBase {
  readonly kind: 'window'
  readonly windowSizeMs: number
  readonly retentionMs: number
  /** Join buffers keep every record, even of the same key and time. */
  readonly retainDuplicates: boolean
  /** Aggregates carry a timestamp beside the window's; join buffers do not. */
  readonly timestamped: boolean
}

export interface SessionStoreSpec extends StoreBase {
  readonly kind: 'session'
  readonly retentionMs: number
}

/**
 * Records that wait: of `suppress` and of outer joins. Sorted by time, then by key.
 * Changelog: by key (`suppress`), or by time, side and key (outer joins).
 */
export type BufferStoreSpec = SuppressStoreSpec | OuterJoinStoreSpec

export interface SuppressStoreSpec extends StoreBase {
  readonly kind: 'suppress'
}

export interface OuterJoinStoreSpec extends StoreBase {
  readonly kind: 'outerJoin'
  /** Of the right side; `value` is the left's. */
  readonly otherValue: Serde<any>
}

// --- topics between subtopologies

export interface InternalTopic {
  /** `<application.id>-<name>-repartition` or `<application.id>-<store>-changelog`. */
  readonly name: string
  readonly kind: 'repartition' | 'changelog'
  /** Asked for by the pipeline; null: derived, see `partitionCounts`. */
  readonly partitions: number | null
  /** Topic properties by Kafka's names. */
  readonly config: Readonly<Record<string, string>>
  /** Who reads it (repartition) or owns it (changelog). */
  readonly subtopology: number
  /** Changelogs only. */
  readonly store: string | null
}

// --- outside systems

/**
 * An outside system that takes part in exactly-once by keeping our offsets beside our records: it stores both at
 * once, and only if the offset it has is the one we start from. So a zombie's write is refused, and after a crash the
 * system itself says where to go on. Used by the shell only.
 */
export interface Sink<K = any, V = any> {
  readonly name: string
  open(): SinkDriver<K, V> | PromiseLike<SinkDriver<K, V>>
}

export interface SinkDriver<K = any, V = any> {
  /** For each partition the offset of the next record to apply; null: never heard of it. */
  offsets(partitions: readonly TopicPartition[]): PromiseLike<readonly (number | null)[]>
  /**
   * Stores the records and `to`, atomically, if the stored offset is `from` (null: none is stored); answers whether it
   * was. Refused means that somebody else has the partition now.
   */
  apply(batch: SinkBatch<K, V>): PromiseLike<boolean>
  close(): PromiseLike<void>
}

export interface SinkBatch<K = any, V = any> {
  readonly partition: TopicPartition
  readonly from: number | null
  readonly to: number
  readonly records: readonly SinkRecord<K, V>[]
}

export interface SinkRecord<K = any, V = any> {
  readonly key: K
  readonly value: V
  readonly headers: readonly Header[]
  readonly timestamp: number
  /** Of the input record that this one came from. */
  readonly offset: number
}

/** The pipeline itself is wrong, or does not fit its topics. Kafka's name and text where it has one. */
export class TopologyException extends Error {
  override readonly name = 'TopologyException'
}
