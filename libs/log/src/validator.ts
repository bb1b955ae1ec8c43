/**
 * What a leader demands of a batch before it gives it offsets. Source of the rules: LogValidator,
 * UnifiedLog.analyzeAndValidateRecords.
 *
 * The common case (uncompressed or compressed by the producer, CreateTime, default time bounds, not compacted) reads
 * the header, the checksum and the records' framing; records are looked at one by one only where a rule needs them.
 *
 * Deliberately simpler than Kafka: a batch that is marked LogAppendTime by its producer is always refused, and the
 * header's maximum timestamp is believed.
 */
import { decompress } from '@troupe/wire/compression'
import { KafkaError, errorMessage, type ErrorCode } from '@troupe/wire/errors'
import {
  BATCH_OVERHEAD,
  NO_TIMESTAMP,
  baseOffset,
  baseSequence,
  buildBatch,
  compressionType,
  hasProducerId,
  isControl,
  isLogAppendTime,
  isTransactional,
  iterateRecords,
  maxTimestamp,
  producerEpoch,
  producerId,
  recordCount,
  setMaxTimestampAndLogAppendTime,
  sizeInBytes,
  validateBatch,
  validateRecordFraming,
} from '@troupe/wire/record-batch'
import { WireError } from '@troupe/wire/wire-error'
import type { LogConfig } from './contract.ts'

export interface RecordError {
  readonly batchIndex: number
  readonly message: string | null
}

/** Why a batch is refused. */
export interface Rejection {
  readonly error: ErrorCode
  readonly message: string
  readonly recordErrors: readonly RecordError[]
}

/** What follows from a log's configuration, resolved once per change of it. */
export interface ValidatorConfig {
  readonly maxMessageBytes: number
  readonly segmentBytes: number
  readonly compacted: boolean
  readonly logAppendTime: boolean
  readonly beforeMaxMs: number
  readonly afterMaxMs: number
  /** −1: as the producer has it. */
  readonly targetCompression: number
  readonly compressionLevel: number | undefined
}

/** From here on a bound is no bound; Kafka's default is the largest int64. */
const NO_BOUND_MS = Number.MAX_SAFE_INTEGER
/** A batch may not grow beyond this when it is decompressed. */
const MAX_DECOMPRESSED_BYTES = 256 * 1024 * 1024
const COMPRESSION_TYPES = ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd']

export function validatorConfig(config: LogConfig): ValidatorConfig {
  return {
    maxMessageBytes: config['max.message.bytes'],
    segmentBytes: config['segment.bytes'],
    compacted: config['cleanup.policy'].includes('compact'),
    logAppendTime: config['message.timestamp.type'] === 'LogAppendTime',
    beforeMaxMs: config['message.timestamp.before.max.ms'],
    afterMaxMs: config['message.timestamp.after.max.ms'],
    targetCompression: COMPRESSION_TYPES.indexOf(config['compression.type']),
    compressionLevel: compressionLevel(config),
  }
}

/** The lz4 codec has one level, the snappy format none. */
function compressionLevel(config: LogConfig): number | undefined {
  switch (config['compression.type']) {
    case 'gzip':
      return config['compression.gzip.level']
    case 'zstd':
      return config['compression.zstd.level']
    default:
      return undefined
  }
}

export function rejection(
  error: ErrorCode,
  message = errorMessage(error),
  recordErrors: readonly RecordError[] = [],
): Rejection {
  return { error, message, recordErrors }
}

/**
 * Judges what a client sent: exactly one batch. Returns the batch to append, which is `records` itself unless it is
 * recompressed.
 */
export function validateClientBatch(records: Uint8Array, config: ValidatorConfig, now: number): Uint8Array | Rejection {
  try {
    return validateBatchOf(records, config, now)
  } catch (error) {
    // Whatever a client sends ends in an answer to that client.
    if (error instanceof WireError) return rejection(error.code, error.message)
    throw error
  }
}

function validateBatchOf(records: Uint8Array, config: ValidatorConfig, now: number): Uint8Array | Rejection {
  if (records.length === 0) return rejection(KafkaError.INVALID_RECORD, 'Record batch has no batches at all')
  const error = validateBatch(records, 0, { maxBytes: config.maxMessageBytes })
  if (error !== KafkaError.NONE) return headerRejection(error, records, config)
  const rejected = validateHeader(records, config)
  if (rejected) return rejected
  const unreadable = compressionType(records, 0) === 0 ? undefined : validateCompressedBody(records)
  if (unreadable) return unreadable
  const recordErrors =
    config.compacted || mayViolateTimeBounds(records, config, now) ? validateRecords(records, config, now) : undefined
  if (recordErrors) return recordErrors
  const batch = recompress(records, config)
  if (sizeInBytes(batch, 0) > config.maxMessageBytes) return tooLarge(batch, config)
  if (config.logAppendTime) setMaxTimestampAndLogAppendTime(batch, 0, now)
  return batch
}

