/**
 * A table: the newest value of each key, and its changes. Kafka Streams' KTable. A table has a store of its own when it
 * is given a name for one, or when somebody downstream needs to look at it; otherwise it is computed from those before.
 *
 * Source: KTableImpl and the processors behind it.
 */
import type { Operation, TableView } from '../engine/operation.ts'
import { TopologyException } from '../topology.ts'
import { GroupedTable } from './grouped-table.ts'
import type { AnySerde, Graph, GraphProcessor } from './graph.ts'
import type { ConsumedOptions, GroupedOptions, MaterializedOptions, NamedOptions } from './options.ts'
import { repartition } from './repartition.ts'
import { isWindowedSerde } from './serdes.ts'
import { Stream } from './stream.ts'
import { joinTables } from './table-join.ts'

export interface TableState {
  readonly graph: Graph
  readonly node: string
  readonly key: AnySerde | null
  readonly value: AnySerde | null
  readonly sources: ReadonlySet<string>
  /** Reads a row; may give the table a store. */
  readonly view: () => TableView
  /** Stores that the view reads. */
  readonly viewStores: () => readonly string[]
  /** Asks for old values; false when there are none and `force` is not set. */
  readonly sendOldValues: (force: boolean) => boolean
  /** After a window aggregation: how long a window waits for late records (sessions: gap and grace). */
  readonly graceMs: number | null
}

export class Table<K, V> {
  readonly state: TableState

  constructor(state: TableState) {
    this.state = state
  }

  static ofTopic<K, V>(
    graph: Graph,
    topic: string,
    options: ConsumedOptions<K, V> & MaterializedOptions<K, V>,
  ): Table<K, V> {
    const store = options.store ?? graph.newStoreName(`${topic}-`)
    const { name, key = null, value = null, timestamp = null, offsetReset = null } = options
    const source = graph.nameOr(name, 'KSTREAM-SOURCE-', '-source')
    const node = graph.nameOr(name, 'KTABLE-SOURCE-')
    const topics = [{ name: topic, internal: false }]
    const actual = graph.addSource({ kind: 'source', name: source, topics, key, value, timestamp, offsetReset })
    return tableSource(graph, node, actual.name, store, new Set([source]), options)
  }

  static ofStream<K, V>(stream: Stream<K, V>, options: MaterializedOptions<K, V>): Table<K, V> {
    const { graph, node: parent, sources } = stream.state
    const node = graph.nameOr(options.name, 'KSTREAM-TOTABLE-')
    const store = options.store ?? graph.newStoreName('KSTREAM-TOTABLE-')
    const key = (options.key ?? stream.state.key) as never
    const value = (options.value ?? stream.state.value) as never
    if (!stream.state.repartitionRequired)
      return tableSource(graph, node, parent, store, sources, { ...options, key, value })
    const source = repartition({ graph, parent, topic: node, key, value })
    return tableSource(graph, node, source, store, new Set([source]), { ...options, key, value })
  }

  filter(predicate: (key: K, value: V) => boolean, options: MaterializedOptions<K, V> = {}): Table<K, V> {
    const { graph } = this.state
    // Kafka Streams counts a store's name here when options are given without one.
    if ('key' in options || 'value' in options) if (!options.store) graph.newStoreName('KTABLE-FILTER-')
    const name = graph.nameOr(options.name, 'KTABLE-FILTER-')
    const store = options.store ?? null
    const operation = { type: 'tableFilter' as const, predicate, store, sendOldValues: false }
    const view = (): TableView => ({ type: 'filter', of: this.view(), predicate })
    return this.derived(name, operation, view, { key: this.state.key, value: this.state.value }, options)
  }

  filterNot(predicate: (key: K, value: V) => boolean, options: MaterializedOptions<K, V> = {}): Table<K, V> {
    return this.filter((key, value) => !predicate(key, value), options)
  }

  mapValues<V2>(mapper: (value: V, key: K) => V2, options: MaterializedOptions<K, V2> = {}): Table<K, V2> {
    const { graph } = this.state
    if ('key' in options || 'value' in options) if (!options.store) graph.newStoreName('KTABLE-MAPVALUES-')
    const name = graph.nameOr(options.name, 'KTABLE-MAPVALUES-')
    const operation = { type: 'tableMapValues' as const, mapper, store: options.store ?? null, sendOldValues: false }
    const view = (): TableView => ({ type: 'mapValues', of: this.view(), mapper })
    return this.derived(name, operation, view, { key: this.state.key, value: null }, options)
  }

  toStream<K2>(selector: (key: K, value: V) => K2, options?: NamedOptions): Stream<K2, V>
  toStream(options?: NamedOptions): Stream<K, V>
  toStream(first: NamedOptions | ((key: K, value: V) => unknown) = {}, second: NamedOptions = {}): Stream<any, V> {
    const { graph, node, key, value, sources } = this.state
    const { name: given } = typeof first === 'function' ? second : first
    const name = graph.nameOr(given, 'KTABLE-TOSTREAM-')
    graph.addProcessor(name, [node], { type: 'tableToStream' })
    const stream = new Stream<K, V>({ graph, name, node: name, key, value, sources, repartitionRequired: false })
    return typeof first === 'function' ? stream.selectKey(first as (key: K, value: V) => unknown) : stream
  }

