/**
 * What a pass of the cleaner keeps of one batch. Source: LogCleaner, MemoryRecords.filterTo; KIP-534 for the delete
 * horizon.
 *
 * Offsets, the last offset of a batch, its producer and its sequences stay as they are, so that a thinned batch still
 * says all that a producer's state is made of. A tombstone, or a marker with no data left, first gets a time (the
 * delete horizon, in the place of the base timestamp) and goes in a pass after that time.
 */
import {
  baseOffset,
  baseSequence,
  baseTimestamp,
  buildBatch,
  compressionType,
  hasDeleteHorizon,
  hasProducerId,
  isControl,
  isLogAppendTime,
  isTransactional,
  iterateRecords,
  lastOffset,
  lastOffsetDelta,
  maxTimestamp,
  partitionLeaderEpoch,
  producerEpoch,
  producerId,
  timestampType,
  updateCrc,
  type DecodedRecord,
} from '@troupe/wire/record-batch'
import type { CleanedTransactions } from './cleaned-transactions.ts'
import { viewOf, writeInt64 } from './int64.ts'
import type { KeyMap } from './key-map.ts'
import type { AbortedEntry } from './transaction-index.ts'

export interface FilterContext {
  readonly keys: KeyMap
  /** Up to here (inclusive) the map knows every key. */
  readonly mappedTo: number
  /**
   * Offset after the last one this round may clean: the batch that ends there stays, be it empty, so that the end is
   * not lost.
   */
  readonly roundEnd: number
  readonly transactions: CleanedTransactions
  readonly producers: { get(id: number): { readonly lastDataOffset: number; readonly epoch: number } | undefined }
  readonly now: number
  readonly deleteRetentionMs: number
  keepAborted(entry: AbortedEntry): void
}

/** `whole`: as it is; bytes: a smaller batch in its place; null: nothing. */
export function filterBatch(bytes: Uint8Array, at: number, context: FilterContext): 'whole' | Uint8Array | null {
  const control = isControl(bytes, at)
  const orphaned = control
    ? context.transactions.onControl(bytes, at, context.keepAborted)
    : context.transactions.onData(bytes, at)
  const discard = control
    ? orphaned && hasDeleteHorizon(bytes, at) && baseTimestamp(bytes, at) <= context.now
    : orphaned
  const mustStay = isLastOfProducer(bytes, at, context.producers) || lastOffset(bytes, at) + 1 === context.roundEnd
  if (discard) return mustStay ? emptied(bytes, at) : null
  const all = [...iterateRecords(bytes, at)]
  const kept = control ? all : all.filter((record) => isRetained(record, bytes, at, context))
  if (kept.length === 0) return mustStay ? emptied(bytes, at) : null
  const expires = control ? orphaned : kept.some((record) => record.value === null)
  const horizonMissing = expires && !hasDeleteHorizon(bytes, at)
  if (kept.length === all.length && !horizonMissing) return 'whole'
  const horizon = hasDeleteHorizon(bytes, at) ? baseTimestamp(bytes, at) : undefined
  return rebuilt(bytes, at, kept, horizonMissing ? context.now + context.deleteRetentionMs : horizon)
}

function isRetained(
  record: DecodedRecord,
  bytes: Uint8Array,
  at: number,
  { keys, mappedTo, now }: FilterContext,
): boolean {
  if (record.offset > mappedTo) return true
  // From before the topic was compacted: nothing could ever replace it.
  if (record.key === null) return false
  if (record.offset < keys.get(record.key)) return false
  return record.value !== null || !hasDeleteHorizon(bytes, at) || now < baseTimestamp(bytes, at)
}

/**
 * Its batch carries the producer's last sequence, or (where only a marker is left) its epoch: without it the producer
 * would be forgotten.
 */
function isLastOfProducer(bytes: Uint8Array, at: number, producers: FilterContext['producers']): boolean {
  if (!hasProducerId(bytes, at)) return false
  const entry = producers.get(producerId(bytes, at))
  if (entry === undefined) return false
  if (entry.lastDataOffset >= 0) return lastOffset(bytes, at) === entry.lastDataOffset
  return isControl(bytes, at) && producerEpoch(bytes, at) === entry.epoch
}

function headerOf(bytes: Uint8Array, at: number): Omit<Parameters<typeof buildBatch>[0], 'records'> {
  return {
    baseOffset: baseOffset(bytes, at),
    lastOffsetDelta: lastOffsetDelta(bytes, at),
    partitionLeaderEpoch: partitionLeaderEpoch(bytes, at),
    producerId: producerId(bytes, at),
    producerEpoch: producerEpoch(bytes, at),
    baseSequence: baseSequence(bytes, at),
    isTransactional: isTransactional(bytes, at),
    isControl: isControl(bytes, at),
    timestampType: timestampType(bytes, at),
    logAppendTimeMs: isLogAppendTime(bytes, at) ? maxTimestamp(bytes, at) : undefined,
  }
}

function rebuilt(
  bytes: Uint8Array,
  at: number,
  records: DecodedRecord[],
  deleteHorizonMs: number | undefined,
): Uint8Array {
  return buildBatch({ ...headerOf(bytes, at), records, deleteHorizonMs, compression: compressionType(bytes, at) })
}

/** The header alone; its time still tells when the producer was last heard of. */
function emptied(bytes: Uint8Array, at: number): Uint8Array {
  const batch = buildBatch({ ...headerOf(bytes, at), records: [] })
  writeInt64(viewOf(batch), 35, maxTimestamp(bytes, at))
  updateCrc(batch, 0)
  return batch
}
