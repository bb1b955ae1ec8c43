/** Writing a batch of magic 2. Source: `MemoryRecordsBuilder`, `DefaultRecordBatch.writeHeader`. */
import {
  ATTRIBUTES_AT,
  BATCH_OVERHEAD,
  CONTROL_FLAG,
  CRC_AT,
  DELETE_HORIZON_FLAG,
  LOG_APPEND_TIME_FLAG,
  LOG_OVERHEAD,
  MAGIC,
  NO_PARTITION_LEADER_EPOCH,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  NO_SEQUENCE,
  NO_TIMESTAMP,
  TRANSACTIONAL_FLAG,
  type TimestampType,
} from './batch-header.ts'
import type { RecordHeader } from './batch-read.ts'
import { compress } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { WireError } from './wire-error.ts'
import { Writer, putInt32, putInt64, textLength } from './writer.ts'

export interface RecordInput {
  key: Uint8Array | null
  value: Uint8Array | null
  headers?: readonly RecordHeader[]
  /** Milliseconds; default -1, "no timestamp". */
  timestamp?: number
  /** Default: the record's place in the batch. Compaction leaves gaps. */
  offsetDelta?: number
}

export interface BatchInput {
  baseOffset?: number
  records: readonly RecordInput[]
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  compression?: number
  /** For gzip and zstd; the codec's default without one. */
  compressionLevel?: number
  producerId?: number
  producerEpoch?: number
  baseSequence?: number
  isTransactional?: boolean
  isControl?: boolean
  partitionLeaderEpoch?: number
  /** Stands in the place of the base timestamp (KIP-534); the records' timestamps are relative to it. */
  deleteHorizonMs?: number
  timestampType?: TimestampType
  /** With `logAppendTime`: the time of the append. */
  logAppendTimeMs?: number
  /** How long the batch is at most, uncompressed, where the caller knows: its buffer then need not grow. */
  sizeBound?: number
  /** Default: that of the last record. Compaction keeps the delta of the batch it has thinned. */
  lastOffsetDelta?: number
}

/** Also of no records: compaction keeps the header of a batch whose producer is still alive. */
export function buildBatch(batch: BatchInput): Uint8Array {
  const { records, compression = 0, deleteHorizonMs } = batch
  const first = records.length > 0 ? (records[0].timestamp ?? NO_TIMESTAMP) : NO_TIMESTAMP
  const base = deleteHorizonMs ?? first
  const writer = new Writer(batch.sizeBound ?? BATCH_OVERHEAD + 64 * records.length, BATCH_OVERHEAD)
  let latest = NO_TIMESTAMP
  let lastDelta = records.length - 1
  for (let index = 0; index < records.length; index++) {
    const record = records[index]
    const timestamp = record.timestamp ?? NO_TIMESTAMP
    if (timestamp > latest) latest = timestamp
    lastDelta = record.offsetDelta ?? index
    writeRecord(writer, record, timestamp - base, lastDelta)
  }
  let bytes = writer.bytes()
  if (compression !== 0) {
    const body = compress(compression, bytes.subarray(BATCH_OVERHEAD), batch.compressionLevel)
    bytes = new Uint8Array(BATCH_OVERHEAD + body.length)
    bytes.set(body, BATCH_OVERHEAD)
  }
  const maxTimestamp = batch.timestampType === 'logAppendTime' ? (batch.logAppendTimeMs ?? latest) : latest
  writeHeader(bytes, batch, base, maxTimestamp, batch.lastOffsetDelta ?? Math.max(lastDelta, 0))
  return bytes
}

