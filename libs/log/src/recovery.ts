/**
 * Opens a log's directory: finishes or undoes what was under way, loads the segments, and after an unclean stop
 * checks every batch that may not have reached the disk. Every step may itself be cut off by a crash and is then
 * repeated with the same result.
 *
 * Source of behaviour: LogLoader. From the recovery point on, the batches are the truth: torn tails go, and indexes,
 * transaction index, leader epochs and producers are derived from them again.
 */
import { computeCrc, crc, baseOffset, lastOffset, partitionLeaderEpoch } from '@troupe/wire/record-batch'
import type { BatchReader } from './batch-reader.ts'
import { decodeEpochs } from './checkpoint-file.ts'
import type { LogConfig } from './contract.ts'
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  LEADER_EPOCH_CHECKPOINT,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  SEGMENT_SUFFIXES,
  SWAP_SUFFIX,
  TIME_INDEX_SUFFIX,
  offsetName,
  offsetOfName,
} from './file-names.ts'
import type { FilePool } from './file-pool.ts'
import { CorruptIndexError } from './index-error.ts'
import { LeaderEpochCache, type EpochEntry } from './leader-epoch-cache.ts'
import { LocalLog } from './local-log.ts'
import { ProducerState } from './producer-state.ts'
import { recallBatches } from './recent-batches.ts'
import { Segment } from './segment.ts'
import { SnapshotFiles } from './snapshot-files.ts'

export interface RecoveryInput {
  readonly directory: string
  readonly pool: FilePool
  readonly config: LogConfig
  readonly now: number
  /** The last stop wrote everything: nothing is checked. */
  readonly clean: boolean
  /** From the checkpoints; undefined if unknown. */
  readonly recoveryPoint: number | undefined
  /** From the checkpoints; 0 if unknown. */
  readonly logStartOffset: number
  readonly cleanedUpTo: number
}

export interface RecoveredLog {
  readonly local: LocalLog
  readonly producers: ProducerState
  readonly snapshots: SnapshotFiles
  readonly epochs: LeaderEpochCache
  readonly logStartOffset: number
  readonly recoveryPoint: number
  /** Something was cut off, and the disk may not know yet. */
  readonly wasCut: boolean
}

export function recoverLog(input: RecoveryInput): RecoveredLog {
  const { directory, pool, now } = input
  const names = finishInterrupted(input)
  const saved = loadEpochs(pool, directory)
  const epochs = new LeaderEpochCache(saved)
  const segments = loadSegments(input, names)
  const snapshots = new SnapshotFiles(pool.fs, directory, names)
  const producers = new ProducerState()
  const suspect = firstSuspect(segments, input)
  // Recovery finds the epochs from the suspect segment on, those before it nobody else does.
  if (saved === undefined) rebuildEpochs(epochs, segments.slice(0, suspect))
  const wasCut = suspect < segments.length && recoverFrom(suspect, { segments, epochs, snapshots, producers, input })
  let end = segments.length > 0 ? segments[segments.length - 1].readNextOffset() : input.logStartOffset
  const local = new LocalLog(directory, pool, segments, end, input.config)
  if (segments.length === 0 || end < input.logStartOffset) {
    // The data is gone, the promise about where the log starts is not.
    local.startAt(input.logStartOffset, now)
    epochs.clear()
    snapshots.removeAll()
    end = input.logStartOffset
  }
  const logStartOffset = Math.max(input.logStartOffset, segments[0].baseOffset)
  // The file may still tell of a log that was thrown away since (truncateFullyAndStartAt).
  if (local.sizeInBytes === 0) epochs.clear()
  else if (epochs.entries.length === 0) rebuildEpochs(epochs, segments)
  epochs.truncateFromEnd(end)
  epochs.truncateFromStart(logStartOffset)
  snapshots.removeAfter(end)
  snapshots.removeStray(new Set(segments.map((segment) => segment.baseOffset)))
  if (producers.endOffset !== end || suspect === segments.length)
    rebuildProducers(producers, snapshots, local, logStartOffset)
  return {
    local,
    producers,
    snapshots,
    epochs,
    logStartOffset,
    recoveryPoint: input.clean ? end : Math.min(input.recoveryPoint ?? 0, end),
    wasCut,
  }
}

