/**
 * A partition's log: batches in segments, the producers that wrote them, the leader epochs they were written in.
 *
 * An append is: judge the header, check the producer, set offset and leader epoch in place, one write. The first error of the disk
 * takes the log offline before anything else can happen to it (Z14). Source of behaviour: UnifiedLog.
 */
import { allSafeguards, type Safeguards } from '@troupe/actor'
import { KafkaError, errorMessage, type ErrorCode } from '@troupe/wire/errors'
import {
  baseOffset, buildEndTxnMarker, forEachBatch, hasProducerId, isControl, lastOffset, lastOffsetDelta, maxTimestamp,
  partitionLeaderEpoch, producerId, setBaseOffset, setMaxTimestampAndLogAppendTime, setPartitionLeaderEpoch, sizeInBytes,
  validateBatch,
} from '@troupe/wire/record-batch'
import type {
  AbortedTransaction, AppendRequest, AppendResult, EpochEndOffset, Log, LogConfig, ProducerView, ReadRequest, ReadResult,
} from './contract.ts'
import { StorageError } from './file-system.ts'
import { flushLater, flushNow, saveEpochs, type FlushState } from './flush.ts'
import type { LeaderEpochCache } from './leader-epoch-cache.ts'
import type { LocalLog } from './local-log.ts'
import { readLog } from './log-read.ts'
import type { ProducerState } from './producer-state.ts'
import { applyBatch, rebuildProducers, recoverLog, type RecoveryInput } from './recovery.ts'
import { applyRetention, rollIfDue } from './retention.ts'
import type { SnapshotFiles } from './snapshot-files.ts'
import { findMaxTimestamp, findTimestamp, type TimestampedOffset } from './timestamp-search.ts'
import { collectAborted } from './transaction-search.ts'
import { rejection, validateClientBatch, validatorConfig, type Rejection, type ValidatorConfig } from './validator.ts'

export type LogSafeguards = Pick<Safeguards, 'fenceAfterIoError' | 'requireZeroFirstSequence' | 'strictMarkerEpoch'>

export interface PartitionLogInput extends RecoveryInput {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly highWatermark: number
  readonly safeguards?: LogSafeguards
  /** partition.metadata, if it is new and not synced. */
  readonly metadata: FlushState['metadata']
  /** Writes the checkpoints at once: the recovery point or the log start has fallen. */
  checkpoint(): void
}

export class PartitionLog implements Log {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly local: LocalLog
  readonly producerState: ProducerState
  readonly snapshots: SnapshotFiles
  readonly epochs: LeaderEpochCache
  readonly #safeguards: LogSafeguards
  readonly #flush: FlushState
  readonly #checkpoint: () => void
  #config: LogConfig
  #validator: ValidatorConfig
  #logStartOffset: number
  #highWatermark: number
  #offlineReason: string | null = null
  #lastFlushTimeMs: number
  /** Highest recovery point that a checkpoint may show. */
  #checkpointedRecoveryPoint: number
  #lastNow: number

