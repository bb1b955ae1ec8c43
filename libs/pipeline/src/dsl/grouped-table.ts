/**
 * A table grouped by another key: when a row changes, its old value is taken from the group it was in and its new value
 * is added to the one it is in now. Both may be on other partitions, hence a topic between. Source: KGroupedTableImpl.
 */
import { int64 } from '@troupe/client/serdes'
import type { Operation } from '../engine/operation.ts'
import type { AnySerde, Graph } from './graph.ts'
import type { MaterializedOptions } from './options.ts'
import { addTopic } from './repartition.ts'
import { Table } from './table.ts'

export interface GroupedTableState {
  readonly graph: Graph
  readonly node: string
  readonly key: AnySerde | null
  readonly value: AnySerde | null
  /** Named by the application; null: after the store. */
  readonly topic: string | null
}

export class GroupedTable<K, V> {
  private readonly state: GroupedTableState
  /** Once named by the application, one topic serves all aggregations. */
  private source: string | null = null

  constructor(state: GroupedTableState) {
    this.state = state
  }

  aggregate<A>(
    initializer: () => A,
    adder: (key: K, value: V, aggregate: A) => A,
    subtractor: (key: K, value: V, aggregate: A) => A,
    options: MaterializedOptions<K, A> = {},
  ): Table<K, A> {
    const operation = { type: 'tableAggregate' as const, initializer, adder, subtractor, sendOldValues: false }
    return this.add('KTABLE-AGGREGATE-', (store) => ({ ...operation, store }), options, null)
  }

  reduce(
    adder: (aggregate: V, value: V) => V,
    subtractor: (aggregate: V, value: V) => V,
    options: MaterializedOptions<K, V> = {},
  ): Table<K, V> {
    const operation = { type: 'tableReduce' as const, adder, subtractor, sendOldValues: false }
    return this.add('KTABLE-REDUCE-', (store) => ({ ...operation, store }), options, this.state.value)
  }

  count(options: MaterializedOptions<K, number> = {}): Table<K, number> {
    const operation = {
      type: 'tableAggregate' as const,
      initializer: () => 0,
      adder: (_key: K, _value: V, count: number) => count + 1,
      subtractor: (_key: K, _value: V, count: number) => count - 1,
      sendOldValues: false,
    }
    return this.add('KTABLE-AGGREGATE-', (store) => ({ ...operation, store }), options, int64)
  }

  private add(
    prefix: string,
    make: (store: string) => Extract<Operation, { sendOldValues: boolean }>,
    options: MaterializedOptions<any, any>,
    valueSerde: AnySerde | null,
  ): Table<any, any> {
    const { graph, node, topic } = this.state
    const store = options.store ?? graph.newStoreName('KTABLE-AGGREGATE-')
    const { name } = options
    const sink = graph.nameOr(name, 'KSTREAM-SINK-', '-sink')
    const source = graph.nameOr(name, 'KSTREAM-SOURCE-', '-source')
    const processor = graph.nameOr(name, prefix)
    if (this.source === null || topic === null) {
      const { key, value } = this.state
      addTopic({ graph, topic: `${topic ?? store}-repartition`, sink, source, parent: node, key, value, changes: true })
      this.source = source
    }
    const key = options.key ?? this.state.key
    const value = options.value ?? valueSerde
    const operation = make(store)
    graph.addProcessor(processor, [this.source], operation, [store])
    graph.addStore({ kind: 'keyValue', name: store, key, value, logged: options.logging ?? true })
    return new Table({
      graph,
      node: processor,
      key,
      value,
      sources: new Set([this.source]),
      graceMs: null,
      view: () => ({ type: 'store', store }),
      viewStores: () => [store],
      sendOldValues: () => (operation.sendOldValues = true),
    })
  }
}
