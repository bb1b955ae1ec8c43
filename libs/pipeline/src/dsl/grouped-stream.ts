/**
 * A stream grouped by key, whole or in windows: what it can be made into is a table. Source: KGroupedStreamImpl,
 * TimeWindowedKStreamImpl, SessionWindowedKStreamImpl.
 */
import { int64 } from '@troupe/client/serdes'
import type { Operation } from '../engine/operation.ts'
import type { SessionWindows, TimeWindows, Windowed } from '../windows.ts'
import type { AnySerde, Graph, GraphStore } from './graph.ts'
import type { MaterializedOptions } from './options.ts'
import { repartition } from './repartition.ts'
import { sessionWindowed, timeWindowed } from './serdes.ts'
import { Table } from './table.ts'

export interface GroupedState {
  readonly graph: Graph
  readonly node: string
  readonly key: AnySerde | null
  readonly value: AnySerde | null
  readonly sources: ReadonlySet<string>
  readonly repartitionRequired: boolean
  /** Name of the repartition topic, if the application gave one. */
  readonly topic: string | null
}

type Aggregation = Extract<Operation, { sendOldValues: boolean }>

export class GroupedStream<K, V> {
  private readonly group: Group

  constructor(state: GroupedState) {
    this.group = new Group(state)
  }

  /** The aggregate of a key starts as `initializer()` says and takes in one record after the other. */
  aggregate<A>(
    initializer: () => A,
    aggregator: (key: K, value: V, aggregate: A) => A,
    options: MaterializedOptions<K, A> = {},
  ): Table<K, A> {
    const store = this.group.storeName(options, 'KSTREAM-AGGREGATE-')
    const operation: Aggregation = { type: 'streamAggregate', store, initializer, aggregator, sendOldValues: false }
    return this.group.table('KSTREAM-AGGREGATE-', operation, options, null)
  }

  /** As `aggregate`; the first value of a key is the first aggregate. */
  reduce(reducer: (aggregate: V, value: V) => V, options: MaterializedOptions<K, V> = {}): Table<K, V> {
    const store = this.group.storeName(options, 'KSTREAM-REDUCE-')
    const operation: Aggregation = { type: 'streamReduce', store, reducer, sendOldValues: false }
    return this.group.table('KSTREAM-REDUCE-', operation, options, this.group.state.value)
  }

  count(options: MaterializedOptions<K, number> = {}): Table<K, number> {
    this.group.countNames(options)
    const store = this.group.storeName(options, 'KSTREAM-AGGREGATE-')
    const operation: Aggregation = { type: 'streamAggregate', store, ...counting, sendOldValues: false }
    return this.group.table('KSTREAM-AGGREGATE-', operation, options, int64)
  }

  windowedBy(windows: TimeWindows): WindowedStream<K, V>
  windowedBy(windows: SessionWindows): SessionStream<K, V>
  windowedBy(windows: TimeWindows | SessionWindows): WindowedStream<K, V> | SessionStream<K, V> {
    if (windows.kind === 'time') return new WindowedStream(this.group, windows)
    return new SessionStream(this.group, windows)
  }
}

export class WindowedStream<K, V> {
  private readonly group: Group
  private readonly windows: TimeWindows

  constructor(group: Group, windows: TimeWindows) {
    this.group = group
    this.windows = windows
  }

  aggregate<A>(
    initializer: () => A,
    aggregator: (key: K, value: V, aggregate: A) => A,
    options: MaterializedOptions<K, A> = {},
  ): Table<Windowed<K>, A> {
    return this.add('KSTREAM-AGGREGATE-', { initializer, aggregator }, options, null)
  }

  reduce(reducer: (aggregate: V, value: V) => V, options: MaterializedOptions<K, V> = {}): Table<Windowed<K>, V> {
    const aggregator = (_key: K, value: V, aggregate: V | null): V =>
      aggregate === null ? value : reducer(aggregate, value)
    return this.add('KSTREAM-REDUCE-', { initializer: () => null, aggregator }, options, this.group.state.value)
  }

  count(options: MaterializedOptions<K, number> = {}): Table<Windowed<K>, number> {
    this.group.countNames(options)
    return this.add('KSTREAM-AGGREGATE-', counting, options, int64)
  }

  private add(
    prefix: string,
    functions: Pick<Extract<Operation, { type: 'windowAggregate' }>, 'initializer' | 'aggregator'>,
    options: MaterializedOptions<any, any>,
    valueSerde: AnySerde | null,
  ): Table<any, any> {
    const { windows, group } = this
    const { sizeMs, graceMs } = windows
    const retentionMs = options.retentionMs ?? sizeMs + graceMs
    checkRetention(retentionMs, sizeMs + graceMs)
    const name = group.storeName(options, prefix)
    const operation: Aggregation = { type: 'windowAggregate', store: name, windows, ...functions, sendOldValues: false }
    const kind = {
      kind: 'window',
      windowSizeMs: sizeMs,
      retentionMs,
      retainDuplicates: false,
      timestamped: true,
    } as const
    return group.table(prefix, operation, options, valueSerde, {
      kind,
      graceMs,
      windowed: (key) => timeWindowed(key, sizeMs),
    })
  }
}

