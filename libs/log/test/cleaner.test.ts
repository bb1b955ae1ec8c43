/** Compaction: what stays, what goes, and what must survive a crash in the middle. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import '@troupe/wire/native.node'
import { KafkaError } from '@troupe/wire/errors'
import { KeyMap } from '../src/key-map.ts'
import { MemoryFileSystem } from '../src/memory-file-system.ts'
import { StorageError } from '../src/file-system.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import {
  append,
  batch,
  marker,
  openLog,
  produced,
  readBatches,
  readRecords,
  text,
  untext,
  type Opened,
} from './support.ts'

const config = {
  'segment.bytes': 500,
  'cleanup.policy': ['compact'],
  'min.cleanable.dirty.ratio': 0.01,
  'index.interval.bytes': 100,
  'delete.retention.ms': 100,
  'file.delete.delay.ms': 0,
}

/** `offset key=value` of every record. */
const contents = (log: PartitionLog): string[] =>
  readRecords(log).map(
    (record) => `${record.offset} ${untext(record.key)}=${record.value === null ? '' : untext(record.value)}`,
  )

/** Closes the active segment and lets the cleaner see all of it. */
function seal(log: PartitionLog, now = 1000): void {
  log.setHighWatermark(log.logEndOffset)
  log.roll(now)
  log.flush()
}

function fill(log: PartitionLog, ...records: string[]): void {
  for (const record of records) expect(append(log, batch([record])).error).toBe(KafkaError.NONE)
}

