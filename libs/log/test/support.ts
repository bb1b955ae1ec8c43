/** What the tests of the log share: a configuration, batches, a log in memory. */
import {
  buildBatch,
  forEachBatch,
  readBatch,
  type BatchInput,
  type DecodedBatch,
  type DecodedRecord,
} from '@troupe/wire/record-batch'
import type { AppendResult, LogConfig } from '../src/contract.ts'
import type { FileSystem } from '../src/file-system.ts'
import { LogDirectory, type DirectoryOptions } from '../src/log-directory.ts'
import { MemoryFileSystem } from '../src/memory-file-system.ts'
import type { PartitionLog } from '../src/partition-log.ts'

export const topicId = 'dHJvdXBlLXRvcGljLWlkMA'
export const identity = { clusterId: 'dHJvdXBlLWNsdXN0ZXItMQ', nodeId: 1, directoryId: 'ZGlyZWN0b3J5LWlkLTAwMQ' }

export function logConfig(overrides: Partial<LogConfig> = {}): LogConfig {
  return {
    'segment.bytes': 1024 * 1024 * 1024,
    'segment.ms': 604_800_000,
    'segment.jitter.ms': 0,
    'segment.index.bytes': 10 * 1024 * 1024,
    'index.interval.bytes': 4096,
    'retention.bytes': -1,
    'retention.ms': 604_800_000,
    'delete.retention.ms': 86_400_000,
    'min.compaction.lag.ms': 0,
    'max.compaction.lag.ms': Number.MAX_SAFE_INTEGER,
    'min.cleanable.dirty.ratio': 0.5,
    'cleanup.policy': ['delete'],
    'file.delete.delay.ms': 60_000,
    'flush.messages': Number.MAX_SAFE_INTEGER,
    'flush.ms': Number.MAX_SAFE_INTEGER,
    'max.message.bytes': 1_048_588,
    'message.timestamp.type': 'CreateTime',
    'message.timestamp.before.max.ms': Number.MAX_SAFE_INTEGER,
    'message.timestamp.after.max.ms': 3_600_000,
    'compression.type': 'producer',
    'compression.gzip.level': -1,
    'compression.lz4.level': 9,
    'compression.zstd.level': 3,
    preallocate: false,
    'producer.id.expiration.ms': 86_400_000,
    ...overrides,
  }
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)
export const untext = (value: Uint8Array | null): string => (value === null ? 'null' : new TextDecoder().decode(value))

/** `key=value`, `value`, or `key=` for a tombstone. */
export function batch(
  records: readonly string[],
  options: Partial<BatchInput> & { timestamp?: number } = {},
): Uint8Array {
  const { timestamp = 1000, ...rest } = options
  return buildBatch({
    ...rest,
    records: records.map((record) => {
      const [key, value] = record.includes('=') ? record.split('=') : [null, record]
      return { key: key === null ? null : text(key), value: value === '' ? null : text(value), timestamp }
    }),
  })
}

/** Of an idempotent producer. */
export function produced(
  producerId: number,
  producerEpoch: number,
  baseSequence: number,
  records: readonly string[],
  options: Partial<BatchInput> = {},
): Uint8Array {
  return batch(records, { producerId, producerEpoch, baseSequence, ...options })
}

export interface Opened {
  fs: FileSystem
  directory: LogDirectory
  log: PartitionLog
}

export function openLog(
  fs: FileSystem = new MemoryFileSystem({ syncAtOnce: true }),
  config: Partial<LogConfig> = {},
  now = 1000,
  options: DirectoryOptions = {},
): Opened {
  const directory = LogDirectory.open(fs, '/data', identity, options)
  return { fs, directory, log: directory.open('topic', topicId, 0, logConfig(config), now) }
}

export interface AppendOptions {
  now?: number
  leaderEpoch?: number
  origin?: 'client' | 'coordinator'
  transactionVerified?: boolean
}

export function append(log: PartitionLog, records: Uint8Array, options: AppendOptions = {}): AppendResult {
  return log.append({ records, now: 1000, leaderEpoch: 0, origin: 'client', ...options })
}

export function marker(
  log: PartitionLog,
  producerId: number,
  producerEpoch: number,
  commit: boolean,
  more: Partial<Parameters<PartitionLog['appendEndTxnMarker']>[0]> = {},
): AppendResult {
  return log.appendEndTxnMarker({
    producerId,
    producerEpoch,
    commit,
    coordinatorEpoch: 0,
    transactionVersion: 1,
    leaderEpoch: 0,
    now: 1000,
    ...more,
  })
}

/** All batches from `offset` on, read in pieces of at most `maxBytes`. */
export function readBatches(
  log: PartitionLog,
  offset = log.logStartOffset,
  upTo = log.logEndOffset,
  maxBytes = 1 << 20,
): DecodedBatch[] {
  const found: DecodedBatch[] = []
  let next = offset
  while (next < upTo) {
    const { slice } = log.read({ offset: next, maxBytes, upTo, minOneBatch: true })
    if (slice === null) break
    const bytes = new Uint8Array(slice.sizeInBytes)
    slice.readInto(bytes, 0)
    const end = forEachBatch(bytes, (at) => found.push(readBatch(bytes, at)))
    if (end !== bytes.length) throw new RangeError(`a read ends within a batch: ${end} of ${bytes.length}`)
    next = found[found.length - 1].lastOffset + 1
  }
  return found
}

export function readRecords(log: PartitionLog, offset = log.logStartOffset): DecodedRecord[] {
  return readBatches(log, offset)
    .filter((each) => !each.isControl)
    .flatMap((each) => each.records)
    .filter((each) => each.offset >= offset)
}

export const values = (log: PartitionLog, offset?: number): string[] =>
  readRecords(log, offset).map((record) => untext(record.value))
