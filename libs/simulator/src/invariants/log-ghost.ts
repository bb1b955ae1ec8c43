/**
 * What a log of one replica should be, kept outside of it, and what lies in its files: the two sides that the checkers
 * of storage, compaction and idempotence compare.
 *
 * The ghost hears of every batch that was written, of what was cut off, and of every stop. It never asks the log's own
 * bookkeeping what the log holds.
 */
import type { PartitionLog } from '@troupe/log/partition-log'
import {
  BATCH_OVERHEAD,
  MAGIC,
  baseOffset,
  computeCrc,
  crc,
  lastOffset,
  magic,
  partitionLeaderEpoch,
  readBatch,
  sizeInBytes,
  type DecodedBatch,
} from '@troupe/wire/record-batch'
import { foldTransactions } from './transaction-fold.ts'

/** One batch: as it was written, or as it lies in a file. Never changed. */
export interface StoredBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly epoch: number
  readonly bytes: Uint8Array
  /** Of the bytes, offset and epoch included. */
  readonly digest: number
}

export interface WrittenBatch extends StoredBatch {
  /** When it was appended. */
  readonly at: number
}

/** What lies in one segment's files. */
export interface StoredSegment {
  readonly baseOffset: number
  readonly batches: readonly StoredBatch[]
  /** Whole batches with the right checksum end here. */
  readonly validBytes: number
  readonly bytes: number
}

export type Stop = 'none' | 'clean' | 'kill' | 'power'

/** Ghost state of one log. */
export interface LogGhost {
  /** In the order of offsets; batches that were cut off or lost are gone from it, those compacted away are not. */
  written: WrittenBatch[]
  /** All that ever was written, also what was cut off since or may not have got there, by `identityOf`. */
  readonly ever: Map<string, WrittenBatch>
  /** Offsets below this were said to be synced, and never cut off since. */
  durableTo: number
  /** Largest min(high watermark, last stable offset) there was: what lies below is committed and decided for good. */
  decidedTo: number
  highWatermark: number
  logStart: number
  /** The worst that happened since the log was last opened as a whole. */
  stop: Stop
  /** What the last recovery found, until something changes the log; and after what. */
  recovered: readonly StoredBatch[] | null
  recoveredAfter: Stop
}

export function newLogGhost(): LogGhost {
  return {
    written: [],
    ever: new Map(),
    durableTo: 0,
    decidedTo: 0,
    highWatermark: 0,
    logStart: 0,
    stop: 'none',
    recovered: null,
    recoveredAfter: 'none',
  }
}

export const identityOf = ({ baseOffset: base, digest }: StoredBatch): string => `${base} ${digest}`

export function storedBatch(bytes: Uint8Array, at = 0): StoredBatch {
  const own = bytes.slice(at, at + sizeInBytes(bytes, at))
  return {
    baseOffset: baseOffset(own, 0),
    lastOffset: lastOffset(own, 0),
    epoch: partitionLeaderEpoch(own, 0),
    bytes: own,
    digest: digestOf(own),
  }
}

export const decode = (batch: StoredBatch): DecodedBatch => readBatch(batch.bytes, 0)

/** FNV-1a. */
export function digestOf(bytes: Uint8Array): number {
  let value = 0x811c9dc5
  for (let at = 0; at < bytes.length; at++) value = Math.imul(value ^ bytes[at], 0x01000193)
  return value >>> 0
}

/** Reads a log's segments past all indexes and caches, to the last byte of their files. */
export function readSegments(log: PartitionLog): StoredSegment[] {
  return log.local.segments.map((segment) => {
    const bytes = new Uint8Array(segment.size)
    segment.log.read(bytes, 0, bytes.length, 0)
    const batches: StoredBatch[] = []
    let at = 0
    while (isWhole(bytes, at)) {
      batches.push(storedBatch(bytes, at))
      at += sizeInBytes(bytes, at)
    }
    return { baseOffset: segment.baseOffset, batches, validBytes: at, bytes: bytes.length }
  })
}