describe('compaction', () => {
  it('keeps the newest record of each key at its offset', () => {
    const { directory, log } = openLog(undefined, config)
    for (let i = 0; i < 40; i++) fill(log, `k${i % 4}=${i}`)
    seal(log)
    const cleaned = directory.cleanOne(2000)
    expect(cleaned?.bytesKept).toBeLessThan((cleaned?.bytesRead ?? 0) / 5)
    expect(contents(log)).toEqual(['36 k0=36', '37 k1=37', '38 k2=38', '39 k3=39'])
    expect(directory.cleanOne(2000)).toBeNull()
    expect(log.logEndOffset).toBe(40)
    // Reads begin at the next batch there is.
    expect(log.read({ offset: 3, maxBytes: 1e6, upTo: 40, minOneBatch: true })).toMatchObject({ firstOffset: 36 })
    fill(log, 'k0=new')
    expect(contents(log).at(-1)).toBe('40 k0=new')
  })

  it('Z34: touches nothing at or past the high watermark, the last stable offset, or in the active segment', () => {
    const { directory, log } = openLog(undefined, config)
    for (let i = 0; i < 40; i++) fill(log, `k${i % 4}=${i}`)
    log.flush()
    log.setHighWatermark(20)
    directory.cleanOne(2000)
    const uncleaned = contents(log).filter((each) => Number(each.split(' ')[0]) >= 20)
    expect(uncleaned).toHaveLength(20)
    // The newest below the bound survives, though newer ones exist above it.
    for (const key of ['k0', 'k1', 'k2', 'k3'])
      expect(contents(log).some((each) => each.includes(key) && Number(each.split(' ')[0]) < 20)).toBe(true)
    const open = openLog(undefined, config)
    fill(open.log, 'a=1', 'a=2')
    append(open.log, produced(1, 0, 0, ['b=1'], { isTransactional: true }), { transactionVerified: true })
    for (let i = 0; i < 40; i++) fill(open.log, `a=${i}`)
    seal(open.log)
    expect(open.directory.cleanOne(2000)).toBeNull()
    expect(contents(open.log)).toHaveLength(43)
  })

  it('KIP-534: a tombstone goes only after its delete horizon', () => {
    const { directory, log } = openLog(undefined, config)
    fill(log, 'a=1', 'b=1', 'a=', 'c=1')
    seal(log)
    directory.cleanOne(2000)
    expect(contents(log)).toEqual(['1 b=1', '2 a=', '3 c=1'])
    expect(readBatches(log).map((each) => each.deleteHorizonMs)).toEqual([null, 2100, null])
    // Too early: the tombstone's batch is kept as it is.
    fill(log, 'd=1')
    seal(log)
    directory.cleanOne(2099)
    expect(contents(log)).toContain('2 a=')
    fill(log, 'd=2')
    seal(log)
    directory.cleanOne(2100)
    expect(contents(log)).toEqual(['1 b=1', '3 c=1', '5 d=2'])
  })

  it('drops the data of aborted transactions, and their markers when that is gone and the horizon past', () => {
    const { directory, log } = openLog(undefined, config)
    const send = (id: number, sequence: number, ...records: string[]): void => {
      expect(
        append(log, produced(id, 0, sequence, records, { isTransactional: true }), { transactionVerified: true }).error,
      ).toBe(KafkaError.NONE)
    }
    send(1, 0, 'a=committed')
    marker(log, 1, 0, true)
    send(1, 1, 'a=aborted', 'b=aborted')
    marker(log, 1, 0, false)
    // Later transactions, so that none of the above is a producer's last.
    send(1, 3, 'z=1')
    marker(log, 1, 0, true)
    fill(log, 'y=1')
    seal(log)
    log.setHighWatermark(log.logEndOffset)
    directory.cleanOne(2000)
    expect(contents(log)).toEqual(['0 a=committed', '5 z=1', '7 y=1'])
    const controls = (): number[] =>
      readBatches(log)
        .filter((each) => each.isControl && each.recordCount > 0)
        .map((each) => each.baseOffset)
    expect(controls()).toEqual([1, 4, 6])
    expect(log.abortedTransactions(0, log.logEndOffset)).toMatchObject([
      { producerId: 1, firstOffset: 2, lastOffset: 4 },
    ])
    fill(log, 'y=2')
    seal(log)
    directory.cleanOne(3000)
    // Its data was gone before this pass: the marker gets a horizon, and the index entry goes.
    expect(controls()).toEqual([1, 4, 6])
    expect(readBatches(log).find((each) => each.baseOffset === 4)?.deleteHorizonMs).toBe(3100)
    expect(log.abortedTransactions(0, log.logEndOffset)).toEqual([])
    fill(log, 'y=3')
    seal(log)
    directory.cleanOne(3100)
    expect(controls()).toEqual([1, 6])
    expect(contents(log)).toEqual(['0 a=committed', '5 z=1', '9 y=3'])
  })

  it("keeps what a producer's state is made of", () => {
    const { fs, directory, log } = openLog(undefined, config)
    append(log, produced(1, 0, 0, ['a=1', 'b=1']))
    append(log, produced(1, 0, 2, ['a=2', 'b=2', 'c=2']))
    for (let i = 0; i < 20; i++) fill(log, `a=${i}`, `b=${i}`, `c=${i}`)
    seal(log)
    directory.cleanOne(2000)
    const emptied = readBatches(log).filter((each) => each.producerId === 1)
    expect(emptied).toMatchObject([
      { baseOffset: 2, lastOffset: 4, baseSequence: 2, recordCount: 0, maxTimestamp: 1000 },
    ])
    // Without the snapshots, the log alone must tell.
    ;(fs as MemoryFileSystem).kill()
    for (const name of fs.list('/data/topic-0').filter((each) => each.endsWith('.snapshot')))
      fs.unlink(`/data/topic-0/${name}`)
    const again = openLog(fs, config).log
    expect(again.producers()).toMatchObject([{ producerId: 1, producerEpoch: 0, lastSequence: 4 }])
    expect(append(again, produced(1, 0, 5, ['a=3'])).error).toBe(KafkaError.NONE)
  })

  it('waits for min.compaction.lag.ms, and does not wait longer than max.compaction.lag.ms', () => {
    const young = openLog(undefined, { ...config, 'min.compaction.lag.ms': 5000 })
    for (let i = 0; i < 40; i++)
      append(young.log, batch([`k${i % 4}=${i}`], { timestamp: 1000 + 100 * i }), { now: 1000 + 100 * i })
    seal(young.log, 5000)
    young.directory.cleanOne(8000)
    const left = contents(young.log).map((each) => Number(each.split(' ')[0]))
    // Younger than 3000: offset 20 and later, by whole segments.
    expect(left.filter((offset) => offset >= 20)).toHaveLength(20)
    expect(left.length).toBeLessThan(40)
    const clean = openLog(undefined, { ...config, 'min.cleanable.dirty.ratio': 1, 'max.compaction.lag.ms': 1000 })
    for (let i = 0; i < 40; i++) fill(clean.log, `k${i % 4}=${i}`)
    seal(clean.log)
    expect(clean.directory.cleanOne(2000)).toBeNull()
    expect(clean.directory.cleanOne(2001)).not.toBeNull()
  })

  it('cleans in steps, and begins again when the log is cut meanwhile', () => {
    const { directory, log } = openLog(undefined, {
      ...config,
      'cleanup.policy': ['compact', 'delete'],
      'retention.ms': 500_000,
    })
    for (let i = 0; i < 60; i++) fill(log, `k${i % 4}=${i}`)
    seal(log)
    expect(directory.cleanStep(2000, 1)).toBe('more')
    log.advanceLogStart(30)
    expect(log.applyRetention(2000)).toBeGreaterThan(0)
    while (directory.cleanStep(2000, 1) === 'more') {
      /* to the end */
    }
    expect(contents(log)).toEqual(['56 k0=56', '57 k1=57', '58 k2=58', '59 k3=59'])
  })

  it('maps what fits its budget, and the rest in the next passes', () => {
    const { directory, log } = openLog(undefined, config, 1000, { cleaner: { dedupeBufferBytes: 24 * 20 } })
    for (let i = 0; i < 200; i++) fill(log, `key${i % 50}=${i}`)
    seal(log)
    let passes = 0
    while (directory.cleanOne(2000)) passes += 1
    expect(passes).toBeGreaterThan(3)
    const newest = contents(log)
      .slice(-50)
      .map((each) => each.split(' ')[1])
    expect(newest).toEqual(Array.from({ length: 50 }, (_, i) => `key${i}=${150 + i}`))
    // What was mapped in one pass has no older copy below it in that pass: never more than one pass's worth of copies
    // is left.
    expect(contents(log).length).toBeLessThan(200)
  })

  it('survives a crash between any two calls of the disk', () => {
    for (let failAt = 0; failAt < 120; failAt++) {
      const fs = new MemoryFileSystem({ syncAtOnce: true })
      const { directory, log } = openLog(fs, config)
      for (let i = 0; i < 40; i++) fill(log, `k${i % 4}=${i}`, i % 10 === 9 ? 'gone=' : 'gone=x')
      seal(log)
      let left = failAt
      fs.fault = () => (left-- > 0 ? undefined : 'EIO')
      try {
        directory.cleanOne(2000)
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
      }
      const completed = left > 0
      fs.fault = null
      fs.crash({ random: () => (failAt * 2654435761) >>> 0 })
      const again = openLog(fs, config)
      expect(again.log.logEndOffset).toBe(80)
      const newest = new Map(contents(again.log).map((each) => each.split(' ')[1].split('=') as [string, string]))
      expect([...newest].sort()).toEqual([
        ['gone', ''],
        ['k0', '36'],
        ['k1', '37'],
        ['k2', '38'],
        ['k3', '39'],
      ])
      const names = fs.list('/data/topic-0')
      expect(names.filter((name) => /cleaned|swap|deleted/.test(name))).toEqual([])
      if (completed) break
    }
  })
})

