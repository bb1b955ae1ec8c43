/**
 * Compaction: of each key the newest record stays. Source: LogCleaner, LogCleanerManager; KIP-58, KIP-280 (lag),
 * KIP-534 (horizon).
 *
 * A pass maps the keys of the dirty part, then rewrites all segments up to there, group by group, each into a new one
 * beside the log that takes the place of its sources by renaming. Only closed segments below min(high watermark, last
 * stable offset) are touched (Z34). A pass is a generator: its owner decides how much of it runs before other work
 * goes on.
 */
import { isControl, iterateRecords, lastOffset } from '@troupe/wire/record-batch'
import { filterBatch, type FilterContext } from './batch-filter.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import { CLEANED_SUFFIX, SWAP_SUFFIX } from './file-names.ts'
import { KeyMap } from './key-map.ts'
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

export interface CleanedLog {
  /** Everything below this is compacted now. */
  readonly upTo: number
  readonly bytesRead: number
  readonly bytesKept: number
}

const DEFAULT_LIMITS: CleanerLimits = { dedupeBufferBytes: 128 * 1024 * 1024 }
const WRITE_CHUNK_BYTES = 1024 * 1024
const MAX_RELATIVE_OFFSET = 0x7fffffff

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
  const bound = Math.min(
    log.lastStableOffset,
    log.recoveryPoint,
    tooYoung?.baseOffset ?? Infinity,
    local.active.baseOffset,
  )
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

/** Yields after each piece of work how many bytes it read. */
export type CleaningPass = Generator<number, CleanedLog>

export function* cleanLog(dirty: DirtyLog, now: number, limits: Partial<CleanerLimits> = {}): CleaningPass {
  const { log, firstDirtyOffset, firstUncleanableOffset } = dirty
  const { local } = log
  const budget = limits.dedupeBufferBytes ?? DEFAULT_LIMITS.dedupeBufferBytes
  const keys = new KeyMap(firstUncleanableOffset - firstDirtyOffset, budget)
  const mappedTo = yield* mapKeys(dirty, keys)
  const segments = local.segments.filter(
    (segment) => segment.baseOffset <= mappedTo && segment.baseOffset < firstUncleanableOffset,
  )
  const end = local.endOf(segments.length - 1)
  let target: Segment | null = null
  const context: FilterContext = {
    keys,
    mappedTo,
    now,
    roundEnd: firstUncleanableOffset,
    transactions: new CleanedTransactions(collectAborted(local, segments[0].baseOffset, end)),
    producers: log.producerState,
    deleteRetentionMs: log.config['delete.retention.ms'],
    keepAborted: (entry) => target?.transactionIndex.append(entry),
  }
  let bytesRead = 0
  let bytesKept = 0
  for (const group of groupSegments(log, segments, firstUncleanableOffset)) {
    target = Segment.create(local.pool, { ...local.segmentOptions(group[0].baseOffset, now), suffix: CLEANED_SUFFIX })
    try {
      yield* rewrite(group, target, context)
      bytesRead += sizeOf(group)
      bytesKept += target.size
      swap(log, group, target, now)
      target = null
    } finally {
      // Given up half-way: the sources are untouched.
      target?.unlink()
    }
  }
  log.snapshots.removeStray(new Set(local.segments.map((segment) => segment.baseOffset)))
  return { upTo: mappedTo + 1, bytesRead, bytesKept }
}

