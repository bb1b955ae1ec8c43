/**
 * One segment: a file of record batches and the three indexes beside it.
 *
 * Offsets in a segment are at least its base offset and fit 32 bits relative to it; positions fit 31 bits. The log
 * appends to the newest one only. Source of behaviour: LogSegment.
 */
import { baseOffset as batchBaseOffset, lastOffset, maxTimestamp, sizeInBytes } from '@troupe/wire/record-batch'
import { BatchReader, SCAN_BUFFER_BYTES } from './batch-reader.ts'
import {
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
  offsetName,
} from './file-names.ts'
import type { FilePool, PooledFile } from './file-pool.ts'
import { CorruptIndexError } from './index-error.ts'
import { OffsetIndex } from './offset-index.ts'
import { TimeIndex } from './time-index.ts'
import { TransactionIndex } from './transaction-index.ts'

export interface SegmentOptions {
  readonly directory: string
  readonly baseOffset: number
  readonly maxIndexBytes: number
  readonly indexIntervalBytes: number
  readonly now: number
  /** '' or '.cleaned'. */
  readonly suffix?: string
}

/** A batch found in a segment. One object is reused: copy what must last. */
export interface Found {
  position: number
  size: number
  baseOffset: number
  lastOffset: number
}

const MAX_RELATIVE_OFFSET = 0x7fffffff
const scanBuffer = new Uint8Array(SCAN_BUFFER_BYTES)
const found: Found = { position: 0, size: 0, baseOffset: 0, lastOffset: 0 }

export class Segment {
  readonly baseOffset: number
  readonly log: PooledFile
  readonly offsetIndex: OffsetIndex
  readonly timeIndex: TimeIndex
  readonly transactionIndex: TransactionIndex
  /** Bytes of batches in `log`. */
  size: number
  indexIntervalBytes: number
  /** When the segment was made or first seen here: rolls segments whose records have no timestamps. */
  createdMs: number
  /** Max timestamp of the first batch, −1 while there is none; undefined until read. */
  #firstTimestamp: number | undefined
  #maxTimestamp: number | undefined
  #offsetOfMaxTimestamp = -1
  #bytesSinceIndexEntry = 0

  private constructor(pool: FilePool, options: SegmentOptions, isNew: boolean) {
    const { directory, baseOffset, maxIndexBytes, suffix = '' } = options
    const path = `${directory}/${offsetName(baseOffset)}`
    const make = isNew ? 'create' : 'existing'
    this.baseOffset = baseOffset
    this.log = pool.file(path + LOG_SUFFIX + suffix)
    this.offsetIndex = OffsetIndex[make](pool.file(path + OFFSET_INDEX_SUFFIX + suffix), baseOffset, maxIndexBytes)
    this.timeIndex = TimeIndex[make](pool.file(path + TIME_INDEX_SUFFIX + suffix), baseOffset, maxIndexBytes)
    const transactions = path + TRANSACTION_INDEX_SUFFIX + suffix
    const exists = !isNew && pool.fs.exists(transactions)
    this.transactionIndex = new TransactionIndex(pool.file(transactions), baseOffset, exists)
    this.indexIntervalBytes = options.indexIntervalBytes
    this.createdMs = options.now
    this.size = this.log.size
    if (isNew) {
      this.#firstTimestamp = -1
      this.#maxTimestamp = -1
    }
  }

  /** Makes the files; what a crash may have left of the same name is emptied. */
  static create(pool: FilePool, options: SegmentOptions): Segment {
    const segment = new Segment(pool, options, true)
    segment.log.truncate(0)
    segment.size = 0
    segment.persistIndexes()
    return segment
  }

  static existing(pool: FilePool, options: SegmentOptions): Segment {
    return new Segment(pool, options, false)
  }

  get files(): PooledFile[] {
    const files = [this.log, this.offsetIndex.file, this.timeIndex.file]
    if (this.transactionIndex.exists) files.push(this.transactionIndex.file)
    return files
  }

