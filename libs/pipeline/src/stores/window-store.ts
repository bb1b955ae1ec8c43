/**
 * Values of keys at times, forgotten after `retentionMs`: windows by their start, or the records of one side of a join.
 *
 * What is too old is invisible at once and swept away now and then. Changelog: key, time, sequence number. Source:
 * RocksDBWindowStore, AbstractRocksDBSegmentedBytesStore, InMemoryWindowStore.
 */
import { readInt, readLong, windowStoreKey, binaryString, compareBytes } from './bytes.ts'
import type { Header, WindowStoreSpec } from '../topology.ts'
import type { Windowed } from '../windows.ts'
import type { ValueAndTimestamp } from './key-value-store.ts'
import { keyBytes, type KeyBytes } from './key-bytes.ts'
import type { ChangeLog, LoggedRecord, Store, StoredEntry } from './store.ts'
import { WriteBack, type Cause, type FlushListener } from './write-back.ts'

interface Entry {
  readonly time: number
  readonly sequence: number
  readonly value: Uint8Array
  readonly timestamp: number
}

interface KeyEntries {
  readonly key: Uint8Array
  /** By time, then by sequence number. */
  entries: Entry[]
}

/** A window as those behind the cache know it. */
interface Before {
  readonly key: Uint8Array
  readonly time: number
  readonly value: Uint8Array | null
}

const maxSequence = 0x7fff_ffff

export class WindowStore implements Store {
  private readonly spec: WindowStoreSpec
  private readonly keyOf: (key: unknown) => KeyBytes
  private readonly log: ChangeLog
  private readonly byKey = new Map<string, KeyEntries>()
  /** Largest time put. */
  private observed = -1
  private swept = 0
  private sequence = 0
  private cached: { readonly writeBack: WriteBack<Before>; readonly listener: FlushListener } | null = null

  constructor(spec: WindowStoreSpec, log: ChangeLog) {
    this.spec = spec
    this.keyOf = keyBytes(spec.key)
    this.log = log
  }

  /** The value of one window. */
  fetch(key: unknown, time: number): ValueAndTimestamp | null {
    if (!this.isLive(time)) return null
    const entry = this.entryAt(this.keyOf(key).text, time)
    return entry === undefined ? null : { value: this.spec.value.deserialize(entry.value), timestamp: entry.timestamp }
  }

  /** Values of a key at times from … to, inclusive, in their order. */
  fetchRange(key: unknown, from: number, to: number): { readonly time: number; readonly value: any }[] {
    const found = this.byKey.get(this.keyOf(key).text)
    if (found === undefined) return []
    return found.entries
      .filter(({ time }) => time >= from && time <= to && this.isLive(time))
      .map(({ time, value }) => ({ time, value: this.spec.value.deserialize(value) }))
  }

  /** From now on changes wait for `flush`, which tells them to `listener` and to the changelog. */
  cache(listener: FlushListener): void {
    this.cached = { writeBack: new WriteBack(), listener }
  }

  /** `timestamp` is that of the value, `time` that of the window. null deletes. */
  put(key: unknown, time: number, value: unknown, timestamp: number, cause: Cause): void {
    const { bytes, text } = this.keyOf(key)
    const valueBytes = value === null ? null : this.spec.value.serialize(value)
    const stored = windowStoreKey(bytes, time, 0)
    if (this.cached) {
      const before = this.entryAt(text, time)
      this.cached.writeBack.mark(binaryString(stored), { key: bytes, time, value: before?.value ?? null }, cause)
    }
    this.write(text, bytes, { time, sequence: 0, timestamp }, valueBytes)
    if (!this.cached) this.log(stored, valueBytes, valueBytes === null ? cause.timestamp : timestamp)
  }

