/**
 * The producers of a partition: who may append what, which transactions are open, where read_committed must stop.
 *
 * State is a fold over the batches in the log: `check…` judges a batch before it is written, `apply` is the only code
 * that changes state, live and at recovery alike. Source: ProducerStateManager, ProducerAppendInfo; KIP-98, KIP-360,
 * KIP-890, KIP-1228.
 *
 * Beside Kafka 4.3, by its later rule (Z17, KAFKA-14359): the first batch of a producer this log has never seen must
 * start at sequence 0, else an earlier one that is being retried would be lost. Not so where state may have been lost
 * rather than never been: for producers that expired here, and in a log that starts past 0 without a snapshot, any
 * sequence is accepted as in Kafka 4.3.
 */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import {
  baseOffset,
  baseSequence,
  hasProducerId,
  isControl,
  isTransactional,
  iterateRecords,
  lastOffset,
  lastOffsetDelta,
  lastSequence,
  maxTimestamp,
  producerEpoch,
  producerId,
  readControlRecord,
  recordCount,
} from '@troupe/wire/record-batch'
import type { ProducerView } from './contract.ts'
import { ProducerEntry, inSequence } from './producer-entry.ts'

/** A transaction whose marker is in the log. */
export interface CompletedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly aborted: boolean
  /** Every transaction that began below this is decided. */
  readonly lastStableOffset: number
}

export interface ProducerChecks {
  /** Sequences are checked for clients only: coordinators write without. */
  readonly origin: 'client' | 'coordinator'
  readonly transactionVerified: boolean
  readonly requireZeroFirstSequence: boolean
}

export interface MarkerChecks {
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly transactionVersion: number
  readonly strictMarkerEpoch: boolean
  readonly acceptRepeatedMarker: boolean
}

const NONE = KafkaError.NONE
const EXPIRED_TO_REMEMBER = 10_000

export class ProducerState {
  private readonly producers = new Map<number, ProducerEntry>()
  /**
   * First offset → producer of the open transactions; in the order of the offsets, because they only ever open at the
   * end.
   */
  private readonly ongoing = new Map<number, number>()
  /** Completed, but their marker is not below the high watermark yet: a consumer must not pass them. */
  private unreplicated: { firstOffset: number; lastOffset: number }[] = []
  private expired = new Set<number>()
  /** The log once held producers that nothing here tells of. */
  incomplete = false
  /** Offset up to which the log has been applied. */
  endOffset = 0
  private firstUnstable = Infinity

  /** Shares nothing with this one: a model checker goes on from here in several ways. */
  clone(): ProducerState {
    const copy = new ProducerState()
    for (const [id, entry] of this.producers) copy.producers.set(id, entry.clone())
    for (const [first, id] of this.ongoing) copy.ongoing.set(first, id)
    copy.unreplicated = this.unreplicated.slice()
    copy.expired = new Set(this.expired)
    copy.incomplete = this.incomplete
    copy.endOffset = this.endOffset
    copy.firstUnstable = this.firstUnstable
    return copy
  }

  get size(): number {
    return this.producers.size
  }

  get entries(): Iterable<ProducerEntry> {
    return this.producers.values()
  }

  get(id: number): ProducerEntry | undefined {
    return this.producers.get(id)
  }

  /**
   * First offset of the oldest transaction that is open, or whose marker is not replicated; Infinity if there is
   * none.
   */
  get firstUnstableOffset(): number {
    return this.firstUnstable
  }

  hasOngoing(id: number, epoch: number): boolean {
    const entry = this.producers.get(id)
    return entry !== undefined && entry.currentTxnFirstOffset >= 0 && entry.epoch === epoch
  }

  clear(endOffset: number): void {
    this.producers.clear()
    this.ongoing.clear()
    this.unreplicated = []
    this.firstUnstable = Infinity
    this.endOffset = endOffset
  }

