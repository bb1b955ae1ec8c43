/**
 * A partition's log without files: the batches in an array, in plain sight, cheap to copy and to hash.
 *
 * Only the model checker uses it. Everything that judges lives in `@troupe/log` and is used as it is: the rules of
 * append, the leader-epoch cache, the producers' state. What is left here is where the bytes lie. It behaves like
 * `PartitionLog` with one segment that is never full; a property test holds the two against each other.
 */
import { allSafeguards } from '@troupe/actor'
import {
  appendFromClient,
  appendFromLeader,
  appendMarker,
  appendOwn,
  type AppendTarget,
  type MarkerRequest,
} from '@troupe/log/append'
import { refused } from '@troupe/log/append-result'
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
} from '@troupe/log/contract'
import { StorageError } from '@troupe/log/file-system'
import { LeaderEpochCache } from '@troupe/log/leader-epoch-cache'
import type { LogSafeguards } from '@troupe/log/partition-log'
import { decodeSnapshot, encodeSnapshot } from '@troupe/log/producer-snapshot'
import { ProducerState } from '@troupe/log/producer-state'
import type { AbortedEntry } from '@troupe/log/transaction-index'
import { validatorConfig, type ValidatorConfig } from '@troupe/log/validator'
import { KafkaError } from '@troupe/wire/errors'
import { sizeInBytes } from '@troupe/wire/record-batch'
import { batchAt, BytesSlice, concat, firstRecord, type IdealBatch } from './ideal-batch.ts'

export type { IdealBatch } from './ideal-batch.ts'

/** What the checkpoint files and the files beside the log would say. */
export interface IdealCheckpoint {
  readonly recoveryPoint: number
  readonly highWatermark: number
  readonly logStartOffset: number
}

const NOTHING_CHECKPOINTED: IdealCheckpoint = { recoveryPoint: 0, highWatermark: 0, logStartOffset: 0 }

export interface IdealLogInput {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly config: LogConfig
  readonly safeguards?: LogSafeguards
  readonly now: number
}

export class IdealLog implements Log, AppendTarget {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  safeguards: LogSafeguards
  config: LogConfig
  validator: ValidatorConfig
  batches: IdealBatch[] = []
  /** Where the one segment begins: the log start may have moved on within it. */
  segmentBase = 0
  logStartOffset = 0
  logEndOffset = 0
  highWatermark = 0
  recoveryPoint = 0
  /** Batches below are synced and were not cut off since: a power loss cannot take them. */
  syncedOffset = 0
  lastFlushTimeMs: number
  offlineReason: string | null = null
  epochs = new LeaderEpochCache()
  producerState = new ProducerState()
  /** Ascending by offset; as in `SnapshotFiles`. */
  snapshots: { readonly offset: number; readonly bytes: Uint8Array }[] = []
  /** The transaction index. */
  aborted: AbortedEntry[] = []
  checkpointed: IdealCheckpoint = NOTHING_CHECKPOINTED

  constructor({ topic, topicId, partition, config, safeguards, now }: IdealLogInput) {
    this.topic = topic
    this.topicId = topicId
    this.partition = partition
    this.config = config
    this.validator = validatorConfig(config)
    this.safeguards = safeguards ?? allSafeguards
    this.lastFlushTimeMs = now
  }

  /** Shares only what never changes. */
  clone(): IdealLog {
    const copy = new IdealLog({ ...this, now: this.lastFlushTimeMs })
    copy.batches = this.batches.slice()
    copy.segmentBase = this.segmentBase
    copy.logStartOffset = this.logStartOffset
    copy.logEndOffset = this.logEndOffset
    copy.highWatermark = this.highWatermark
    copy.recoveryPoint = this.recoveryPoint
    copy.syncedOffset = this.syncedOffset
    copy.offlineReason = this.offlineReason
    copy.epochs = this.epochs.clone()
    copy.producerState = this.producerState.clone()
    copy.snapshots = this.snapshots.slice()
    copy.aborted = this.aborted.slice()
    copy.checkpointed = this.checkpointed
    return copy
  }

  get directory(): string {
    return `/ideal/${this.topic}-${this.partition}`
  }

  get lastStableOffset(): number {
    return Math.min(this.highWatermark, Math.max(this.producerState.firstUnstableOffset, this.logStartOffset))
  }

