/**
 * Compaction: of each key the newest record stays. Source: LogCleaner, LogCleanerManager; KIP-58, KIP-280 (lag).
 *
 * Here it is chosen which log is cleaned and how far: only closed segments below min(high watermark, last stable offset)
 * are touched (Z34). `compaction.ts` writes new segments beside the log, in this thread or in another one; back here they
 * take the place of their sources by renaming.
 */
import type { Compacted, CompactedGroup, CompactionJob } from './compaction.ts'
import { CLEANED_SUFFIX, SWAP_SUFFIX, offsetOfName } from './file-names.ts'
import { StorageError } from './file-system.ts'
import type { PartitionLog } from './partition-log.ts'
import { Segment } from './segment.ts'
import { collectAborted } from './transaction-search.ts'

export interface CleanerLimits {
  /** `log.cleaner.dedupe.buffer.size`. */
  readonly dedupeBufferBytes: number
}

export interface DirtyLog {
  readonly log: PartitionLog
  readonly firstDirtyOffset: number
  /** Base offset of the first segment that may not be cleaned. */
  readonly firstUncleanableOffset: number
  readonly ratio: number
}

const DEFAULT_LIMITS: CleanerLimits = { dedupeBufferBytes: 128 * 1024 * 1024 }

/** The log with the largest share of dirty bytes among those that need cleaning. */
export function selectDirtiest(logs: Iterable<PartitionLog>, now: number): DirtyLog | null {
  let dirtiest: DirtyLog | null = null
  for (const log of logs) {
    if (log.offlineReason !== null || !log.config['cleanup.policy'].includes('compact')) continue
    const dirty = measure(log, now)
    if (dirty && dirty.ratio > (dirtiest?.ratio ?? -1)) dirtiest = dirty
  }
  return dirtiest
}

function measure(log: PartitionLog, now: number): DirtyLog | null {
  const { local, config } = log
  const known = log.cleanedUpTo
  const firstDirtyOffset = known < log.logStartOffset || known > log.logEndOffset ? log.logStartOffset : known
  const lagMs = config['min.compaction.lag.ms']
  const dirty = local.segments.slice(Math.max(0, local.floorIndex(firstDirtyOffset)), -1)
  const tooYoung = lagMs > 0 ? dirty.find((segment) => segment.maxTimestamp > now - lagMs) : undefined
  // Not past the recovery point either: the cleaner leaves gaps, and recovery takes a gap for a loss.
  const decided = log.safeguards.cleanBelowHighWatermark ? log.lastStableOffset : log.producerState.firstUnstableOffset
  const bound = Math.min(decided, log.recoveryPoint, tooYoung?.baseOffset ?? Infinity, local.active.baseOffset)
  const firstUncleanableOffset = local.segments[Math.max(0, local.floorIndex(bound))].baseOffset
  if (firstUncleanableOffset <= firstDirtyOffset) return null
  const cleanable = dirty.filter((segment) => segment.baseOffset < firstUncleanableOffset)
  const cleanableBytes = sizeOf(cleanable)
  const cleanBytes = sizeOf(local.segments.filter((segment) => segment.baseOffset < (cleanable[0]?.baseOffset ?? 0)))
  if (cleanableBytes === 0) return null
  const ratio = cleanableBytes / (cleanBytes + cleanableBytes)
  const mustNow = cleanable.some(
    ({ firstTimestamp }) => firstTimestamp > 0 && firstTimestamp < now - config['max.compaction.lag.ms'],
  )
  if (!mustNow && ratio <= config['min.cleanable.dirty.ratio']) return null
  return { log, firstDirtyOffset, firstUncleanableOffset, ratio }
}

const sizeOf = (segments: readonly Segment[]): number => segments.reduce((sum, segment) => sum + segment.size, 0)

