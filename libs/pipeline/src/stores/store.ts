/**
 * What the stores of a task have in common.
 */
import type { Header } from '../topology.ts'

/** Writes to the store's changelog; does nothing for a store that is not logged. */
export type ChangeLog = (
  key: Uint8Array,
  value: Uint8Array | null,
  timestamp: number,
  headers?: readonly Header[],
) => void

export interface LoggedRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestamp: number
}

export interface StoredEntry {
  readonly key: unknown
  readonly value: unknown
  readonly timestamp: number
}

export interface Store {
  /** A record of the changelog, in the order of the log. */
  restore(record: LoggedRecord): void
  /** In the order of the keys' bytes, windows of a key in the order of time. */
  entries(): Iterable<StoredEntry>
  /** Before a commit: what has not been logged yet. */
  flush?(streamTime: number): void
}
