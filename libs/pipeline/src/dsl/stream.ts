/**
 * A stream of records: Kafka Streams' KStream. Every method adds to the pipeline and changes nothing else; what follows
 * is called on what it returns.
 *
 * `map`, `flatMap`, `selectKey` and `groupBy` change the key, so that grouping or joining after them goes through a
 * repartition topic; `mapValues` and `filter` keep it. Source: KStreamImpl.
 */
import type { Operation } from '../engine/operation.ts'
import type { Sink, TopicChooser } from '../topology.ts'
import type { JoinWindows } from '../windows.ts'
import { branchStream, type Branches } from './branch.ts'
import { GroupedStream } from './grouped-stream.ts'
import type { AnySerde, Graph } from './graph.ts'
import type {
  GroupedOptions,
  JoinedOptions,
  MaterializedOptions,
  NamedOptions,
  ProducedOptions,
  RepartitionedOptions,
  StreamJoinedOptions,
} from './options.ts'
import { repartition } from './repartition.ts'
import { joinStreams } from './stream-join.ts'
import { joinTable } from './stream-table-join.ts'
import { Table } from './table.ts'

/** What the DSL knows of a stream. */
export interface StreamState {
  readonly graph: Graph
  /** Names its repartition topics. */
  readonly name: string
  /** The node whose output it is. */
  readonly node: string
  readonly key: AnySerde | null
  readonly value: AnySerde | null
  readonly sources: ReadonlySet<string>
  readonly repartitionRequired: boolean
}

export class Stream<K, V> {
  readonly state: StreamState

  constructor(state: StreamState) {
    this.state = state
  }

  // --- one record at a time

  filter(predicate: (key: K, value: V) => boolean, options: NamedOptions = {}): Stream<K, V> {
    return this.add('KSTREAM-FILTER-', { type: 'filter', predicate }, options)
  }

  filterNot(predicate: (key: K, value: V) => boolean, options: NamedOptions = {}): Stream<K, V> {
    return this.add('KSTREAM-FILTER-', { type: 'filter', predicate: (key, value) => !predicate(key, value) }, options)
  }

  map<K2, V2>(mapper: (key: K, value: V) => readonly [K2, V2], options: NamedOptions = {}): Stream<K2, V2> {
    return this.add('KSTREAM-MAP-', { type: 'map', mapper }, options, {
      key: null,
      value: null,
      repartitionRequired: true,
    })
  }

  mapValues<V2>(mapper: (value: V, key: K) => V2, options: NamedOptions = {}): Stream<K, V2> {
    return this.add('KSTREAM-MAPVALUES-', { type: 'mapValues', mapper }, options, { value: null })
  }

  flatMap<K2, V2>(
    mapper: (key: K, value: V) => Iterable<readonly [K2, V2]>,
    options: NamedOptions = {},
  ): Stream<K2, V2> {
    const changes = { key: null, value: null, repartitionRequired: true }
    return this.add('KSTREAM-FLATMAP-', { type: 'flatMap', mapper }, options, changes)
  }

  flatMapValues<V2>(mapper: (value: V, key: K) => Iterable<V2>, options: NamedOptions = {}): Stream<K, V2> {
    return this.add('KSTREAM-FLATMAPVALUES-', { type: 'flatMapValues', mapper }, options, { value: null })
  }

  selectKey<K2>(selector: (key: K, value: V) => K2, options: NamedOptions = {}): Stream<K2, V> {
    const operation: Operation = { type: 'map', mapper: (key, value) => [selector(key, value), value] }
    return this.add('KSTREAM-KEY-SELECT-', operation, options, { key: null, repartitionRequired: true })
  }

  /** Looks at each record. What it does outside of the pipeline is not part of a transaction. */
  peek(action: (key: K, value: V) => void, options: NamedOptions = {}): Stream<K, V> {
    return this.add('KSTREAM-PEEK-', { type: 'peek', action }, options)
  }

  foreach(action: (key: K, value: V) => void, options: NamedOptions = {}): void {
    this.add('KSTREAM-FOREACH-', { type: 'peek', action }, options)
  }

  // --- splitting and joining up

  /** Each record goes to the first branch whose predicate holds; to `default`, if there is one; else nowhere. */
  branch<Name extends string>(
    branches: Readonly<Record<Name, (key: K, value: V) => boolean>>,
    options: NamedOptions = {},
  ): Branches<K, V, Name> {
    return branchStream(this, branches, options)
  }

  merge(other: Stream<K, V>, options: NamedOptions = {}): Stream<K, V> {
    const { graph, sources, repartitionRequired } = this.state
    const name = graph.nameOr(options.name, 'KSTREAM-MERGE-')
    graph.addProcessor(name, [this.state.node, other.state.node], { type: 'passThrough' })
    return this.next(name, {
      // As in Kafka Streams a merged stream has forgotten its serdes, unless both had the same.
      key: this.state.key === other.state.key ? this.state.key : null,
      value: this.state.value === other.state.value ? this.state.value : null,
      sources: new Set([...sources, ...other.state.sources]),
      repartitionRequired: repartitionRequired || other.state.repartitionRequired,
    })
  }

