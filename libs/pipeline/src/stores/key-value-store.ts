/**
 * Key → value and timestamp. Bytes inside, so that nobody can change a stored value from outside. Changelog: the plain
 * value, with the entry's timestamp as the record's. Source: MeteredTimestampedKeyValueStore and what it wraps.
 */
import type { KeyValueStoreSpec } from '../topology.ts'
import { binaryString, compareBytes } from './bytes.ts'
import { keyBytes, type KeyBytes } from './key-bytes.ts'
import type { ChangeLog, LoggedRecord, Store, StoredEntry } from './store.ts'
import { WriteBack, type Cause, type FlushListener } from './write-back.ts'

export interface ValueAndTimestamp {
  readonly value: any
  readonly timestamp: number
}

interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly timestamp: number
}

interface Absent {
  readonly key: Uint8Array
  readonly value: null
}

export class KeyValueStore implements Store {
  private readonly spec: KeyValueStoreSpec
  private readonly keyOf: (key: unknown) => KeyBytes
  private readonly log: ChangeLog
  private readonly map = new Map<string, Entry>()
  private cached: { readonly writeBack: WriteBack<Entry | Absent>; readonly listener: FlushListener } | null = null

  constructor(spec: KeyValueStoreSpec, log: ChangeLog) {
    this.spec = spec
    this.keyOf = keyBytes(spec.key)
    this.log = log
  }

  /** From now on changes wait for `flush`, which tells them to `listener` and to the changelog. */
  cache(listener: FlushListener): void {
    this.cached = { writeBack: new WriteBack(), listener }
  }

  get(key: unknown): ValueAndTimestamp | null {
    const entry = this.map.get(this.keyOf(key).text)
    return entry === undefined ? null : this.row(entry)
  }

  /** null deletes; the tombstone in the changelog has the time of the record that caused it. */
  put(key: unknown, value: unknown, timestamp: number, cause: Cause): void {
    const { bytes: keyBytes, text } = this.keyOf(key)
    const valueBytes = value === null ? null : this.spec.value.serialize(value)
    const before = this.map.get(text) ?? null
    this.write(text, keyBytes, valueBytes, timestamp)
    if (this.cached) this.cached.writeBack.mark(text, before ?? absent(keyBytes), cause)
    else this.log(keyBytes, valueBytes, valueBytes === null ? cause.timestamp : timestamp)
  }

  flush(): void {
    const { cached } = this
    cached?.writeBack.drain((text, before, cause) => {
      const entry = this.map.get(text)
      const { key, value: oldBytes } = before!
      if (entry === undefined && oldBytes === null) return
      const timestamp = entry === undefined ? cause.timestamp : entry.timestamp
      this.log(key, entry?.value ?? null, timestamp)
      const newValue = entry === undefined ? null : this.row(entry).value
      const oldValue = oldBytes === null ? null : this.spec.value.deserialize(oldBytes)
      cached.listener(this.spec.key.deserialize(key), newValue, oldValue, timestamp, cause)
    })
  }

  restore({ key, value, timestamp }: LoggedRecord): void {
    if (key !== null) this.write(binaryString(key), key, value, timestamp)
  }

  *entries(): Iterable<StoredEntry> {
    const { key, value } = this.spec
    const sorted = [...this.map.values()].sort((left, right) => compareBytes(left.key, right.key))
    for (const each of sorted) {
      yield { key: key.deserialize(each.key), value: value.deserialize(each.value), timestamp: each.timestamp }
    }
  }

  private row({ value, timestamp }: Entry): ValueAndTimestamp {
    return { value: this.spec.value.deserialize(value), timestamp }
  }

  private write(text: string, key: Uint8Array, value: Uint8Array | null, timestamp: number): void {
    if (value === null) this.map.delete(text)
    else this.map.set(text, { key, value, timestamp })
  }
}

/** Stands for a key that had no value. */
function absent(key: Uint8Array): Absent {
  return { key, value: null }
}
