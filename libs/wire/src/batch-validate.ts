/**
 * What a broker checks of a batch before it takes it: that the header is whole, the checksum right, and that the
 * records are framed as the header says. Values are error codes: a bad batch is an answer, not an accident.
 * Source: `DefaultRecordBatch.ensureValid`, `DefaultRecord.readFrom`, `LogValidator`.
 */
import {
  BATCH_OVERHEAD,
  LOG_OVERHEAD,
  MAGIC,
  compressionType,
  computeCrc,
  crc,
  lastOffsetDelta,
  magic,
  recordCount,
  sizeInBytes,
} from './batch-header.ts'
import { KafkaError, type ErrorCode } from './errors.ts'

export interface BatchChecks {
  /** Where the bytes end that may be looked at; default: the end of the array. */
  end?: number
  /** `max.message.bytes`; larger is MESSAGE_TOO_LARGE. */
  maxBytes?: number
  /** Default true; false where the bytes were checked before. */
  checkCrc?: boolean
  /**
   * Default true, for what a producer sent: at least one record, offsets without gaps, and (uncompressed) records
   * that are framed right. False for replicated batches: compaction leaves gaps and even empty batches.
   */
  checkRecords?: boolean
}

const NONE = KafkaError.NONE
const CORRUPT = KafkaError.CORRUPT_MESSAGE
const INVALID_RECORD = KafkaError.INVALID_RECORD

export function validateBatch(bytes: Uint8Array, position: number, checks: BatchChecks = {}): ErrorCode {
  const end = checks.end ?? bytes.length
  if (position < 0 || end - position < BATCH_OVERHEAD) return CORRUPT
  const size = sizeInBytes(bytes, position)
  if (size < BATCH_OVERHEAD || size > end - position) return CORRUPT
  const format = magic(bytes, position)
  // The older formats exist but may not be produced any more; anything else is noise.
  if (format !== MAGIC) return format === 0 || format === 1 ? INVALID_RECORD : CORRUPT
  if (checks.maxBytes !== undefined && size > checks.maxBytes) return KafkaError.MESSAGE_TOO_LARGE
  if (checks.checkCrc !== false && crc(bytes, position) !== computeCrc(bytes, position)) return CORRUPT
  if (checks.checkRecords === false) return NONE
  const count = recordCount(bytes, position)
  if (count < 1 || lastOffsetDelta(bytes, position) !== count - 1) return INVALID_RECORD
  if (compressionType(bytes, position) !== 0) return NONE
  return validateRecordFraming(bytes, position + BATCH_OVERHEAD, position + size, count)
}

/**
 * Walks `count` uncompressed records and allocates nothing: lengths must nest and offsets ascend one by one.
 * Records come out exactly at `end`.
 */
export function validateRecordFraming(bytes: Uint8Array, start: number, end: number, count: number): ErrorCode {
  at = start
  limit = end
  source = bytes
  for (let index = 0; index < count; index++) {
    const length = varint()
    const recordEnd = at + length
    if (length < 0 || recordEnd > end || at > end) return INVALID_RECORD
    limit = recordEnd
    at++ // attributes: unused
    skipVarlong()
    if (varint() !== index || !skipBytes(true) || !skipBytes(true)) return INVALID_RECORD
    const headers = varint()
    if (headers < 0) return INVALID_RECORD
    for (let i = 0; i < headers; i++) if (!skipBytes(false) || !skipBytes(true)) return INVALID_RECORD
    if (at !== recordEnd) return INVALID_RECORD
    limit = end
  }
  return at === end ? NONE : INVALID_RECORD
}

// The walk's cursor lives here rather than in an object: it runs for every produced record. A read past `limit`
// moves it to Infinity, from where no later check can succeed.
let source: Uint8Array = new Uint8Array(0)
let at = 0
let limit = 0

function varint(): number {
  const b = source
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    if (at >= limit) break
    const byte = b[at++]
    value |= (byte & 127) << shift
    if (byte < 128) return (value >>> 1) ^ -(value & 1)
  }
  at = Infinity
  return -1
}

function skipVarlong(): void {
  for (let i = 0; i < 10; i++) {
    if (at >= limit) break
    if (source[at++] < 128) return
  }
  at = Infinity
}

/** Length-prefixed bytes; -1 is null where null may be. */
function skipBytes(nullable: boolean): boolean {
  const length = varint()
  if (length > 0) at += length
  return at <= limit && (length >= 0 || (nullable && length === -1))
}

/** Calls `visit` with the position of each whole batch, and returns where the first incomplete one begins. */
export function forEachBatch(
  bytes: Uint8Array,
  visit: (position: number) => void,
  start = 0,
  end = bytes.length,
): number {
  let position = start
  while (end - position >= LOG_OVERHEAD) {
    const size = sizeInBytes(bytes, position)
    if (size < BATCH_OVERHEAD || size > end - position) break
    visit(position)
    position += size
  }
  return position
}

/** The positions of all whole batches. */
export function* batches(bytes: Uint8Array, start = 0, end = bytes.length): Generator<number, void> {
  let position = start
  while (end - position >= LOG_OVERHEAD) {
    const size = sizeInBytes(bytes, position)
    if (size < BATCH_OVERHEAD || size > end - position) return
    yield position
    position += size
  }
}