describe('compaction against a model', () => {
  type Step =
    | { kind: 'put'; key: number; value: number }
    | { kind: 'txn'; producer: number; keys: number[]; commit: boolean }
    | { kind: 'clean' }
    | { kind: 'reopen' }
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 10, arbitrary: fc.record({ kind: fc.constant('put' as const), key: fc.nat(6), value: fc.nat(5) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('txn' as const),
        producer: fc.integer({ min: 1, max: 3 }),
        keys: fc.array(fc.nat(6), { minLength: 1, maxLength: 4 }),
        commit: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: 'clean' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
  )

  /** What a read_committed consumer that reads from the beginning ends up with. */
  function table(log: PartitionLog): Map<string, string> {
    const result = new Map<string, string>()
    const aborted = [...log.abortedTransactions(0, log.logEndOffset)].sort((a, b) => a.firstOffset - b.firstOffset)
    const skipping = new Set<number>()
    for (const each of readBatches(log, 0)) {
      while (aborted.length > 0 && aborted[0].firstOffset <= each.lastOffset) skipping.add(aborted.shift()!.producerId)
      if (each.isControl) skipping.delete(each.producerId)
      else if (!(each.isTransactional && skipping.has(each.producerId))) {
        for (const { key, value } of each.records) {
          if (value === null) result.delete(untext(key))
          else result.set(untext(key), untext(value))
        }
      }
    }
    return result
  }

  it('never changes what a consumer ends up with, nor the producers', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 20, maxLength: 120 }),
        fc.constantFrom(24 * 20, 1 << 20),
        (steps, dedupeBufferBytes) => {
          const fs = new MemoryFileSystem({ syncAtOnce: true })
          const options = { cleaner: { dedupeBufferBytes } }
          let opened: Opened = openLog(fs, config, 1000, options)
          const expected = new Map<string, string>()
          const apply = (record: string): void => {
            const [key, value] = record.split('=')
            if (value === '') expected.delete(key)
            else expected.set(key, value)
          }
          let now = 1000
          for (const each of steps) {
            const { log, directory } = opened
            now += 30
            if (each.kind === 'put') {
              const record = `k${each.key}=${each.value === 0 ? '' : `${each.value}at${now}`}`
              fill(log, record)
              apply(record)
            } else if (each.kind === 'txn') {
              const entry = log.producerState.get(each.producer)
              const records = each.keys.map((key) => `k${key}=t${key}at${now}`)
              const bytes = produced(each.producer, 0, (entry?.lastSequence ?? -1) + 1, records, {
                isTransactional: true,
              })
              expect(append(log, bytes, { transactionVerified: true }).error).toBe(KafkaError.NONE)
              marker(log, each.producer, 0, each.commit)
              if (each.commit) records.forEach(apply)
            } else if (each.kind === 'clean') {
              seal(log)
              directory.cleanOne(now)
              log.applyRetention(now)
            } else {
              const before = log.producers()
              fs.kill()
              opened = openLog(fs, config, 1000, options)
              const sort = (a: { producerId: number }, b: { producerId: number }): number => a.producerId - b.producerId
              expect(opened.log.producers().sort(sort)).toEqual(before.sort(sort))
            }
            expect(table(opened.log)).toEqual(expected)
          }
          const offsets = readRecords(opened.log, 0).map((record) => record.offset)
          expect(offsets).toEqual([...offsets].sort((a, b) => a - b))
        },
      ),
      { numRuns: Number(process.env.TROUPE_MODEL_RUNS ?? 150) },
    )
  }, 60_000)
})

describe('key map', () => {
  it('holds the last offset of each key, within its budget', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ maxLength: 40 }), fc.nat()), { maxLength: 200 }), (entries) => {
        const map = new KeyMap(entries.length, 1 << 20)
        const expected = new Map<string, number>()
        for (const [key, offset] of entries) {
          expect(map.set(text(key), offset)).toBe(true)
          expected.set(key, offset)
        }
        for (const [key, offset] of expected) expect(map.get(text(key))).toBe(offset)
        expect(map.get(text('a key that is not there, at all'))).toBe(-1)
        expect(map.size).toBe(expected.size)
      }),
    )
    const small = new KeyMap(1000, 24 * 20)
    const room = Array.from({ length: 100 }, (_, i) => small.set(text(`${i}`), i)).filter((had) => had).length
    expect(room).toBe(18)
  })
})
