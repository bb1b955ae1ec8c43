/** Reading the records of a batch. A broker needs this for its internal topics and for compaction, not on produce. */
import {
  BATCH_OVERHEAD,
  MAGIC,
  attributes,
  baseOffset,
  baseSequence,
  baseTimestamp,
  compressionType,
  hasDeleteHorizon,
  isControl,
  isLogAppendTime,
  isTransactional,
  lastOffset,
  lastOffsetDelta,
  magic,
  maxTimestamp,
  partitionLeaderEpoch,
  producerEpoch,
  producerId,
  recordCount,
  sizeInBytes,
  timestampType,
  type TimestampType,
} from './batch-header.ts'
import { decompress } from './compression.ts'
import { KafkaError } from './errors.ts'
import { Reader } from './reader.ts'
import { WireError } from './wire-error.ts'

export interface RecordHeader {
  key: string
  value: Uint8Array | null
}

export interface DecodedRecord {
  offset: number
  offsetDelta: number
  timestamp: number
  key: Uint8Array | null
  value: Uint8Array | null
  /** Nobody writes to it: those without headers have the same list. */
  headers: RecordHeader[]
}

export interface BatchHeader {
  baseOffset: number
  lastOffset: number
  lastOffsetDelta: number
  sizeInBytes: number
  partitionLeaderEpoch: number
  attributes: number
  compressionType: number
  timestampType: TimestampType
  isTransactional: boolean
  isControl: boolean
  /** When tombstones and markers in this batch may be dropped (KIP-534), or null. */
  deleteHorizonMs: number | null
  baseTimestamp: number
  maxTimestamp: number
  producerId: number
  producerEpoch: number
  baseSequence: number
  recordCount: number
}

export interface DecodedBatch extends BatchHeader {
  records: DecodedRecord[]
}

/** What a batch may grow to when it is decompressed, unless the caller knows better. */
export const MAX_DECOMPRESSED = 256 * 1024 * 1024

export function readBatchHeader(bytes: Uint8Array, position = 0): BatchHeader {
  checkBounds(bytes, position)
  return {
    baseOffset: baseOffset(bytes, position),
    lastOffset: lastOffset(bytes, position),
    lastOffsetDelta: lastOffsetDelta(bytes, position),
    sizeInBytes: sizeInBytes(bytes, position),
    partitionLeaderEpoch: partitionLeaderEpoch(bytes, position),
    attributes: attributes(bytes, position),
    compressionType: compressionType(bytes, position),
    timestampType: timestampType(bytes, position),
    isTransactional: isTransactional(bytes, position),
    isControl: isControl(bytes, position),
    deleteHorizonMs: hasDeleteHorizon(bytes, position) ? baseTimestamp(bytes, position) : null,
    baseTimestamp: baseTimestamp(bytes, position),
    maxTimestamp: maxTimestamp(bytes, position),
    producerId: producerId(bytes, position),
    producerEpoch: producerEpoch(bytes, position),
    baseSequence: baseSequence(bytes, position),
    recordCount: recordCount(bytes, position),
  }
}

export function readBatch(bytes: Uint8Array, position = 0, maxBytes = MAX_DECOMPRESSED): DecodedBatch {
  return { ...readBatchHeader(bytes, position), records: recordsOf(bytes, position, maxBytes) }
}

/** The records of every batch in `bytes`, control batches left out. */
export function readRecords(bytes: Uint8Array, start = 0, end = bytes.length): DecodedRecord[] {
  const records: DecodedRecord[] = []
  for (let position = start; end - position >= BATCH_OVERHEAD; position += sizeInBytes(bytes, position)) {
    checkBounds(bytes, position, end)
    if (isControl(bytes, position)) continue
    for (const record of recordsOf(bytes, position)) records.push(record)
  }
  return records
}

/** One record at a time; key and value are views of the batch (or of its decompressed form). */
export function* iterateRecords(
  bytes: Uint8Array,
  position = 0,
  maxBytes = MAX_DECOMPRESSED,
): Generator<DecodedRecord, void> {
  const { reader, base, first, fixed, count } = openRecords(bytes, position, maxBytes)
  for (let i = 0; i < count; i++) yield readRecord(reader, base, first, fixed)
  checkEnd(reader)
}

/** All of them, for who wants all: without what an iterator costs. */
export function recordsOf(bytes: Uint8Array, position = 0, maxBytes = MAX_DECOMPRESSED): DecodedRecord[] {
  const { reader, base, first, fixed, count } = openRecords(bytes, position, maxBytes)
  const records: DecodedRecord[] = []
  for (let i = 0; i < count; i++) records.push(readRecord(reader, base, first, fixed))
  checkEnd(reader)
  return records
}

interface OpenRecords {
  readonly reader: Reader
  readonly base: number
  readonly first: number
  /** The time of all of them, if the broker has given it. */
  readonly fixed: number | undefined
  readonly count: number
}

function openRecords(bytes: Uint8Array, position: number, maxBytes: number): OpenRecords {
  checkBounds(bytes, position)
  const end = position + sizeInBytes(bytes, position)
  const type = compressionType(bytes, position)
  const reader =
    type === 0
      ? new Reader(bytes, position + BATCH_OVERHEAD, end)
      : new Reader(decompress(type, bytes.subarray(position + BATCH_OVERHEAD, end), maxBytes))
  return {
    reader,
    base: baseOffset(bytes, position),
    first: baseTimestamp(bytes, position),
    fixed: isLogAppendTime(bytes, position) ? maxTimestamp(bytes, position) : undefined,
    count: recordCount(bytes, position),
  }
}

function checkEnd(reader: Reader): void {
  if (reader.remaining > 0) corrupt(`${reader.remaining} bytes after the last record`)
}

const NO_HEADERS = Object.freeze([]) as unknown as RecordHeader[]

function readRecord(reader: Reader, base: number, first: number, fixed: number | undefined): DecodedRecord {
  const length = reader.varint()
  if (length < 0 || length > reader.remaining) corrupt(`record of ${length} bytes`)
  const end = reader.position + length
  reader.skip(1)
  const timestamp = first + reader.varlong()
  const offsetDelta = reader.varint()
  const key = readBytes(reader)
  const value = readBytes(reader)
  const count = reader.varint()
  if (count < 0 || count * 2 > reader.remaining) corrupt(`record with ${count} headers`)
  const headers: RecordHeader[] = count === 0 ? NO_HEADERS : []
  for (let i = 0; i < count; i++) {
    const name = reader.varint()
    if (name < 0) corrupt('record header without a name')
    headers.push({ key: reader.text(name), value: readBytes(reader) })
  }
  if (reader.position !== end) corrupt('record of another size than announced')
  return { offset: base + offsetDelta, offsetDelta, timestamp: fixed ?? timestamp, key, value, headers }
}

function readBytes(reader: Reader): Uint8Array | null {
  const length = reader.varint()
  if (length < 0) return length === -1 ? null : corrupt(`length ${length}`)
  const start = reader.skip(length)
  return reader.buffer.subarray(start, start + length)
}

function checkBounds(bytes: Uint8Array, position: number, end = bytes.length): void {
  if (position < 0 || end - position < BATCH_OVERHEAD) corrupt('batch shorter than its header')
  const size = sizeInBytes(bytes, position)
  if (size < BATCH_OVERHEAD || size > end - position) corrupt(`batch of ${size} bytes in ${end - position}`)
  if (magic(bytes, position) !== MAGIC) {
    throw new WireError(`batch of magic ${magic(bytes, position)}`, KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT)
  }
}

function corrupt(what: string): never {
  throw new WireError(what, KafkaError.CORRUPT_MESSAGE)
}
