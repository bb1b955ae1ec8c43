/**
 * The header of a record batch of magic 2, field by field, in place.
 *
 *   0 baseOffset int64 · 8 batchLength int32 · 12 partitionLeaderEpoch int32 · 16 magic int8 · 17 crc uint32 ·
 *   21 attributes int16 · 23 lastOffsetDelta int32 · 27 baseTimestamp int64 · 35 maxTimestamp int64 ·
 *   43 producerId int64 · 51 producerEpoch int16 · 53 baseSequence int32 · 57 recordCount int32 · 61 records
 *
 * A broker looks at these and leaves the records alone, so they are plain reads of numbers. None checks that the
 * header is there: `validateBatch` and `forEachBatch` do. The crc covers everything from the attributes on, so
 * offset and leader epoch can be set without touching it. Source: `DefaultRecordBatch`.
 */
import { crc32c } from './crc32c.ts'
import { putInt32, putInt64 } from './writer.ts'

export const BATCH_OVERHEAD = 61
/** Base offset and length: what precedes the bytes that `batchLength` counts. */
export const LOG_OVERHEAD = 12
export const MAGIC = 2

export const NO_PRODUCER_ID = -1
export const NO_PRODUCER_EPOCH = -1
export const NO_SEQUENCE = -1
export const NO_TIMESTAMP = -1
export const NO_PARTITION_LEADER_EPOCH = -1

export const EPOCH_AT = 12
export const CRC_AT = 17
export const ATTRIBUTES_AT = 21

export const COMPRESSION_MASK = 0x07
export const LOG_APPEND_TIME_FLAG = 0x08
export const TRANSACTIONAL_FLAG = 0x10
export const CONTROL_FLAG = 0x20
export const DELETE_HORIZON_FLAG = 0x40

export type TimestampType = 'createTime' | 'logAppendTime'

function int16(b: Uint8Array, at: number): number {
  return ((b[at] << 24) >> 16) | b[at + 1]
}

function int32(b: Uint8Array, at: number): number {
  return (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]
}

function int64(b: Uint8Array, at: number): number {
  return int32(b, at) * 4294967296 + (int32(b, at + 4) >>> 0)
}

export const baseOffset = (b: Uint8Array, position: number): number => int64(b, position)

/** Of the whole batch, header included. */
export const sizeInBytes = (b: Uint8Array, position: number): number => LOG_OVERHEAD + int32(b, position + 8)

export const partitionLeaderEpoch = (b: Uint8Array, position: number): number => int32(b, position + EPOCH_AT)

export const magic = (b: Uint8Array, position: number): number => (b[position + 16] << 24) >> 24

/** Unsigned. */
export const crc = (b: Uint8Array, position: number): number => int32(b, position + CRC_AT) >>> 0

export const attributes = (b: Uint8Array, position: number): number => int16(b, position + ATTRIBUTES_AT)

export const lastOffsetDelta = (b: Uint8Array, position: number): number => int32(b, position + 23)

/** The timestamp of the first record, or the delete horizon when `hasDeleteHorizon`. */
export const baseTimestamp = (b: Uint8Array, position: number): number => int64(b, position + 27)

export const maxTimestamp = (b: Uint8Array, position: number): number => int64(b, position + 35)

export const producerId = (b: Uint8Array, position: number): number => int64(b, position + 43)

export const producerEpoch = (b: Uint8Array, position: number): number => int16(b, position + 51)

export const baseSequence = (b: Uint8Array, position: number): number => int32(b, position + 53)

export const recordCount = (b: Uint8Array, position: number): number => int32(b, position + 57)

export const lastOffset = (b: Uint8Array, position: number): number => int64(b, position) + int32(b, position + 23)

export const nextOffset = (b: Uint8Array, position: number): number => lastOffset(b, position) + 1

/** Sequences are 31 bits and go round. */
export const lastSequence = (b: Uint8Array, position: number): number => {
  const base = baseSequence(b, position)
  return base < 0 ? NO_SEQUENCE : (base + lastOffsetDelta(b, position)) % 0x80000000
}

export const compressionType = (b: Uint8Array, position: number): number => b[position + 22] & COMPRESSION_MASK

export const isTransactional = (b: Uint8Array, position: number): boolean =>
  (b[position + 22] & TRANSACTIONAL_FLAG) !== 0

export const isControl = (b: Uint8Array, position: number): boolean => (b[position + 22] & CONTROL_FLAG) !== 0

export const isLogAppendTime = (b: Uint8Array, position: number): boolean =>
  (b[position + 22] & LOG_APPEND_TIME_FLAG) !== 0

export const timestampType = (b: Uint8Array, position: number): TimestampType =>
  isLogAppendTime(b, position) ? 'logAppendTime' : 'createTime'

export const hasDeleteHorizon = (b: Uint8Array, position: number): boolean =>
  (b[position + 22] & DELETE_HORIZON_FLAG) !== 0

export const hasProducerId = (b: Uint8Array, position: number): boolean => int32(b, position + 43) >= 0

export function setBaseOffset(b: Uint8Array, position: number, offset: number): void {
  putInt64(b, position, offset)
}

/** So that the last record gets `offset`. */
export function setLastOffset(b: Uint8Array, position: number, offset: number): void {
  putInt64(b, position, offset - lastOffsetDelta(b, position))
}

export function setPartitionLeaderEpoch(b: Uint8Array, position: number, epoch: number): void {
  putInt32(b, position + EPOCH_AT, epoch)
}

/** `message.timestamp.type=LogAppendTime`: every record of the batch counts as written at `timestamp`. */
export function setMaxTimestampAndLogAppendTime(b: Uint8Array, position: number, timestamp: number): void {
  b[position + 22] |= LOG_APPEND_TIME_FLAG
  putInt64(b, position + 35, timestamp)
  updateCrc(b, position)
}

export function computeCrc(b: Uint8Array, position: number): number {
  return crc32c(b, position + ATTRIBUTES_AT, position + sizeInBytes(b, position))
}

export function updateCrc(b: Uint8Array, position: number): void {
  putInt32(b, position + CRC_AT, computeCrc(b, position))
}
