/**
 * The log of `__cluster_metadata`: segments of record batches, named by base offset as Kafka names them.
 *
 * The place of every batch is kept in memory: metadata batches are few. Opening checks every batch's crc and cuts the log
 * at the first byte that does not continue it; a torn tail was never acknowledged, because acknowledging needs `sync`.
 * No index files: Kafka rebuilds them. Source: Kafka's KafkaMetadataLog over UnifiedLog.
 */
import type { FileHandle, FileSystem } from '@troupe/log/file-system'
import {
  BATCH_OVERHEAD,
  LOG_OVERHEAD,
  baseOffset,
  computeCrc,
  crc,
  lastOffset,
  magic,
  partitionLeaderEpoch,
  sizeInBytes,
} from '@troupe/wire/record-batch'
import { WireError } from '@troupe/wire/wire-error'
import { KafkaError } from '@troupe/wire/errors'

interface BatchPlace {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly epoch: number
  readonly position: number
  readonly size: number
}

interface Segment {
  readonly baseOffset: number
  readonly file: FileHandle
  readonly batches: BatchPlace[]
}

const SUFFIX = '.log'
/** Kafka's own limit on a metadata batch is 8 MiB. */
const MAX_BATCH = 64 * 1024 * 1024

export class MetadataLog {
  readonly #files: FileSystem
  readonly #directory: string
  readonly #segmentBytes: number
  #segments: Segment[] = []
  syncedOffset = 0

  /** `baseOffset`: where an empty log starts (the end of the latest snapshot). */
  constructor(files: FileSystem, directory: string, segmentBytes: number, base: number) {
    this.#files = files
    this.#directory = directory
    this.#segmentBytes = segmentBytes
    this.#recover()
    if (this.#segments.length === 0 || this.endOffset < base) this.restartAt(base)
    this.sync()
  }

  get startOffset(): number {
    return this.#segments[0]!.baseOffset
  }

  get endOffset(): number {
    return endOf(this.#segments.at(-1)!)
  }

  get sizeInBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.file.size, 0)
  }

  /** (epoch, first offset) of every epoch in the log, in order. */
  epochs(): { epoch: number; startOffset: number }[] {
    const found: { epoch: number; startOffset: number }[] = []
    for (const { batches } of this.#segments) {
      for (const batch of batches) {
        if (batch.epoch !== found.at(-1)?.epoch) found.push({ epoch: batch.epoch, startOffset: batch.baseOffset })
      }
    }
    return found
  }

