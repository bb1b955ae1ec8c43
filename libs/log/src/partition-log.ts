/**
 * A partition's log: batches in segments, the producers that wrote them, the leader epochs they were written in.
 *
 * An append is: judge the header, check the producer, set offset and leader epoch in place, one write. The first
 * error of the disk takes the log offline before anything else can happen to it (Z14). Source of behaviour:
 * UnifiedLog.
 */
import { allSafeguards, type Safeguards } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import {
  appendFromClient,
  appendFromLeader,
  appendMarker,
  appendOwn,
  writeBatches,
  type AppendTarget,
  type MarkerRequest,
} from './append.ts'
import { refused } from './append-result.ts'
import type {
  AbortedTransaction,
  AppendRequest,
  AppendResult,
  EpochEndOffset,
  Log,
  LogConfig,
  ProducerView,
  ReadRequest,
  ReadResult,
} from './contract.ts'
import { StorageError } from './file-system.ts'
import { flushLater, flushNow, needsFlush, saveEpochs, saveEpochsLater, type FlushState } from './flush.ts'
import type { LeaderEpochCache } from './leader-epoch-cache.ts'
import type { LocalLog } from './local-log.ts'
import { readLog } from './log-read.ts'
import type { ProducerState } from './producer-state.ts'
import { rebuildProducers, recoverLog, type RecoveryInput } from './recovery.ts'
import { applyRetention, rollIfDue } from './retention.ts'
import type { SnapshotFiles } from './snapshot-files.ts'
import { findMaxTimestamp, findTimestamp, type TimestampedOffset } from './timestamp-search.ts'
import { collectAborted } from './transaction-search.ts'
import { validatorConfig, type ValidatorConfig } from './validator.ts'

export type LogSafeguards = Pick<
  Safeguards,
  | 'epochLookupReturnsLargestEpoch'
  | 'truncateEpochCacheOnNoop'
  | 'deleteMarkerFirst'
  | 'fenceAfterIoError'
  | 'endOffsetBeforeIndexes'
  | 'syncEpochFile'
  | 'rememberFiveBatches'
  | 'requireZeroFirstSequence'
  | 'keepProducerStateOnLogStart'
  | 'expireByMarkerTime'
  | 'strictMarkerEpoch'
  | 'acceptRepeatedMarker'
  | 'cleanBelowHighWatermark'
  | 'trackTransactionsAcrossSegments'
>

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

