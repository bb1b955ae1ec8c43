/**
 * Options of the DSL's methods: Kafka Streams' Consumed, Produced, Grouped, Materialized, Joined … as plain objects.
 * Serdes that are left out are those known from before, or the pipeline's defaults.
 */
import type { Serde, StreamPartitioner, TimestampExtractor } from '../topology.ts'

export interface NamedOptions {
  /** Of the processor; default: generated as Kafka Streams does. */
  readonly name?: string
}

interface Serdes<K, V> {
  readonly key?: Serde<K>
  readonly value?: Serde<V>
}

export interface ConsumedOptions<K, V> extends NamedOptions, Serdes<K, V> {
  /** Event time; default: the record's timestamp. */
  readonly timestamp?: TimestampExtractor<K, V>
  /** Where to begin without a committed offset. */
  readonly offsetReset?: 'earliest' | 'latest' | 'none'
}

export interface ProducedOptions<K, V> extends NamedOptions, Serdes<K, V> {
  readonly partitioner?: StreamPartitioner
}

/** `name` becomes the repartition topic's name, if there must be one. */
export interface GroupedOptions<K, V> extends NamedOptions, Serdes<K, V> {}

export interface RepartitionedOptions<K, V> extends NamedOptions, Serdes<K, V> {
  /** Default: as many as the largest topic before it. */
  readonly partitions?: number
  readonly partitioner?: StreamPartitioner
}

export interface MaterializedOptions<K, V> extends NamedOptions, Serdes<K, V> {
  /** The store's name, under which it can be queried and its changelog topic is found. */
  readonly store?: string
  /** false: no changelog topic; the store is empty after a crash. */
  readonly logging?: boolean
  /** Of window and session stores; default: as long as a window can change. */
  readonly retentionMs?: number
}

/** `name` also names the repartition topic of the stream's side. */
export interface JoinedOptions<K, V> extends NamedOptions, Serdes<K, V> {}

export interface StreamJoinedOptions<K, V, V2> extends NamedOptions, Serdes<K, V> {
  readonly otherValue?: Serde<V2>
  /** Prefix of the names of the two or three stores. */
  readonly store?: string
}
