/** Retention by time and size, DeleteRecords, rolling. */
import { describe, expect, it } from 'vitest'
import '@troupe/wire/native.node'
import { KafkaError } from '@troupe/wire/errors'
import { buildBatch } from '@troupe/wire/record-batch'
import type { MemoryFileSystem } from '../src/memory-file-system.ts'
import { append, batch, openLog, readBatches, text, values } from './support.ts'

const bases = (log: { segments(): { baseOffset: number }[] }): number[] => log.segments().map((each) => each.baseOffset)

describe('rolling', () => {
  it('by size, by the time of the records, and by the fullness of an index', () => {
    const bySize = openLog(undefined, { 'segment.bytes': 300 }).log
    for (let i = 0; i < 12; i++) append(bySize, batch([`${i}`]))
    expect(bases(bySize)).toEqual([0, 4, 8])
    const byTime = openLog(undefined, { 'segment.ms': 1000 }).log
    for (const timestamp of [5000, 5500, 6000, 6001, 6500])
      append(byTime, batch(['a'], { timestamp }), { now: timestamp })
    expect(bases(byTime)).toEqual([0, 3])
    const byIndex = openLog(undefined, { 'segment.index.bytes': 8 * 4, 'index.interval.bytes': 1 }).log
    for (let i = 0; i < 20; i++) append(byIndex, batch(['a'], { timestamp: 1000 + i }))
    expect(bases(byIndex).length).toBeGreaterThan(3)
  })

  it('by a jittered time that stays the same for a log', () => {
    const config = { 'segment.ms': 1000, 'segment.jitter.ms': 900 }
    const { log } = openLog(undefined, config)
    expect(log.local.rollAfterMs).toBeLessThan(1000)
    expect(log.local.rollAfterMs).toBeGreaterThanOrEqual(100)
    expect(openLog(undefined, config).log.local.rollAfterMs).toBe(log.local.rollAfterMs)
  })

  it('without an append, when the time has come', () => {
    const { log } = openLog(undefined, { 'segment.ms': 1000 })
    append(log, batch(['a']), { now: 1000 })
    log.applyRetention(2000)
    expect(bases(log)).toEqual([0])
    log.applyRetention(2001)
    expect(bases(log)).toEqual([0, 1])
    log.applyRetention(99_999)
    expect(bases(log)).toEqual([0, 1])
  })

  it('where an offset would not fit 32 bits', () => {
    const { fs, log } = openLog()
    const far = 3_000_000_000
    const at = (offset: number): Uint8Array =>
      buildBatch({
        baseOffset: offset,
        partitionLeaderEpoch: 1,
        records: [{ key: null, value: text(`${offset}`), timestamp: 1 }],
      })
    for (const offset of [0, far, far + 1])
      expect(log.appendAsFollower(at(offset), 1000)).toMatchObject({ error: KafkaError.NONE })
    expect(bases(log)).toEqual([0, far])
    expect(values(log)).toEqual(['0', `${far}`, `${far + 1}`])
    expect(log.read({ offset: 5, maxBytes: 100, upTo: far + 1, minOneBatch: true })).toMatchObject({ firstOffset: far })
    log.flush()
    ;(fs as MemoryFileSystem).crash()
    expect(values(openLog(fs).log)).toEqual(['0', `${far}`, `${far + 1}`])
  })
})

describe('retention', () => {
  it('by time, by the youngest record of a segment, never past the high watermark', () => {
    const { fs, log } = openLog(undefined, { 'segment.bytes': 300, 'retention.ms': 1000, 'file.delete.delay.ms': 50 })
    for (let i = 0; i < 12; i++) append(log, batch([`${i}`], { timestamp: 1000 + 100 * i }))
    // Offset 7 is from 1700.
    expect(log.applyRetention(2701)).toBe(0)
    log.setHighWatermark(7)
    expect(log.applyRetention(2701)).toBe(1)
    log.setHighWatermark(12)
    expect(log.applyRetention(2700)).toBe(0)
    expect(log.applyRetention(2701)).toBe(1)
    expect(log).toMatchObject({ logStartOffset: 8, logEndOffset: 12 })
    expect(bases(log)).toEqual([8])
    const deleted = (): number => fs.list('/data/topic-0').filter((name) => name.endsWith('.deleted')).length
    expect(deleted()).toBeGreaterThan(0)
    // The active segment goes too, and an empty one takes its place.
    expect(log.applyRetention(9000)).toBe(1)
    expect(log).toMatchObject({ logStartOffset: 12, logEndOffset: 12, sizeInBytes: 0 })
    expect(log.applyRetention(9050)).toBe(0)
    expect(deleted()).toBe(0)
  })

  it('by size keeps at least retention.bytes', () => {
    const { log } = openLog(undefined, { 'segment.bytes': 300, 'retention.ms': -1, 'retention.bytes': 600 })
    for (let i = 0; i < 40; i++) append(log, batch([`${i}`]))
    log.setHighWatermark(40)
    log.applyRetention(2000)
    expect(log.sizeInBytes).toBeGreaterThanOrEqual(600)
    expect(log.sizeInBytes).toBeLessThan(900)
    expect(values(log)[0]).toBe(`${log.logStartOffset}`)
  })

  it('DeleteRecords moves the log start, segments follow, also in compacted logs', () => {
    const { fs, directory, log } = openLog(undefined, {
      'segment.bytes': 300,
      'cleanup.policy': ['compact'],
      'retention.ms': 1,
    })
    for (let i = 0; i < 12; i++) append(log, batch([`k=${i}`]), { leaderEpoch: i >> 2 })
    log.setHighWatermark(9)
    expect(log.applyRetention(1e9)).toBe(0)
    expect(log.advanceLogStart(11)).toBe(true)
    expect(log.logStartOffset).toBe(9)
    expect(log.advanceLogStart(5)).toBe(false)
    expect(log.applyRetention(1e9)).toBe(2)
    expect(log.epochs.entries).toEqual([{ epoch: 2, startOffset: 9 }])
    expect(log.read({ offset: 8, maxBytes: 1000, upTo: 12, minOneBatch: true }).slice).toBeNull()
    directory.closeCleanly()
    const again = openLog(fs).log
    expect(again).toMatchObject({ logStartOffset: 9, logEndOffset: 12 })
    expect(values(again)).toEqual(['9', '10', '11'])
  })

  it('leaves a read under way its bytes', () => {
    const { log } = openLog(undefined, { 'segment.bytes': 300, 'retention.ms': 1, 'file.delete.delay.ms': 100 })
    for (let i = 0; i < 12; i++) append(log, batch([`${i}`]))
    log.setHighWatermark(12)
    const { slice } = log.read({ offset: 0, maxBytes: 1000, upTo: 12, minOneBatch: true })
    log.applyRetention(10_000)
    const bytes = new Uint8Array(slice?.sizeInBytes ?? 0)
    expect(slice?.readInto(bytes, 0)).toBe(bytes.length)
    log.applyRetention(10_100)
    expect(slice?.readInto(bytes, 0)).toBe(0)
  })
})

