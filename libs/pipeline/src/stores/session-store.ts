/**
 * Aggregates of sessions, forgotten `retentionMs` after their end. Changelog: key, end, start. Source:
 * RocksDBSessionStore, SessionKeySchema.
 */
import { binaryString, compareBytes, readLong, sessionKey } from './bytes.ts'
import type { SessionStoreSpec } from '../topology.ts'
import type { Windowed } from '../windows.ts'
import type { ChangeLog, LoggedRecord, Store, StoredEntry } from './store.ts'

interface Entry {
  readonly start: number
  readonly end: number
  readonly value: Uint8Array
}

interface KeyEntries {
  readonly key: Uint8Array
  /** By end, then by start. */
  entries: Entry[]
}

export interface Session {
  readonly start: number
  readonly end: number
  readonly value: any
}

export class SessionStore implements Store {
  private readonly spec: SessionStoreSpec
  private readonly log: ChangeLog
  private readonly byKey = new Map<string, KeyEntries>()
  /** Largest end put. */
  private observed = -1
  private swept = 0

  constructor(spec: SessionStoreSpec, log: ChangeLog) {
    this.spec = spec
    this.log = log
  }

  /** Sessions of a key that end at `earliestEnd` or later and start at `latestStart` or earlier. */
  find(key: unknown, earliestEnd: number, latestStart: number): Session[] {
    const found = this.byKey.get(binaryString(this.spec.key.serialize(key)!))
    if (found === undefined) return []
    return found.entries
      .filter(({ start, end }) => end >= earliestEnd && start <= latestStart && this.isLive(end))
      .map(({ start, end, value }) => ({ start, end, value: this.spec.value.deserialize(value) }))
  }

  fetch(key: unknown, start: number, end: number): any {
    if (!this.isLive(end)) return null
    const found = this.byKey.get(binaryString(this.spec.key.serialize(key)!))
    const entry = found?.entries.find((each) => each.start === start && each.end === end)
    return entry === undefined ? null : this.spec.value.deserialize(entry.value)
  }

  /** null deletes. */
  put({ key, start, end }: Windowed<unknown>, value: unknown, recordTimestamp: number): void {
    const keyBytes = this.spec.key.serialize(key)!
    const valueBytes = value === null ? null : this.spec.value.serialize(value)
    this.write(keyBytes, start, end, valueBytes)
    this.log(sessionKey(keyBytes, start, end), valueBytes, recordTimestamp)
  }

  restore({ key, value }: LoggedRecord): void {
    if (key === null) return
    const at = key.length - 16
    this.write(key.subarray(0, at), readLong(key, at + 8), readLong(key, at), value)
  }

  *entries(): Iterable<StoredEntry> {
    const sorted = [...this.byKey.values()].sort((left, right) => compareBytes(left.key, right.key))
    for (const { key, entries } of sorted) {
      for (const { start, end, value } of entries) {
        if (!this.isLive(end)) continue
        yield {
          key: { key: this.spec.key.deserialize(key), start, end },
          value: this.spec.value.deserialize(value),
          timestamp: end,
        }
      }
    }
  }

  private isLive(end: number): boolean {
    return end > this.observed - this.spec.retentionMs
  }

  private write(key: Uint8Array, start: number, end: number, value: Uint8Array | null): void {
    this.observed = Math.max(this.observed, end)
    this.sweep()
    if (!this.isLive(end)) return
    const text = binaryString(key)
    const found = this.byKey.get(text) ?? { key, entries: [] }
    const before = found.entries.filter((each) => each.start !== start || each.end !== end)
    if (value !== null) before.push({ start, end, value })
    found.entries = before.sort((left, right) => left.end - right.end || left.start - right.start)
    if (found.entries.length === 0) this.byKey.delete(text)
    else this.byKey.set(text, found)
  }

  private sweep(): void {
    if (this.observed - this.swept < this.spec.retentionMs / 2) return
    this.swept = this.observed
    for (const [text, found] of this.byKey) {
      if (this.isLive(found.entries[0]!.end)) continue
      found.entries = found.entries.filter(({ end }) => this.isLive(end))
      if (found.entries.length === 0) this.byKey.delete(text)
    }
  }
}
