/**
 * Joins with a table: a stream's record with the row as it is now, or the changed row of one table with that of
 * another. Source: KStreamKTableJoinProcessor, KTableKTable*Join, KTableKTableJoinMerger.
 */
import type { Process, Wiring } from '../context.ts'
import type { Change, StreamTableJoin, TableJoin, TableJoinMerge } from '../operation.ts'
import { rowReader } from '../table-view.ts'
import { changed } from './changed.ts'
import { ownStore } from './table.ts'

export function streamTableJoin({ table, left, joiner }: StreamTableJoin, { context, forward }: Wiring): Process {
  const read = rowReader(table, context)
  return ({ key, value, timestamp, headers }) => {
    if (value === null || (key === null && !left)) return
    const row = key === null ? null : read(key)
    if (row === null && !left) return
    forward({ key, value: joiner(value, row?.value ?? null, key) ?? null, timestamp, headers })
  }
}

export function tableJoin({ join, other, joiner, sendOldValues }: TableJoin, { context, forward }: Wiring): Process {
  const read = rowReader(other, context)
  return (record) => {
    const { key, value, timestamp } = record as { key: unknown; value: Change; timestamp: number }
    if (key === null) return
    const row = read(key)
    // Without a partner there is nothing to say where the join asks for one.
    if (row === null && (join === 'inner' || join === 'right')) return
    if (row === null && value.newValue === null && value.oldValue === null) return
    const joined = (mine: unknown): unknown => {
      if (mine === null && (join === 'inner' || join === 'left')) return null
      return mine === null && row === null ? null : (joiner(mine, row?.value ?? null) ?? null)
    }
    const newValue = joined(value.newValue)
    const oldValue = sendOldValues ? joined(value.oldValue) : null
    forward(changed(record, newValue, oldValue, Math.max(timestamp, row?.timestamp ?? -1)))
  }
}

export function tableJoinMerge({ store: name, sendOldValues }: TableJoinMerge, { context, forward }: Wiring): Process {
  const own = ownStore(name, context, forward, sendOldValues)
  return (record) => {
    const { newValue, oldValue } = record.value as Change
    if (own) own.write(record, record.key, newValue, oldValue, record.timestamp)
    else forward(changed(record, newValue, sendOldValues ? oldValue : null, record.timestamp))
  }
}