describe('offsets by time', () => {
  it('finds the first record at least as young, also within a compressed batch', () => {
    const { log } = openLog(undefined, { 'segment.bytes': 400, 'index.interval.bytes': 50 })
    const times = [100, 300, 200, 500, 400, 400, 900, 50, 900, 700]
    for (let i = 0; i < times.length; i += 2) {
      const records = [times[i], times[i + 1]].map((timestamp) => ({ key: null, value: text('v'), timestamp }))
      append(log, buildBatch({ records, compression: i % 4 }), { leaderEpoch: i })
    }
    for (let time = 0; time <= 1000; time += 50) {
      const first = times.findIndex((each) => each >= time)
      const found = log.offsetForTimestamp(time, log.logEndOffset)
      expect(found?.offset ?? -1).toBe(first)
      if (first >= 0) expect(found).toMatchObject({ timestamp: times[first], leaderEpoch: first - (first % 2) })
    }
    expect(log.offsetForTimestamp(900, 6)).toBeNull()
    expect(log.offsetOfMaxTimestamp()).toEqual({ offset: 6, timestamp: 900, leaderEpoch: 6 })
    log.setHighWatermark(10)
    log.advanceLogStart(7)
    expect(log.offsetForTimestamp(0, 10)?.offset).toBe(7)
    expect(openLog().log.offsetOfMaxTimestamp()).toBeNull()
  })
})

describe('followers', () => {
  it('take batches as they are, refuse what is not contiguous, and ignore the beginning of one more', () => {
    const leader = openLog().log
    for (let i = 0; i < 5; i++) append(leader, batch([`a${i}`, `b${i}`]), { leaderEpoch: i })
    const { slice } = leader.read({ offset: 0, maxBytes: 1e6, upTo: 10, minOneBatch: true })
    const bytes = new Uint8Array(slice?.sizeInBytes ?? 0)
    slice?.readInto(bytes, 0)
    const follower = openLog().log
    const cut = bytes.subarray(0, bytes.length - 10)
    expect(follower.appendAsFollower(cut.slice(), 1000)).toMatchObject({ error: KafkaError.NONE, nextOffset: 8 })
    expect(follower.appendAsFollower(bytes.slice(), 1000).error).toBe(KafkaError.OFFSET_OUT_OF_RANGE)
    const rest = leader.read({ offset: 8, maxBytes: 1e6, upTo: 10, minOneBatch: true }).slice
    const last = new Uint8Array(rest?.sizeInBytes ?? 0)
    rest?.readInto(last, 0)
    const torn = last.slice()
    torn[70] ^= 1
    expect(follower.appendAsFollower(torn, 1000).error).toBe(KafkaError.CORRUPT_MESSAGE)
    expect(follower.logEndOffset).toBe(8)
    expect(follower.appendAsFollower(last, 1000)).toMatchObject({ error: KafkaError.NONE, nextOffset: 10 })
    expect(readBatches(follower)).toEqual(readBatches(leader))
    expect(follower.epochs.entries).toEqual(leader.epochs.entries)
  })

  it('KAFKA-7415, KAFKA-10706: empty epochs count until the log is truncated at them', () => {
    const { log } = openLog()
    append(log, batch(['a', 'b']), { leaderEpoch: 1 })
    log.assignLeaderEpoch(4, 2)
    expect(log.endOffsetForEpoch(1)).toEqual({ leaderEpoch: 1, endOffset: 2 })
    expect(log.endOffsetForEpoch(3)).toEqual({ leaderEpoch: 1, endOffset: 2 })
    expect(log.endOffsetForEpoch(4)).toEqual({ leaderEpoch: 4, endOffset: 2 })
    expect(log.endOffsetForEpoch(5)).toEqual({ leaderEpoch: -1, endOffset: -1 })
    expect(log.endOffsetForEpoch(0)).toEqual({ leaderEpoch: 0, endOffset: 0 })
    expect([log.epochStartOffset(4), log.epochStartOffset(3), log.epochForOffset(1), log.epochForOffset(2)]).toEqual([
      2, -1, 1, 4,
    ])
    log.truncateTo(2)
    expect(log.latestEpoch).toBe(1)
    log.assignLeaderEpoch(6, 2)
    append(log, batch(['c']), { leaderEpoch: 6 })
    expect(log.epochs.entries).toEqual([
      { epoch: 1, startOffset: 0 },
      { epoch: 6, startOffset: 2 },
    ])
  })
})