function writeHeader(bytes: Uint8Array, batch: BatchInput, base: number, latest: number, lastDelta: number): void {
  putInt64(bytes, 0, batch.baseOffset ?? 0)
  putInt32(bytes, 8, bytes.length - LOG_OVERHEAD)
  putInt32(bytes, 12, batch.partitionLeaderEpoch ?? NO_PARTITION_LEADER_EPOCH)
  bytes[16] = MAGIC
  bytes[ATTRIBUTES_AT] = 0
  bytes[ATTRIBUTES_AT + 1] = attributesOf(batch)
  putInt32(bytes, 23, lastDelta)
  putInt64(bytes, 27, base)
  putInt64(bytes, 35, latest)
  putInt64(bytes, 43, batch.producerId ?? NO_PRODUCER_ID)
  const epoch = batch.producerEpoch ?? NO_PRODUCER_EPOCH
  bytes[51] = epoch >> 8
  bytes[52] = epoch
  putInt32(bytes, 53, batch.baseSequence ?? NO_SEQUENCE)
  putInt32(bytes, 57, batch.records.length)
  putInt32(bytes, CRC_AT, crc32c(bytes, ATTRIBUTES_AT, bytes.length))
}

function attributesOf(batch: BatchInput): number {
  return (
    (batch.compression ?? 0) |
    (batch.timestampType === 'logAppendTime' ? LOG_APPEND_TIME_FLAG : 0) |
    (batch.isTransactional ? TRANSACTIONAL_FLAG : 0) |
    (batch.isControl ? CONTROL_FLAG : 0) |
    (batch.deleteHorizonMs === undefined ? 0 : DELETE_HORIZON_FLAG)
  )
}

const NO_HEADERS: readonly RecordHeader[] = []

function writeRecord(writer: Writer, record: RecordInput, timestampDelta: number, offsetDelta: number): void {
  const { key, value, headers = NO_HEADERS } = record
  writer.varint(recordBodySize(record, timestampDelta, offsetDelta))
  writer.int8(0)
  writer.varlong(timestampDelta)
  writer.varint(offsetDelta)
  writeBytes(writer, key)
  writeBytes(writer, value)
  writer.varint(headers.length)
  for (const header of headers) {
    const length = textLength(header.key)
    writer.varint(length)
    writer.text(header.key, length)
    writeBytes(writer, header.value)
  }
}

function writeBytes(writer: Writer, bytes: Uint8Array | null): void {
  if (bytes === null) return writer.varint(-1)
  writer.varint(bytes.length)
  writer.raw(bytes)
}

/** The size of a record without the length in front of it. */
function recordBodySize(record: RecordInput, timestampDelta: number, offsetDelta: number): number {
  const { key, value, headers = NO_HEADERS } = record
  let size =
    1 +
    varlongSize(timestampDelta) +
    varlongSize(offsetDelta) +
    bytesSize(key) +
    bytesSize(value) +
    varlongSize(headers.length)
  for (const header of headers) {
    const length = textLength(header.key)
    size += varlongSize(length) + length + bytesSize(header.value)
  }
  return size
}

function bytesSize(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varlongSize(bytes.length) + bytes.length
}

/** Bytes of a zigzag varint. */
export function varlongSize(value: number): number {
  if (value >= 0 && value < 64) return 1
  let rest = value < 0 ? -value * 2 - 1 : value * 2
  let size = 1
  for (; rest > 127; rest = Math.floor(rest / 128)) size++
  return size
}

/** What is not key, value and headers, at most: length, attributes, time, offset. */
const MAX_RECORD_OVERHEAD = 21

/**
 * How many bytes a record takes in a batch, at most: what a producer needs to know before it adds one. The bound is that
 * of Kafka's client, so that its batches and ours end at the same record.
 */
export function recordSizeUpperBound(record: RecordInput): number {
  const size = recordBodySize(record, 0, 0) - 3 + MAX_RECORD_OVERHEAD
  if (size > 0x7fffffff) throw new WireError(`record of ${size} bytes is too long`)
  return size
}

/** How many bytes it takes in its place. `bound`: its `recordSizeUpperBound`, for who knows it already. */
export function recordSize(record: RecordInput, timestampDelta: number, offsetDelta: number, bound = -1): number {
  const size =
    bound < 0
      ? recordBodySize(record, timestampDelta, offsetDelta)
      : bound - MAX_RECORD_OVERHEAD + 1 + varlongSize(timestampDelta) + varlongSize(offsetDelta)
  return size + varlongSize(size)
}
