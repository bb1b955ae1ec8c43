/**
 * The way of a batch into the log: judge it, give it offsets and the leader epoch in place, write it, let the
 * producers take it.
 *
 * Nothing is changed before the last check has passed; what fails after that is the disk, and the caller takes the
 * log offline.
 */
import { KafkaError, errorMessage, type ErrorCode } from '@troupe/wire/errors'
import {
  baseOffset,
  buildEndTxnMarker,
  forEachBatch,
  hasProducerId,
  isControl,
  lastOffset,
  lastOffsetDelta,
  maxTimestamp,
  partitionLeaderEpoch,
  producerId,
  setBaseOffset,
  setMaxTimestampAndLogAppendTime,
  setPartitionLeaderEpoch,
  sizeInBytes,
  validateBatch,
} from '@troupe/wire/record-batch'
import { appended, duplicate, refused, rejected } from './append-result.ts'
import type { AppendRequest, AppendResult, Log } from './contract.ts'
import type { LogSafeguards, PartitionLog } from './partition-log.ts'
import type { ProducerState } from './producer-state.ts'
import { applyBatch } from './recovery.ts'
import { validateClientBatch, type ValidatorConfig } from './validator.ts'

/** What judging a batch needs of a log, whatever it is stored in. */
export interface AppendTarget {
  readonly validator: ValidatorConfig
  readonly producerState: ProducerState
  readonly safeguards: LogSafeguards
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** Stores batches whose offsets and epochs are set, and lets epochs and producers take them. */
  write(records: Uint8Array, first: number, next: number, now: number): void
}

export type MarkerRequest = Parameters<Log['appendEndTxnMarker']>[0]

/** What a client produced: one batch, fully judged. */
export function appendFromClient(log: AppendTarget, request: AppendRequest): AppendResult {
  const { validator, producerState, logStartOffset } = log
  const batch = validateClientBatch(request.records, validator, request.now)
  if (!(batch instanceof Uint8Array)) return rejected(batch, logStartOffset)
  if (hasProducerId(batch, 0)) {
    const slot = producerState.findDuplicate(batch, 0, log.safeguards.rememberFiveBatches)
    const entry = slot < 0 ? undefined : producerState.get(producerId(batch, 0))
    if (entry) {
      const time = validator.logAppendTime ? entry.timestampOf(slot) : -1
      return duplicate(entry.firstOffsetOf(slot), entry.lastOffsetOf(slot) + 1, time, logStartOffset)
    }
    const error = checkProducer(log, batch, 0, request)
    if (error !== KafkaError.NONE) return refused(error, logStartOffset)
  }
  return appendAsLeader(log, batch, request)
}

/** Batches of our own coordinators: no sequences, several at a time. */
export function appendOwn(log: AppendTarget, request: AppendRequest): AppendResult {
  const { records, now } = request
  const error = checkOwn(log, request)
  if (error !== KafkaError.NONE) return refused(error, log.logStartOffset)
  if (log.validator.logAppendTime) forEachBatch(records, (at) => setMaxTimestampAndLogAppendTime(records, at, now))
  return appendAsLeader(log, records, request)
}

function checkOwn(log: AppendTarget, request: AppendRequest): ErrorCode {
  const { records } = request
  const { maxMessageBytes, segmentBytes } = log.validator
  if (records.length > segmentBytes) return KafkaError.RECORD_LIST_TOO_LARGE
  let error: ErrorCode = KafkaError.NONE
  const end = forEachBatch(records, (at) => {
    if (error !== KafkaError.NONE) return
    error = validateBatch(records, at, { checkCrc: false, checkRecords: false, maxBytes: maxMessageBytes })
    if (error === KafkaError.NONE && hasProducerId(records, at) && !isControl(records, at)) {
      error = checkProducer(log, records, at, request)
    }
  })
  if (error !== KafkaError.NONE) return error
  return records.length === 0 || end !== records.length ? KafkaError.CORRUPT_MESSAGE : KafkaError.NONE
}

function checkProducer(log: AppendTarget, records: Uint8Array, at: number, request: AppendRequest): ErrorCode {
  return log.producerState.check(records, at, {
    origin: request.origin,
    transactionVerified: request.transactionVerified ?? false,
    requireZeroFirstSequence: log.safeguards.requireZeroFirstSequence,
  })
}

export function appendMarker(log: AppendTarget, marker: MarkerRequest): AppendResult {
  const { now, leaderEpoch } = marker
  const { strictMarkerEpoch, acceptRepeatedMarker } = log.safeguards
  const error = log.producerState.checkMarker({ ...marker, strictMarkerEpoch, acceptRepeatedMarker })
  if (error !== KafkaError.NONE) return refused(error, log.logStartOffset)
  return appendOwn(log, {
    records: buildEndTxnMarker({ ...marker, timestamp: now }),
    now,
    leaderEpoch,
    origin: 'coordinator',
  })
}

function appendAsLeader(log: AppendTarget, records: Uint8Array, { leaderEpoch, now }: AppendRequest): AppendResult {
  const first = log.logEndOffset
  let next = first
  for (let at = 0; at < records.length; at += sizeInBytes(records, at)) {
    setBaseOffset(records, at, next)
    setPartitionLeaderEpoch(records, at, leaderEpoch)
    next += lastOffsetDelta(records, at) + 1
  }
  log.write(records, first, next, now)
  return appended(first, next, log.validator.logAppendTime ? now : -1, log.logStartOffset)
}

/** Batches as the leader has them: offsets ascend from the log's end, checksums hold. */
export function appendFromLeader(log: AppendTarget, records: Uint8Array, now: number): AppendResult {
  let next = log.logEndOffset
  let error: ErrorCode = KafkaError.NONE
  // A leader may send the beginning of one more batch.
  const end = forEachBatch(records, (at) => {
    if (error !== KafkaError.NONE) return
    error = validateBatch(records, at, { checkRecords: false })
    if (error === KafkaError.NONE && baseOffset(records, at) < next) error = KafkaError.OFFSET_OUT_OF_RANGE
    next = lastOffset(records, at) + 1
  })
  if (error === KafkaError.NONE && end === 0 && records.length > 0) error = KafkaError.CORRUPT_MESSAGE
  if (error !== KafkaError.NONE) {
    return refused(error, log.logStartOffset, `batches from the leader at ${log.logEndOffset}: ${errorMessage(error)}`)
  }
  if (end === 0) return appended(next, next, -1, log.logStartOffset)
  const first = baseOffset(records, 0)
  log.write(end === records.length ? records : records.subarray(0, end), first, next, now)
  return appended(first, next, -1, log.logStartOffset)
}

/** Offsets and epochs are set. The log's end moves with the bytes, before an index is written (KAFKA-7866). */
export function writeBatches(log: PartitionLog, records: Uint8Array, first: number, next: number, now: number): void {
  const { local, epochs, producerState } = log
  let largest = -1
  for (let at = 0; at < records.length; at += sizeInBytes(records, at)) {
    const timestamp = maxTimestamp(records, at)
    if (timestamp > largest) largest = timestamp
  }
  if (local.shouldRoll(records.length, next - 1, largest, now)) log.roll(now, first, next - 1)
  local.append(records, first)
  if (log.safeguards.endOffsetBeforeIndexes) local.logEndOffset = next
  const segment = local.active
  for (let at = 0; at < records.length; at += sizeInBytes(records, at)) {
    const epoch = partitionLeaderEpoch(records, at)
    if (epoch > epochs.latestEpoch) epochs.assign(epoch, baseOffset(records, at))
    applyBatch(producerState, segment, records, at)
  }
  local.logEndOffset = next
}