  constructor(input: PartitionLogInput) {
    const recovered = recoverLog(input)
    this.topic = input.topic
    this.topicId = input.topicId
    this.partition = input.partition
    this.local = recovered.local
    this.producerState = recovered.producers
    this.snapshots = recovered.snapshots
    this.epochs = recovered.epochs
    this.#safeguards = input.safeguards ?? allSafeguards
    this.#flush = { recoveryPoint: recovered.recoveryPoint, truncations: 0, metadata: input.metadata }
    this.#checkpoint = input.checkpoint
    this.#config = input.config
    this.#validator = validatorConfig(input.config)
    this.#logStartOffset = recovered.logStartOffset
    this.#highWatermark = clamp(input.highWatermark, this.#logStartOffset, this.local.logEndOffset)
    this.producerState.onHighWatermark(this.#highWatermark)
    this.#lastFlushTimeMs = input.now
    this.#checkpointedRecoveryPoint = input.recoveryPoint
    this.#lastNow = input.now
  }

  get directory(): string {
    return this.local.directory
  }

  get config(): LogConfig {
    return this.#config
  }

  get logStartOffset(): number {
    return this.#logStartOffset
  }

  get logEndOffset(): number {
    return this.local.logEndOffset
  }

  get highWatermark(): number {
    return this.#highWatermark
  }

  get lastStableOffset(): number {
    const first = Math.max(this.producerState.firstUnstableOffset, this.#logStartOffset)
    return Math.min(this.#highWatermark, first)
  }

  get sizeInBytes(): number {
    return this.local.sizeInBytes
  }

  get latestEpoch(): number {
    return this.epochs.latestEpoch
  }

  get offlineReason(): string | null {
    return this.#offlineReason
  }

  get recoveryPoint(): number {
    return this.#flush.recoveryPoint
  }

  get unflushedMessages(): number {
    return this.logEndOffset - this.#flush.recoveryPoint
  }

  get lastFlushTimeMs(): number {
    return this.#lastFlushTimeMs
  }

  setHighWatermark(offset: number): boolean {
    const next = clamp(offset, this.#logStartOffset, this.logEndOffset)
    if (next <= this.#highWatermark) return false
    this.#highWatermark = next
    this.producerState.onHighWatermark(next)
    return true
  }

  append(request: AppendRequest): AppendResult {
    if (this.#offlineReason !== null) return this.#refuse(KafkaError.KAFKA_STORAGE_ERROR, this.#offlineReason)
    try {
      return request.origin === 'client' ? this.#appendFromClient(request) : this.#appendOwn(request)
    } catch (error) {
      return this.#failed(error)
    }
  }

  #appendFromClient(request: AppendRequest): AppendResult {
    const { now } = request
    const batch = validateClientBatch(request.records, this.#validator, now)
    if (!(batch instanceof Uint8Array)) return this.#reject(batch)
    if (hasProducerId(batch, 0)) {
      const duplicate = this.#duplicateOf(batch)
      if (duplicate) return duplicate
      const error = this.#checkProducer(batch, 0, request)
      if (error !== KafkaError.NONE) return this.#refuse(error)
    }
    return this.#appendAsLeader(batch, request)
  }

  /** Batches of ours: no sequences, several at a time. */
  #appendOwn(request: AppendRequest): AppendResult {
    const { records, now } = request
    const refused = this.#checkOwn(records, request)
    if (refused) return refused
    if (this.#validator.logAppendTime) forEachBatch(records, (at) => setMaxTimestampAndLogAppendTime(records, at, now))
    return this.#appendAsLeader(records, request)
  }

  #checkOwn(records: Uint8Array, request: AppendRequest): AppendResult | undefined {
    if (records.length > this.#validator.segmentBytes) return this.#refuse(KafkaError.RECORD_LIST_TOO_LARGE)
    let error: ErrorCode = KafkaError.NONE
    const end = forEachBatch(records, (at) => {
      if (error !== KafkaError.NONE) return
      error = validateBatch(records, at, { checkCrc: false, checkRecords: false, maxBytes: this.#validator.maxMessageBytes })
      if (error === KafkaError.NONE && hasProducerId(records, at) && !isControl(records, at)) {
        error = this.#checkProducer(records, at, request)
      }
    })
    if (error !== KafkaError.NONE) return this.#refuse(error)
    return records.length === 0 || end !== records.length ? this.#refuse(KafkaError.CORRUPT_MESSAGE) : undefined
  }

  #checkProducer(records: Uint8Array, at: number, { origin, transactionVerified }: AppendRequest): ErrorCode {
    return this.producerState.check(records, at, {
      origin,
      transactionVerified: transactionVerified ?? false,
      requireZeroFirstSequence: this.#safeguards.requireZeroFirstSequence,
    })
  }

  #duplicateOf(batch: Uint8Array): AppendResult | undefined {
    const slot = this.producerState.findDuplicate(batch, 0)
    if (slot < 0) return undefined
    const entry = this.producerState.get(producerId(batch, 0))
    if (!entry) return undefined
    return {
      error: KafkaError.NONE,
      errorMessage: null,
      recordErrors: [],
      baseOffset: entry.firstOffsetOf(slot),
      nextOffset: entry.lastOffsetOf(slot) + 1,
      logAppendTimeMs: this.#validator.logAppendTime ? entry.timestampOf(slot) : -1,
      logStartOffset: this.#logStartOffset,
      duplicate: true,
    }
  }

  #appendAsLeader(records: Uint8Array, { leaderEpoch, now }: AppendRequest): AppendResult {
    const first = this.logEndOffset
    let next = first
    for (let at = 0; at < records.length; at += sizeInBytes(records, at)) {
      setBaseOffset(records, at, next)
      setPartitionLeaderEpoch(records, at, leaderEpoch)
      next += lastOffsetDelta(records, at) + 1
    }
    this.#write(records, first, next, now)
    return this.#appended(first, next, this.#validator.logAppendTime ? now : -1)
  }

  appendAsFollower(records: Uint8Array, now: number): AppendResult {
    if (this.#offlineReason !== null) return this.#refuse(KafkaError.KAFKA_STORAGE_ERROR, this.#offlineReason)
    let next = this.logEndOffset
    let error: ErrorCode = KafkaError.NONE
    // A leader may send the beginning of one more batch.
    const end = forEachBatch(records, (at) => {
      if (error !== KafkaError.NONE) return
      error = validateBatch(records, at, { checkRecords: false })
      if (error === KafkaError.NONE && baseOffset(records, at) < next) error = KafkaError.OFFSET_OUT_OF_RANGE
      next = lastOffset(records, at) + 1
    })
    if (error !== KafkaError.NONE) return this.#refuse(error, `batches from the leader at ${this.logEndOffset}: ${errorMessage(error)}`)
    if (end === 0) {
      // The leader said how long its first batch is, and it did not arrive whole.
      return records.length === 0 ? this.#appended(next, next, -1) : this.#refuse(KafkaError.CORRUPT_MESSAGE)
    }
    try {
      const first = baseOffset(records, 0)
      this.#write(end === records.length ? records : records.subarray(0, end), first, next, now)
      return this.#appended(first, next, -1)
    } catch (failure) {
      return this.#failed(failure)
    }
  }

  appendEndTxnMarker(marker: Parameters<Log['appendEndTxnMarker']>[0]): AppendResult {
    if (this.#offlineReason !== null) return this.#refuse(KafkaError.KAFKA_STORAGE_ERROR, this.#offlineReason)
    const { leaderEpoch, now } = marker
    const error = this.producerState.checkMarker({ ...marker, strictMarkerEpoch: this.#safeguards.strictMarkerEpoch })
    if (error !== KafkaError.NONE) return this.#refuse(error)
    return this.append({ records: buildEndTxnMarker({ ...marker, timestamp: now }), now, leaderEpoch, origin: 'coordinator' })
  }

  /** Offsets and epochs are set. Whatever fails in here takes the log offline. */
  #write(records: Uint8Array, first: number, next: number, now: number): void {
    this.#lastNow = now
    const { local } = this
    let largest = -1
    for (let at = 0; at < records.length; at += sizeInBytes(records, at)) largest = Math.max(largest, maxTimestamp(records, at))
    if (local.shouldRoll(records.length, next - 1, largest, now)) this.roll(now, first)
    local.append(records, first, next)
    const segment = local.active
    for (let at = 0; at < records.length; at += sizeInBytes(records, at)) {
      const epoch = partitionLeaderEpoch(records, at)
      if (epoch > this.epochs.latestEpoch) this.epochs.assign(epoch, baseOffset(records, at))
      applyBatch(this.producerState, segment, records, at)
    }
  }

  /** Closes the active segment, and syncs what is closed in the background. */
  roll(now: number, baseOffset = this.logEndOffset): void {
    const { local } = this
    const before = local.active
    const segment = local.roll(baseOffset, now)
    if (segment === before) return
    this.producerState.endOffset = segment.baseOffset
    this.snapshots.write(this.producerState)
    this.#flushInBackground(segment.baseOffset, now, () => {})
  }

  read(request: ReadRequest): ReadResult {
    this.#requireOnline()
    if (request.offset < this.#logStartOffset) return { slice: null, firstOffset: request.offset, nextOffset: request.offset }
    return this.#guard(() => readLog(this.local, request, this.#onError))
  }

  abortedTransactions(from: number, to: number): AbortedTransaction[] {
    return this.#guard(() => collectAborted(this.local, from, to))
  }

  hasOngoingTransaction(id: number, epoch: number): boolean {
    return this.producerState.hasOngoing(id, epoch)
  }

  producerEpoch(id: number): number {
    return this.producerState.get(id)?.epoch ?? -1
  }

  producers(): ProducerView[] {
    return this.producerState.views()
  }

  expireProducers(now: number): void {
    this.producerState.expire(now, this.#config['producer.id.expiration.ms'])
  }

  assignLeaderEpoch(epoch: number, startOffset: number): void {
    this.epochs.assign(epoch, startOffset)
  }

  endOffsetForEpoch(epoch: number): EpochEndOffset {
    return this.epochs.endOffsetFor(epoch, this.logEndOffset)
  }

  epochStartOffset(epoch: number): number {
    return this.epochs.startOffsetOf(epoch)
  }

  epochForOffset(offset: number): number {
    return this.epochs.epochForOffset(offset)
  }

  offsetForTimestamp(timestamp: number, upTo: number): TimestampedOffset | null {
    return this.#guard(() => findTimestamp(this.local, timestamp, this.#logStartOffset, upTo))
  }

  offsetOfMaxTimestamp(): TimestampedOffset | null {
    return this.#guard(() => findMaxTimestamp(this.local, this.#logStartOffset))
  }

  truncateTo(offset: number): void {
    this.#requireOnline()
    if (offset >= this.logEndOffset) {
      this.epochs.truncateFromEnd(offset)
      return
    }
    if (offset < this.local.segments[0].baseOffset) return this.truncateFullyAndStartAt(offset)
    this.#guard(() => {
      this.#lowerRecoveryPoint(offset)
      this.local.truncateTo(offset)
      const end = this.logEndOffset
      this.#lowerRecoveryPoint(end)
      this.snapshots.removeAfter(end)
      rebuildProducers(this.producerState, this.snapshots, this.local, this.#logStartOffset)
      this.#afterTruncation(end)
    })
  }

  truncateFullyAndStartAt(offset: number): void {
    this.#guard(() => {
      this.#lowerRecoveryPoint(offset)
      this.local.startAt(offset, this.#lastNow)
      this.snapshots.removeAll()
      this.epochs.clear()
      this.producerState.clear(offset)
      this.producerState.incomplete = offset > 0
      this.#logStartOffset = offset
      this.#flush.recoveryPoint = offset
      this.#afterTruncation(offset)
      this.#checkpoint()
    })
  }

  #afterTruncation(end: number): void {
    this.epochs.truncateFromEnd(end)
    this.#logStartOffset = Math.min(this.#logStartOffset, end)
    this.#highWatermark = clamp(this.#highWatermark, this.#logStartOffset, end)
    this.producerState.onHighWatermark(this.#highWatermark)
  }

  /** Before bytes that were durable are cut off, no checkpoint may call what replaces them durable. */
  #lowerRecoveryPoint(offset: number): void {
    this.#flush.truncations += 1
    this.#flush.recoveryPoint = Math.min(this.#flush.recoveryPoint, offset)
    if (this.#checkpointedRecoveryPoint <= offset) return
    this.#checkpointedRecoveryPoint = offset
    this.#checkpoint()
  }

  advanceLogStart(offset: number): boolean {
    const next = Math.min(offset, this.#highWatermark)
    if (next <= this.#logStartOffset) return false
    this.#logStartOffset = next
    this.epochs.truncateFromStart(next)
    this.producerState.onHighWatermark(next)
    return true
  }

  configure(config: LogConfig): void {
    this.#config = config
    this.#validator = validatorConfig(config)
    this.local.configure(config)
  }

  applyRetention(now: number): number {
    this.#requireOnline()
    this.#lastNow = now
    return this.#guard(() => {
      rollIfDue(this, now)
      this.local.unlinkRetired(now)
      return applyRetention(this, now)
    })
  }

  flush(): void {
    this.#requireOnline()
    this.#guard(() => flushNow(this.local, this.epochs, this.#flush))
  }

  flushLater(now: number, done: (error: string | null) => void): void {
    if (this.#offlineReason !== null) return done(this.#offlineReason)
    this.#flushInBackground(this.logEndOffset, now, done)
  }

  #flushInBackground(upTo: number, now: number, done: (error: string | null) => void): void {
    this.#lastFlushTimeMs = now
    this.#guard(() =>
      flushLater(this.local, this.epochs, this.#flush, upTo, (error) => {
        if (error !== null) this.#onError(error)
        done(error === null ? null : String(error))
      })
    )
  }

  /** The recovery point as a checkpoint is about to show it. */
  checkpointRecoveryPoint(): number {
    this.#checkpointedRecoveryPoint = this.#flush.recoveryPoint
    return this.#flush.recoveryPoint
  }

  saveEpochs(): void {
    this.#guard(() => saveEpochs(this.local, this.epochs))
  }

  segments(): { baseOffset: number; sizeInBytes: number; largestTimestamp: number }[] {
    return this.local.segments.map((segment) => ({
      baseOffset: segment.baseOffset,
      sizeInBytes: segment.size,
      largestTimestamp: segment.maxTimestamp,
    }))
  }

  /** Everything is durable afterwards: after this no recovery is needed. */
  close(): void {
    if (this.#offlineReason !== null) return this.local.abandon()
    this.#guard(() => {
      this.snapshots.write(this.producerState)
      this.local.active.close()
      for (const segment of this.local.segments) segment.persistIndexes()
      // A log that never held anything is as good as a new one: no syncs for it.
      if (this.logEndOffset > 0) flushNow(this.local, this.epochs, this.#flush)
      this.local.unlinkRetired(Infinity)
      this.local.release()
    })
  }

  goOffline(reason: string): void {
    if (this.#safeguards.fenceAfterIoError) this.#offlineReason ??= reason
  }

  #onError = (error: unknown): void => {
    if (error instanceof StorageError) this.goOffline(error.message)
  }

  #guard<Result>(work: () => Result): Result {
    this.#requireOnline()
    try {
      return work()
    } catch (error) {
      this.#onError(error)
      throw error
    }
  }

  #requireOnline(): void {
    if (this.#offlineReason !== null) throw new StorageError('EIO', this.directory, `offline: ${this.#offlineReason}`)
  }

  #failed(error: unknown): AppendResult {
    if (!(error instanceof StorageError)) throw error
    this.#onError(error)
    return this.#refuse(KafkaError.KAFKA_STORAGE_ERROR, error.message)
  }

  #refuse(error: ErrorCode, message = errorMessage(error)): AppendResult {
    return this.#reject(rejection(error, message))
  }

  #reject({ error, message, recordErrors }: Rejection): AppendResult {
    const { logStartOffset } = this
    return {
      error, errorMessage: message, recordErrors, baseOffset: -1, nextOffset: -1, logAppendTimeMs: -1, logStartOffset, duplicate: false,
    }
  }

  #appended(first: number, next: number, logAppendTimeMs: number): AppendResult {
    return {
      error: KafkaError.NONE, errorMessage: null, recordErrors: NO_ERRORS, baseOffset: first, nextOffset: next, logAppendTimeMs,
      logStartOffset: this.#logStartOffset, duplicate: false,
    }
  }
}

const NO_ERRORS: AppendResult['recordErrors'] = []

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, high))
}