  load(entries: readonly ProducerEntry[], endOffset: number): void {
    this.clear(endOffset)
    const open = entries.filter((entry) => entry.currentTxnFirstOffset >= 0)
    open.sort((a, b) => a.currentTxnFirstOffset - b.currentTxnFirstOffset)
    for (const entry of entries) this.producers.set(entry.producerId, entry)
    for (const entry of open) this.ongoing.set(entry.currentTxnFirstOffset, entry.producerId)
    this.updateFirstUnstable()
  }

  /** Slot of the original among the producer's remembered batches (or only the last), −1 if this is none of them. */
  findDuplicate(bytes: Uint8Array, at: number, amongFive = true): number {
    const entry = this.producers.get(producerId(bytes, at))
    if (!entry) return -1
    return entry.findDuplicate(producerEpoch(bytes, at), baseSequence(bytes, at), lastSequence(bytes, at), amongFive)
  }

  /** Judges a data batch that carries a producer id. */
  check(bytes: Uint8Array, at: number, checks: ProducerChecks): ErrorCode {
    const id = producerId(bytes, at)
    const epoch = producerEpoch(bytes, at)
    const entry = this.producers.get(id)
    const transactional = isTransactional(bytes, at)
    if (transactional && !checks.transactionVerified && !this.hasOngoing(id, epoch)) return KafkaError.INVALID_TXN_STATE
    if (entry !== undefined && epoch < entry.epoch) return KafkaError.INVALID_PRODUCER_EPOCH
    if (checks.origin === 'client') {
      const first = baseSequence(bytes, at)
      if (!this.sequenceFits(id, entry, epoch, first, checks)) return KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER
    }
    if (entry !== undefined && entry.currentTxnFirstOffset >= 0 && !transactional) return KafkaError.INVALID_TXN_STATE
    return NONE
  }

  private sequenceFits(
    id: number,
    entry: ProducerEntry | undefined,
    epoch: number,
    first: number,
    checks: ProducerChecks,
  ): boolean {
    if (entry === undefined || entry.epoch < 0) {
      if (first === 0 || !checks.requireZeroFirstSequence) return true
      return this.incomplete || this.expired.has(id)
    }
    if (epoch !== entry.epoch) return first === 0
    return inSequence(entry.lastSequence, first)
  }

  /** Judges a marker before it is written. */
  checkMarker(marker: MarkerChecks): ErrorCode {
    const entry = this.producers.get(marker.producerId)
    if (entry === undefined) return NONE
    if (marker.producerEpoch < entry.epoch) return KafkaError.INVALID_PRODUCER_EPOCH
    // From transaction version 2 on, the epoch rises with each transaction: an equal one with a transaction open
    // belongs to the transaction before it. With none open it is the same marker again, which is no error (KIP-1228,
    // KAFKA-19999).
    if (
      marker.strictMarkerEpoch &&
      marker.transactionVersion >= 2 &&
      marker.producerEpoch === entry.epoch &&
      (entry.currentTxnFirstOffset >= 0 || !marker.acceptRepeatedMarker)
    )
      return KafkaError.INVALID_PRODUCER_EPOCH
    if (entry.coordinatorEpoch > marker.coordinatorEpoch) return KafkaError.TRANSACTION_COORDINATOR_FENCED
    return NONE
  }

  /** Takes a batch that is in the log. Returns the transaction it ended, which `complete` then closes. */
  apply(bytes: Uint8Array, at: number): CompletedTransaction | null {
    const next = lastOffset(bytes, at) + 1
    let completed: CompletedTransaction | null = null
    if (hasProducerId(bytes, at)) {
      if (isControl(bytes, at)) completed = this.applyMarker(bytes, at)
      else this.applyData(bytes, at)
    }
    this.endOffset = next
    return completed
  }

  private entryOf(id: number): ProducerEntry {
    let entry = this.producers.get(id)
    if (entry === undefined) {
      entry = new ProducerEntry(id)
      this.producers.set(id, entry)
    }
    return entry
  }

