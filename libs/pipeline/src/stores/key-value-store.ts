/**
 * Key → value and timestamp. Bytes inside, so that nobody can change a stored value from outside. Changelog: the plain
 * value, with the entry's timestamp as the record's. Source: MeteredTimestampedKeyValueStore and what it wraps.
 */
import type { KeyValueStoreSpec } from '../topology.ts'
import { binaryString, compareBytes } from './bytes.ts'
import type { ChangeLog, LoggedRecord, Store, StoredEntry } from './store.ts'

export interface ValueAndTimestamp {
  readonly value: any
  readonly timestamp: number
}

interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly timestamp: number
}

export class KeyValueStore implements Store {
  private readonly spec: KeyValueStoreSpec
  private readonly log: ChangeLog
  private readonly map = new Map<string, Entry>()

  constructor(spec: KeyValueStoreSpec, log: ChangeLog) {
    this.spec = spec
    this.log = log
  }

  get(key: unknown): ValueAndTimestamp | null {
    const entry = this.map.get(binaryString(this.spec.key.serialize(key)!))
    return entry === undefined ? null : { value: this.spec.value.deserialize(entry.value), timestamp: entry.timestamp }
  }

  /** null deletes; the tombstone in the changelog has the time of the record that caused it. */
  put(key: unknown, value: unknown, timestamp: number, recordTimestamp: number): void {
    const keyBytes = this.spec.key.serialize(key)!
    const valueBytes = value === null ? null : this.spec.value.serialize(value)
    this.write(keyBytes, valueBytes, timestamp)
    this.log(keyBytes, valueBytes, valueBytes === null ? recordTimestamp : timestamp)
  }

  restore({ key, value, timestamp }: LoggedRecord): void {
    if (key !== null) this.write(key, value, timestamp)
  }

  *entries(): Iterable<StoredEntry> {
    const { key, value } = this.spec
    const sorted = [...this.map.values()].sort((left, right) => compareBytes(left.key, right.key))
    for (const each of sorted) {
      yield { key: key.deserialize(each.key), value: value.deserialize(each.value), timestamp: each.timestamp }
    }
  }

  private write(key: Uint8Array, value: Uint8Array | null, timestamp: number): void {
    if (value === null) this.map.delete(binaryString(key))
    else this.map.set(binaryString(key), { key, value, timestamp })
  }
}