  flush(): void {
    const { cached } = this
    cached?.writeBack.drain((_text, before, cause) => {
      const { key, time, value: oldBytes } = before!
      const entry = this.entryAt(binaryString(key), time)
      if (entry === undefined && oldBytes === null) return
      const timestamp = entry === undefined ? cause.timestamp : entry.timestamp
      this.log(windowStoreKey(key, time, 0), entry?.value ?? null, timestamp)
      const newValue = entry === undefined ? null : this.spec.value.deserialize(entry.value)
      const oldValue = oldBytes === null ? null : this.spec.value.deserialize(oldBytes)
      const windowed = { key: this.spec.key.deserialize(key), start: time, end: time + this.spec.windowSizeMs }
      cached.listener(windowed, newValue, oldValue, timestamp, cause)
    })
  }

  /** One more value of the key at this time (`retainDuplicates`). */
  add(key: unknown, value: unknown, timestamp: number, headers: readonly Header[]): void {
    const { bytes, text } = this.keyOf(key)
    const valueBytes = value === null ? null : this.spec.value.serialize(value)
    this.sequence = (this.sequence + 1) & maxSequence
    const at = { time: timestamp, sequence: this.sequence, timestamp }
    if (valueBytes !== null) this.write(text, bytes, at, valueBytes)
    this.log(windowStoreKey(bytes, timestamp, this.sequence), valueBytes, timestamp, headers)
  }

  restore({ key, value, timestamp }: LoggedRecord): void {
    if (key === null) return
    const at = key.length - 12
    const sequence = readInt(key, at + 8)
    const base = key.subarray(0, at)
    this.write(binaryString(base), base, { time: readLong(key, at), sequence, timestamp }, value)
    // Kafka Streams begins anew and may overwrite what another life has written.
    if (this.spec.retainDuplicates) this.sequence = Math.max(this.sequence, sequence)
  }

  *entries(): Iterable<StoredEntry> {
    const sorted = [...this.byKey.values()].sort((left, right) => compareBytes(left.key, right.key))
    for (const { key, entries } of sorted) {
      for (const { time, value, timestamp } of entries) {
        if (!this.isLive(time)) continue
        const windowed: Windowed<unknown> = {
          key: this.spec.key.deserialize(key),
          start: time,
          end: time + this.spec.windowSizeMs,
        }
        yield { key: windowed, value: this.spec.value.deserialize(value), timestamp }
      }
    }
  }

  private entryAt(text: string, time: number): Entry | undefined {
    return this.byKey.get(text)?.entries.findLast((each) => each.time === time)
  }

  private isLive(time: number): boolean {
    return time > this.observed - this.spec.retentionMs
  }

  private write(text: string, key: Uint8Array, at: Omit<Entry, 'value'>, value: Uint8Array | null): void {
    this.observed = Math.max(this.observed, at.time)
    this.sweep()
    if (!this.isLive(at.time)) return
    let found = this.byKey.get(text)
    if (found === undefined) {
      if (value === null) return
      this.byKey.set(text, (found = { key, entries: [] }))
    }
    const { entries } = found
    let index = entries.length
    while (index > 0 && order(entries[index - 1]!, at) >= 0) index--
    const same = index < entries.length && order(entries[index]!, at) === 0
    if (value === null) entries.splice(index, same ? 1 : 0)
    else entries.splice(index, same ? 1 : 0, { ...at, value })
    if (entries.length === 0) this.byKey.delete(text)
  }

  /** Half a retention's time apart, so that it costs little for each record. */
  private sweep(): void {
    if (this.observed - this.swept < this.spec.retentionMs / 2) return
    this.swept = this.observed
    for (const [text, found] of this.byKey) {
      if (this.isLive(found.entries[0]!.time)) continue
      found.entries = found.entries.filter(({ time }) => this.isLive(time))
      if (found.entries.length === 0) this.byKey.delete(text)
    }
  }
}

function order(left: Omit<Entry, 'value'>, right: Omit<Entry, 'value'>): number {
  return left.time - right.time || left.sequence - right.sequence
}
