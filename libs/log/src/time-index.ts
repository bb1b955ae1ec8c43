/**
 * Sparse map from timestamps to offsets in one segment, in Kafka's `.timeindex` format.
 *
 * An entry (int64 timestamp, int32 offset − base offset) says: no record up to this offset is younger than the
 * timestamp, and the batch that ends at this offset has it. Kept in memory and persisted like the offset index.
 * Source: TimeIndex.
 */
import type { PooledFile } from './file-pool.ts'
import { cutDurably } from './index-cut.ts'
import { CorruptIndexError } from './index-error.ts'
import { readInt64, viewOf, writeInt64 } from './int64.ts'

const ENTRY = 12

export class TimeIndex {
  readonly file: PooledFile
  readonly baseOffset: number
  #maxEntries: number
  #timestamps: Float64Array | null = null
  #offsets: Int32Array = new Int32Array(0)
  #count = 0
  #persisted = 0
  #tail = false

  private constructor(file: PooledFile, baseOffset: number, maxBytes: number) {
    this.file = file
    this.baseOffset = baseOffset
    this.#maxEntries = Math.floor(maxBytes / ENTRY)
  }

  static create(file: PooledFile, baseOffset: number, maxBytes: number): TimeIndex {
    const index = new TimeIndex(file, baseOffset, maxBytes)
    index.#timestamps = new Float64Array(0)
    index.#tail = true
    return index
  }

  static existing(file: PooledFile, baseOffset: number, maxBytes: number): TimeIndex {
    return new TimeIndex(file, baseOffset, maxBytes)
  }

  get count(): number {
    this.#load()
    return this.#count
  }

  /** One slot is left for the entry that closes a segment. */
  get isFull(): boolean {
    return this.#timestamps !== null && this.#count >= this.#maxEntries - 1
  }

  get sizeInBytes(): number {
    return this.count * ENTRY
  }

  get lastTimestamp(): number {
    const timestamps = this.#load()
    return this.#count === 0 ? -1 : timestamps[this.#count - 1]
  }

  get lastOffset(): number {
    this.#load()
    return this.#count === 0 ? this.baseOffset : this.baseOffset + this.#offsets[this.#count - 1]
  }

  setMaxBytes(maxBytes: number): void {
    this.#maxEntries = Math.floor(maxBytes / ENTRY)
  }

  /** Adds an entry if it is younger than the last. */
  maybeAppend(timestamp: number, offset: number): void {
    let timestamps = this.#load()
    if (timestamp < 0 || (this.#count > 0 && timestamp <= timestamps[this.#count - 1])) return
    if (this.#count === timestamps.length) {
      const size = Math.max(64, timestamps.length * 2)
      const grown = new Float64Array(size)
      grown.set(timestamps)
      this.#timestamps = timestamps = grown
      const offsets = new Int32Array(size)
      offsets.set(this.#offsets)
      this.#offsets = offsets
    }
    timestamps[this.#count] = timestamp
    this.#offsets[this.#count] = offset - this.baseOffset
    this.#count += 1
  }

  /** Offset of the last entry with a timestamp ≤ the one given; the base offset if there is none. */
  lookup(timestamp: number): number {
    const timestamps = this.#load()
    let low = 0
    let high = this.#count - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      if (timestamps[middle] <= timestamp) low = middle + 1
      else high = middle - 1
    }
    return high < 0 ? this.baseOffset : this.baseOffset + this.#offsets[high]
  }

  truncateTo(offset: number): void {
    this.#load()
    let count = this.#count
    while (count > 0 && this.#offsets[count - 1] >= offset - this.baseOffset) count -= 1
    this.#cut(count)
  }

  reset(): void {
    this.#timestamps ??= new Float64Array(0)
    this.#count = 0
    this.#persisted = 0
    this.#tail = true
    cutDurably(this.file, 0)
  }

  persist(): void {
    if (this.#timestamps === null) return
    if (this.#persisted === this.#count && !this.#tail) return
    const { handle } = this.file
    handle.truncate(this.#persisted * ENTRY)
    if (this.#count > this.#persisted) handle.write(this.#encode(this.#timestamps), this.#persisted * ENTRY)
    this.#persisted = this.#count
    this.#tail = false
    this.file.release()
  }

  #encode(timestamps: Float64Array): Uint8Array {
    const bytes = new Uint8Array((this.#count - this.#persisted) * ENTRY)
    const view = viewOf(bytes)
    for (let i = this.#persisted, at = 0; i < this.#count; i++, at += ENTRY) {
      writeInt64(view, at, timestamps[i])
      view.setInt32(at + 8, this.#offsets[i])
    }
    return bytes
  }

  unload(): void {
    this.persist()
    this.#timestamps = null
    this.#offsets = new Int32Array(0)
  }

  #cut(count: number): void {
    this.#count = count
    if (this.#persisted <= count) return
    this.#persisted = count
    cutDurably(this.file, count * ENTRY)
  }

  #load(): Float64Array {
    if (this.#timestamps !== null) return this.#timestamps
    const { handle } = this.file
    const bytes = new Uint8Array(handle.size)
    const length = handle.read(bytes, 0, bytes.length, 0)
    this.file.release()
    const view = viewOf(bytes)
    const slots = Math.floor(length / ENTRY)
    const timestamps = new Float64Array(slots)
    const offsets = new Int32Array(slots)
    let count = 0
    for (let at = 0; at + ENTRY <= length; at += ENTRY, count++) {
      const timestamp = readInt64(view, at)
      const offset = view.getInt32(at + 8)
      // Zeros are preallocated space, see OffsetIndex.
      if (timestamp === 0 && offset === 0) break
      if (offset < 0 || (count > 0 && (timestamp <= timestamps[count - 1] || offset < offsets[count - 1]))) {
        throw new CorruptIndexError(
          this.file.path,
          `entry ${count} (${timestamp}, ${offset}) is not above the one before`,
        )
      }
      timestamps[count] = timestamp
      offsets[count] = offset
    }
    this.#timestamps = timestamps
    this.#offsets = offsets
    this.#count = count
    this.#persisted = count
    this.#tail = count * ENTRY !== length
    return timestamps
  }
}
