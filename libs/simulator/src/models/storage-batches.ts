/** What the storage models write: small batches whose content tells which append made them. */
import type { LogConfig } from '@troupe/log/contract'
import { buildBatch, setBaseOffset, setPartitionLeaderEpoch, type BatchInput } from '@troupe/wire/record-batch'

/** Small enough that three batches fill a segment and every limit is met within a few steps. */
export function tinyLogConfig(overrides: Partial<LogConfig> = {}): LogConfig {
  return {
    'segment.bytes': 256,
    'segment.ms': 604_800_000,
    'segment.jitter.ms': 0,
    'segment.index.bytes': 96,
    'index.interval.bytes': 60,
    'retention.bytes': -1,
    'retention.ms': -1,
    'delete.retention.ms': 1000,
    'min.compaction.lag.ms': 0,
    'max.compaction.lag.ms': Number.MAX_SAFE_INTEGER,
    'min.cleanable.dirty.ratio': 0,
    'cleanup.policy': ['delete'],
    'file.delete.delay.ms': 0,
    'flush.messages': Number.MAX_SAFE_INTEGER,
    'flush.ms': Number.MAX_SAFE_INTEGER,
    'max.message.bytes': 256,
    'message.timestamp.type': 'CreateTime',
    'message.timestamp.before.max.ms': Number.MAX_SAFE_INTEGER,
    'message.timestamp.after.max.ms': Number.MAX_SAFE_INTEGER,
    'compression.type': 'producer',
    'compression.gzip.level': -1,
    'compression.lz4.level': 9,
    'compression.zstd.level': 3,
    preallocate: false,
    'producer.id.expiration.ms': 1000,
    ...overrides,
  }
}

const encoder = new TextEncoder()

/** `key=value`, `key=` for a tombstone, `value`. */
export function clientBatch(
  records: readonly string[],
  timestamp: number,
  options: Partial<BatchInput> = {},
): Uint8Array {
  return buildBatch({
    ...options,
    records: records.map((record) => {
      const equals = record.indexOf('=')
      const value = record.slice(equals + 1)
      return {
        key: equals < 0 ? null : encoder.encode(record.slice(0, equals)),
        value: value === '' ? null : encoder.encode(value),
        timestamp,
      }
    }),
  })
}

/** The same as a leader would send it, at an offset of its own. */
export function placed(bytes: Uint8Array, baseOffset: number, leaderEpoch: number): Uint8Array {
  const copy = bytes.slice()
  setBaseOffset(copy, 0, baseOffset)
  setPartitionLeaderEpoch(copy, 0, leaderEpoch)
  return copy
}
