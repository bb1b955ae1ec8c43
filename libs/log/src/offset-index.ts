/**
 * Sparse map from offsets to positions in one segment, in Kafka's `.index` format.
 *
 * An entry is (last offset of a batch − base offset, position of the batch), int32 each, both strictly increasing.
 * Entries live in memory and reach the file by `persist` (roll, flush of a closed segment, close): after a crash they
 * are rebuilt from the log. Closed segments load theirs at the first use. Source: OffsetIndex, AbstractIndex.
 */
import type { PooledFile } from './file-pool.ts'
import { cutDurably } from './index-cut.ts'
import { CorruptIndexError } from './index-error.ts'
import { viewOf } from './int64.ts'

const ENTRY = 8

export class OffsetIndex {
  readonly file: PooledFile
  readonly baseOffset: number
  #maxEntries: number
  /** Relative offset and position alternate; null until loaded. */
  #pairs: Int32Array | null = null
  #count = 0
  #persisted = 0
  /** The file may hold bytes behind the entries (preallocated by Kafka, or left by a truncation). */
  #tail = false

  private constructor(file: PooledFile, baseOffset: number, maxBytes: number) {
    this.file = file
    this.baseOffset = baseOffset
    this.#maxEntries = Math.floor(maxBytes / ENTRY)
  }

  static create(file: PooledFile, baseOffset: number, maxBytes: number): OffsetIndex {
    const index = new OffsetIndex(file, baseOffset, maxBytes)
    index.#pairs = new Int32Array(0)
    index.#tail = true
    return index
  }

  static existing(file: PooledFile, baseOffset: number, maxBytes: number): OffsetIndex {
    return new OffsetIndex(file, baseOffset, maxBytes)
  }

  get count(): number {
    this.#load()
    return this.#count
  }

  get isFull(): boolean {
    return this.#pairs !== null && this.#count >= this.#maxEntries
  }

  get sizeInBytes(): number {
    return this.count * ENTRY
  }

  /** Last indexed offset, the base offset when there is none. */
  get lastOffset(): number {
    const pairs = this.#load()
    return this.#count === 0 ? this.baseOffset : this.baseOffset + pairs[2 * this.#count - 2]
  }

  get lastPosition(): number {
    const pairs = this.#load()
    return this.#count === 0 ? 0 : pairs[2 * this.#count - 1]
  }

  setMaxBytes(maxBytes: number): void {
    this.#maxEntries = Math.floor(maxBytes / ENTRY)
  }

  append(offset: number, position: number): void {
    let pairs = this.#load()
    if (2 * this.#count === pairs.length) {
      const grown = new Int32Array(Math.max(64, pairs.length * 2))
      grown.set(pairs)
      this.#pairs = pairs = grown
    }
    pairs[2 * this.#count] = offset - this.baseOffset
    pairs[2 * this.#count + 1] = position
    this.#count += 1
  }

  /** Position of the last entry whose offset is ≤ `offset`; 0 if there is none. */
  lookup(offset: number): number {
    const pairs = this.#load()
    const slot = this.#floor(pairs, 0, offset - this.baseOffset)
    return slot < 0 ? 0 : pairs[2 * slot + 1]
  }

  /** Largest indexed position ≤ `position`; 0 if there is none. */
  floorPosition(position: number): number {
    const pairs = this.#load()
    const slot = this.#floor(pairs, 1, position)
    return slot < 0 ? 0 : pairs[2 * slot + 1]
  }

  truncateTo(offset: number): void {
    const pairs = this.#load()
    let count = this.#floor(pairs, 0, offset - this.baseOffset) + 1
    if (count > 0 && pairs[2 * count - 2] === offset - this.baseOffset) count -= 1
    this.#cut(count)
  }

  reset(): void {
    this.#pairs ??= new Int32Array(0)
    this.#count = 0
    this.#persisted = 0
    this.#tail = true
    cutDurably(this.file, 0)
  }

  /** Writes what the file does not have; creates it. */
  persist(): void {
    if (this.#pairs === null) return
    if (this.#persisted === this.#count && !this.#tail) return
    const { handle } = this.file
    handle.truncate(this.#persisted * ENTRY)
    if (this.#count > this.#persisted) handle.write(this.#encode(), this.#persisted * ENTRY)
    this.#persisted = this.#count
    this.#tail = false
    this.file.release()
  }

  #encode(): Uint8Array {
    const pairs = this.#pairs as Int32Array
    const bytes = new Uint8Array((this.#count - this.#persisted) * ENTRY)
    const view = viewOf(bytes)
    for (let i = 2 * this.#persisted, at = 0; i < 2 * this.#count; i++, at += 4) view.setInt32(at, pairs[i])
    return bytes
  }

  /** Frees the memory of a closed segment's index. */
  unload(): void {
    this.persist()
    this.#pairs = null
  }

  #cut(count: number): void {
    this.#count = count
    if (this.#persisted <= count) return
    this.#persisted = count
    cutDurably(this.file, count * ENTRY)
  }

  #floor(pairs: Int32Array, column: 0 | 1, key: number): number {
    let low = 0
    let high = this.#count - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      if (pairs[2 * middle + column] <= key) low = middle + 1
      else high = middle - 1
    }
    return high
  }

  #load(): Int32Array {
    if (this.#pairs !== null) return this.#pairs
    const { handle } = this.file
    const bytes = new Uint8Array(handle.size)
    const length = handle.read(bytes, 0, bytes.length, 0)
    this.file.release()
    const view = viewOf(bytes)
    const pairs = new Int32Array(2 * Math.floor(length / ENTRY))
    let count = 0
    for (let at = 0; at + ENTRY <= length; at += ENTRY, count++) {
      const offset = view.getInt32(at)
      const position = view.getInt32(at + 4)
      // Kafka preallocates the file of an active segment with zeros; no entry points to position 0.
      if (position === 0) break
      const before = 2 * count - 2
      if (offset < 0 || (count > 0 && (offset <= pairs[before] || position <= pairs[before + 1]))) {
        throw new CorruptIndexError(
          this.file.path,
          `entry ${count} (${offset}, ${position}) is not above the one before`,
        )
      }
      pairs[2 * count] = offset
      pairs[2 * count + 1] = position
    }
    this.#count = count
    this.#persisted = count
    this.#tail = count * ENTRY !== length
    this.#pairs = pairs
    return pairs
  }
}