function headerRejection(error: ErrorCode, records: Uint8Array, config: ValidatorConfig): Rejection {
  if (error === KafkaError.MESSAGE_TOO_LARGE) return tooLarge(records, config)
  return rejection(error)
}

function tooLarge(batch: Uint8Array, config: ValidatorConfig): Rejection {
  const text =
    `The record batch size is ${sizeInBytes(batch, 0)} bytes which exceeds the maximum configured value of ` +
    `${config.maxMessageBytes}.`
  return rejection(KafkaError.MESSAGE_TOO_LARGE, text)
}

function validateHeader(records: Uint8Array, config: ValidatorConfig): Rejection | undefined {
  const size = sizeInBytes(records, 0)
  if (size !== records.length)
    return rejection(KafkaError.INVALID_RECORD, 'Compressed outer record has more than one batch')
  if (baseOffset(records, 0) !== 0) {
    return rejection(
      KafkaError.INVALID_RECORD,
      `The baseOffset of the record batch should be 0, but it is ${baseOffset(records, 0)}`,
    )
  }
  if (isControl(records, 0))
    return rejection(KafkaError.INVALID_RECORD, 'Clients are not allowed to write control records')
  if (hasProducerId(records, 0) && baseSequence(records, 0) < 0) {
    return rejection(KafkaError.INVALID_RECORD, `Invalid sequence number ${baseSequence(records, 0)} in record batch`)
  }
  if (isLogAppendTime(records, 0)) {
    return rejection(KafkaError.INVALID_TIMESTAMP, 'Producer should not set timestamp type to LogAppendTime.')
  }
  if (size > config.segmentBytes) {
    const text = `Message batch size is ${size} bytes, which exceeds the maximum configured segment size of ${config.segmentBytes}.`
    return rejection(KafkaError.RECORD_LIST_TOO_LARGE, text)
  }
  return undefined
}

/** Bytes that no consumer could read would stop all of them: Kafka looks into compressed batches too. */
function validateCompressedBody(records: Uint8Array): Rejection | undefined {
  try {
    const body = decompress(compressionType(records, 0), records.subarray(BATCH_OVERHEAD), MAX_DECOMPRESSED_BYTES)
    const error = validateRecordFraming(body, 0, body.length, recordCount(records, 0))
    return error === KafkaError.NONE ? undefined : rejection(error)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    const unsupported = error.code === KafkaError.UNSUPPORTED_COMPRESSION_TYPE
    return rejection(unsupported ? error.code : KafkaError.CORRUPT_MESSAGE, error.message)
  }
}

/** By the header: no record can be younger than its maximum timestamp; how old the oldest is, it does not say. */
function mayViolateTimeBounds(records: Uint8Array, config: ValidatorConfig, now: number): boolean {
  if (config.logAppendTime) return false
  return config.beforeMaxMs < NO_BOUND_MS || maxTimestamp(records, 0) - now > config.afterMaxMs
}

function validateRecords(records: Uint8Array, config: ValidatorConfig, now: number): Rejection | undefined {
  const errors: RecordError[] = []
  let timestampError = false
  let index = 0
  for (const record of iterateRecords(records, 0, MAX_DECOMPRESSED_BYTES)) {
    const diff = now - record.timestamp
    if (config.compacted && record.key === null) {
      errors.push({
        batchIndex: index,
        message: 'Compacted topic cannot accept message without key in topic partition',
      })
    } else if (
      !config.logAppendTime &&
      record.timestamp !== NO_TIMESTAMP &&
      (diff > config.beforeMaxMs || -diff > config.afterMaxMs)
    ) {
      timestampError = true
      const range = `[${now - config.beforeMaxMs}, ${now + config.afterMaxMs}]`
      const message =
        `Timestamp ${record.timestamp} of message with offset ${record.offset} is out of range. ` +
        `The timestamp should be within ${range}`
      errors.push({ batchIndex: index, message })
    }
    index += 1
  }
  if (errors.length === 0) return undefined
  if (timestampError) {
    return rejection(
      KafkaError.INVALID_TIMESTAMP,
      'One or more records have been rejected due to invalid timestamp',
      errors,
    )
  }
  const text = `One or more records have been rejected due to ${errors.length} record errors in total`
  return rejection(KafkaError.INVALID_RECORD, text, errors)
}

function recompress(records: Uint8Array, config: ValidatorConfig): Uint8Array {
  const target = config.targetCompression
  if (target < 0 || target === compressionType(records, 0)) return records
  return buildBatch({
    compression: target,
    compressionLevel: config.compressionLevel,
    records: [...iterateRecords(records, 0, MAX_DECOMPRESSED_BYTES)],
    producerId: producerId(records, 0),
    producerEpoch: producerEpoch(records, 0),
    baseSequence: baseSequence(records, 0),
    isTransactional: isTransactional(records, 0),
  })
}
