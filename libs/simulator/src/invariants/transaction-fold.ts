/**
 * Producers and transactions as the batches of a log tell of them, computed in the plainest way: what a log keeps in
 * state and indexes must be the same.
 */
import { readControlRecord } from '@troupe/wire/record-batch'
import { decode, type StoredBatch } from './log-ghost.ts'

export interface FoldedProducer {
  producerId: number
  epoch: number
  /** −1 after a marker of a new epoch. */
  lastSequence: number
  lastTimestamp: number
  coordinatorEpoch: number
  /** −1: none is open. */
  openSince: number
}

export interface FoldedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** Of the marker. */
  readonly lastOffset: number
}

export interface Fold {
  readonly producers: ReadonlyMap<number, FoldedProducer>
  readonly aborted: readonly FoldedTransaction[]
  readonly committed: readonly FoldedTransaction[]
}

export function foldTransactions(batches: readonly StoredBatch[]): Fold {
  const producers = new Map<number, FoldedProducer>()
  const aborted: FoldedTransaction[] = []
  const committed: FoldedTransaction[] = []
  for (const stored of batches) {
    const batch = decode(stored)
    if (batch.producerId < 0) continue
    if (!batch.isControl) {
      const producer = entryOf(producers, batch.producerId)
      producer.epoch = batch.producerEpoch
      producer.lastSequence = (batch.baseSequence + batch.lastOffsetDelta) % 2 ** 31
      producer.lastTimestamp = batch.maxTimestamp
      if (batch.isTransactional && producer.openSince < 0) producer.openSince = batch.baseOffset
      continue
    }
    const [record] = batch.records
    if (record === undefined) continue
    const marker = readControlRecord(record)
    if (marker.type !== 'commit' && marker.type !== 'abort') continue
    const producer = entryOf(producers, batch.producerId)
    if (producer.epoch !== batch.producerEpoch) producer.lastSequence = -1
    producer.epoch = batch.producerEpoch
    producer.lastTimestamp = record.timestamp
    producer.coordinatorEpoch = marker.coordinatorEpoch
    if (producer.openSince < 0) continue
    const { producerId, openSince: firstOffset } = producer
    const ended = marker.type === 'abort' ? aborted : committed
    ended.push({ producerId, firstOffset, lastOffset: batch.baseOffset })
    producer.openSince = -1
  }
  return { producers, aborted, committed }
}

function entryOf(producers: Map<number, FoldedProducer>, producerId: number): FoldedProducer {
  let entry = producers.get(producerId)
  if (entry === undefined) {
    entry = { producerId, epoch: -1, lastSequence: -1, lastTimestamp: -1, coordinatorEpoch: -1, openSince: -1 }
    producers.set(producerId, entry)
  }
  return entry
}
