/**
 * The work of one pass of the cleaner: from a description in plain data to new files beside the log. It reads closed
 * segments, which nobody changes, and touches nothing that the log itself uses, so it runs in the log's own thread or in
 * another one, in the same way (`cleaner.ts` describes it before and adopts its files afterwards).
 *
 * Maps the keys of the dirty part, then rewrites all segments up to there, group by group, each into a new one.
 * A generator: its owner decides how much of it runs before other work goes on.
 * Source: LogCleaner; KIP-58, KIP-534 (horizon).
 */
import { isControl, iterateRecords, lastOffset } from '@troupe/wire/record-batch'
import { filterBatch, type FilterContext } from './batch-filter.ts'
import { BatchReader } from './batch-reader.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import { LOG_SUFFIX, offsetName } from './file-names.ts'
import type { FilePool, PooledFile } from './file-pool.ts'
import { KeyMap } from './key-map.ts'
import { Segment } from './segment.ts'
import type { AbortedEntry } from './transaction-index.ts'

export interface CompactionSource {
  readonly baseOffset: number
  /** Base offset of the segment after it. */
  readonly endOffset: number
  readonly size: number
  readonly indexBytes: number
  readonly timeIndexBytes: number
}

/** Plain data: it may go to another thread. */
export interface CompactionJob {
  readonly directory: string
  /** Of the names of the files that are written. Not `.cleaned`, if their writer may outlive whoever asked for them. */
  readonly suffix: string
  readonly now: number
  /** All closed segments below `firstUncleanableOffset`. */
  readonly sources: readonly CompactionSource[]
  readonly firstDirtyOffset: number
  /** Position of its batch in the first source that holds a dirty offset. */
  readonly firstDirtyPosition: number
  readonly firstUncleanableOffset: number
  /** Aborted transactions that overlap the sources. */
  readonly aborted: readonly AbortedEntry[]
  /** Producers that the log knows: id, last offset of their data, epoch. */
  readonly producers: readonly (readonly [id: number, lastDataOffset: number, epoch: number])[]
  readonly trackTransactionsAcrossSegments: boolean
  readonly deleteRetentionMs: number
  readonly dedupeBufferBytes: number
  readonly segmentBytes: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
}

/** A new segment and those that it replaces. Its files are on disk, also after a loss of power. */
export interface CompactedGroup {
  /** Base offsets. */
  readonly sources: readonly number[]
  readonly size: number
}

export interface Compacted {
  readonly groups: readonly CompactedGroup[]
  /** Everything below this is compacted then. */
  readonly upTo: number
  readonly bytesRead: number
  readonly bytesKept: number
}

/** Yields after each piece of work how many bytes it read. */
export type Compaction = Generator<number, Compacted>

const WRITE_CHUNK_BYTES = 1024 * 1024
const MAX_RELATIVE_OFFSET = 0x7fffffff

export function* compact(job: CompactionJob, pool: FilePool): Compaction {
  const { directory, suffix, now, firstDirtyOffset, firstUncleanableOffset, aborted } = job
  const keys = new KeyMap(firstUncleanableOffset - firstDirtyOffset, job.dedupeBufferBytes)
  const mappedTo = yield* mapKeys(job, pool, keys)
  const producers = new Map(job.producers.map(([id, lastDataOffset, epoch]) => [id, { lastDataOffset, epoch }]))
  let target: Segment | null = null
  const context: FilterContext = {
    keys,
    mappedTo,
    now,
    roundEnd: firstUncleanableOffset,
    transactions: new CleanedTransactions(aborted),
    producers,
    deleteRetentionMs: job.deleteRetentionMs,
    keepAborted: (entry) => target?.transactionIndex.append(entry),
  }
  const groups: CompactedGroup[] = []
  const written: Segment[] = []
  let bytesRead = 0
  let bytesKept = 0
  let isDone = false
  try {
    for (const group of groupSources(job, mappedTo)) {
      const { segmentIndexBytes: maxIndexBytes, indexIntervalBytes } = job
      const { baseOffset } = group[0]
      target = Segment.create(pool, { directory, baseOffset, maxIndexBytes, indexIntervalBytes, now, suffix })
      written.push(target)
      const ofGroup = job.trackTransactionsAcrossSegments
        ? context
        : { ...context, transactions: sinceGroup(job, group) }
      yield* rewrite(job, pool, group, target, ofGroup)
      target.close()
      for (const file of target.files) file.sync()
      target.release()
      bytesRead += group.reduce((sum, { size }) => sum + size, 0)
      bytesKept += target.size
      groups.push({ sources: group.map((source) => source.baseOffset), size: target.size })
    }
    isDone = true
  } finally {
    // Given up half-way: the sources are untouched.
    if (!isDone) for (const segment of written) segment.unlink()
  }
  return { groups, upTo: mappedTo + 1, bytesRead, bytesKept }
}

