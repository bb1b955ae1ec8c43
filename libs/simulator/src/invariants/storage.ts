/**
 * The S rules of the catalogue, and R11 and A1 for one replica: pure functions of a log's files and its ghost.
 *
 *   S1  after recovery a log is a prefix of what was written, in whole batches, with all that was synced
 *   S2  offsets ascend without a gap (compaction may leave some)
 *   S3  epochs, transaction index, offset and time index say what the batches say
 *   S4  recovering again finds the same
 *   S5  what the disk refused is not acknowledged
 *   A1  what was acknowledged lies at its offset
 *   R11 the leader-epoch cache is the list of (epoch, first offset) of the batches
 */
import type { AppendResult } from '@troupe/log/contract'
import { LeaderEpochCache } from '@troupe/log/leader-epoch-cache'
import type { PartitionLog } from '@troupe/log/partition-log'
import { collectAborted } from '@troupe/log/transaction-search'
import { KafkaError, errorName } from '@troupe/wire/errors'
import { maxTimestamp } from '@troupe/wire/record-batch'
import type { Violation } from '../model/contract.ts'
import { batchesOf, identityOf, type LogGhost, type StoredBatch, type StoredSegment } from './log-ghost.ts'
import { foldTransactions } from './transaction-fold.ts'

const broken = (invariant: string, detail: string): Violation => ({ invariant, detail })

/** S1: what a start has found, before anything is appended. */
export function checkRecovered(segments: readonly StoredSegment[], ghost: LogGhost, logEnd: number): Violation | null {
  for (const segment of segments) {
    const extra = segment.bytes - segment.validBytes
    if (extra > 0) return broken('S1', `segment ${segment.baseOffset} ends with ${extra} bytes that are no batch`)
  }
  const found = batchesOf(segments)
  const there = new Set(found.map(identityOf))
  for (const batch of found) {
    if (!ghost.ever.has(identityOf(batch))) return broken('S1', `a batch at ${batch.baseOffset} that nobody wrote`)
  }
  const mustBe = ghost.stop === 'power' ? ghost.durableTo : Infinity
  for (const batch of ghost.written) {
    if (batch.lastOffset < mustBe && batch.lastOffset >= ghost.logStart && !there.has(identityOf(batch))) {
      return broken('S1', `batch ${batch.baseOffset}, synced to ${ghost.durableTo}, is gone after ${stopText(ghost)}`)
    }
  }
  const end = (found.at(-1)?.lastOffset ?? -1) + 1
  return end > logEnd ? broken('S1', `the log ends at ${logEnd}, its last batch at ${end}`) : null
}

const stopText = ({ stop }: LogGhost): string => (stop === 'power' ? 'a loss of power' : `a stop (${stop})`)

/** S1 where the cleaner works: what was taken out is the cleaner's affair (P1), the rest is not. */
export function checkRecoveredTail(
  segments: readonly StoredSegment[],
  ghost: LogGhost,
  logEnd: number,
): Violation | null {
  for (const segment of segments) {
    const extra = segment.bytes - segment.validBytes
    if (extra > 0) return broken('S1', `segment ${segment.baseOffset} ends with ${extra} bytes that are no batch`)
  }
  const mustReach = ghost.stop === 'power' ? ghost.durableTo : (ghost.written.at(-1)?.lastOffset ?? -1) + 1
  return logEnd < mustReach ? broken('S1', `the log ends at ${logEnd}, ${mustReach} was synced`) : null
}

/**
 * S4: two recoveries with nothing between them but a stop. What a killed process has left in the cache of the disk may
 * be lost with the power.
 */
export function checkSameRecovery(
  { recovered: before, recoveredAfter, stop }: Pick<LogGhost, 'recovered' | 'recoveredAfter' | 'stop'>,
  after: readonly StoredBatch[],
): Violation | null {
  if (before === null || (stop === 'power' && recoveredAfter !== 'power')) return null
  const text = (batches: readonly StoredBatch[]): string => batches.map(identityOf).join()
  if (text(before) === text(after)) return null
  return broken('S4', `recovered ${before.length} batches, and the next time ${after.length} or others`)
}

