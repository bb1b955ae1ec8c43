/**
 * Two tables: a row for each key that both have, or one of them. Source: KTableImpl#doJoin, KTableKTable*Join.
 */
import type { TableJoin, TableView } from '../engine/operation.ts'
import type { MaterializedOptions } from './options.ts'
import { ensureCopartitioned } from './stream-table-join.ts'
import { Table } from './table.ts'

type JoinKind = 'inner' | 'left' | 'outer'

export function joinTables(
  left: Table<any, any>,
  right: Table<any, any>,
  joiner: (left: any, right: any) => any,
  kind: JoinKind,
  options: MaterializedOptions<any, any>,
): Table<any, any> {
  const { graph } = left.state
  // Kafka Streams names a store before it names the node, if it was told anything about the store.
  const told = options.store !== undefined || options.key !== undefined || options.value !== undefined
  const store = told ? (options.store ?? graph.newStoreName('KTABLE-MERGE-')) : null
  const { name } = options
  const merge = graph.nameOr(name, 'KTABLE-MERGE-')
  const sources = ensureCopartitioned(left, right)
  if (kind !== 'inner') left.state.sendOldValues(true)
  if (kind === 'outer') right.state.sendOldValues(true)
  const key = options.key ?? left.state.key
  const value = options.value ?? null
  const thisName = graph.nameOr(name, 'KTABLE-JOINTHIS-', '-join-this')
  const otherName = graph.nameOr(name, 'KTABLE-JOINOTHER-', '-join-other')
  const reversed = (value: any, other: any): any => joiner(other, value)
  const leftView = left.view()
  const rightView = right.view()
  const thisSide: TableJoin = { type: 'tableJoin', join: kind, other: rightView, joiner, sendOldValues: false }
  const otherJoin = kind === 'left' ? 'right' : kind
  const otherSide: TableJoin = {
    type: 'tableJoin',
    join: otherJoin,
    other: leftView,
    joiner: reversed,
    sendOldValues: false,
  }
  graph.addProcessor(thisName, [left.state.node], thisSide, right.viewStores())
  graph.addProcessor(otherName, [right.state.node], otherSide, left.viewStores())
  const merger = { type: 'tableJoinMerge' as const, store, sendOldValues: false }
  graph.addProcessor(merge, [thisName, otherName], merger, store === null ? [] : [store])
  if (store !== null) graph.addStore({ kind: 'keyValue', name: store, key, value, logged: options.logging ?? true })
  const joined: TableView = { type: 'join', join: kind, left: leftView, right: rightView, joiner }
  return new Table({
    graph,
    node: merge,
    key,
    value,
    sources,
    graceMs: null,
    view: () => (store === null ? joined : { type: 'store', store }),
    viewStores: () => (store === null ? [...new Set([...left.viewStores(), ...right.viewStores()])] : [store]),
    sendOldValues: () => {
      left.state.sendOldValues(true)
      right.state.sendOldValues(true)
      thisSide.sendOldValues = otherSide.sendOldValues = merger.sendOldValues = true
      return true
    },
  })
}