/** Enters the keys of the dirty part. Returns the last offset up to which all of them found room. */
function* mapKeys(
  { log, firstDirtyOffset, firstUncleanableOffset }: DirtyLog,
  keys: KeyMap,
): Generator<number, number> {
  const { local } = log
  const transactions = new CleanedTransactions(collectAborted(local, firstDirtyOffset, firstUncleanableOffset))
  let mappedTo = firstDirtyOffset - 1
  for (let index = Math.max(0, local.floorIndex(firstDirtyOffset)); index < local.segments.length; index++) {
    const segment = local.segments[index]
    if (segment.baseOffset >= firstUncleanableOffset) break
    const reader = segment.bodyReader(segment.find(firstDirtyOffset)?.position ?? segment.size)
    let read = 0
    while (reader.next()) {
      const { bytes, at } = reader
      const full = isControl(bytes, at)
        ? void transactions.onControl(bytes, at, () => {})
        : !transactions.onData(bytes, at) && !mapBatch(bytes, at, keys, firstDirtyOffset)
      // A batch that alone does not fit is let through, else no pass would ever get past it.
      if (full && mappedTo >= firstDirtyOffset) return mappedTo
      mappedTo = Math.max(mappedTo, lastOffset(bytes, at))
      read += reader.size
      if (read < WRITE_CHUNK_BYTES) continue
      yield read
      read = 0
    }
    mappedTo = local.endOf(index) - 1
    yield read
  }
  return mappedTo
}

/** False when a key found no room. */
function mapBatch(bytes: Uint8Array, at: number, keys: KeyMap, from: number): boolean {
  for (const record of iterateRecords(bytes, at)) {
    if (record.key !== null && record.offset >= from && !keys.set(record.key, record.offset)) return false
  }
  return true
}

/** Neighbours that fit one segment together. */
function groupSegments(log: PartitionLog, segments: readonly Segment[], end: number): Segment[][] {
  const maxBytes = log.config['segment.bytes']
  const maxIndexBytes = log.config['segment.index.bytes']
  const groups: Segment[][] = []
  let bytes = 0
  let indexBytes = 0
  let timeIndexBytes = 0
  segments.forEach((segment, i) => {
    const group = groups.at(-1)
    const last = (segments[i + 1]?.baseOffset ?? end) - 1
    bytes += segment.size
    indexBytes += segment.offsetIndex.sizeInBytes
    timeIndexBytes += segment.timeIndex.sizeInBytes
    if (
      group &&
      bytes <= maxBytes &&
      indexBytes <= maxIndexBytes &&
      timeIndexBytes <= maxIndexBytes &&
      last - group[0].baseOffset <= MAX_RELATIVE_OFFSET
    ) {
      group.push(segment)
      return
    }
    groups.push([segment])
    bytes = segment.size
    indexBytes = segment.offsetIndex.sizeInBytes
    timeIndexBytes = segment.timeIndex.sizeInBytes
  })
  return groups
}

function* rewrite(sources: readonly Segment[], target: Segment, context: FilterContext): Generator<number, void> {
  for (const source of sources) {
    const reader = source.bodyReader()
    let read = 0
    let pending: Uint8Array[] = []
    let pendingBytes = 0
    while (reader.next()) {
      const kept = filterBatch(reader.bytes, reader.at, context)
      if (kept !== null) {
        const batch = kept === 'whole' ? reader.bytes.slice(reader.at, reader.at + reader.size) : kept
        pending.push(batch)
        pendingBytes += batch.length
      }
      read += reader.size
      if (read < WRITE_CHUNK_BYTES && pendingBytes < WRITE_CHUNK_BYTES) continue
      write(target, pending, pendingBytes)
      pending = []
      pendingBytes = 0
      yield read
      read = 0
    }
    write(target, pending, pendingBytes)
    yield read
  }
}

function write(target: Segment, batches: readonly Uint8Array[], bytes: number): void {
  if (bytes === 0) return
  const joined = new Uint8Array(bytes)
  let at = 0
  for (const batch of batches) {
    joined.set(batch, at)
    at += batch.length
  }
  target.append(joined)
}

/** Durable first, then `.swap`, which recovery finishes; then the sources go and it gets its name. */
function swap(log: PartitionLog, sources: readonly Segment[], target: Segment, now: number): void {
  const { local } = log
  const { fs } = local.pool
  target.close()
  for (const file of target.files) file.sync()
  target.rename(CLEANED_SUFFIX, SWAP_SUFFIX)
  fs.syncDirectory(local.directory)
  target.createdMs = sources[sources.length - 1].createdMs
  local.replace(local.segments.indexOf(sources[0]), sources.length, target, now)
  target.rename(SWAP_SUFFIX, '')
  fs.syncDirectory(local.directory)
}