export class SessionStream<K, V> {
  private readonly group: Group
  private readonly windows: SessionWindows

  constructor(group: Group, windows: SessionWindows) {
    this.group = group
    this.windows = windows
  }

  /** `merger` makes one aggregate of two when a record joins up two sessions. */
  aggregate<A>(
    initializer: () => A,
    aggregator: (key: K, value: V, aggregate: A) => A,
    merger: (key: K, left: A, right: A) => A,
    options: MaterializedOptions<K, A> = {},
  ): Table<Windowed<K>, A> {
    return this.add('KSTREAM-AGGREGATE-', { initializer, aggregator, merger }, options, null)
  }

  reduce(reducer: (aggregate: V, value: V) => V, options: MaterializedOptions<K, V> = {}): Table<Windowed<K>, V> {
    const aggregator = (_key: K, value: V, aggregate: V | null): V =>
      aggregate === null ? value : reducer(aggregate, value)
    const merger = (key: K, left: V | null, right: V): V => aggregator(key, right, left)
    return this.add('KSTREAM-REDUCE-', { initializer: () => null, aggregator, merger }, options, this.group.state.value)
  }

  count(options: MaterializedOptions<K, number> = {}): Table<Windowed<K>, number> {
    this.group.countNames(options)
    const merger = (_key: K, left: number, right: number): number => left + right
    return this.add('KSTREAM-AGGREGATE-', { ...counting, merger }, options, int64)
  }

  private add(
    prefix: string,
    functions: Pick<Extract<Operation, { type: 'sessionAggregate' }>, 'initializer' | 'aggregator' | 'merger'>,
    options: MaterializedOptions<any, any>,
    valueSerde: AnySerde | null,
  ): Table<any, any> {
    const { group } = this
    const { gapMs, graceMs } = this.windows
    const retentionMs = options.retentionMs ?? gapMs + graceMs
    checkRetention(retentionMs, gapMs + graceMs)
    const name = group.storeName(options, prefix)
    const operation: Aggregation = {
      type: 'sessionAggregate',
      store: name,
      gapMs,
      graceMs,
      ...functions,
      sendOldValues: false,
    }
    const kind = { kind: 'session', retentionMs } as const
    return group.table(prefix, operation, options, valueSerde, {
      kind,
      graceMs: gapMs + graceMs,
      windowed: sessionWindowed,
    })
  }
}

const counting = { initializer: () => 0, aggregator: (_key: unknown, _value: unknown, count: number) => count + 1 }

function checkRetention(retentionMs: number, least: number): void {
  if (retentionMs < least) {
    throw new RangeError(
      `The retention period of the window store must be no smaller than ${least}, but is ${retentionMs}`,
    )
  }
}

interface Windowing {
  readonly kind: Pick<Extract<GraphStore, { kind: 'window' | 'session' }>, 'kind' | 'retentionMs'> & object
  readonly graceMs: number
  readonly windowed: (key: AnySerde) => AnySerde
}

/** What the three have in common: the repartition topic, names, the store, the table. */
class Group {
  readonly state: GroupedState
  private source: string | null = null

  constructor(state: GroupedState) {
    this.state = state
  }

  storeName({ store }: MaterializedOptions<any, any>, prefix: string): string {
    return store ?? this.state.graph.newStoreName(prefix)
  }

  /** Kafka Streams uses up a number in `count(Materialized)` without a store's name. */
  countNames(options: MaterializedOptions<any, any>): void {
    const told = options.key !== undefined || options.value !== undefined || options.retentionMs !== undefined
    if (options.store === undefined && told) this.state.graph.newStoreName('KSTREAM-AGGREGATE-')
  }

  table(
    prefix: string,
    operation: Aggregation & { readonly store: string | null },
    options: MaterializedOptions<any, any>,
    valueSerde: AnySerde | null,
    windowing: Windowing | null = null,
  ): Table<any, any> {
    const { graph } = this.state
    const store = operation.store!
    const name = graph.nameOr(options.name, prefix)
    const parent = this.parent(store)
    const key = options.key ?? this.state.key ?? graph.defaults.key
    const value = options.value ?? valueSerde
    graph.addProcessor(name, [parent.node], operation, [store])
    const kind = windowing?.kind ?? { kind: 'keyValue' }
    graph.addStore({ name: store, key, value, logged: options.logging ?? true, ...kind } as GraphStore)
    return new Table({
      graph,
      node: name,
      key: windowing ? key && windowing.windowed(key) : key,
      value,
      sources: parent.sources,
      graceMs: windowing?.graceMs ?? null,
      view: () => ({ type: 'store', store }),
      viewStores: () => [store],
      sendOldValues: () => (operation.sendOldValues = true),
    })
  }

  /** After a change of the key, records go through a topic named after the store or as the application says. */
  private parent(store: string): { readonly node: string; readonly sources: ReadonlySet<string> } {
    const { graph, node, key, value, sources, repartitionRequired, topic } = this.state
    if (!repartitionRequired) return { node, sources }
    if (this.source === null || topic === null)
      this.source = repartition({ graph, parent: node, topic: topic ?? store, key, value })
    return { node: this.source, sources: new Set([this.source]) }
  }
}