  get lastEpoch(): number {
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      const last = this.#segments[i]!.batches.at(-1)
      if (last) return last.epoch
    }
    return -1
  }

  append(bytes: Uint8Array): void {
    let position = 0
    let last = this.lastEpoch
    let next = this.endOffset
    const places: BatchPlace[] = []
    while (position < bytes.length) {
      const place = placeOf(bytes, position, bytes.length - position)
      if (!place || place.baseOffset !== next || place.epoch < last) {
        throw new WireError(`metadata batch does not continue the log at ${next}`, KafkaError.CORRUPT_MESSAGE)
      }
      places.push(place)
      next = place.nextOffset
      last = place.epoch
      position += place.size
    }
    this.#rollIfFull(bytes.length)
    const segment = this.#segments.at(-1)!
    const shift = segment.file.size
    segment.file.append([bytes])
    for (const place of places) segment.batches.push({ ...place, position: place.position + shift })
  }

  sync(): void {
    if (this.syncedOffset === this.endOffset) return
    this.#segments.at(-1)!.file.sync()
    this.syncedOffset = this.endOffset
  }

  read(offset: number, maxBytes: number): Uint8Array {
    const segment = this.#segments.findLast((candidate) => candidate.baseOffset <= offset)
    if (!segment || offset >= this.endOffset) return new Uint8Array(0)
    const first = firstHolding(segment.batches, offset)
    let size = 0
    for (let i = first; i < segment.batches.length; i++) {
      const next = segment.batches[i]!.size
      if (size > 0 && size + next > maxBytes) break
      size += next
    }
    const bytes = new Uint8Array(size)
    if (size > 0) segment.file.read(bytes, 0, size, segment.batches[first]!.position)
    return bytes
  }

  truncateTo(offset: number): void {
    while (this.#segments.length > 1 && this.#segments.at(-1)!.baseOffset >= offset) this.#drop(this.#segments.pop()!)
    const segment = this.#segments.at(-1)!
    const keep = segment.batches.findIndex((batch) => batch.nextOffset > offset)
    if (keep >= 0) {
      segment.file.truncate(segment.batches[keep]!.position)
      segment.batches.length = keep
    }
    segment.file.sync()
    this.#files.syncDirectory(this.#directory)
    this.syncedOffset = this.endOffset
  }

  /** Empties the log; it goes on at `offset`. */
  restartAt(offset: number): void {
    for (const segment of this.#segments.splice(0)) this.#drop(segment)
    this.#open(offset)
    this.syncedOffset = offset
  }

  /** Removes whole segments that end at or before `offset` while more than `retainBytes` remain. */
  dropBefore(offset: number, retainBytes: number): void {
    let size = this.sizeInBytes
    while (this.#segments.length > 1 && endOf(this.#segments[0]!) <= offset && size > retainBytes) {
      const oldest = this.#segments.shift()!
      size -= oldest.file.size
      this.#drop(oldest)
    }
  }

  close(): void {
    for (const { file } of this.#segments) file.close()
  }

  #rollIfFull(incoming: number): void {
    const active = this.#segments.at(-1)!
    if (active.file.size === 0 || active.file.size + incoming <= this.#segmentBytes) return
    active.file.sync()
    this.#open(this.endOffset)
  }

  #open(offset: number): void {
    const file = this.#files.open(`${this.#directory}/${String(offset).padStart(20, '0')}${SUFFIX}`)
    this.#files.syncDirectory(this.#directory)
    this.#segments.push({ baseOffset: offset, file, batches: [] })
  }

  #drop(segment: Segment): void {
    segment.file.close()
    this.#files.unlink(segment.file.path)
  }

  #recover(): void {
    const names = this.#files
      .list(this.#directory)
      .filter((name) => /^\d{20}\.log$/.test(name))
      .sort()
    for (const name of names) {
      const segment: Segment = {
        baseOffset: Number(name.slice(0, 20)),
        file: this.#files.open(`${this.#directory}/${name}`, { mustExist: true }),
        batches: [],
      }
      const previous = this.#segments.at(-1)
      if (previous && endOf(previous) !== segment.baseOffset) {
        this.#drop(segment)
        continue
      }
      scan(segment)
      this.#segments.push(segment)
    }
    // What recovery kept may still be in the page cache only.
    this.syncedOffset = -1
  }
}

const endOf = (segment: Segment): number => segment.batches.at(-1)?.nextOffset ?? segment.baseOffset

function firstHolding(batches: readonly BatchPlace[], offset: number): number {
  let low = 0
  let high = batches.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (batches[middle]!.nextOffset <= offset) low = middle + 1
    else high = middle
  }
  return low
}

/** Where the batch at `position` is, or null when no whole and sound batch is there. */
function placeOf(bytes: Uint8Array, position: number, available: number): BatchPlace | null {
  if (available < BATCH_OVERHEAD) return null
  const size = sizeInBytes(bytes, position)
  if (size < BATCH_OVERHEAD || size > available || magic(bytes, position) !== 2) return null
  if (crc(bytes, position) !== computeCrc(bytes, position) >>> 0) return null
  return {
    baseOffset: baseOffset(bytes, position),
    nextOffset: lastOffset(bytes, position) + 1,
    epoch: partitionLeaderEpoch(bytes, position),
    position,
    size,
  }
}

/** Finds the sound batches of a segment and cuts off what follows them. */
function scan(segment: Segment): void {
  const { file, batches } = segment
  let position = 0
  const head = new Uint8Array(LOG_OVERHEAD)
  while (position + BATCH_OVERHEAD <= file.size) {
    file.read(head, 0, LOG_OVERHEAD, position)
    const size = sizeInBytes(head, 0)
    if (size < BATCH_OVERHEAD || size > MAX_BATCH || position + size > file.size) break
    const bytes = new Uint8Array(size)
    file.read(bytes, 0, size, position)
    const place = placeOf(bytes, 0, size)
    const before = batches.at(-1)
    if (!place || place.baseOffset !== endOf(segment) || (before && place.epoch < before.epoch)) break
    batches.push({ ...place, position })
    position += size
  }
  if (position < file.size) file.truncate(position)
}
