/**
 * What a processor node does, as data: one case per processor of Kafka Streams' DSL. `engine/processors/` runs them.
 *
 * Between table nodes travels a `Change`: the new value and, for those who must take the old one back, the old value.
 */
import type { JoinWindows, TimeWindows } from '../windows.ts'

export type Key = any
export type Value = any

export interface Change {
  readonly newValue: Value
  /** null when nobody downstream asked for it (`sendOldValues`). */
  readonly oldValue: Value
}

export type Operation =
  | Filter
  | MapRecord
  | MapValues
  | FlatMap
  | FlatMapValues
  | Peek
  | Branch
  | PassThrough
  | TableToStream
  | StreamAggregate
  | StreamReduce
  | WindowAggregate
  | SessionAggregate
  | JoinWindow
  | StreamStreamJoin
  | StreamTableJoin
  | TableSource
  | TableFilter
  | TableMapValues
  | TableRepartitionMap
  | TableAggregate
  | TableReduce
  | TableJoin
  | TableJoinMerge
  | Suppress

// --- without state

export interface Filter {
  readonly type: 'filter'
  readonly predicate: (key: Key, value: Value) => boolean
}

export interface MapRecord {
  readonly type: 'map'
  readonly mapper: (key: Key, value: Value) => readonly [Key, Value]
}

export interface MapValues {
  readonly type: 'mapValues'
  readonly mapper: (value: Value, key: Key) => Value
}

export interface FlatMap {
  readonly type: 'flatMap'
  readonly mapper: (key: Key, value: Value) => Iterable<readonly [Key, Value]>
}

export interface FlatMapValues {
  readonly type: 'flatMapValues'
  readonly mapper: (value: Value, key: Key) => Iterable<Value>
}

export interface Peek {
  readonly type: 'peek'
  readonly action: (key: Key, value: Value) => void
}

/** To the successor of the first predicate that holds; dropped when none does. */
export interface Branch {
  readonly type: 'branch'
  readonly branches: readonly { readonly predicate: (key: Key, value: Value) => boolean; readonly node: string }[]
}

export interface PassThrough {
  readonly type: 'passThrough'
}

/** A change becomes a record of its new value. */
export interface TableToStream {
  readonly type: 'tableToStream'
}

// --- aggregations of streams

export interface StreamAggregate {
  readonly type: 'streamAggregate'
  readonly store: string
  readonly initializer: () => Value
  readonly aggregator: (key: Key, value: Value, aggregate: Value) => Value
  sendOldValues: boolean
}

export interface StreamReduce {
  readonly type: 'streamReduce'
  readonly store: string
  readonly reducer: (aggregate: Value, value: Value) => Value
  sendOldValues: boolean
}

export interface WindowAggregate {
  readonly type: 'windowAggregate'
  readonly store: string
  readonly windows: TimeWindows
  readonly initializer: () => Value
  readonly aggregator: (key: Key, value: Value, aggregate: Value) => Value
  sendOldValues: boolean
}

export interface SessionAggregate {
  readonly type: 'sessionAggregate'
  readonly store: string
  readonly gapMs: number
  readonly graceMs: number
  readonly initializer: () => Value
  readonly aggregator: (key: Key, value: Value, aggregate: Value) => Value
  readonly merger: (key: Key, left: Value, right: Value) => Value
  sendOldValues: boolean
}

// --- joins of streams

/** Keeps a record for the other side of a stream–stream join. */
export interface JoinWindow {
  readonly type: 'joinWindow'
  readonly store: string
}

export interface StreamStreamJoin {
  readonly type: 'streamStreamJoin'
  readonly side: 'left' | 'right'
  readonly otherStore: string
  /** Records without a partner wait here until their window is over; null for inner joins. */
  readonly outerStore: string | null
  /** Whether a record of this side is emitted alone. */
  readonly outer: boolean
  readonly windows: JoinWindows
  readonly joiner: (left: Value, right: Value, key: Key) => Value
  /** Both sides share stream time: the name under which the task keeps it. */
  readonly tracker: string
}

export interface StreamTableJoin {
  readonly type: 'streamTableJoin'
  readonly table: TableView
  readonly left: boolean
  readonly joiner: (value: Value, tableValue: Value, key: Key) => Value
}

// --- tables

/** How to read a table that may have no store of its own. */
export type TableView =
  | { readonly type: 'store'; readonly store: string }
  | { readonly type: 'filter'; readonly of: TableView; readonly predicate: (key: Key, value: Value) => boolean }
  | { readonly type: 'mapValues'; readonly of: TableView; readonly mapper: (value: Value, key: Key) => Value }
  | { readonly type: 'suppressed'; readonly of: TableView; readonly store: string }
  | {
      readonly type: 'join'
      readonly join: 'inner' | 'left' | 'outer'
      readonly left: TableView
      readonly right: TableView
      readonly joiner: (left: Value, right: Value) => Value
    }

export interface TableSource {
  readonly type: 'tableSource'
  store: string | null
  sendOldValues: boolean
}

export interface TableFilter {
  readonly type: 'tableFilter'
  readonly predicate: (key: Key, value: Value) => boolean
  readonly store: string | null
  sendOldValues: boolean
}

export interface TableMapValues {
  readonly type: 'tableMapValues'
  readonly mapper: (value: Value, key: Key) => Value
  readonly store: string | null
  sendOldValues: boolean
}

/** A changed row under the key it belongs to now; the old one under the key it belonged to. */
export interface TableRepartitionMap {
  readonly type: 'tableRepartitionMap'
  readonly mapper: (key: Key, value: Value) => readonly [Key, Value]
}

export interface TableAggregate {
  readonly type: 'tableAggregate'
  readonly store: string
  readonly initializer: () => Value
  readonly adder: (key: Key, value: Value, aggregate: Value) => Value
  readonly subtractor: (key: Key, value: Value, aggregate: Value) => Value
  sendOldValues: boolean
}

export interface TableReduce {
  readonly type: 'tableReduce'
  readonly store: string
  readonly adder: (aggregate: Value, value: Value) => Value
  readonly subtractor: (aggregate: Value, value: Value) => Value
  sendOldValues: boolean
}

/** One side of a table–table join: `join` as seen from this side (`left`: a row of this side needs no partner). */
export interface TableJoin {
  readonly type: 'tableJoin'
  readonly join: 'inner' | 'left' | 'right' | 'outer'
  readonly other: TableView
  /** This side's value first. */
  readonly joiner: (value: Value, other: Value) => Value
  sendOldValues: boolean
}

export interface TableJoinMerge {
  readonly type: 'tableJoinMerge'
  readonly store: string | null
  sendOldValues: boolean
}

/** Holds back a table's changes until their window is closed for good, or for a time. */
export interface Suppress {
  readonly type: 'suppress'
  readonly store: string
  /** Windows: their end plus grace, tombstones dropped. Otherwise: a key's first change plus `waitMs`. */
  readonly until: 'windowCloses' | 'timeLimit'
  readonly waitMs: number
}