/** Leftovers of deletion and cleaning. Returns the names that are left. */
function finishInterrupted({ pool, directory }: RecoveryInput): string[] {
  const { fs } = pool
  let names = fs.list(directory)
  const remove = (doomed: readonly string[]): void => {
    for (const name of doomed) fs.unlink(`${directory}/${name}`)
    const gone = new Set(doomed)
    names = names.filter((name) => !gone.has(name))
  }
  remove(names.filter((name) => name.endsWith(DELETED_SUFFIX) || name.endsWith('.tmp')))
  const cleaned = names.filter((name) => name.endsWith(CLEANED_SUFFIX))
  const swapped = (): string[] => names.filter((name) => name.endsWith(SWAP_SUFFIX))
  // Renaming the cleaner's output to .swap did not finish: its sources are all there, so the output is worthless.
  const firstCleaned = Math.min(Infinity, ...cleaned.map(offsetOfName))
  remove(swapped().filter((name) => offsetOfName(name) >= firstCleaned))
  remove(cleaned)
  for (const name of swapped().filter((each) => each.endsWith(LOG_SUFFIX + SWAP_SUFFIX))) {
    const from = offsetOfName(name)
    const to = nextOffsetOf(pool, directory, from)
    const replaced = names.filter((each) => SEGMENT_SUFFIXES.some((suffix) => each.endsWith(suffix)))
    remove(replaced.filter((each) => offsetOfName(each) >= from && offsetOfName(each) < Math.max(to, from + 1)))
  }
  // The log first: see Segment.rename.
  for (const suffix of SEGMENT_SUFFIXES) {
    for (const name of swapped().filter((each) => each.endsWith(suffix + SWAP_SUFFIX))) {
      fs.rename(`${directory}/${name}`, `${directory}/${name.slice(0, -SWAP_SUFFIX.length)}`)
    }
  }
  return fs.list(directory)
}

function nextOffsetOf(pool: FilePool, directory: string, baseOffset: number): number {
  const options = { directory, baseOffset, now: 0, maxIndexBytes: 0, indexIntervalBytes: 0, suffix: SWAP_SUFFIX }
  const segment = Segment.existing(pool, options)
  let next = baseOffset
  const reader = segment.reader(0)
  while (reader.next()) next = lastOffset(reader.bytes, reader.at) + 1
  segment.release()
  return next
}

/** Undefined when the file is not there, or torn. */
function loadEpochs(pool: FilePool, directory: string): EpochEntry[] | undefined {
  const bytes = pool.fs.readFile(`${directory}/${LEADER_EPOCH_CHECKPOINT}`)
  return bytes && decodeEpochs(bytes)
}

function loadSegments({ pool, directory, config, now }: RecoveryInput, names: readonly string[]): Segment[] {
  const present = new Set(names)
  const bases = names
    .filter((name) => name.endsWith(LOG_SUFFIX))
    .map(offsetOfName)
    .filter((base) => base >= 0)
  for (const name of names) {
    const isIndex = SEGMENT_SUFFIXES.some((suffix) => suffix !== LOG_SUFFIX && name.endsWith(suffix))
    if (isIndex && !present.has(offsetName(offsetOfName(name)) + LOG_SUFFIX)) pool.fs.unlink(`${directory}/${name}`)
  }
  return bases.map((baseOffset) => {
    const segment = Segment.existing(pool, {
      directory,
      baseOffset,
      now,
      maxIndexBytes: config['segment.index.bytes'],
      indexIntervalBytes: config['index.interval.bytes'],
    })
    const file = offsetName(baseOffset)
    const complete = present.has(file + OFFSET_INDEX_SUFFIX) && present.has(file + TIME_INDEX_SUFFIX)
    if (!complete) segment.rebuildIndexes()
    return segment
  })
}

/** Index of the first segment whose batches must be checked. */
function firstSuspect(segments: readonly Segment[], { clean, recoveryPoint = 0 }: RecoveryInput): number {
  let first = segments.length
  if (!clean && segments.length > 0) {
    first = segments.findLastIndex((segment) => segment.baseOffset <= recoveryPoint)
    if (first < 0) first = 0
  }
  // A transaction index can only be derived again together with the producers of its time.
  for (let i = 0; i < first; i++) if (!transactionIndexIsSane(segments[i])) return i
  return first
}

function transactionIndexIsSane(segment: Segment): boolean {
  try {
    segment.transactionIndex.entries()
    return true
  } catch (error) {
    if (!(error instanceof CorruptIndexError)) throw error
    return false
  }
}

interface Recovery {
  readonly segments: Segment[]
  readonly epochs: LeaderEpochCache
  readonly snapshots: SnapshotFiles
  readonly producers: ProducerState
  readonly input: RecoveryInput
}

/** Whether something was cut off. */
function recoverFrom(first: number, recovery: Recovery): boolean {
  const { segments, epochs, snapshots, producers, input } = recovery
  const start = segments[first].baseOffset
  // A snapshot past here may tell of batches that did not survive.
  snapshots.removeAfter(start)
  const trusted = new LocalLog(input.directory, input.pool, segments.slice(0, first + 1), start, input.config)
  rebuildProducers(producers, snapshots, trusted, input.logStartOffset, start)
  epochs.truncateFromEnd(start)
  let expected = start
  const scan: Scan = { epoch: -1 }
  for (let i = first; i < segments.length; i++) {
    const segment = segments[i]
    if (
      segment.baseOffset < expected ||
      (segment.baseOffset > expected && i > first && isLoss(segment.baseOffset, input))
    ) {
      removeFrom(segments, i)
      return true
    }
    producers.endOffset = Math.max(producers.endOffset, segment.baseOffset)
    if (i > first) snapshots.write(producers)
    const truncated = recoverSegment(segment, scan, epochs, producers)
    expected = producers.endOffset
    if (i + 1 < segments.length) segment.close()
    if (truncated > 0) {
      removeFrom(segments, i + 1)
      return true
    }
  }
  return false
}

