/** What both SQL sinks share: records become rows of one table, by key. */
import type { SinkRecord } from '../../topology.ts'

export type SqlValue = string | number | bigint | Uint8Array | null

export type Row = Readonly<Record<string, SqlValue>>

export interface TableOptions<K, V> {
  /** As SQL has it: quoted here. */
  readonly table: string
  /** Columns that identify a row: its primary key, or a unique index. */
  readonly key: readonly string[]
  /** All columns of a record's row. null: the record has no row and is passed over. */
  readonly row: (record: SinkRecord<K, V>) => Row | null
  /** Which records take their row away; of the row only the key is needed. Default: those without a value. */
  readonly deletes?: (record: SinkRecord<K, V>) => boolean
}

export interface Change {
  readonly row: Row
  readonly deleted: boolean
}

/** The last word on each row, in the order in which rows first appear. */
export function changesOf<K, V>(
  { key, row, deletes = ({ value }) => value === null }: TableOptions<K, V>,
  records: readonly SinkRecord<K, V>[],
): Change[] {
  const changes = new Map<string, Change>()
  for (const record of records) {
    const made = row(record)
    if (made === null) continue
    const id = JSON.stringify(key.map((column) => shown(made[column])))
    changes.set(id, { row: made, deleted: deletes(record) })
  }
  return [...changes.values()]
}

function shown(value: SqlValue | undefined): unknown {
  if (typeof value === 'bigint') return `${value}n`
  return value instanceof Uint8Array ? [...value] : value
}

/** An identifier, `schema.table` included. */
export function quoted(name: string): string {
  return name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.')
}

export function upsert(table: string, key: readonly string[], columns: readonly string[], rows: string): string {
  const others = columns.filter((column) => !key.includes(column))
  const set = others.map((column) => `${quoted(column)} = excluded.${quoted(column)}`).join(', ')
  const action = others.length === 0 ? 'DO NOTHING' : `DO UPDATE SET ${set}`
  const into = `${quoted(table)} (${columns.map(quoted).join(', ')})`
  return `INSERT INTO ${into} VALUES ${rows} ON CONFLICT (${key.map(quoted).join(', ')}) ${action}`
}
