/**
 * The aborted transactions of one segment, in Kafka's `.txnindex` format: version, producer id, first and last
 * offset, and the last stable offset at the time of the abort, 34 bytes each. The file exists only if there are some.
 *
 * Written at once and synced with the log: below the recovery point nothing could tell that an entry is missing.
 * Source: TransactionIndex, AbortedTxn.
 */
import type { PooledFile } from './file-pool.ts'
import { cutDurably } from './index-cut.ts'
import { CorruptIndexError } from './index-error.ts'
import { readInt64, viewOf, writeInt64 } from './int64.ts'

const ENTRY = 34

export interface AbortedEntry {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly lastStableOffset: number
}

export class TransactionIndex {
  readonly file: PooledFile
  readonly baseOffset: number
  #entries: AbortedEntry[] | null
  /** Whether a file is there. */
  #exists: boolean
  /** How many entries are durable. */
  #synced = 0

  constructor(file: PooledFile, baseOffset: number, exists: boolean) {
    this.file = file
    this.baseOffset = baseOffset
    this.#exists = exists
    this.#entries = exists ? null : []
  }

  get exists(): boolean {
    return this.#exists
  }

  get count(): number {
    return this.entries().length
  }

  get hasUnsynced(): boolean {
    return this.#entries !== null && this.#entries.length > this.#synced
  }

  sync(): void {
    if (!this.hasUnsynced) return
    this.file.sync()
    this.markSynced(this.count)
  }

  markSynced(count: number): void {
    this.#synced = Math.max(this.#synced, Math.min(count, this.count))
  }

  entries(): readonly AbortedEntry[] {
    return this.#entries ?? this.#load()
  }

  append(entry: AbortedEntry): void {
    const entries = this.#entries ?? this.#load()
    const bytes = new Uint8Array(ENTRY)
    const view = viewOf(bytes)
    view.setInt16(0, 0)
    writeInt64(view, 2, entry.producerId)
    writeInt64(view, 10, entry.firstOffset)
    writeInt64(view, 18, entry.lastOffset)
    writeInt64(view, 26, entry.lastStableOffset)
    this.file.handle.write(bytes, entries.length * ENTRY)
    this.#exists = true
    entries.push(entry)
  }

  truncateTo(offset: number): void {
    if (!this.#exists) return
    const entries = this.#entries ?? this.#load()
    const keep = entries.findIndex((entry) => entry.lastOffset >= offset)
    if (keep < 0) return
    cutDurably(this.file, keep * ENTRY)
    entries.length = keep
    this.#synced = Math.min(this.#synced, keep)
  }

  reset(): void {
    if (this.#exists) cutDurably(this.file, 0)
    this.#entries = []
    this.#synced = 0
  }

  #load(): AbortedEntry[] {
    const { handle } = this.file
    const bytes = new Uint8Array(handle.size)
    handle.read(bytes, 0, bytes.length, 0)
    this.file.release()
    const view = viewOf(bytes)
    const entries: AbortedEntry[] = []
    for (let at = 0; at + ENTRY <= bytes.length; at += ENTRY) {
      if (view.getInt16(at) !== 0) throw new CorruptIndexError(this.file.path, `version ${view.getInt16(at)}`)
      const lastOffset = readInt64(view, at + 18)
      if (lastOffset < (entries.at(-1)?.lastOffset ?? this.baseOffset)) {
        throw new CorruptIndexError(this.file.path, `last offset ${lastOffset} out of order`)
      }
      entries.push({
        producerId: readInt64(view, at + 2),
        firstOffset: readInt64(view, at + 10),
        lastOffset,
        lastStableOffset: readInt64(view, at + 26),
      })
    }
    this.#entries = entries
    this.#synced = entries.length
    return entries
  }
}
