/**
 * The segments of a log in order: append, roll, find, cut. Knows nothing of producers, epochs or the high watermark.
 *
 * Source of behaviour: LocalLog, LogSegments.
 */
import type { LogConfig } from './contract.ts'
import { DELETED_SUFFIX } from './file-names.ts'
import type { FilePool } from './file-pool.ts'
import { PositionCache } from './position-cache.ts'
import { Segment, type SegmentOptions } from './segment.ts'

export class LocalLog {
  readonly directory: string
  readonly pool: FilePool
  /** Ascending by base offset; the last is the active one. Never empty once the log is open. */
  readonly segments: Segment[]
  readonly positions = new PositionCache()
  logEndOffset: number
  #config: LogConfig
  #size: number
  /** Chosen once per log: keeps logs that were made together from rolling together. */
  readonly #rollJitterShare: number
  /** Renamed to `.deleted`, unlinked when their time has come. */
  #retired: { segment: Segment; at: number }[] = []
  /** Names were added or removed since the directory was last synced. */
  directoryChanged = true
  /** How often segments were taken away or cut other than by the cleaner, which then has to begin again. */
  cuts = 0

  constructor(directory: string, pool: FilePool, segments: Segment[], logEndOffset: number, config: LogConfig) {
    this.directory = directory
    this.pool = pool
    this.segments = segments
    this.logEndOffset = logEndOffset
    this.#config = config
    this.#size = segments.reduce((sum, segment) => sum + segment.size, 0)
    this.#rollJitterShare = shareOf(directory)
  }

  get sizeInBytes(): number {
    return this.#size
  }

  get active(): Segment {
    return this.segments[this.segments.length - 1]
  }

  get rollAfterMs(): number {
    const jitter = Math.min(this.#config['segment.jitter.ms'], this.#config['segment.ms'])
    return this.#config['segment.ms'] - jitter * this.#rollJitterShare
  }

  configure(config: LogConfig): void {
    this.#config = config
    for (const segment of this.segments) segment.indexIntervalBytes = config['index.interval.bytes']
    this.active.offsetIndex.setMaxBytes(config['segment.index.bytes'])
    this.active.timeIndex.setMaxBytes(config['segment.index.bytes'])
  }

  segmentOptions(baseOffset: number, now: number): SegmentOptions {
    return {
      directory: this.directory,
      baseOffset,
      now,
      maxIndexBytes: this.#config['segment.index.bytes'],
      indexIntervalBytes: this.#config['index.interval.bytes'],
    }
  }

  /** The log's end is the caller's to move. */
  append(records: Uint8Array, firstOffset: number): void {
    const segment = this.active
    const position = segment.size
    segment.append(records)
    this.#size += records.length
    this.positions.addAppended(firstOffset, segment, position)
  }

  shouldRoll(bytes: number, lastOffset: number, maxTimestamp: number, now: number): boolean {
    const { active } = this
    if (active.size > this.#config['segment.bytes'] - bytes) return true
    if (active.size === 0) return !active.holds(lastOffset)
    return (
      active.timeWaitedForRoll(now, maxTimestamp) > this.rollAfterMs || active.indexIsFull || !active.holds(lastOffset)
    )
  }

  /** Starts a segment at `base`, which is not below the log's end. */
  roll(base: number, now: number): Segment {
    const old = this.active
    if (old.size === 0 && old.baseOffset === base) return old
    old.close()
    const segment = Segment.create(this.pool, this.segmentOptions(base, now))
    // An empty segment that could not hold the offset makes room.
    if (old.size === 0) this.#remove(this.segments.pop() as Segment)
    this.segments.push(segment)
    this.logEndOffset = base
    this.directoryChanged = true
    // Consumers that lag read their indexes again.
    for (const closed of this.segments.slice(0, -2)) closed.unloadIndexes()
    return segment
  }

  /** Index of the segment that holds `offset`, or that precedes it; −1 below the first. */
  floorIndex(offset: number): number {
    const { segments } = this
    let low = 0
    let high = segments.length - 1
    if (high >= 0 && segments[high].baseOffset <= offset) return high
    while (low <= high) {
      const middle = (low + high) >>> 1
      if (segments[middle].baseOffset <= offset) low = middle + 1
      else high = middle - 1
    }
    return high
  }

  /** Where the segment's offsets end: the base of the next one, or the log's end. */
  endOf(index: number): number {
    return index + 1 < this.segments.length ? this.segments[index + 1].baseOffset : this.logEndOffset
  }

  /**
   * Cuts everything from `offset` on, which is at least the base of the first segment. The newest goes first: what a
   * crash leaves is a prefix.
   */
  truncateTo(offset: number): void {
    this.cuts += 1
    this.positions.clear()
    while (this.segments.length > 1 && this.active.baseOffset > offset) this.#remove(this.segments.pop() as Segment)
    const { active } = this
    const before = active.size
    this.logEndOffset = active.truncateTo(offset)
    this.#size -= before - active.size
  }

  /** One empty segment at `offset` is all that is left. */
  startAt(offset: number, now: number): void {
    this.cuts += 1
    this.positions.clear()
    while (this.segments.length > 0) this.#remove(this.segments.pop() as Segment)
    this.segments.push(Segment.create(this.pool, this.segmentOptions(offset, now)))
    this.logEndOffset = offset
    this.directoryChanged = true
  }

  #remove(segment: Segment): void {
    this.#size -= segment.size
    segment.unlink()
    this.directoryChanged = true
  }

  /**
   * Takes the first `count` segments away; their files live for another `file.delete.delay.ms`, for reads under way.
   */
  retireFirst(count: number, now: number): void {
    if (count === 0) return
    this.cuts += 1
    this.positions.clear()
    for (const segment of this.segments.splice(0, count)) this.#retire(segment, now)
  }

  #retire(segment: Segment, now: number): void {
    this.#size -= segment.size
    segment.rename('', DELETED_SUFFIX)
    segment.release()
    this.#retired.push({ segment, at: now + this.#config['file.delete.delay.ms'] })
    this.directoryChanged = true
  }

  /** Puts a cleaned segment (already under its swap name) in the place of those it was made of. */
  replace(first: number, count: number, cleaned: Segment, now: number): void {
    this.positions.clear()
    for (const old of this.segments.splice(first, count, cleaned)) this.#retire(old, now)
    this.#size += cleaned.size
    this.directoryChanged = true
  }

  unlinkRetired(now: number): void {
    const due = this.#retired.filter((retired) => retired.at <= now)
    if (due.length === 0) return
    for (const { segment } of due) segment.unlink()
    this.#retired = this.#retired.filter((retired) => retired.at > now)
  }

  /** Cuts off: the directory is about to be renamed or removed. */
  abandon(): void {
    this.cuts += 1
    for (const segment of this.segments) for (const file of segment.files) file.abandon()
    for (const { segment } of this.#retired) for (const file of segment.files) file.abandon()
    this.#retired = []
  }

  release(): void {
    for (const segment of this.segments) segment.release()
  }
}

/** A number in [0, 1) that differs from log to log and stays the same for one. */
function shareOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0) / 0x1_0000_0000
}
