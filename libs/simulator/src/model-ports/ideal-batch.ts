/** A batch of the ideal log, made from its bytes once and shared by all worlds; and reading some of them. */
import type { Slice } from '@troupe/actor'
import type { Log } from '@troupe/log/contract'
import {
  baseOffset,
  baseSequence,
  hasProducerId,
  isControl,
  isTransactional,
  iterateRecords,
  lastOffset,
  maxTimestamp,
  partitionLeaderEpoch,
  producerEpoch,
  producerId,
  sizeInBytes,
  type DecodedRecord,
} from '@troupe/wire/record-batch'

/** One batch as it lies in the log. Never changed: worlds share it. */
export interface IdealBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly epoch: number
  readonly maxTimestamp: number
  readonly isControl: boolean
  readonly isTransactional: boolean
  /** −1 without one. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly bytes: Uint8Array
  /** Of the bytes, offset and epoch included. */
  readonly digest: number
}

export class BytesSlice implements Slice {
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
  get sizeInBytes(): number {
    return this.bytes.length
  }
  readInto(target: Uint8Array, at: number): number {
    target.set(this.bytes, at)
    return this.bytes.length
  }
}

export function batchAt(records: Uint8Array, at: number): IdealBatch {
  const bytes = records.slice(at, at + sizeInBytes(records, at))
  const hasProducer = hasProducerId(bytes, 0)
  return {
    baseOffset: baseOffset(bytes, 0),
    lastOffset: lastOffset(bytes, 0),
    epoch: partitionLeaderEpoch(bytes, 0),
    maxTimestamp: maxTimestamp(bytes, 0),
    isControl: isControl(bytes, 0),
    isTransactional: isTransactional(bytes, 0),
    producerId: hasProducer ? producerId(bytes, 0) : -1,
    producerEpoch: hasProducer ? producerEpoch(bytes, 0) : -1,
    baseSequence: hasProducer ? baseSequence(bytes, 0) : -1,
    bytes,
    digest: digestOf(bytes),
  }
}

/** FNV-1a with a last stir. */
function digestOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}

export function concat(batches: readonly IdealBatch[], size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const batch of batches) {
    bytes.set(batch.bytes, at)
    at += batch.bytes.length
  }
  return bytes
}

export function firstRecord(
  batch: IdealBatch,
  fits: (record: DecodedRecord) => boolean,
): ReturnType<Log['offsetForTimestamp']> {
  for (const record of iterateRecords(batch.bytes, 0)) {
    if (fits(record)) return { offset: record.offset, timestamp: record.timestamp, leaderEpoch: batch.epoch }
  }
  return null
}