  get sizeInBytes(): number {
    return this.batches.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  get latestEpoch(): number {
    return this.epochs.latestEpoch
  }

  get unflushedMessages(): number {
    return this.logEndOffset - this.recoveryPoint
  }

  setHighWatermark(offset: number): boolean {
    const next = clamp(offset, this.logStartOffset, this.logEndOffset)
    if (next <= this.highWatermark) return false
    this.highWatermark = next
    this.producerState.onHighWatermark(next)
    return true
  }

  append(request: AppendRequest): AppendResult {
    if (this.offlineReason !== null) return this.storageError()
    // Offsets are set in place, and other worlds may hold on to what the client sent.
    const own = { ...request, records: request.records.slice() }
    return request.origin === 'client' ? appendFromClient(this, own) : appendOwn(this, own)
  }

  appendAsFollower(records: Uint8Array, now: number): AppendResult {
    return this.offlineReason !== null ? this.storageError() : appendFromLeader(this, records, now)
  }

  appendEndTxnMarker(marker: MarkerRequest): AppendResult {
    return this.offlineReason !== null ? this.storageError() : appendMarker(this, marker)
  }

  /** For the rules of append: everything has been checked. */
  write(records: Uint8Array, _first: number, next: number, _now: number): void {
    for (let at = 0; at < records.length; at += sizeInBytes(records, at)) this.take(batchAt(records, at))
    this.logEndOffset = next
  }

  private take(batch: IdealBatch): void {
    this.batches.push(batch)
    this.logEndOffset = batch.lastOffset + 1
    if (batch.epoch > this.epochs.latestEpoch) this.epochs.assign(batch.epoch, batch.baseOffset)
    const completed = this.producerState.apply(batch.bytes, 0)
    if (completed === null) return
    if (completed.aborted) this.aborted.push(completed)
    this.producerState.complete(completed)
  }

  read({ offset, maxBytes, minOneBatch, upTo }: ReadRequest): ReadResult {
    this.requireOnline()
    const end = Math.min(upTo, this.logEndOffset)
    const nothing: ReadResult = { slice: null, firstOffset: offset, nextOffset: offset }
    if (offset < this.logStartOffset || offset >= end || (maxBytes <= 0 && !minOneBatch)) return nothing
    const first = this.batches.findIndex((batch) => batch.lastOffset >= offset)
    let last = first
    let size = 0
    for (; last >= 0 && last < this.batches.length; last++) {
      const { bytes, lastOffset: ends } = this.batches[last]
      if (ends >= end || (size + bytes.length > maxBytes && !(minOneBatch && last === first))) break
      size += bytes.length
    }
    if (size === 0) return nothing
    const found = this.batches.slice(first, last)
    const isAll = last === this.batches.length || this.batches[last].lastOffset >= end
    return {
      slice: new BytesSlice(found.length === 1 ? found[0].bytes : concat(found, size)),
      firstOffset: found[0].baseOffset,
      nextOffset: isAll ? end : this.batches[last].baseOffset,
    }
  }

  abortedTransactions(from: number, to: number): AbortedTransaction[] {
    this.requireOnline()
    return this.aborted.filter((entry) => entry.lastOffset >= from && entry.firstOffset < to)
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
    this.producerState.expire(now, this.config['producer.id.expiration.ms'])
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

  offsetForTimestamp(timestamp: number, upTo: number): ReturnType<Log['offsetForTimestamp']> {
    this.requireOnline()
    for (const batch of this.batches) {
      if (batch.maxTimestamp < timestamp || batch.lastOffset < this.logStartOffset) continue
      const found = firstRecord(batch, (each) => each.timestamp >= timestamp && each.offset >= this.logStartOffset)
      if (found) return found.offset < upTo ? found : null
    }
    return null
  }

  offsetOfMaxTimestamp(): ReturnType<Log['offsetOfMaxTimestamp']> {
    this.requireOnline()
    let youngest: IdealBatch | null = null
    for (const batch of this.batches) if (batch.maxTimestamp > (youngest?.maxTimestamp ?? -1)) youngest = batch
    if (youngest === null) return null
    const { maxTimestamp: timestamp } = youngest
    return firstRecord(youngest, (each) => each.timestamp === timestamp)
  }

  truncateTo(offset: number): void {
    this.requireOnline()
    if (offset >= this.logEndOffset) {
      if (this.safeguards.truncateEpochCacheOnNoop) this.epochs.truncateFromEnd(offset)
      return
    }
    if (offset < this.segmentBase) return this.truncateFullyAndStartAt(offset)
    this.lowerRecoveryPoint(offset)
    const cut = this.batches.find((batch) => batch.lastOffset >= offset)
    this.batches = this.batches.filter((batch) => batch.lastOffset < offset)
    this.logEndOffset = Math.min(offset, cut?.baseOffset ?? offset)
    this.aborted = this.aborted.filter((entry) => entry.lastOffset < this.logEndOffset)
    this.snapshots = this.snapshots.filter((snapshot) => snapshot.offset <= this.logEndOffset)
    this.rebuildProducers()
    this.afterTruncation()
  }

  truncateFullyAndStartAt(offset: number): void {
    this.requireOnline()
    this.lowerRecoveryPoint(offset)
    this.batches = []
    this.aborted = []
    this.snapshots = []
    this.segmentBase = offset
    this.logEndOffset = offset
    this.logStartOffset = offset
    this.recoveryPoint = offset
    this.syncedOffset = offset
    this.epochs.clear()
    this.producerState.clear(offset)
    this.producerState.incomplete = offset > 0
    this.afterTruncation()
    this.checkpointOffsets()
  }

  private afterTruncation(): void {
    this.epochs.truncateFromEnd(this.logEndOffset)
    this.logStartOffset = Math.min(this.logStartOffset, this.logEndOffset)
    this.highWatermark = clamp(this.highWatermark, this.logStartOffset, this.logEndOffset)
    this.producerState.onHighWatermark(this.highWatermark)
  }

  private lowerRecoveryPoint(offset: number): void {
    const bound = Math.min(this.segmentBase, offset)
    this.syncedOffset = Math.min(this.syncedOffset, offset)
    this.recoveryPoint = Math.min(this.recoveryPoint, bound)
    if (this.checkpointed.recoveryPoint > bound) this.checkpointOffsets()
  }

  /**
   * As recovery does: the newest snapshot, then the batches behind it; all of a segment that has to be looked at again,
   * also below the log's start.
   */
  private rebuildProducers(isSuspect = false): void {
    const producers = this.producerState
    const snapshot = this.snapshots.at(-1)
    const from = Math.max(snapshot?.offset ?? this.logStartOffset, this.segmentBase)
    producers.load(snapshot === undefined ? [] : (decodeSnapshot(snapshot.bytes) ?? []), from)
    producers.incomplete = snapshot === undefined && from > 0
    for (const batch of this.batches) {
      if (batch.baseOffset < from && !isSuspect) continue
      const completed = producers.apply(batch.bytes, 0)
      if (completed) producers.complete(completed)
    }
    producers.endOffset = Math.max(this.logEndOffset, from)
  }

  advanceLogStart(offset: number): boolean {
    const next = Math.min(offset, this.highWatermark)
    if (next <= this.logStartOffset) return false
    this.logStartOffset = next
    this.epochs.truncateFromStart(next)
    this.producerState.onHighWatermark(next)
    if (!this.safeguards.keepProducerStateOnLogStart) this.producerState.evictBelow(next)
    return true
  }

  configure(config: LogConfig): void {
    this.config = config
    this.validator = validatorConfig(config)
  }

  /** The one segment goes as a whole, when all of it is committed and due. */
  applyRetention(now: number): number {
    this.requireOnline()
    const last = this.batches.at(-1)
    if (last === undefined || this.logEndOffset > this.highWatermark) return 0
    const { 'retention.ms': ms, 'retention.bytes': bytes, 'cleanup.policy': policy } = this.config
    const youngest = this.batches.reduce((time, batch) => Math.max(time, batch.maxTimestamp), -1)
    const isDue = policy.includes('delete') && ((ms >= 0 && now - youngest > ms) || bytes === 0)
    if (!isDue && this.logStartOffset < this.logEndOffset) return 0
    this.writeSnapshot()
    if (this.checkpointed === NOTHING_CHECKPOINTED) this.checkpointOffsets()
    this.batches = []
    this.aborted = []
    this.segmentBase = this.logEndOffset
    this.syncedOffset = this.logEndOffset
    this.recoveryPoint = this.logEndOffset
    this.advanceLogStart(this.logEndOffset)
    return 1
  }

  writeSnapshot(): void {
    const { endOffset: offset, entries, size } = this.producerState
    if (offset === 0 || this.snapshots.some((each) => each.offset === offset)) return
    this.snapshots.push({ offset, bytes: encodeSnapshot(entries, size) })
  }

  flush(): void {
    this.requireOnline()
    this.recoveryPoint = this.logEndOffset
    this.syncedOffset = this.logEndOffset
    this.epochs.saved(this.epochs.version)
  }

  /** The disk is as fast as thought: it is done at once. */
  flushLater(now: number, done: (error: string | null) => void): void {
    if (this.offlineReason !== null) return done(this.offlineReason)
    this.lastFlushTimeMs = now
    this.flush()
    done(null)
  }

  segments(): { baseOffset: number; sizeInBytes: number; largestTimestamp: number }[] {
    const largestTimestamp = this.batches.reduce((time, batch) => Math.max(time, batch.maxTimestamp), -1)
    return [{ baseOffset: this.segmentBase, sizeInBytes: this.sizeInBytes, largestTimestamp }]
  }

  close(): void {
    if (this.offlineReason !== null) return
    this.writeSnapshot()
    if (this.logEndOffset > 0) this.flush()
  }

  /** recovery-point- and log-start-offset-checkpoint. */
  checkpointOffsets(): void {
    const { recoveryPoint, logStartOffset } = this
    this.checkpointed = { ...this.checkpointed, recoveryPoint, logStartOffset }
  }

  /** All three checkpoint files. */
  checkpoint(): void {
    const { recoveryPoint, logStartOffset, highWatermark } = this
    this.checkpointed = { recoveryPoint, logStartOffset, highWatermark }
  }

  /**
   * What the next start makes of the files. `keep`: batches at or past it are lost (a power failure; what was synced
   * stays in any case). After a clean stop nothing is looked at again.
   */
  recover(clean: boolean, keep: number, now: number): void {
    const bound = Math.max(keep, this.syncedOffset)
    this.batches = this.batches.filter((batch) => batch.lastOffset < bound || batch.baseOffset < this.syncedOffset)
    this.offlineReason = null
    this.lastFlushTimeMs = now
    this.logEndOffset = (this.batches.at(-1)?.lastOffset ?? this.segmentBase - 1) + 1
    const { recoveryPoint, logStartOffset, highWatermark } = this.checkpointed
    if (!clean) {
      // Snapshots are never synced.
      const survives = keep === Infinity ? this.segmentBase : -1
      this.snapshots = this.snapshots.filter((snapshot) => snapshot.offset <= survives)
      this.epochs.truncateFromEnd(this.segmentBase)
      for (const batch of this.batches) {
        if (batch.epoch > this.epochs.latestEpoch) this.epochs.assign(batch.epoch, batch.baseOffset)
      }
    }
    if (this.logEndOffset < logStartOffset) return this.startAgainAt(logStartOffset)
    this.logStartOffset = Math.max(logStartOffset, this.segmentBase)
    this.recoveryPoint = clean ? this.logEndOffset : Math.min(recoveryPoint, this.logEndOffset)
    if (this.batches.length === 0) this.epochs.clear()
    this.epochs.truncateFromEnd(this.logEndOffset)
    this.epochs.truncateFromStart(this.logStartOffset)
    this.aborted = this.aborted.filter((entry) => entry.lastOffset < this.logEndOffset)
    this.highWatermark = clamp(highWatermark, this.logStartOffset, this.logEndOffset)
    this.rebuildProducers(!clean)
    this.producerState.onHighWatermark(this.highWatermark)
  }

  /** The data is gone, the promise about where the log starts is not. */
  private startAgainAt(offset: number): void {
    this.truncateFullyAndStartAt(offset)
  }

  private requireOnline(): void {
    if (this.offlineReason !== null) throw new StorageError('EIO', this.directory, `offline: ${this.offlineReason}`)
  }

  private storageError(): AppendResult {
    return refused(KafkaError.KAFKA_STORAGE_ERROR, this.logStartOffset, this.offlineReason ?? '')
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, high))
}
