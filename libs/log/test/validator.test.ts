/** What a leader demands of a batch. */
import { describe, expect, it } from 'vitest'
import '@troupe/wire/native.node'
import { KafkaError, errorName } from '@troupe/wire/errors'
import {
  baseOffset,
  buildBatch,
  compressionType,
  crc,
  isLogAppendTime,
  maxTimestamp,
  setBaseOffset,
  updateCrc,
} from '@troupe/wire/record-batch'
import type { LogConfig } from '../src/contract.ts'
import { append, batch, openLog, produced, readBatches, text } from './support.ts'

/** Error name of one append to a fresh log. */
function refusal(records: Uint8Array, config: Partial<LogConfig> = {}, now = 1000): string {
  const { log } = openLog(undefined, config)
  const result = append(log, records, { now })
  if (result.error !== KafkaError.NONE) expect(log.logEndOffset).toBe(0)
  return errorName(result.error)
}

describe('what a leader takes from clients', () => {
  it('wants one whole batch of magic 2 with its checksum', () => {
    const good = batch(['a', 'b'])
    expect(refusal(good.slice())).toBe('NONE')
    expect(refusal(new Uint8Array(0))).toBe('INVALID_RECORD')
    expect(refusal(good.subarray(0, 40))).toBe('CORRUPT_MESSAGE')
    expect(refusal(good.subarray(0, good.length - 1))).toBe('CORRUPT_MESSAGE')
    const flipped = good.slice()
    flipped[flipped.length - 1] ^= 1
    expect(refusal(flipped)).toBe('CORRUPT_MESSAGE')
    const old = good.slice()
    old[16] = 1
    expect(refusal(old)).toBe('INVALID_RECORD')
    const twice = new Uint8Array(2 * good.length)
    twice.set(good)
    twice.set(good, good.length)
    expect(refusal(twice)).toBe('INVALID_RECORD')
    const moved = good.slice()
    setBaseOffset(moved, 0, 7)
    expect(refusal(moved)).toBe('INVALID_RECORD')
  })

  it('refuses control batches, missing sequences and records that do not fit their count', () => {
    expect(refusal(batch(['a'], { isControl: true, isTransactional: true, producerId: 1, producerEpoch: 0 }))).toBe(
      'INVALID_RECORD',
    )
    expect(refusal(produced(1, 0, -1, ['a']))).toBe('INVALID_RECORD')
    const few = batch(['a', 'b'])
    few[60] = 3
    updateCrc(few, 0)
    expect(refusal(few)).toBe('INVALID_RECORD')
  })

  it('looks into compressed batches', () => {
    for (const compression of [1, 2, 3, 4]) {
      const good = batch(['some value', 'some value', 'some value'], { compression })
      expect(refusal(good.slice())).toBe('NONE')
      const garbage = good.slice()
      garbage.fill(0xee, 61)
      updateCrc(garbage, 0)
      expect(refusal(garbage)).toBe('CORRUPT_MESSAGE')
    }
    const unknown = batch(['a'])
    unknown[22] |= 5
    updateCrc(unknown, 0)
    expect(refusal(unknown)).toBe('UNSUPPORTED_COMPRESSION_TYPE')
  })

  it('bounds sizes by message and by segment', () => {
    const large = batch(['x'.repeat(2000)])
    expect(refusal(large.slice(), { 'max.message.bytes': 1000 })).toBe('MESSAGE_TOO_LARGE')
    expect(refusal(large.slice(), { 'segment.bytes': 1000 })).toBe('RECORD_LIST_TOO_LARGE')
    expect(refusal(large.slice(), { 'segment.bytes': 3000 })).toBe('NONE')
  })

  it('bounds timestamps, and names the records', () => {
    const { log } = openLog(undefined, {
      'message.timestamp.before.max.ms': 500,
      'message.timestamp.after.max.ms': 500,
    })
    const mixed = (...times: number[]): Uint8Array =>
      buildBatch({ records: times.map((timestamp) => ({ key: null, value: text('v'), timestamp })) })
    expect(append(log, mixed(1000, 1500, 500)).error).toBe(KafkaError.NONE)
    const result = append(log, mixed(1000, 499, 1600))
    expect(result).toMatchObject({ error: KafkaError.INVALID_TIMESTAMP, baseOffset: -1 })
    expect(result.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1, 2])
    expect(result.recordErrors[0].message).toMatch(/Timestamp 499 .*\[500, 1500\]/)
    expect(append(log, mixed(-1)).error).toBe(KafkaError.NONE)
    expect(refusal(mixed(1000 + 3_600_001))).toBe('INVALID_TIMESTAMP')
    expect(refusal(batch(['a'], { timestampType: 'logAppendTime', logAppendTimeMs: 5 }))).toBe('INVALID_TIMESTAMP')
  })

  it('wants keys for compacted topics', () => {
    const { log } = openLog(undefined, { 'cleanup.policy': ['compact'] })
    const result = append(log, batch(['k=1', 'no key', 'k=2']))
    expect(result).toMatchObject({ error: KafkaError.INVALID_RECORD, recordErrors: [{ batchIndex: 1 }] })
    expect(append(log, batch(['k=1', 'k='])).error).toBe(KafkaError.NONE)
    expect(refusal(batch(['k=1', 'no key'], { compression: 4 }), { 'cleanup.policy': ['compact', 'delete'] })).toBe(
      'INVALID_RECORD',
    )
  })

  it('stamps the append time', () => {
    const { log } = openLog(undefined, { 'message.timestamp.type': 'LogAppendTime' })
    const bytes = batch(['a', 'b'], { timestamp: 5 })
    expect(append(log, bytes, { now: 4242 })).toMatchObject({ error: KafkaError.NONE, logAppendTimeMs: 4242 })
    expect(isLogAppendTime(bytes, 0)).toBe(true)
    expect([maxTimestamp(bytes, 0), baseOffset(bytes, 0)]).toEqual([4242, 0])
    expect(readBatches(log)[0].records.map((record) => record.timestamp)).toEqual([4242, 4242])
    const before = crc(bytes, 0)
    updateCrc(bytes, 0)
    expect(crc(bytes, 0)).toBe(before)
  })

  it('recompresses where the topic wants another codec', () => {
    for (const [name, type] of [
      ['gzip', 1],
      ['snappy', 2],
      ['lz4', 3],
      ['zstd', 4],
      ['uncompressed', 0],
    ] as const) {
      const { log } = openLog(undefined, { 'compression.type': name })
      for (const source of [0, 4]) append(log, produced(source, 0, 0, ['k=v', 'l='], { compression: source }))
      const [first, second] = readBatches(log)
      expect(first.compressionType).toBe(type)
      expect(second).toMatchObject({ compressionType: type, baseOffset: 2, producerId: 4, baseSequence: 0 })
      expect(second.records.map((record) => record.key)).toEqual([text('k'), text('l')])
    }
    expect(compressionType(batch(['a'], { compression: 3 }), 0)).toBe(3)
  })

  it('recompresses at the level the topic wants', () => {
    const values = Array.from({ length: 400 }, (_, i) => `key-${i % 7}=value-${(i * 7919) % 1000}-${i % 13}`)
    const sizeAt = (name: string, level: number): number => {
      const { log } = openLog(undefined, { 'compression.type': name, [`compression.${name}.level`]: level })
      append(log, produced(0, 0, 0, values))
      return log.sizeInBytes
    }
    expect(sizeAt('gzip', 9)).toBeLessThan(sizeAt('gzip', 1))
    expect(sizeAt('zstd', 19)).toBeLessThan(sizeAt('zstd', 1))
  })
})