  /**
   * Holds changes back: until the window is closed for good (then exactly one result for each window), or for a time
   * after a key's first change.
   */
  suppress(
    until: 'untilWindowCloses' | { readonly untilTimeLimitMs: number },
    options: MaterializedOptions<K, V> = {},
  ): Table<K, V> {
    const { graph, node, key, value, sources, graceMs } = this.state
    const windows = until === 'untilWindowCloses'
    if (windows && graceMs === null) {
      throw new TopologyException('Window close time is only defined for windowed computations. Got [' + node + '].')
    }
    const name = options.name ?? graph.newName('KTABLE-SUPPRESS-')
    const store = options.name === undefined ? graph.newStoreName('KTABLE-SUPPRESS-') : `${options.name}-store`
    const waitMs = windows ? graceMs! : until.untilTimeLimitMs
    graph.addStore({ kind: 'suppress', name: store, key, value, logged: options.logging ?? true })
    graph.addProcessor(
      name,
      [node],
      { type: 'suppress', store, until: windows ? 'windowCloses' : 'timeLimit', waitMs },
      [store],
    )
    this.state.sendOldValues(true)
    return new Table<K, V>({
      ...this.state,
      node: name,
      sources,
      view: () => ({ type: 'suppressed', of: this.view(), store }),
      viewStores: () => [store, ...this.viewStores()],
      sendOldValues: (force) => this.state.sendOldValues(force),
    })
  }

  /** By another key: rows move between groups as they change. */
  groupBy<K2, V2>(
    selector: (key: K, value: V) => readonly [K2, V2],
    options: GroupedOptions<K2, V2> = {},
  ): GroupedTable<K2, V2> {
    const { graph, node } = this.state
    const name = graph.nameOr(options.name, 'KTABLE-SELECT-')
    graph.addProcessor(name, [node], { type: 'tableRepartitionMap', mapper: selector })
    this.state.sendOldValues(true)
    return new GroupedTable({
      graph,
      node: name,
      key: options.key ?? null,
      value: options.value ?? null,
      topic: options.name ?? null,
    })
  }

  join<V2, V3>(
    other: Table<K, V2>,
    joiner: (value: V, other: V2) => V3,
    options: MaterializedOptions<K, V3> = {},
  ): Table<K, V3> {
    return joinTables(this, other, joiner, 'inner', options)
  }

  leftJoin<V2, V3>(
    other: Table<K, V2>,
    joiner: (value: V, other: V2 | null) => V3,
    options: MaterializedOptions<K, V3> = {},
  ): Table<K, V3> {
    return joinTables(this, other, joiner, 'left', options)
  }

  outerJoin<V2, V3>(
    other: Table<K, V2>,
    joiner: (value: V | null, other: V2 | null) => V3,
    options: MaterializedOptions<K, V3> = {},
  ): Table<K, V3> {
    return joinTables(this, other, joiner as never, 'outer', options)
  }

  // --- for the DSL's own files

  view(): TableView {
    return this.state.view()
  }

  viewStores(): readonly string[] {
    return this.state.viewStores()
  }

  private derived(
    name: string,
    operation: Extract<Operation, { store: string | null; sendOldValues: boolean }>,
    view: () => TableView,
    before: { readonly key: AnySerde | null; readonly value: AnySerde | null },
    options: MaterializedOptions<any, any>,
  ): Table<any, any> {
    const { graph, node, sources } = this.state
    const { store } = operation
    const key = options.key ?? before.key
    const value = options.value ?? before.value
    graph.addProcessor(name, [node], operation, store === null ? [] : [store])
    if (store !== null) graph.addStore({ kind: 'keyValue', name: store, key, value, logged: options.logging ?? true })
    if (operation.type === 'tableFilter') operation.sendOldValues = this.state.sendOldValues(false)
    return new Table({
      graph,
      node: name,
      key,
      value,
      sources,
      graceMs: key !== null && isWindowedSerde(key) ? this.state.graceMs : null,
      view: () => (store === null ? view() : { type: 'store', store }),
      viewStores: () => (store === null ? this.viewStores() : [store]),
      sendOldValues: (force) => {
        if (store === null && !this.state.sendOldValues(force)) return operation.sendOldValues
        return (operation.sendOldValues = true)
      },
    })
  }
}

function tableSource(
  graph: Graph,
  node: string,
  parent: string,
  store: string,
  sources: ReadonlySet<string>,
  options: MaterializedOptions<any, any>,
): Table<any, any> {
  const { key = null, value = null, logging = true } = options
  const operation = { type: 'tableSource' as const, store: null as string | null, sendOldValues: false }
  const processor: GraphProcessor = graph.addProcessor(node, [parent], operation)
  const materialize = (): void => {
    if (operation.store !== null) return
    operation.store = graph.addStore({ kind: 'keyValue', name: store, key, value, logged: logging })
    processor.stores.add(store)
  }
  if (options.store !== undefined) materialize()
  return new Table({
    graph,
    node,
    key,
    value,
    sources,
    graceMs: null,
    view: () => (materialize(), { type: 'store', store }),
    viewStores: () => [store],
    sendOldValues: (force) => {
      if (!force && operation.store === null) return false
      materialize()
      return (operation.sendOldValues = true)
    },
  })
}
