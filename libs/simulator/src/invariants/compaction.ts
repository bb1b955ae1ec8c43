/**
 * The P rules of the catalogue: what the cleaner and the log start may take away. Pure functions of a log's files and
 * its ghost, which remembers every record that was written.
 *
 *   P1  of each key the newest committed value survives; nothing undecided is removed or removes anything
 *   P2  survivors keep their offset, key and value, and their order
 *   P3  a marker goes after all data of its transaction, and not before its horizon; aborts stay known while their data
 *       is there
 *   P4  a tombstone lives at least delete.retention.ms
 *   P5  the log start never falls, and never passes the high watermark
 */
import type { PartitionLog } from '@troupe/log/partition-log'
import { collectAborted } from '@troupe/log/transaction-search'
import type { DecodedRecord } from '@troupe/wire/record-batch'
import type { Violation } from '../model/contract.ts'
import {
  batchesOf,
  decode,
  type LogGhost,
  type StoredBatch,
  type StoredSegment,
  type WrittenBatch,
} from './log-ghost.ts'
import { foldTransactions, type FoldedTransaction } from './transaction-fold.ts'

const broken = (invariant: string, detail: string): Violation => ({ invariant, detail })
const decoder = new TextDecoder()
const text = (bytes: Uint8Array | null): string => (bytes === null ? '' : decoder.decode(bytes))

/** A record that a client wrote, and where it is now. */
export interface TracedRecord {
  readonly offset: number
  readonly key: string
  /** null: a tombstone. */
  readonly value: string | null
  /** Of the record; when it was appended stands in `at`. */
  readonly at: number
  readonly isAborted: boolean
  readonly survives: boolean
}

/** Every client's record that the ghost knows of, from the log start on, oldest first. */
export function traceRecords(segments: readonly StoredSegment[], ghost: LogGhost): TracedRecord[] {
  const stored = new Set<number>()
  for (const batch of batchesOf(segments)) for (const record of decode(batch).records) stored.add(record.offset)
  const { aborted } = foldTransactions(ghost.written)
  const traced: TracedRecord[] = []
  for (const written of ghost.written) {
    const batch = decode(written)
    if (batch.isControl) continue
    const isAborted = batch.isTransactional && aborted.some((each) => holds(each, batch.producerId, batch.baseOffset))
    for (const { offset, key, value } of batch.records) {
      if (offset < ghost.logStart || key === null) continue
      const survives = stored.has(offset)
      traced.push({ offset, key: text(key), value: value && text(value), at: written.at, isAborted, survives })
    }
  }
  return traced
}

const holds = (transaction: FoldedTransaction, producerId: number, offset: number): boolean =>
  transaction.producerId === producerId && transaction.firstOffset <= offset && offset < transaction.lastOffset

/** P1 and P4. `now` is the latest time that the cleaner was told. */
export function checkSurvivors(
  traced: readonly TracedRecord[],
  ghost: Pick<LogGhost, 'decidedTo'>,
  { now, deleteRetentionMs }: { now: number; deleteRetentionMs: number },
): Violation | null {
  for (const record of traced) {
    if (record.survives) continue
    const name = `${record.key}=${record.value ?? '(tombstone)'}@${record.offset}`
    if (record.offset >= ghost.decidedTo)
      return broken('P1', `${name} is gone, decided is only what is below ${ghost.decidedTo}`)
    if (record.isAborted) continue
    const newer = traced.find(
      (each) =>
        each.key === record.key && each.offset > record.offset && !each.isAborted && each.offset < ghost.decidedTo,
    )
    if (newer !== undefined) continue
    if (record.value !== null) return broken('P1', `${name} is gone, and no committed record of its key is newer`)
    if (now < record.at + deleteRetentionMs) return broken('P4', `${name} is gone after ${now - record.at} ms`)
  }
  return null
}

/** P2. */
export function checkUnchanged(segments: readonly StoredSegment[], ghost: LogGhost): Violation | null {
  const written = new Map<number, DecodedRecord>()
  for (const batch of ghost.written) for (const record of decode(batch).records) written.set(record.offset, record)
  let last = -1
  for (const stored of batchesOf(segments)) {
    for (const record of decode(stored).records) {
      const { offset } = record
      if (offset <= last) return broken('P2', `offset ${offset} follows ${last}`)
      last = offset
      const original = written.get(offset)
      if (!original) return broken('P2', `a record at ${offset} that nobody wrote there`)
      if (text(original.key) !== text(record.key) || text(original.value) !== text(record.value)) {
        return broken('P2', `${text(original.key)}=${text(original.value)}@${offset} has become another record`)
      }
    }
  }
  return null
}

/** P3. */
export function checkMarkers(
  segments: readonly StoredSegment[],
  ghost: LogGhost,
  log: Pick<PartitionLog, 'local' | 'logEndOffset'>,
  { now, deleteRetentionMs }: { now: number; deleteRetentionMs: number },
): Violation | null {
  const stored = batchesOf(segments)
  const offsetsOfMarkers = new Set(stored.filter(hasMarker).map((batch) => batch.baseOffset))
  const { aborted, committed } = foldTransactions(ghost.written)
  const indexed = collectAborted(log.local, 0, log.logEndOffset)
  for (const transaction of [...aborted, ...committed]) {
    const { producerId, firstOffset, lastOffset } = transaction
    const name = `transaction of producer ${producerId} at ${firstOffset}-${lastOffset}`
    const isLeft = stored.some((batch) => hasDataOf(batch, transaction))
    if (isLeft && aborted.includes(transaction) && !indexed.some((each) => each.lastOffset === lastOffset)) {
      return broken('P3', `the aborted ${name} has data and is not in the index`)
    }
    if (lastOffset < ghost.logStart || offsetsOfMarkers.has(lastOffset)) continue
    if (isLeft) return broken('P3', `the marker of the ${name} is gone, its data is not`)
    const marker = ghost.written.find((batch) => batch.baseOffset === lastOffset) as WrittenBatch
    if (now < marker.at + deleteRetentionMs) return broken('P3', `the marker of the ${name} is gone too early`)
  }
  return null
}

function hasMarker(batch: StoredBatch): boolean {
  const { isControl, recordCount } = decode(batch)
  return isControl && recordCount > 0
}

function hasDataOf(stored: StoredBatch, transaction: FoldedTransaction): boolean {
  const batch = decode(stored)
  return !batch.isControl && batch.recordCount > 0 && holds(transaction, batch.producerId, batch.baseOffset)
}

/** P5. */
export function checkLogStart(
  log: Pick<PartitionLog, 'logStartOffset' | 'highWatermark'>,
  ghost: Pick<LogGhost, 'logStart'>,
): Violation | null {
  const { logStartOffset: start, highWatermark } = log
  if (start < ghost.logStart) return broken('P5', `the log start fell from ${ghost.logStart} to ${start}`)
  return start > highWatermark
    ? broken('P5', `the log starts at ${start}, past the high watermark ${highWatermark}`)
    : null
}