  get maxTimestamp(): number {
    if (this.#maxTimestamp === undefined) this.#loadMaxTimestamp()
    return this.#maxTimestamp as number
  }

  /** Last offset of the batch that has the largest timestamp. */
  get offsetOfMaxTimestamp(): number {
    if (this.#maxTimestamp === undefined) this.#loadMaxTimestamp()
    return this.#offsetOfMaxTimestamp
  }

  get firstTimestamp(): number {
    if (this.#firstTimestamp !== undefined) return this.#firstTimestamp
    const reader = this.reader(0)
    this.#firstTimestamp = reader.next() ? maxTimestamp(reader.bytes, reader.at) : -1
    return this.#firstTimestamp
  }

  /** Whether the offset can be written as int32 relative to the base. */
  holds(offset: number): boolean {
    return offset - this.baseOffset <= MAX_RELATIVE_OFFSET
  }

  get indexIsFull(): boolean {
    return this.offsetIndex.isFull || this.timeIndex.isFull
  }

  /** How long the segment has been filled, by its records' clock if they have one. */
  timeWaitedForRoll(now: number, timestamp: number): number {
    return this.size > 0 && this.firstTimestamp >= 0 ? timestamp - this.firstTimestamp : now - this.createdMs
  }

  /** Appends whole batches, offsets already assigned. */
  append(records: Uint8Array): void {
    const start = this.size
    this.log.append([records])
    this.size = start + records.length
    for (let at = 0; at < records.length;) {
      const size = sizeInBytes(records, at)
      this.#index(start + at, size, lastOffset(records, at), maxTimestamp(records, at))
      at += size
    }
  }

  #index(position: number, size: number, last: number, timestamp: number): void {
    if (position === 0) this.#firstTimestamp = timestamp
    if (timestamp > this.maxTimestamp) {
      this.#maxTimestamp = timestamp
      this.#offsetOfMaxTimestamp = last
    }
    if (this.#bytesSinceIndexEntry > this.indexIntervalBytes) {
      this.offsetIndex.append(last, position)
      this.timeIndex.maybeAppend(this.maxTimestamp, this.#offsetOfMaxTimestamp)
      this.#bytesSinceIndexEntry = 0
    }
    this.#bytesSinceIndexEntry += size
  }

  /**
   * The first batch whose last offset is ≥ `offset`, from a position known to precede it; undefined if there is none.
   */
  find(offset: number, from = 0): Found | undefined {
    const start = Math.max(
      from,
      this.#indexed(() => this.offsetIndex.lookup(offset)),
    )
    const reader = this.reader(start, scanBuffer)
    while (reader.next()) {
      const last = lastOffset(reader.bytes, reader.at)
      if (last >= offset) return copyFound(reader, last)
    }
    return undefined
  }

  /** The first batch from `position` on, a batch boundary, that ends past `end`. */
  findPosition(position: number, end: number): Found | undefined {
    const start = Math.max(
      position,
      this.#indexed(() => this.offsetIndex.floorPosition(end)),
    )
    const reader = this.reader(start, scanBuffer)
    while (reader.next()) {
      if (reader.position + reader.size > end) return copyFound(reader, lastOffset(reader.bytes, reader.at))
    }
    return undefined
  }

  /** The offset after the last batch; the base offset of an empty segment. */
  readNextOffset(): number {
    let next = this.baseOffset
    const reader = this.reader(
      this.#indexed(() => this.offsetIndex.lastPosition),
      scanBuffer,
    )
    while (reader.next()) next = lastOffset(reader.bytes, reader.at) + 1
    return next
  }

  reader(position: number, buffer?: Uint8Array): BatchReader {
    return new BatchReader(this.log, position, this.size, { buffer })
  }

  bodyReader(position = 0): BatchReader {
    return new BatchReader(this.log, position, this.size, { bodies: true })
  }

  /** Forgets the indexes: `reindex` is then called for each batch in order. */
  resetIndexes(): void {
    this.offsetIndex.reset()
    this.timeIndex.reset()
    this.#maxTimestamp = -1
    this.#offsetOfMaxTimestamp = -1
    this.#firstTimestamp = -1
    this.#bytesSinceIndexEntry = 0
  }

  reindex(reader: BatchReader): void {
    const { bytes, at } = reader
    this.#index(reader.position, reader.size, lastOffset(bytes, at), maxTimestamp(bytes, at))
  }

  /**
   * Cuts everything from the first batch that reaches `offset`. Returns the offset where the segment now ends at the
   * latest.
   */
  truncateTo(offset: number): number {
    const batch = this.find(offset)
    const end = batch && batch.baseOffset < offset ? batch.baseOffset : offset
    this.transactionIndex.truncateTo(end)
    this.#indexed(() => this.offsetIndex.truncateTo(end))
    this.timeIndex.truncateTo(end)
    if (batch) {
      this.size = batch.position
      this.log.truncate(batch.position)
    }
    this.#bytesSinceIndexEntry = 0
    this.#maxTimestamp = undefined
    if (this.size === 0) this.#firstTimestamp = undefined
    return end
  }

  /** Cuts at a position known to be a batch boundary, after a scan has rebuilt the indexes up to there. */
  truncateToPosition(position: number): void {
    this.size = position
    this.log.truncate(position)
  }

  /** No more appends: the time index gets its last entry. */
  close(): void {
    this.timeIndex.maybeAppend(this.maxTimestamp, this.#offsetOfMaxTimestamp)
    this.persistIndexes()
  }

  /** Gives their memory back; the next look-up reads the files. */
  unloadIndexes(): void {
    this.offsetIndex.unload()
    this.timeIndex.unload()
  }

  persistIndexes(): void {
    this.offsetIndex.persist()
    this.timeIndex.persist()
  }

  rename(suffix: string, to: string): void {
    // The log goes first: once it has its final name, recovery only has to rename what is left of the swap.
    for (const file of this.files) file.rename(replaceSuffix(file.path, suffix, to))
  }

  unlink(): void {
    for (const file of this.files) file.unlink()
  }

  release(): void {
    for (const file of this.files) file.release()
  }

  /** Runs a look-up in an index; a corrupt one is rebuilt from the log first. */
  #indexed<Result>(lookup: () => Result): Result {
    try {
      return lookup()
    } catch (error) {
      if (!(error instanceof CorruptIndexError)) throw error
      this.rebuildIndexes()
      return lookup()
    }
  }

  rebuildIndexes(): void {
    this.resetIndexes()
    const reader = this.reader(0)
    while (reader.next()) this.reindex(reader)
    this.close()
  }

  #loadMaxTimestamp(): void {
    this.#maxTimestamp = -1
    const { timeIndex } = this
    this.#indexed(() => timeIndex.count)
    let position = 0
    if (timeIndex.count > 0) {
      this.#maxTimestamp = timeIndex.lastTimestamp
      this.#offsetOfMaxTimestamp = timeIndex.lastOffset
      position = this.#indexed(() => this.offsetIndex.lookup(timeIndex.lastOffset))
    }
    const reader = this.reader(position, scanBuffer)
    while (reader.next()) {
      const timestamp = maxTimestamp(reader.bytes, reader.at)
      if (timestamp <= (this.#maxTimestamp as number)) continue
      this.#maxTimestamp = timestamp
      this.#offsetOfMaxTimestamp = lastOffset(reader.bytes, reader.at)
    }
  }
}

function copyFound(reader: BatchReader, last: number): Found {
  found.position = reader.position
  found.size = reader.size
  found.baseOffset = batchBaseOffset(reader.bytes, reader.at)
  found.lastOffset = last
  return found
}

function replaceSuffix(path: string, suffix: string, to: string): string {
  return (suffix !== '' && path.endsWith(suffix) ? path.slice(0, -suffix.length) : path) + to
}
