/**
 * What the DSL writes into while a pipeline is being described: nodes in the order of the calls, with Kafka Streams'
 * generated names. `compile.ts` makes a `Topology` of it for a given `application.id`.
 *
 * Source: InternalStreamsBuilder and the graph nodes of the DSL, whose order of building is that of the calls.
 */
import type { Operation } from '../engine/operation.ts'
import {
  TopologyException,
  type Serde,
  type Sink,
  type StreamPartitioner,
  type TimestampExtractor,
  type TopicChooser,
} from '../topology.ts'

export type AnySerde = Serde<any>

/** A topic's name, or the part of an internal topic's name after `<application.id>-`. */
export interface TopicReference {
  readonly name: string
  readonly internal: boolean
}

export interface GraphSource {
  readonly kind: 'source'
  readonly name: string
  readonly topics: readonly TopicReference[]
  readonly key: AnySerde | null
  readonly value: AnySerde | null
  readonly timestamp: TimestampExtractor | null
  readonly offsetReset: 'earliest' | 'latest' | 'none' | null
  /** The value serde is of the rows; what travels are changes of them. */
  readonly changes?: boolean
}

export interface GraphProcessor {
  readonly kind: 'processor'
  readonly name: string
  readonly parents: readonly string[]
  operation: Operation
  /** Stores it reads or writes. */
  readonly stores: Set<string>
}

export interface GraphSink {
  readonly kind: 'sink'
  readonly name: string
  readonly parents: readonly string[]
  readonly topic: TopicReference | TopicChooser
  readonly key: AnySerde | null
  readonly value: AnySerde | null
  readonly partitioner: StreamPartitioner | null
  readonly changes?: boolean
}

export interface GraphExternal {
  readonly kind: 'external'
  readonly name: string
  readonly parents: readonly string[]
  readonly sink: Sink
  readonly key: AnySerde | null
  readonly value: AnySerde | null
}

export type GraphNode = GraphSource | GraphProcessor | GraphSink | GraphExternal

/** A store as the DSL knows it; serdes may still be the pipeline's defaults. */
export type GraphStore = { readonly name: string; key: AnySerde | null; value: AnySerde | null; logged: boolean } & (
  | { readonly kind: 'keyValue' }
  | {
      readonly kind: 'window'
      readonly windowSizeMs: number
      readonly retentionMs: number
      readonly retainDuplicates: boolean
      readonly timestamped: boolean
    }
  | { readonly kind: 'session'; readonly retentionMs: number }
  | { readonly kind: 'suppress' }
  | { readonly kind: 'outerJoin'; readonly otherValue: AnySerde | null }
)

export interface RepartitionTopic {
  readonly name: string
  readonly partitions: number | null
}

export interface GraphDefaults {
  readonly key: AnySerde | null
  readonly value: AnySerde | null
}

export class Graph {
  readonly nodes = new Map<string, GraphNode>()
  readonly stores = new Map<string, GraphStore>()
  readonly repartitionTopics = new Map<string, RepartitionTopic>()
  /** By source nodes: what must have equally many partitions. */
  readonly copartitioned: (readonly string[])[] = []
  /** Null keys pass the filter before a repartition topic when a left or outer join needs them. */
  readonly nullKeyJoins = new Set<string>()
  readonly nullKeyFilters: GraphProcessor[] = []
  readonly defaults: GraphDefaults
  private index = 0

  constructor(defaults: GraphDefaults) {
    this.defaults = defaults
  }

  newName(prefix: string): string {
    return `${prefix}${String(this.index++).padStart(10, '0')}`
  }

  newStoreName(prefix: string): string {
    return this.newName(`${prefix}STATE-STORE-`)
  }

  /** The given name, or a generated one. As in Kafka Streams a number is used up either way. */
  nameOr(given: string | undefined, prefix: string, suffix = ''): string {
    const generated = this.newName(prefix)
    return given === undefined ? generated : given + suffix
  }

  add(node: GraphNode): void {
    if (this.nodes.has(node.name)) throw new TopologyException(`Processor ${node.name} is already added.`)
    this.nodes.set(node.name, node)
  }

  addProcessor(
    name: string,
    parents: readonly string[],
    operation: Operation,
    stores: Iterable<string> = [],
  ): GraphProcessor {
    const node: GraphProcessor = { kind: 'processor', name, parents, operation, stores: new Set(stores) }
    this.add(node)
    return node
  }

  addStore(store: GraphStore): string {
    if (this.stores.has(store.name))
      throw new TopologyException(`A different StateStore has already been added with the name ${store.name}`)
    this.stores.set(store.name, store)
    return store.name
  }

  /** A topic is read by one source node only; a second call for the same topics gets the first's. */
  addSource(source: GraphSource): GraphSource {
    const wanted = source.topics.map(({ name }) => name)
    for (const node of this.nodes.values()) {
      if (node.kind !== 'source') continue
      const known = node.topics.map(({ name }) => name)
      if (!wanted.some((topic) => known.includes(topic))) continue
      if (wanted.length !== known.length || !wanted.every((topic) => known.includes(topic))) {
        throw new TopologyException('Two source nodes are subscribed to overlapping but not equal input topics')
      }
      return node
    }
    this.add(source)
    return source
  }
}