  /** Through a topic of the pipeline's own, partitioned by key (Kafka Streams' `repartition`). */
  through(options: RepartitionedOptions<K, V> = {}): Stream<K, V> {
    const { graph } = this.state
    const topic = options.name ?? graph.newName('KSTREAM-REPARTITION-')
    const key = options.key ?? this.state.key
    const value = options.value ?? this.state.value
    const { partitions, partitioner } = options
    const source = repartition({ graph, parent: this.state.node, topic, key, value, partitions, partitioner })
    return this.next(source, { key, value, sources: new Set([source]), repartitionRequired: false })
  }

  /** The same under Kafka Streams' present name. */
  repartition(options: RepartitionedOptions<K, V> = {}): Stream<K, V> {
    return this.through(options)
  }

  // --- where it ends

  /** To a topic; a function chooses one for each record. */
  to(topic: string | TopicChooser, options: ProducedOptions<K, V> = {}): void {
    const { graph } = this.state
    const name = graph.nameOr(options.name, 'KSTREAM-SINK-')
    graph.add({
      kind: 'sink',
      name,
      parents: [this.state.node],
      topic: typeof topic === 'string' ? { name: topic, internal: false } : topic,
      key: options.key ?? this.state.key,
      value: options.value ?? this.state.value,
      partitioner: options.partitioner ?? null,
    })
  }

  /** To an outside system that stores our offsets beside our records. */
  toSink(sink: Sink<K, V>, options: ProducedOptions<K, V> = {}): void {
    const { graph, node } = this.state
    const name = graph.nameOr(options.name, 'EXTERNAL-SINK-')
    const { key, value } = { key: options.key ?? this.state.key, value: options.value ?? this.state.value }
    graph.add({ kind: 'external', name, parents: [node], sink, key, value })
  }

  /** The newest value of each key. */
  toTable(options: MaterializedOptions<K, V> = {}): Table<K, V> {
    return Table.ofStream(this, options)
  }

  // --- grouping and joining

  groupByKey(options: GroupedOptions<K, V> = {}): GroupedStream<K, V> {
    const { key = this.state.key, value = this.state.value, name = null } = options
    return new GroupedStream({ ...this.state, key, value, topic: name })
  }

  groupBy<K2>(selector: (key: K, value: V) => K2, options: GroupedOptions<K2, V> = {}): GroupedStream<K2, V> {
    const { key = null, value = this.state.value, name = null } = options
    const selected = this.selectKey(selector, name === null ? {} : { name })
    return new GroupedStream({ ...selected.state, key, value, topic: name })
  }

  join<V2, V3>(
    other: Table<K, V2>,
    joiner: (value: V, other: V2, key: K) => V3,
    options?: JoinedOptions<K, V>,
  ): Stream<K, V3>
  join<V2, V3>(
    other: Stream<K, V2>,
    joiner: (value: V, other: V2, key: K) => V3,
    windows: JoinWindows,
    options?: StreamJoinedOptions<K, V, V2>,
  ): Stream<K, V3>
  join(other: any, joiner: any, third: any, options?: any): any {
    if (other instanceof Table) return joinTable(this, other, joiner, false, third)
    return joinStreams(this, other, joiner, third, 'inner', options)
  }

  leftJoin<V2, V3>(
    other: Table<K, V2>,
    joiner: (value: V, other: V2 | null, key: K) => V3,
    options?: JoinedOptions<K, V>,
  ): Stream<K, V3>
  leftJoin<V2, V3>(
    other: Stream<K, V2>,
    joiner: (value: V, other: V2 | null, key: K) => V3,
    windows: JoinWindows,
    options?: StreamJoinedOptions<K, V, V2>,
  ): Stream<K, V3>
  leftJoin(other: any, joiner: any, third: any, options?: any): any {
    if (other instanceof Table) return joinTable(this, other, joiner, true, third)
    return joinStreams(this, other, joiner, third, 'left', options)
  }

  outerJoin<V2, V3>(
    other: Stream<K, V2>,
    joiner: (value: V | null, other: V2 | null, key: K) => V3,
    windows: JoinWindows,
    options?: StreamJoinedOptions<K, V, V2>,
  ): Stream<K, V3> {
    return joinStreams(this, other, joiner as never, windows, 'outer', options)
  }

  // --- for the DSL's own files

  /** A stream that continues this one at another node. */
  next(node: string, changes: Partial<StreamState> = {}): Stream<any, any> {
    return new Stream({ ...this.state, name: node, node, ...changes })
  }

  private add(
    prefix: string,
    operation: Operation,
    { name }: NamedOptions,
    changes: Partial<StreamState> = {},
  ): Stream<any, any> {
    const { graph, node } = this.state
    const processor = graph.nameOr(name, prefix)
    graph.addProcessor(processor, [node], operation)
    return this.next(processor, changes)
  }
}