/** As Kafka did before KAFKA-8351: knows nothing of the transactions that began in earlier segments, but for the aborts. */
function sinceGroup({ aborted }: CompactionJob, [{ baseOffset }]: readonly CompactionSource[]): CleanedTransactions {
  return new CleanedTransactions(aborted.filter(({ lastOffset: end }) => end >= baseOffset))
}

function fileOf({ directory }: CompactionJob, pool: FilePool, { baseOffset }: CompactionSource): PooledFile {
  return pool.file(`${directory}/${offsetName(baseOffset)}${LOG_SUFFIX}`, { mustExist: true })
}

function bodyReader(file: PooledFile, from: number, end: number): BatchReader {
  return new BatchReader(file, from, end, { bodies: true })
}

/** Enters the keys of the dirty part. Returns the last offset up to which all of them found room. */
function* mapKeys(job: CompactionJob, pool: FilePool, keys: KeyMap): Generator<number, number> {
  const { firstDirtyOffset, sources } = job
  const transactions = new CleanedTransactions(job.aborted.filter(({ lastOffset }) => lastOffset >= firstDirtyOffset))
  let mappedTo = firstDirtyOffset - 1
  let from = job.firstDirtyPosition
  for (const source of sources) {
    if (source.endOffset <= firstDirtyOffset) continue
    const file = fileOf(job, pool, source)
    const reader = bodyReader(file, from, source.size)
    from = 0
    let read = 0
    while (reader.next()) {
      const { bytes, at } = reader
      const full = isControl(bytes, at)
        ? void transactions.onControl(bytes, at, () => {})
        : !transactions.onData(bytes, at) && !mapBatch(bytes, at, keys, firstDirtyOffset)
      // A batch that alone does not fit is let through, else no pass would ever get past it.
      if (full && mappedTo >= firstDirtyOffset) {
        file.release()
        return mappedTo
      }
      mappedTo = Math.max(mappedTo, lastOffset(bytes, at))
      read += reader.size
      if (read < WRITE_CHUNK_BYTES) continue
      yield read
      read = 0
    }
    file.release()
    mappedTo = source.endOffset - 1
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

/** Neighbours that fit one segment together, up to the last one whose keys are mapped. */
function groupSources(job: CompactionJob, mappedTo: number): CompactionSource[][] {
  const groups: CompactionSource[][] = []
  let bytes = 0
  let indexBytes = 0
  let timeIndexBytes = 0
  for (const source of job.sources) {
    if (source.baseOffset > mappedTo) break
    const group = groups.at(-1)
    bytes += source.size
    indexBytes += source.indexBytes
    timeIndexBytes += source.timeIndexBytes
    if (
      group &&
      bytes <= job.segmentBytes &&
      indexBytes <= job.segmentIndexBytes &&
      timeIndexBytes <= job.segmentIndexBytes &&
      source.endOffset - 1 - group[0].baseOffset <= MAX_RELATIVE_OFFSET
    ) {
      group.push(source)
      continue
    }
    groups.push([source])
    bytes = source.size
    indexBytes = source.indexBytes
    timeIndexBytes = source.timeIndexBytes
  }
  return groups
}

function* rewrite(
  job: CompactionJob,
  pool: FilePool,
  sources: readonly CompactionSource[],
  target: Segment,
  context: FilterContext,
): Generator<number, void> {
  for (const source of sources) {
    const file = fileOf(job, pool, source)
    const reader = bodyReader(file, 0, source.size)
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
    file.release()
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
