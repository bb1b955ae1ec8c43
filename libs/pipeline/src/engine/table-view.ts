/**
 * Reads a row of a table, from its store or by computing it from the tables before. Source: the KTableValueGetters.
 */
import type { ValueAndTimestamp } from '../stores/key-value-store.ts'
import { WindowStore } from '../stores/window-store.ts'
import { SessionStore } from '../stores/session-store.ts'
import { storeOf, type Context } from './context.ts'
import type { TableView } from './operation.ts'

export type Row = ValueAndTimestamp | null
export type ReadRow = (key: any) => Row

export function rowReader(view: TableView, context: Context): ReadRow {
  switch (view.type) {
    case 'store':
      return storeReader(view.store, context)
    case 'filter': {
      const read = rowReader(view.of, context)
      return (key) => {
        const row = read(key)
        return row !== null && view.predicate(key, row.value) ? row : null
      }
    }
    case 'mapValues': {
      const read = rowReader(view.of, context)
      return (key) => {
        const row = read(key)
        return row && nonNull(view.mapper(row.value, key), row.timestamp)
      }
    }
    case 'suppressed': {
      const read = rowReader(view.of, context)
      const buffer = storeOf(context, 'suppress', view.store)
      return (key) => {
        const prior = buffer.prior(key)
        return prior === undefined ? read(key) : prior
      }
    }
    case 'join':
      return joinReader(view, context)
  }
}

function storeReader(name: string, context: Context): ReadRow {
  const store = context.stores.get(name)
  if (store instanceof WindowStore) return ({ key, start }) => store.fetch(key, start)
  if (store instanceof SessionStore) {
    return ({ key, start, end }) => {
      const value = store.fetch(key, start, end)
      return value === null ? null : { value, timestamp: end }
    }
  }
  const rows = storeOf(context, 'keyValue', name)
  return (key) => rows.get(key)
}

function joinReader({ join, left, right, joiner }: Extract<TableView, { type: 'join' }>, context: Context): ReadRow {
  const readLeft = rowReader(left, context)
  const readRight = rowReader(right, context)
  return (key) => {
    const one = readLeft(key)
    const two = readRight(key)
    if ((one === null && join !== 'outer') || (two === null && join === 'inner') || (one === null && two === null))
      return null
    const timestamp = Math.max(one?.timestamp ?? -1, two?.timestamp ?? -1)
    return nonNull(joiner(one?.value ?? null, two?.value ?? null), timestamp)
  }
}

function nonNull(value: unknown, timestamp: number): Row {
  return value === null || value === undefined ? null : { value, timestamp }
}
