/**
 * What a cache in front of a store does for those behind it: of several changes of a key between two commits they see the
 * last one, and as the old value what was there before the first. Reads see every change at once.
 *
 * Source: CachingKeyValueStore and its like; NamedCache for the order. There is no limit to its size, since the stores
 * themselves are in memory.
 */
import type { Header } from '../topology.ts'

/** In whose name a key was changed last. */
export interface Cause {
  readonly headers: readonly Header[]
  /** Of the record that changed it. */
  readonly timestamp: number
  /** The task's input record. */
  readonly input: unknown
}

/** Tells those behind, when the cache is flushed. */
export type FlushListener = (key: any, newValue: any, oldValue: any, timestamp: number, cause: Cause) => void

interface Dirty<Entry> {
  readonly before: Entry | null
  readonly cause: Cause
}

export class WriteBack<Entry> {
  private dirty = new Map<string, Dirty<Entry>>()

  /** `before`: what the store had, if this is the key's first change since the last flush. The order is that of the last. */
  mark(key: string, before: Entry | null, cause: Cause): void {
    const known = this.dirty.get(key)
    this.dirty.delete(key)
    this.dirty.set(key, { before: known ? known.before : before, cause })
  }

  /** Takes out everything that is dirty; what the visitor makes dirty again waits for the next time. */
  drain(visit: (key: string, before: Entry | null, cause: Cause) => void): void {
    const { dirty } = this
    this.dirty = new Map()
    for (const [key, { before, cause }] of dirty) visit(key, before, cause)
  }
}