export class PartitionLog implements Log, AppendTarget {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly local: LocalLog
  readonly producerState: ProducerState
  readonly snapshots: SnapshotFiles
  readonly epochs: LeaderEpochCache
  readonly safeguards: LogSafeguards
  /** What `append` demands of batches under the present configuration. */
  validator: ValidatorConfig
  /** Compacted up to here. */
  cleanedUpTo: number
  readonly #flush: FlushState
  readonly #checkpoint: () => void
  #config: LogConfig
  #logStartOffset: number
  #highWatermark: number
  #offlineReason: string | null = null
  #lastFlushTimeMs: number
  /** What the checkpoint shows at most. */
  #checkpointedRecoveryPoint: number
  /** The checkpoint surely shows something. */
  #isCheckpointed: boolean
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
    this.safeguards = input.safeguards ?? allSafeguards
    this.#flush = {
      recoveryPoint: recovered.recoveryPoint,
      truncations: recovered.wasCut ? 1 : 0,
      durableTruncations: 0,
      metadata: input.metadata,
      syncEpochFile: this.safeguards.syncEpochFile,
    }
    this.#checkpoint = input.checkpoint
    this.#config = input.config
    this.validator = validatorConfig(input.config)
    this.#logStartOffset = recovered.logStartOffset
    this.#highWatermark = clamp(input.highWatermark, this.#logStartOffset, this.local.logEndOffset)
    this.producerState.onHighWatermark(this.#highWatermark)
    this.#lastFlushTimeMs = input.now
    this.#checkpointedRecoveryPoint = input.recoveryPoint ?? 0
    this.#isCheckpointed = input.recoveryPoint !== undefined
    this.#lastNow = input.now
    this.cleanedUpTo = input.cleanedUpTo
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
    if (this.#offlineReason !== null) return this.#storageError(this.#offlineReason)
    try {
      return request.origin === 'client' ? appendFromClient(this, request) : appendOwn(this, request)
    } catch (error) {
      return this.#failed(error)
    }
  }

  appendAsFollower(records: Uint8Array, now: number): AppendResult {
    if (this.#offlineReason !== null) return this.#storageError(this.#offlineReason)
    try {
      return appendFromLeader(this, records, now)
    } catch (error) {
      return this.#failed(error)
    }
  }

  /** For append.ts: everything has been checked. */
  write(records: Uint8Array, first: number, next: number, now: number): void {
    writeBatches(this, records, first, next, now)
  }

  appendEndTxnMarker(marker: MarkerRequest): AppendResult {
    if (this.#offlineReason !== null) return this.#storageError(this.#offlineReason)
    try {
      return appendMarker(this, marker)
    } catch (error) {
      return this.#failed(error)
    }
  }

  /**
   * Closes the active segment, and syncs what is closed in the background. The next segment begins where this one
   * ends, also when the batch that is coming begins later: a gap between unsynced segments would look like bytes that
   * were lost.
   */
  roll(now: number, firstOffset = this.logEndOffset, lastOffset = firstOffset): void {
    const { local } = this
    this.#lastNow = now
    const before = local.active
    const fits = lastOffset - local.logEndOffset <= MAX_RELATIVE_OFFSET
    if (!fits) this.flush()
    const segment = local.roll(fits ? local.logEndOffset : firstOffset, now)
    if (segment === before) return
    this.producerState.endOffset = segment.baseOffset
    this.snapshots.write(this.producerState)
    // From the second segment on, recovery must be able to tell a gap from a loss.
    if (!this.#isCheckpointed) this.#checkpoint()
    if (fits) return this.#flushInBackground(segment.baseOffset, now, () => {})
    this.#flush.recoveryPoint = segment.baseOffset
    this.#checkpoint()
  }

  read(request: ReadRequest): ReadResult {
    this.#requireOnline()
    if (request.offset < this.#logStartOffset)
      return { slice: null, firstOffset: request.offset, nextOffset: request.offset }
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
    const afterMs = this.#config['producer.id.expiration.ms']
    this.producerState.expire(now, afterMs, this.safeguards.expireByMarkerTime)
  }

  assignLeaderEpoch(epoch: number, startOffset: number): void {
    this.epochs.assign(epoch, startOffset)
  }

  endOffsetForEpoch(epoch: number): EpochEndOffset {
    return this.epochs.endOffsetFor(epoch, this.logEndOffset, this.safeguards.epochLookupReturnsLargestEpoch)
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
      if (this.safeguards.truncateEpochCacheOnNoop) this.epochs.truncateFromEnd(offset)
      return
    }
    if (offset < this.local.segments[0].baseOffset) return this.truncateFullyAndStartAt(offset)
    this.#guard(() => {
      this.#lowerRecoveryPoint(offset)
      this.local.truncateTo(offset)
      const end = this.logEndOffset
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
      // Before the log is used again: an epoch file that outlives its log would name epochs for the next one's batches.
      this.local.pool.fs.syncDirectory(this.directory)
      this.local.directoryChanged = false
      saveEpochs(this.local, this.epochs, this.#flush)
      this.#checkpoint()
    })
  }

  #afterTruncation(end: number): void {
    this.cleanedUpTo = Math.min(this.cleanedUpTo, end)
    this.epochs.truncateFromEnd(end)
    this.#logStartOffset = Math.min(this.#logStartOffset, end)
    this.#highWatermark = clamp(this.#highWatermark, this.#logStartOffset, end)
    this.producerState.onHighWatermark(this.#highWatermark)
  }

  /**
   * Before bytes are cut off, no checkpoint may call what replaces them durable. The segment that is cut must be
   * looked at as a whole again after a crash, which may bring back what was cut.
   */
  #lowerRecoveryPoint(offset: number): void {
    const cut = this.local.segments[Math.max(0, this.local.floorIndex(offset))]
    const bound = Math.min(cut.baseOffset, offset)
    this.#flush.truncations += 1
    this.#flush.recoveryPoint = Math.min(this.#flush.recoveryPoint, bound)
    if (this.#checkpointedRecoveryPoint <= bound) return
    this.#checkpointedRecoveryPoint = bound
    this.#checkpoint()
  }

  advanceLogStart(offset: number): boolean {
    const next = Math.min(offset, this.#highWatermark)
    if (next <= this.#logStartOffset) return false
    this.#logStartOffset = next
    this.epochs.truncateFromStart(next)
    this.producerState.onHighWatermark(next)
    if (!this.safeguards.keepProducerStateOnLogStart) this.producerState.evictBelow(next)
    return true
  }

  configure(config: LogConfig): void {
    this.#config = config
    this.validator = validatorConfig(config)
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
      }),
    )
  }

  /** The recovery point as a checkpoint is about to show it: at once, or when the disk has come to it. */
  checkpointRecoveryPoint(atOnce = true): number {
    this.#checkpointedRecoveryPoint = this.#flush.recoveryPoint
    if (atOnce) this.#isCheckpointed = true
    return this.#flush.recoveryPoint
  }

  saveEpochs(): void {
    this.#guard(() => saveEpochs(this.local, this.epochs, this.#flush))
  }

  /** A failure takes nothing from the log, and is none when the log has gone meanwhile. */
  saveEpochsLater(done: (error: unknown) => void): void {
    saveEpochsLater(this.local, this.epochs, this.#flush, (error) => done(this.#offlineReason === null ? error : null))
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
      if (needsFlush(this.local, this.#flush)) flushNow(this.local, this.epochs, this.#flush)
      this.local.unlinkRetired(Infinity)
      this.local.release()
    })
  }

  goOffline(reason: string): void {
    this.#offlineReason ??= reason
  }

  #onError = (error: unknown): void => {
    if (error instanceof StorageError && this.safeguards.fenceAfterIoError) this.goOffline(error.message)
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
    return this.#storageError(error.message)
  }

  #storageError(reason: string): AppendResult {
    return refused(KafkaError.KAFKA_STORAGE_ERROR, this.#logStartOffset, reason)
  }
}

const MAX_RELATIVE_OFFSET = 0x7fffffff

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, high))
}
