/**
 * Aggregates of sessions, forgotten `retentionMs` after their end. Changelog: key, end, start. Source:
 * RocksDBSessionStore, SessionKeySchema.
 */
import { binaryString, compareBytes, readLong, sessionKey } from './bytes.ts'
import type { SessionStoreSpec } from '../topology.ts'
import type { Windowed } from '../windows.ts'
import type { ChangeLog, LoggedRecord, Store, StoredEntry } from './store.ts'
import { WriteBack, type Cause, type FlushListener } from './write-back.ts'

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

/** A session as those behind the cache know it. */
interface Before {
  readonly key: Uint8Array
  readonly start: number
  readonly end: number
  readonly value: Uint8Array | null
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
  private cached: { readonly writeBack: WriteBack<Before>; readonly listener: FlushListener } | null = null

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
    const entry = this.entryAt(this.spec.key.serialize(key)!, start, end)
    return entry === undefined ? null : this.spec.value.deserialize(entry.value)
  }

  /** From now on changes wait for `flush`, which tells them to `listener` and to the changelog. */
  cache(listener: FlushListener): void {
    this.cached = { writeBack: new WriteBack(), listener }
  }

  /** null deletes. */
  put({ key, start, end }: Windowed<unknown>, value: unknown, cause: Cause): void {
    const keyBytes = this.spec.key.serialize(key)!
    const valueBytes = value === null ? null : this.spec.value.serialize(value)
    const stored = sessionKey(keyBytes, start, end)
    if (this.cached) {
      const before = this.entryAt(keyBytes, start, end)
      this.cached.writeBack.mark(
        binaryString(stored),
        { key: keyBytes, start, end, value: before?.value ?? null },
        cause,
      )
    }
    this.write(keyBytes, start, end, valueBytes)
    if (!this.cached) this.log(stored, valueBytes, cause.timestamp)
  }

  flush(): void {
    const { cached } = this
    cached?.writeBack.drain((_text, before, cause) => {
      const { key, start, end, value: oldBytes } = before!
      const newBytes = this.entryAt(key, start, end)?.value ?? null
      if (newBytes === null && oldBytes === null) return
      this.log(sessionKey(key, start, end), newBytes, cause.timestamp)
      const newValue = newBytes === null ? null : this.spec.value.deserialize(newBytes)
      const oldValue = oldBytes === null ? null : this.spec.value.deserialize(oldBytes)
      cached.listener({ key: this.spec.key.deserialize(key), start, end }, newValue, oldValue, end, cause)
    })
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

  private entryAt(key: Uint8Array, start: number, end: number): Entry | undefined {
    return this.byKey.get(binaryString(key))?.entries.find((each) => each.start === start && each.end === end)
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
