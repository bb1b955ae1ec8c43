/**
 * Processors of tables: each takes a change and makes one of its own. Source: KTableSource, KTableFilter,
 * KTableMapValues, KTableRepartitionMap, KTableAggregate, KTableReduce.
 */
import type { KeyValueStore } from '../../stores/key-value-store.ts'
import { storeOf, type Context, type Process, type Wiring } from '../context.ts'
import type {
  Change,
  TableAggregate,
  TableFilter,
  TableMapValues,
  TableReduce,
  TableRepartitionMap,
  TableSource,
} from '../operation.ts'
import { rowWriter, type WriteRow } from '../row-writer.ts'
import { changed } from './changed.ts'

export function tableSource({ store: name, sendOldValues }: TableSource, { context, forward }: Wiring): Process {
  if (name === null)
    return (record) => void (record.key !== null && forward(changed(record, record.value, null, record.timestamp)))
  const store = storeOf(context, 'keyValue', name)
  const write = rowWriter(context, store, forward, sendOldValues)
  return (record) => {
    const { key, value, timestamp } = record
    if (key === null) return
    const oldValue = sendOldValues ? (store.get(key)?.value ?? null) : null
    write(record, key, value, oldValue, timestamp)
  }
}

export function tableFilter({ predicate, store, sendOldValues }: TableFilter, { context, forward }: Wiring): Process {
  const passing = (key: unknown, value: unknown): unknown => (value !== null && predicate(key, value) ? value : null)
  const own = ownStore(store, context, forward, sendOldValues)
  return (record) => {
    const { key, value } = record as { key: unknown; value: Change }
    const newValue = passing(key, value.newValue)
    const oldValue = !sendOldValues ? null : own ? (own.store.get(key)?.value ?? null) : passing(key, value.oldValue)
    if (sendOldValues && oldValue === null && newValue === null) return
    if (own) own.write(record, key, newValue, oldValue, record.timestamp)
    else forward(changed(record, newValue, oldValue, record.timestamp))
  }
}

export function tableMapValues(
  { mapper, store, sendOldValues }: TableMapValues,
  { context, forward }: Wiring,
): Process {
  const mapped = (key: unknown, value: unknown): unknown => (value === null ? null : (mapper(value, key) ?? null))
  const own = ownStore(store, context, forward, sendOldValues)
  return (record) => {
    const { key, value } = record as { key: unknown; value: Change }
    const newValue = mapped(key, value.newValue)
    const oldValue = !sendOldValues ? null : own ? (own.store.get(key)?.value ?? null) : mapped(key, value.oldValue)
    if (own) own.write(record, key, newValue, oldValue, record.timestamp)
    else forward(changed(record, newValue, oldValue, record.timestamp))
  }
}

/** The store of a table that may have none. */
export function ownStore(
  name: string | null,
  context: Context,
  forward: Process,
  sendOldValues: boolean,
): { readonly store: KeyValueStore; readonly write: WriteRow } | null {
  if (name === null) return null
  const store = storeOf(context, 'keyValue', name)
  return { store, write: rowWriter(context, store, forward, sendOldValues) }
}

export function tableRepartitionMap({ mapper }: TableRepartitionMap, { forward }: Wiring): Process {
  const pair = (key: unknown, value: unknown): readonly [unknown, unknown] | null => {
    if (value === null) return null
    const [newKey = null, newValue = null] = mapper(key, value)
    return newKey === null || newValue === null ? null : [newKey, newValue]
  }
  return (record) => {
    const { key, value } = record as { key: unknown; value: Change }
    if (key === null) throw new TypeError('Record key for the grouping KTable should not be null.')
    const newPair = pair(key, value.newValue)
    const oldPair = pair(key, value.oldValue)
    const { timestamp } = record
    if (newPair && oldPair && sameKey(newPair[0], oldPair[0])) {
      forward(changed({ ...record, key: oldPair[0] }, newPair[1], oldPair[1], timestamp))
      return
    }
    if (oldPair) forward(changed({ ...record, key: oldPair[0] }, null, oldPair[1], timestamp))
    if (newPair) forward(changed({ ...record, key: newPair[0] }, newPair[1], null, timestamp))
  }
}

/** By value; objects by their fields, since serdes make new ones each time. */
function sameKey(left: unknown, right: unknown): boolean {
  if (left === right) return true
  return typeof left === 'object' && typeof right === 'object' && JSON.stringify(left) === JSON.stringify(right)
}

export function tableAggregate(operation: TableAggregate, { context, forward }: Wiring): Process {
  const { initializer, adder, subtractor, sendOldValues } = operation
  const store = storeOf(context, 'keyValue', operation.store)
  const write = rowWriter(context, store, forward, sendOldValues)
  return (record) => {
    const { key, value, timestamp } = record as { key: unknown; value: Change; timestamp: number }
    if (key === null) throw new TypeError('Record key for KTable aggregate operator should not be null.')
    const before = store.get(key)
    const oldValue = sendOldValues && before !== null ? store.get(key)!.value : null
    let aggregate = before?.value ?? null
    let time = timestamp
    if (value.oldValue !== null && before !== null) {
      aggregate = subtractor(key, value.oldValue, aggregate) ?? null
      time = Math.max(timestamp, before.timestamp)
    }
    if (value.newValue !== null) {
      aggregate = adder(key, value.newValue, aggregate ?? initializer()) ?? null
      if (before !== null) time = Math.max(timestamp, before.timestamp)
    }
    write(record, key, aggregate, oldValue, time)
  }
}

export function tableReduce(operation: TableReduce, { context, forward }: Wiring): Process {
  const { adder, subtractor, sendOldValues } = operation
  const store = storeOf(context, 'keyValue', operation.store)
  const write = rowWriter(context, store, forward, sendOldValues)
  return (record) => {
    const { key, value, timestamp } = record as { key: unknown; value: Change; timestamp: number }
    if (key === null) throw new TypeError('Record key for KTable reduce operator should not be null.')
    const before = store.get(key)
    const oldValue = sendOldValues && before !== null ? store.get(key)!.value : null
    let aggregate = before?.value ?? null
    let time = timestamp
    if (value.oldValue !== null && before !== null) {
      aggregate = subtractor(aggregate, value.oldValue) ?? null
      time = Math.max(timestamp, before.timestamp)
    }
    if (value.newValue !== null) {
      if (aggregate !== null && before !== null) time = Math.max(timestamp, before.timestamp)
      aggregate = aggregate === null ? value.newValue : (adder(aggregate, value.newValue) ?? null)
    }
    write(record, key, aggregate, oldValue, time)
  }
}