/** What is to be done, in plain data. */
export function describeCompaction(
  { log, firstDirtyOffset, firstUncleanableOffset }: DirtyLog,
  now: number,
  limits: Partial<CleanerLimits> = {},
): CompactionJob {
  const { local, config } = log
  const segments = local.segments.filter((segment) => segment.baseOffset < firstUncleanableOffset)
  const firstDirty = segments.findLast((segment) => segment.baseOffset <= firstDirtyOffset) ?? segments[0]
  return {
    directory: local.directory,
    suffix: CLEANED_SUFFIX,
    now,
    sources: segments.map((segment, index) => ({
      baseOffset: segment.baseOffset,
      endOffset: local.endOf(index),
      size: segment.size,
      indexBytes: segment.offsetIndex.sizeInBytes,
      timeIndexBytes: segment.timeIndex.sizeInBytes,
    })),
    firstDirtyOffset,
    firstDirtyPosition: firstDirty.find(firstDirtyOffset)?.position ?? firstDirty.size,
    firstUncleanableOffset,
    aborted: collectAborted(local, segments[0].baseOffset, firstUncleanableOffset),
    producers: Array.from(log.producerState.entries, ({ producerId, lastDataOffset, epoch }) => [
      producerId,
      lastDataOffset,
      epoch,
    ]),
    trackTransactionsAcrossSegments: log.safeguards.trackTransactionsAcrossSegments,
    deleteRetentionMs: config['delete.retention.ms'],
    dedupeBufferBytes: limits.dedupeBufferBytes ?? DEFAULT_LIMITS.dedupeBufferBytes,
    segmentBytes: config['segment.bytes'],
    segmentIndexBytes: config['segment.index.bytes'],
    indexIntervalBytes: config['index.interval.bytes'],
  }
}

export function sizeOfJob({ sources }: CompactionJob): number {
  return sources.reduce((sum, { size }) => sum + size, 0)
}

/**
 * Puts the files of a compaction in the place of their sources, if those are what they were when it was described; the
 * caller has seen that nothing was cut off meanwhile.
 */
export function adoptCompaction(log: PartitionLog, job: CompactionJob, { groups, upTo }: Compacted): void {
  for (const group of groups) swap(log, job, group)
  log.cleanedUpTo = upTo
  log.snapshots.removeStray(new Set(log.local.segments.map((segment) => segment.baseOffset)))
}

/** What a compaction has written, or may have, and nobody wants any more. */
export function discardCompaction(log: PartitionLog, { directory, sources, suffix }: CompactionJob): void {
  const { fs } = log.local.pool
  const bases = new Set(sources.map(({ baseOffset }) => baseOffset))
  for (const name of fs.list(directory)) {
    if (name.endsWith(suffix) && bases.has(offsetOfName(name))) fs.unlink(`${directory}/${name}`)
  }
}

/** Its bytes are durable already; `.swap` is what recovery finishes; then the sources go and it gets its name. */
function swap(log: PartitionLog, { suffix, now }: CompactionJob, { sources, size }: CompactedGroup): void {
  const { local } = log
  const { fs } = local.pool
  const first = local.segments.findIndex((segment) => segment.baseOffset === sources[0])
  const replaced = local.segments.slice(first, first + sources.length)
  const target = Segment.existing(local.pool, { ...local.segmentOptions(sources[0], now), suffix })
  if (first < 0 || replaced.some((segment, index) => segment.baseOffset !== sources[index]) || target.size !== size) {
    throw new StorageError('OTHER', local.directory, `what was compacted at ${sources[0]} is not what is there`)
  }
  if (suffix !== CLEANED_SUFFIX) target.rename(suffix, CLEANED_SUFFIX)
  target.rename(CLEANED_SUFFIX, SWAP_SUFFIX)
  fs.syncDirectory(local.directory)
  target.createdMs = replaced[replaced.length - 1].createdMs
  local.replace(first, replaced.length, target, now)
  target.rename(SWAP_SUFFIX, '')
  fs.syncDirectory(local.directory)
}