/** S2. */
export function checkOffsets(
  segments: readonly StoredSegment[],
  log: Pick<PartitionLog, 'logEndOffset'>,
  isCompacted: boolean,
): Violation | null {
  let next = segments[0]?.baseOffset ?? 0
  for (const segment of segments) {
    if (segment.baseOffset < next) return broken('S2', `segment ${segment.baseOffset} begins below ${next}`)
    for (const batch of segment.batches) {
      if (batch.baseOffset < next || (!isCompacted && batch.baseOffset > next)) {
        return broken('S2', `batch ${batch.baseOffset} where ${next} comes next`)
      }
      next = batch.lastOffset + 1
    }
  }
  const isRight = isCompacted ? next <= log.logEndOffset : next === log.logEndOffset
  return isRight ? null : broken('S2', `the log ends at ${log.logEndOffset}, its batches at ${next}`)
}

/** S5: a write that the disk refused ends in an error. */
export function checkRefusal(result: Pick<AppendResult, 'error'>, diskRefused: boolean): Violation | null {
  if (!diskRefused || result.error !== KafkaError.NONE) return null
  return broken('S5', `an append that the disk refused was answered ${errorName(result.error)}`)
}

/** A1 of one replica that has lost nothing. */
export function checkAcknowledged(segments: readonly StoredSegment[], ghost: LogGhost): Violation | null {
  const there = new Set(batchesOf(segments).map(identityOf))
  const from = Math.max(ghost.logStart, segments[0]?.baseOffset ?? 0)
  for (const batch of ghost.written) {
    if (batch.baseOffset >= from && !there.has(identityOf(batch))) {
      return broken('A1', `the batch acknowledged at ${batch.baseOffset} is not there`)
    }
  }
  return null
}

/** R11. An epoch in which nothing was appended is known too; a compacted log may have lost an epoch's first batch. */
export function checkEpochs(
  segments: readonly StoredSegment[],
  log: Pick<PartitionLog, 'epochs' | 'logStartOffset' | 'logEndOffset'>,
  isCompacted: boolean,
): Violation | null {
  const batches = batchesOf(segments).filter((batch) => batch.lastOffset >= log.logStartOffset)
  for (const batch of batches) {
    const known = log.epochs.epochForOffset(Math.max(batch.baseOffset, log.logStartOffset))
    if (known !== batch.epoch)
      return broken('R11', `batch ${batch.baseOffset} is of epoch ${batch.epoch}, not ${known}`)
  }
  if (isCompacted) return null
  const derived = new LeaderEpochCache()
  for (const { epoch, baseOffset } of batches) if (epoch > derived.latestEpoch) derived.assign(epoch, baseOffset)
  derived.truncateFromStart(log.logStartOffset)
  const text = (cache: LeaderEpochCache): string =>
    cache.entries
      .filter(({ startOffset }) => startOffset < log.logEndOffset)
      .map(({ epoch, startOffset }) => `${epoch}:${startOffset}`)
      .join(' ')
  return text(derived) === text(log.epochs)
    ? null
    : broken('R11', `epochs ${text(log.epochs)}, batches ${text(derived)}`)
}

/** S3, transaction index: of the transactions that the batches abort. Also the last bound of a read (T10). */
export function checkTransactionIndex(
  segments: readonly StoredSegment[],
  log: Pick<PartitionLog, 'local' | 'logEndOffset'>,
): Violation | null {
  const text = (entries: readonly { producerId: number; firstOffset: number; lastOffset: number }[]): string =>
    entries.map(({ producerId, firstOffset, lastOffset }) => `${producerId}:${firstOffset}-${lastOffset}`).join(' ')
  const derived = text(foldTransactions(batchesOf(segments)).aborted)
  const index = text(collectAborted(log.local, 0, log.logEndOffset))
  return derived === index ? null : broken('S3', `transaction index ${index || 'empty'}, batches ${derived || 'none'}`)
}

/** S3, offset and time index: every look-up finds what a walk finds. */
export function checkIndexes(segments: readonly StoredSegment[], log: Pick<PartitionLog, 'local'>): Violation | null {
  for (const [index, { batches, baseOffset }] of segments.entries()) {
    const segment = log.local.segments[index]
    let position = 0
    let youngest = -1
    for (const batch of batches) {
      for (const offset of [batch.baseOffset, batch.lastOffset]) {
        const found = segment.find(offset)?.position
        if (found !== position) return broken('S3', `offset ${offset} is at ${position}, the index says ${found}`)
      }
      position += batch.bytes.length
      youngest = Math.max(youngest, maxTimestamp(batch.bytes, 0))
    }
    if (segment.maxTimestamp !== youngest) {
      return broken(
        'S3',
        `segment ${baseOffset}: largest timestamp ${youngest}, the index says ${segment.maxTimestamp}`,
      )
    }
  }
  return null
}
