/**
 * What the T rules of the catalogue look at: the batches of each partition, the records of `__transaction_state`, and
 * what the clients asked for and were told. A model checker and a timed cluster build the same view.
 *
 * Values name the transaction they were sent in: `c1.2.p0` is of attempt `c1.2`, whatever producer id, epoch or
 * coordinator it met. That is the ghost state: no actor reads it.
 */
import { iterateRecords, readBatchHeader, readControlRecord } from '@troupe/wire/record-batch'

export interface TxnBatch {
  readonly offset: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly kind: 'data' | 'commit' | 'abort'
  /** Of a marker; −1 of data. */
  readonly coordinatorEpoch: number
  readonly values: readonly string[]
}

export interface TxnPartition {
  /** `topic:partition`, as in `TxnRecord.partitions`. */
  readonly name: string
  /** Transactional batches and markers, in order of offset. */
  readonly batches: readonly TxnBatch[]
  readonly highWatermark: number
  readonly lastStableOffset: number
}

/** One record of `__transaction_state`, a tombstone with state `DEAD`. */
export interface TxnRecord {
  readonly transactionalId: string
  readonly state: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly partitions: readonly string[]
  readonly clientVersion: number
}

/** One transaction as its producer sees it. */
export interface TxnAttempt {
  readonly id: string
  /** What was asked of EndTxn; null before. */
  readonly asked: 'commit' | 'abort' | null
  /** What EndTxn has said was done; null while nothing, or nothing certain, was said. */
  readonly told: 'commit' | 'abort' | null
  /** Values that a partition has acknowledged. */
  readonly acked: readonly string[]
}

/** A producer id and epoch that a client was given by InitProducerId, and where the logs ended at that moment. */
export interface TxnOwner {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly ends: Readonly<Record<string, number>>
}

export interface TransactionsView {
  readonly partitions: readonly TxnPartition[]
  readonly records: readonly TxnRecord[]
  readonly attempts: readonly TxnAttempt[]
  readonly owners: readonly TxnOwner[]
  /** Every (producer id, epoch) that any answer has named to a client. */
  readonly told: readonly { readonly producerId: number; readonly producerEpoch: number }[]
}

export type Fate = 'committed' | 'aborted' | 'open'

export interface OpenTransaction {
  readonly producerId: number
  readonly producerEpoch: number
  readonly firstOffset: number
}

export interface PartitionFold {
  /** By value. */
  readonly fates: ReadonlyMap<string, Fate>
  /** By producer id. */
  readonly open: ReadonlyMap<number, OpenTransaction>
  readonly ended: readonly { readonly producerId: number; readonly firstOffset: number; readonly marker: TxnBatch }[]
}

export function attemptOf(value: string): string {
  return value.slice(0, value.lastIndexOf('.'))
}

const folds = new WeakMap<readonly TxnBatch[], PartitionFold>()

/** What the batches say, in the plainest way. */
export function foldPartition({ batches }: TxnPartition): PartitionFold {
  const known = folds.get(batches)
  if (known !== undefined) return known
  const fates = new Map<string, Fate>()
  const open = new Map<number, OpenTransaction & { readonly values: string[] }>()
  const ended: { producerId: number; firstOffset: number; marker: TxnBatch }[] = []
  for (const batch of batches) {
    const { producerId, producerEpoch } = batch
    const current = open.get(producerId)
    if (batch.kind === 'data') {
      for (const value of batch.values) fates.set(value, 'open')
      if (current !== undefined) current.values.push(...batch.values)
      else open.set(producerId, { producerId, producerEpoch, firstOffset: batch.offset, values: [...batch.values] })
      // The newest epoch is the one whose transaction this claims to be.
      if (current !== undefined && producerEpoch > current.producerEpoch)
        open.set(producerId, { ...current, producerEpoch })
    } else if (current !== undefined) {
      for (const value of current.values) fates.set(value, batch.kind === 'commit' ? 'committed' : 'aborted')
      ended.push({ producerId, firstOffset: current.firstOffset, marker: batch })
      open.delete(producerId)
    }
  }
  const fold: PartitionFold = { fates, open, ended }
  folds.set(batches, fold)
  return fold
}

/** A batch's bytes as the rules see it; null when it has no producer or is no part of a transaction. */
export function txnBatch(
  bytes: Uint8Array,
  valueOf: (key: Uint8Array | null, value: Uint8Array | null) => string | null,
) {
  const header = readBatchHeader(bytes, 0)
  if (header.producerId < 0 || (!header.isTransactional && !header.isControl)) return null
  const { producerId, producerEpoch, baseOffset: offset } = header
  if (header.isControl) {
    for (const record of iterateRecords(bytes, 0)) {
      const marker = readControlRecord(record)
      if (marker.type !== 'commit' && marker.type !== 'abort') continue
      const { type: kind, coordinatorEpoch } = marker
      return { offset, producerId, producerEpoch, kind, coordinatorEpoch, values: [] } satisfies TxnBatch
    }
    return null
  }
  const values: string[] = []
  for (const { key, value } of iterateRecords(bytes, 0)) {
    const name = valueOf(key, value)
    if (name !== null) values.push(name)
  }
  return { offset, producerId, producerEpoch, kind: 'data', coordinatorEpoch: -1, values } satisfies TxnBatch
}