  private applyData(bytes: Uint8Array, at: number): void {
    const entry = this.entryOf(producerId(bytes, at))
    const first = baseOffset(bytes, at)
    entry.addBatch(
      producerEpoch(bytes, at),
      lastSequence(bytes, at),
      lastOffset(bytes, at),
      lastOffsetDelta(bytes, at),
      maxTimestamp(bytes, at),
    )
    if (entry.currentTxnFirstOffset < 0 && isTransactional(bytes, at)) {
      entry.currentTxnFirstOffset = first
      this.ongoing.set(first, entry.producerId)
      if (first < this.firstUnstable) this.firstUnstable = first
    }
  }

  private applyMarker(bytes: Uint8Array, at: number): CompletedTransaction | null {
    // A marker whose record was compacted away: the whole transaction is gone.
    if (recordCount(bytes, at) === 0) return null
    const record = iterateRecords(bytes, at).next().value
    if (!record) return null
    const marker = readControlRecord(record)
    // Kinds that later versions may add end nothing.
    if (marker.type !== 'commit' && marker.type !== 'abort') return null
    const entry = this.entryOf(producerId(bytes, at))
    const firstOffset = entry.currentTxnFirstOffset
    entry.setEpoch(producerEpoch(bytes, at))
    entry.coordinatorEpoch = marker.coordinatorEpoch
    entry.currentTxnFirstOffset = -1
    // The marker's time, not the data's, decides when the producer expires (KAFKA-9144).
    entry.lastTimestamp = record.timestamp
    if (firstOffset < 0) return null
    return {
      producerId: entry.producerId,
      firstOffset,
      lastOffset: baseOffset(bytes, at),
      aborted: marker.type === 'abort',
      lastStableOffset: this.firstOngoingExcept(firstOffset) ?? baseOffset(bytes, at) + 1,
    }
  }

  private firstOngoingExcept(offset: number): number | undefined {
    for (const first of this.ongoing.keys()) if (first !== offset) return first
    return undefined
  }

  /** The transaction's marker (and its index entry) are in the log. */
  complete({ firstOffset, lastOffset: last }: CompletedTransaction): void {
    this.ongoing.delete(firstOffset)
    this.unreplicated.push({ firstOffset, lastOffset: last })
    this.updateFirstUnstable()
  }

  /** Markers below the high watermark are decided for good. */
  onHighWatermark(highWatermark: number): void {
    if (this.unreplicated.length === 0) return
    const rest = this.unreplicated.filter((transaction) => transaction.lastOffset >= highWatermark)
    if (rest.length === this.unreplicated.length) return
    this.unreplicated = rest
    this.updateFirstUnstable()
  }

  private updateFirstUnstable(): void {
    let first = this.firstOngoingExcept(-1) ?? Infinity
    for (const { firstOffset } of this.unreplicated) if (firstOffset < first) first = firstOffset
    this.firstUnstable = first
  }

  /** Producers with an open transaction stay. */
  expire(now: number, afterMs: number, byMarkerTime = true): void {
    for (const entry of this.producers.values()) {
      const last = byMarkerTime ? entry.lastTimestamp : entry.lastDataTimestamp
      if (entry.currentTxnFirstOffset >= 0 || now - last < afterMs) continue
      this.producers.delete(entry.producerId)
      this.rememberExpired(entry.producerId)
    }
  }

  /** As Kafka did before KIP-360: forgets producers whose last batch was deleted with the start of the log. */
  evictBelow(logStartOffset: number): void {
    for (const entry of this.producers.values()) {
      if (entry.currentTxnFirstOffset < 0 && entry.lastDataOffset < logStartOffset)
        this.producers.delete(entry.producerId)
    }
  }

  private rememberExpired(id: number): void {
    this.expired.add(id)
    if (this.expired.size <= EXPIRED_TO_REMEMBER) return
    for (const oldest of this.expired) {
      this.expired.delete(oldest)
      return
    }
  }

  views(): ProducerView[] {
    return [...this.producers.values()].map((entry) => ({
      producerId: entry.producerId,
      producerEpoch: entry.epoch,
      lastSequence: entry.lastSequence,
      lastTimestamp: entry.lastTimestamp,
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTransactionStartOffset: entry.currentTxnFirstOffset,
    }))
  }
}
