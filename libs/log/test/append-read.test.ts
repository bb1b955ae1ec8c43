/** Appends and reads of one partition. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KafkaError } from '@troupe/wire/errors'
import { append, batch, openLog, readBatches, values } from './support.ts'

describe('append and read', () => {
  it('assigns offsets and the leader epoch in place', () => {
    const { log } = openLog()
    expect(append(log, batch(['a', 'b']), { leaderEpoch: 3 })).toMatchObject({
      error: KafkaError.NONE,
      baseOffset: 0,
      nextOffset: 2,
    })
    expect(append(log, batch(['c']), { leaderEpoch: 5 })).toMatchObject({
      baseOffset: 2,
      nextOffset: 3,
      logAppendTimeMs: -1,
    })
    expect(readBatches(log).map((each) => [each.baseOffset, each.lastOffset, each.partitionLeaderEpoch])).toEqual([
      [0, 1, 3],
      [2, 2, 5],
    ])
    expect(values(log)).toEqual(['a', 'b', 'c'])
    expect(log.epochs.entries).toEqual([
      { epoch: 3, startOffset: 0 },
      { epoch: 5, startOffset: 2 },
    ])
  })

  it('reads whole batches below the bound, across segments, in any portion', () => {
    const { log } = openLog(undefined, { 'segment.bytes': 2000, 'index.interval.bytes': 100 })
    for (let i = 0; i < 200; i++) append(log, batch([`value-${i}`, `again-${i}`]))
    expect(log.segments().length).toBeGreaterThan(5)
    for (const maxBytes of [1, 150, 1000, 100_000]) {
      expect(readBatches(log, 0, 400, maxBytes).map((each) => each.baseOffset)).toEqual(
        Array.from({ length: 200 }, (_, i) => 2 * i),
      )
    }
    // A bound within a batch excludes the batch.
    expect(log.read({ offset: 10, maxBytes: 1e6, upTo: 11, minOneBatch: true }).slice).toBeNull()
    expect(log.read({ offset: 11, maxBytes: 1e6, upTo: 12, minOneBatch: true })).toMatchObject({
      firstOffset: 10,
      nextOffset: 12,
    })
    expect(log.read({ offset: 11, maxBytes: 10, upTo: 400, minOneBatch: false }).slice).toBeNull()
  })

  it('answers any read like a search through all batches', () => {
    const config = { 'segment.bytes': 900, 'index.interval.bytes': 200 }
    const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 60 })
    const request = fc.record({
      offset: fc.integer({ min: 0, max: 150 }),
      maxBytes: fc.integer({ min: 0, max: 1500 }),
      upTo: fc.integer({ min: 0, max: 160 }),
      minOneBatch: fc.boolean(),
    })
    fc.assert(
      fc.property(sizes, fc.array(request, { maxLength: 30 }), (counts, requests) => {
        const { log } = openLog(undefined, config)
        const all: { base: number; last: number; size: number; segment: number }[] = []
        for (const count of counts) {
          const bytes = batch(Array.from({ length: count }, (_, i) => 'x'.repeat(i * 9)))
          const { baseOffset } = append(log, bytes)
          const segment = log.segments().length
          all.push({ base: baseOffset, last: baseOffset + count - 1, size: bytes.length, segment })
        }
        for (const each of requests) {
          const found = log.read(each)
          const from = all.findIndex(({ last }) => last >= each.offset)
          const fit: typeof all = []
          for (const candidate of from < 0 ? [] : all.slice(from)) {
            const bytes = fit.reduce((sum, { size }) => sum + size, 0) + candidate.size
            const first = fit.length === 0 && each.minOneBatch
            if (candidate.segment !== all[from].segment || candidate.last >= each.upTo) break
            if (bytes > each.maxBytes && !first) break
            fit.push(candidate)
          }
          expect(found.slice?.sizeInBytes ?? 0).toBe(fit.reduce((sum, { size }) => sum + size, 0))
          if (fit.length === 0) continue
          expect(found.firstOffset).toBe(fit[0].base)
          expect(found.nextOffset).toBeGreaterThan(fit[fit.length - 1].last)
          const bytes = new Uint8Array(found.slice?.sizeInBytes ?? 0)
          expect(found.slice?.readInto(bytes, 0)).toBe(bytes.length)
        }
      }),
      {
        numRuns: 300,
        // A bound inside a batch, remembered as if a batch began there.
        examples: [
          [
            [5, 2],
            [
              { offset: 0, maxBytes: 186, upTo: 6, minOneBatch: false },
              { offset: 6, maxBytes: 0, upTo: 7, minOneBatch: true },
            ],
          ],
        ],
      },
    )
  })

  it('keeps everything over a clean stop and takes no time for the marker of it', () => {
    const { fs, directory, log } = openLog(undefined, { 'segment.bytes': 2000 })
    for (let i = 0; i < 100; i++) append(log, batch([`value-${i}`]), { leaderEpoch: i >> 4 })
    log.setHighWatermark(60)
    const before = values(log)
    const epochs = [...log.epochs.entries]
    directory.closeCleanly()
    const again = openLog(fs, { 'segment.bytes': 2000 })
    expect(again.directory.cleanShutdown).toBe(true)
    expect(fs.exists('/data/.kafka_cleanshutdown')).toBe(false)
    expect(again.log).toMatchObject({ logEndOffset: 100, highWatermark: 60, recoveryPoint: 100, logStartOffset: 0 })
    expect(values(again.log)).toEqual(before)
    expect(again.log.epochs.entries).toEqual(epochs)
  })

  it('truncates on batch boundaries and continues', () => {
    const { log } = openLog(undefined, { 'segment.bytes': 1000 })
    for (let i = 0; i < 50; i++) append(log, batch([`a-${i}`, `b-${i}`]), { leaderEpoch: i < 25 ? 1 : 2 })
    log.setHighWatermark(90)
    log.truncateTo(31)
    expect(log.logEndOffset).toBe(30)
    expect(log.highWatermark).toBe(30)
    expect(log.latestEpoch).toBe(1)
    append(log, batch(['new']), { leaderEpoch: 3 })
    expect(values(log, 28)).toEqual(['a-14', 'b-14', 'new'])
    expect(log.endOffsetForEpoch(2)).toEqual({ leaderEpoch: 1, endOffset: 30 })
    expect(log.endOffsetForEpoch(3)).toEqual({ leaderEpoch: 3, endOffset: 31 })
    log.truncateFullyAndStartAt(1000)
    expect(log).toMatchObject({
      logStartOffset: 1000,
      logEndOffset: 1000,
      highWatermark: 1000,
      sizeInBytes: 0,
      latestEpoch: -1,
    })
  })
})