function isWhole(bytes: Uint8Array, at: number): boolean {
  if (at + BATCH_OVERHEAD > bytes.length || magic(bytes, at) !== MAGIC) return false
  const size = sizeInBytes(bytes, at)
  return size >= BATCH_OVERHEAD && at + size <= bytes.length && crc(bytes, at) === computeCrc(bytes, at)
}

export const batchesOf = (segments: readonly StoredSegment[]): StoredBatch[] =>
  segments.flatMap((segment) => segment.batches)

/** Something was appended and acknowledged. */
export function noteWritten(ghost: LogGhost, batches: readonly StoredBatch[], now: number): void {
  for (const batch of batches) {
    const written = { ...batch, at: now }
    ghost.written.push(written)
    ghost.ever.set(identityOf(written), written)
  }
  ghost.recovered = null
}

/** Something was to be appended, and nobody knows whether it was. */
export function noteAttempted(ghost: LogGhost, batches: readonly StoredBatch[], now: number): void {
  for (const batch of batches)
    if (!ghost.ever.has(identityOf(batch))) ghost.ever.set(identityOf(batch), { ...batch, at: now })
  ghost.recovered = null
}

/** The log was cut off at `end`. */
export function noteTruncated(ghost: LogGhost, end: number): void {
  ghost.written = ghost.written.filter((batch) => batch.lastOffset < end)
  ghost.durableTo = Math.min(ghost.durableTo, end)
  ghost.highWatermark = Math.min(ghost.highWatermark, end)
  ghost.decidedTo = Math.min(ghost.decidedTo, end)
  ghost.logStart = Math.min(ghost.logStart, end)
  ghost.recovered = null
}

/** After any step of a log that is open and healthy: what it has promised by now. */
export function notePromises(ghost: LogGhost, log: PartitionLog): void {
  ghost.durableTo = Math.max(ghost.durableTo, log.recoveryPoint)
  ghost.highWatermark = Math.max(ghost.highWatermark, log.highWatermark)
  ghost.decidedTo = Math.max(ghost.decidedTo, log.lastStableOffset)
  ghost.logStart = Math.max(ghost.logStart, log.logStartOffset)
}

const severity: readonly Stop[] = ['none', 'clean', 'kill', 'power']

export function noteStopped(ghost: LogGhost, stop: Stop): void {
  if (severity.indexOf(stop) > severity.indexOf(ghost.stop)) ghost.stop = stop
}

/** A log was opened: what is there now is what was written. What the cleaner took out stays on record. */
export function noteRecovered(
  ghost: LogGhost,
  found: readonly StoredBatch[],
  log: Pick<PartitionLog, 'logStartOffset' | 'logEndOffset' | 'highWatermark'>,
): void {
  const end = log.logEndOffset
  const { aborted } = foldTransactions(ghost.written)
  // The marker of an aborted transaction may be lost where its data was compacted away before.
  const isAborted = ({ baseOffset: base }: WrittenBatch): boolean =>
    aborted.some((each) => each.firstOffset <= base && base < each.lastOffset)
  const decided = ghost.written.filter((batch) => !isAborted(batch))
  const known = new Map(decided.map((batch) => [batch.baseOffset, batch]))
  const overlaps = (batch: WrittenBatch): boolean =>
    found.some((each) => each.baseOffset <= batch.lastOffset && batch.baseOffset <= each.lastOffset)
  const kept = decided.filter((batch) => batch.lastOffset < end && !overlaps(batch))
  const again = found.map(
    (batch) => ghost.ever.get(identityOf(batch)) ?? known.get(batch.baseOffset) ?? { ...batch, at: 0 },
  )
  ghost.written = [...kept, ...again].sort((a, b) => a.baseOffset - b.baseOffset)
  ghost.durableTo = Math.min(ghost.durableTo, end)
  // Kept in checkpoints only, which may be older.
  ghost.highWatermark = log.highWatermark
  ghost.decidedTo = Math.min(ghost.decidedTo, end)
  ghost.logStart = log.logStartOffset
  ghost.recovered = found
  ghost.recoveredAfter = ghost.stop
  ghost.stop = 'none'
}