/**
 * Whether a gap before this segment is the end of the one before it, lost. Segments that are not synced follow each
 * other without a gap (PartitionLog.roll); only the cleaner leaves gaps, and it leaves alone what lies past the
 * recovery point on disk. Where no recovery point is on disk, a compacted log gets the benefit of the doubt.
 */
function isLoss(offset: number, { cleanedUpTo, recoveryPoint, config }: RecoveryInput): boolean {
  if (offset <= cleanedUpTo) return false
  return recoveryPoint !== undefined || !config['cleanup.policy'].includes('compact')
}

function removeFrom(segments: Segment[], index: number): void {
  for (const segment of segments.splice(index).reverse()) segment.unlink()
}

interface Scan {
  /** Leader epoch of the last batch. */
  epoch: number
}

/** Returns how many bytes at the end were not valid and are gone. */
function recoverSegment(segment: Segment, scan: Scan, epochs: LeaderEpochCache, producers: ProducerState): number {
  segment.resetIndexes()
  segment.transactionIndex.reset()
  const reader = segment.bodyReader()
  let valid = 0
  let expected = segment.baseOffset
  while (reader.next() && isValid(reader, expected, scan, segment)) {
    const { bytes, at } = reader
    segment.reindex(reader)
    const epoch = partitionLeaderEpoch(bytes, at)
    scan.epoch = Math.max(scan.epoch, epoch)
    if (epoch > epochs.latestEpoch) epochs.assign(epoch, baseOffset(bytes, at))
    applyBatch(producers, segment, bytes, at)
    valid = reader.position + reader.size
    expected = lastOffset(bytes, at) + 1
  }
  // These entries may have been durable before, and the recovery point past them: no flush would see to them.
  segment.transactionIndex.sync()
  const truncated = segment.size - valid
  if (truncated > 0) {
    segment.truncateToPosition(valid)
    // If the tail came back after the next segment has begun at the recovery point, nobody would look at it again.
    segment.log.sync()
  }
  return truncated
}

function isValid({ bytes, at }: BatchReader, expected: number, scan: Scan, segment: Segment): boolean {
  const last = lastOffset(bytes, at)
  const epoch = partitionLeaderEpoch(bytes, at)
  // Leader epochs never fall: this was cut off before, and has come back behind what was written in its place.
  if (epoch >= 0 && epoch < scan.epoch) return false
  if (baseOffset(bytes, at) < expected || last < baseOffset(bytes, at) || !segment.holds(last)) return false
  return crc(bytes, at) === computeCrc(bytes, at)
}

/** The step that is the same live and at recovery: producers take the batch, an abort enters the index. */
export function applyBatch(producers: ProducerState, segment: Segment, bytes: Uint8Array, at: number): void {
  const completed = producers.apply(bytes, at)
  if (completed === null) return
  if (completed.aborted) segment.transactionIndex.append(completed)
  producers.complete(completed)
}

/** State at `end`: the newest snapshot, then the batches behind it. */
export function rebuildProducers(
  producers: ProducerState,
  snapshots: SnapshotFiles,
  log: LocalLog,
  logStartOffset: number,
  end = log.logEndOffset,
): void {
  const snapshot = snapshots.newest(end)
  const from = Math.max(snapshot?.offset ?? logStartOffset, log.segments[0].baseOffset)
  producers.load(snapshot?.producers ?? [], from)
  producers.incomplete = snapshot === undefined && from > 0
  recallBatches(producers, log, from)
  for (let i = Math.max(0, log.floorIndex(from)); i < log.segments.length; i++) {
    const segment = log.segments[i]
    if (segment.baseOffset >= end) break
    const start = segment.baseOffset >= from ? 0 : segment.find(from)?.position
    if (start === undefined) continue
    replaySegment(producers, segment, start, from, end)
  }
  producers.endOffset = Math.max(end, from)
}

function replaySegment(producers: ProducerState, segment: Segment, start: number, from: number, end: number): void {
  const reader = segment.bodyReader(start)
  while (reader.next()) {
    const { bytes, at } = reader
    if (lastOffset(bytes, at) >= end) return
    if (baseOffset(bytes, at) < from) continue
    const completed = producers.apply(bytes, at)
    if (completed) producers.complete(completed)
  }
}

function rebuildEpochs(epochs: LeaderEpochCache, segments: readonly Segment[]): void {
  for (const segment of segments) {
    const reader = segment.reader(0)
    while (reader.next()) {
      const epoch = partitionLeaderEpoch(reader.bytes, reader.at)
      if (epoch > epochs.latestEpoch) epochs.assign(epoch, baseOffset(reader.bytes, reader.at))
    }
  }
}
