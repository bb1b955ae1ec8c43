/** Batches: what is built is read back, header fields are where Kafka puts them, broken ones are named. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32c, useCrc32c } from '../src/crc32c.ts'
import { KafkaError } from '../src/errors.ts'
import { WireError, Writer } from '../src/io.ts'
import * as batch from '../src/record-batch.ts'
import { installNative } from '../src/native.node.ts'
import { arbitraryBatch, recordsOf } from './support/batches.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe.each([
  [0, 'none'],
  [1, 'gzip'],
  [2, 'snappy'],
  [3, 'lz4'],
  [4, 'zstd'],
])('compression %i (%s)', (compression) => {
  test('round trip', () => {
    fc.assert(
      fc.property(arbitraryBatch, (input) => {
        const bytes = batch.buildBatch({ ...input, compression })
        expect(batch.validateBatch(bytes, 0)).toBe(KafkaError.NONE)
        const read = batch.readBatch(bytes)
        assert.deepEqual(read.records, recordsOf(input))
        expect(read.compressionType).toBe(compression)
        expect(read.lastOffset).toBe(input.baseOffset + input.records.length - 1)
        expect(read.maxTimestamp).toBe(Math.max(...input.records.map(({ timestamp }) => timestamp)))
        for (const field of [
          'baseOffset',
          'producerId',
          'producerEpoch',
          'baseSequence',
          'partitionLeaderEpoch',
          'isTransactional',
          'timestampType',
        ] as const)
          expect([field, read[field]]).toEqual([field, input[field]])
      }),
    )
  })

  test('a batch that would unfold too far is refused before it does', () => {
    const value = new Uint8Array(3_000_000)
    const bytes = batch.buildBatch({ records: [{ key: null, value }], compression })
    if (compression === 0) return expect(batch.readBatch(bytes, 0, 10).records.length).toBe(1)
    expect(bytes.length).toBeLessThan(200_000)
    expect(() => batch.readBatch(bytes, 0, 2_900_000)).toThrow(
      expect.objectContaining({ code: KafkaError.MESSAGE_TOO_LARGE }),
    )
    expect(batch.readBatch(bytes, 0, 3_100_000).records[0].value?.length).toBe(3_000_000)
  })
})

describe('header in place', () => {
  const make = () =>
    batch.buildBatch({
      baseOffset: 2 ** 40,
      records: [
        { key: null, value: text('a'), timestamp: 1000 },
        { key: null, value: text('b'), timestamp: 900 },
      ],
      producerId: 12345678901,
      producerEpoch: 7,
      baseSequence: 0x7fffffff,
      isTransactional: true,
      partitionLeaderEpoch: 4,
    })

  test('accessors, also at a position', () => {
    const bytes = new Uint8Array(200)
    bytes.set(make(), 33)
    expect(batch.readBatchHeader(bytes, 33)).toEqual({
      baseOffset: 2 ** 40,
      lastOffset: 2 ** 40 + 1,
      lastOffsetDelta: 1,
      sizeInBytes: make().length,
      partitionLeaderEpoch: 4,
      attributes: 16,
      compressionType: 0,
      timestampType: 'createTime',
      isTransactional: true,
      isControl: false,
      deleteHorizonMs: null,
      baseTimestamp: 1000,
      maxTimestamp: 1000,
      producerId: 12345678901,
      producerEpoch: 7,
      baseSequence: 0x7fffffff,
      recordCount: 2,
    })
    // Sequences go round at 2^31.
    expect(batch.lastSequence(bytes, 33)).toBe(0)
    expect(batch.validateBatch(bytes, 33)).toBe(KafkaError.NONE)
  })

  test('offset and leader epoch are outside of the checksum', () => {
    const bytes = make()
    const before = batch.crc(bytes, 0)
    batch.setBaseOffset(bytes, 0, 2 ** 50 + 1)
    batch.setPartitionLeaderEpoch(bytes, 0, 9)
    expect([batch.baseOffset(bytes, 0), batch.partitionLeaderEpoch(bytes, 0)]).toEqual([2 ** 50 + 1, 9])
    expect(batch.crc(bytes, 0)).toBe(before)
    expect(batch.validateBatch(bytes, 0)).toBe(KafkaError.NONE)
    batch.setLastOffset(bytes, 0, 11)
    expect(batch.baseOffset(bytes, 0)).toBe(10)
  })

  test('log append time stands for every record', () => {
    const bytes = make()
    batch.setMaxTimestampAndLogAppendTime(bytes, 0, 5000)
    expect(batch.validateBatch(bytes, 0)).toBe(KafkaError.NONE)
    const read = batch.readBatch(bytes)
    expect([read.timestampType, read.maxTimestamp, read.baseTimestamp]).toEqual(['logAppendTime', 5000, 1000])
    expect(read.records.map(({ timestamp }) => timestamp)).toEqual([5000, 5000])
  })

  test('a delete horizon takes the place of the base timestamp', () => {
    const records = [{ key: text('k'), value: null, timestamp: 800, offsetDelta: 3 }]
    const bytes = batch.buildBatch({ records, deleteHorizonMs: 86_400_000, lastOffsetDelta: 9, baseOffset: 100 })
    const read = batch.readBatch(bytes)
    expect([read.deleteHorizonMs, read.lastOffset, read.records[0].offset]).toEqual([86_400_000, 109, 103])
    expect(read.records[0].timestamp).toBe(800)
    // Compaction left gaps: fine for a replica, not from a producer.
    expect(batch.validateBatch(bytes, 0, { checkRecords: false })).toBe(KafkaError.NONE)
    expect(batch.validateBatch(bytes, 0)).toBe(KafkaError.INVALID_RECORD)
  })

  test('an empty batch keeps a producer’s header', () => {
    const bytes = batch.buildBatch({
      records: [],
      producerId: 5,
      producerEpoch: 1,
      baseSequence: 8,
      lastOffsetDelta: 2,
    })
    expect(bytes.length).toBe(batch.BATCH_OVERHEAD)
    expect(batch.validateBatch(bytes, 0, { checkRecords: false })).toBe(KafkaError.NONE)
    expect(batch.validateBatch(bytes, 0)).toBe(KafkaError.INVALID_RECORD)
    expect(batch.readBatch(bytes).records).toEqual([])
  })
})

describe('validateBatch', () => {
  const good = () =>
    batch.buildBatch({
      records: [
        { key: text('k'), value: text('v') },
        { key: null, value: null },
      ],
    })
  const changed = (change: (bytes: Uint8Array) => void, fixCrc = true): number => {
    const bytes = good()
    change(bytes)
    if (fixCrc) batch.updateCrc(bytes, 0)
    return batch.validateBatch(bytes, 0)
  }

  test('names what is wrong', () => {
    expect(batch.validateBatch(good(), 0)).toBe(KafkaError.NONE)
    expect(
      changed((b) => {
        b[b.length - 2]++
      }, false),
    ).toBe(KafkaError.CORRUPT_MESSAGE)
    expect(
      changed((b) => {
        b[16] = 1
      }),
    ).toBe(KafkaError.INVALID_RECORD)
    expect(
      changed((b) => {
        b[16] = 9
      }),
    ).toBe(KafkaError.CORRUPT_MESSAGE)
    expect(
      changed((b) => {
        b[60] = 3
      }),
    ).toBe(KafkaError.INVALID_RECORD) // record count
    expect(
      changed((b) => {
        b[26] = 2
      }),
    ).toBe(KafkaError.INVALID_RECORD) // last offset delta
    expect(
      changed((b) => {
        b[64] = 2
      }),
    ).toBe(KafkaError.INVALID_RECORD) // offset delta of the first record
    expect(
      changed((b) => {
        b[65] = 0x7e
      }),
    ).toBe(KafkaError.INVALID_RECORD) // key longer than the record
    expect(
      changed((b) => {
        b[11]++
      }, false),
    ).toBe(KafkaError.CORRUPT_MESSAGE) // longer than there are bytes
    expect(batch.validateBatch(good(), 0, { end: 60 })).toBe(KafkaError.CORRUPT_MESSAGE)
    expect(batch.validateBatch(good(), 0, { maxBytes: 60 })).toBe(KafkaError.MESSAGE_TOO_LARGE)
  })

  test('framing that is whole in itself but not as long as the batch', () => {
    const bytes = good()
    const longer = new Uint8Array(bytes.length + 1)
    longer.set(bytes)
    longer[11]++
    batch.updateCrc(longer, 0)
    expect(batch.validateBatch(longer, 0)).toBe(KafkaError.INVALID_RECORD)
  })
})

describe('several batches', () => {
  const one = batch.buildBatch({ records: [{ key: null, value: text('1') }] })
  const marker = batch.buildEndTxnMarker({
    producerId: 9,
    producerEpoch: 2,
    coordinatorEpoch: 6,
    commit: true,
    timestamp: 77,
    baseOffset: 1,
  })
  const two = batch.buildBatch({ baseOffset: 2, records: [{ key: null, value: text('2') }] })
  const all = Uint8Array.from([...one, ...marker, ...two, ...two.subarray(0, 40)])

  test('are found, and an incomplete last one is not', () => {
    expect([...batch.batches(all)]).toEqual([0, one.length, one.length + marker.length])
    const seen: number[] = []
    const end = batch.forEachBatch(all, (position) => seen.push(batch.baseOffset(all, position)))
    expect([seen, end]).toEqual([[0, 1, 2], all.length - 40])
  })

  test('give records, not markers', () => {
    const records = batch.readRecords(all, 0, all.length - 40)
    expect(records.map(({ offset, value }) => [offset, ...value!])).toEqual([
      [0, 49],
      [2, 50],
    ])
  })

  test('a cut one is an error to whoever wants its records', () => {
    expect(() => batch.readBatch(all, all.length - 40)).toThrow(WireError)
  })
})

describe('control records', () => {
  test('transaction markers', () => {
    const marker = { producerId: 9, producerEpoch: 2, coordinatorEpoch: 6, timestamp: 77 }
    for (const commit of [true, false]) {
      const bytes = batch.buildEndTxnMarker({ ...marker, commit, partitionLeaderEpoch: 3 })
      expect(batch.validateBatch(bytes, 0)).toBe(KafkaError.NONE)
      const read = batch.readBatch(bytes)
      expect(read).toMatchObject({
        isControl: true,
        isTransactional: true,
        producerId: 9,
        producerEpoch: 2,
        baseSequence: -1,
        partitionLeaderEpoch: 3,
      })
      expect(batch.readControlRecord(read.records[0])).toEqual({
        type: commit ? 'commit' : 'abort',
        coordinatorEpoch: 6,
        version: 0,
      })
    }
  })

  test('those of the metadata log', () => {
    const directory = 'AAAAAAAAAAAAAAAAAAAAAQ'
    const records: batch.ControlRecordInput[] = [
      {
        type: 'leaderChange',
        message: { version: 1, leaderId: 2, voters: [{ voterId: 2, voterDirectoryId: directory }] },
      },
      { type: 'snapshotHeader', message: { lastContainedLogTimestamp: 12 } },
      { type: 'kraftVersion', message: { kRaftVersion: 1 } },
      {
        type: 'voters',
        message: {
          voters: [{ voterId: 1, voterDirectoryId: directory, endpoints: [{ name: 'C', host: 'h', port: 1 }] }],
        },
      },
      { type: 'snapshotFooter', message: {} },
    ]
    const read = batch.readBatch(batch.buildControlBatch({ records, timestamp: 5 }))
    expect(read.isControl).toBe(true)
    expect(read.records.map(batch.readControlRecord)).toMatchObject(records)
  })

  test('of a kind that we do not know are for the reader to skip', () => {
    expect(batch.readControlRecord({ key: Uint8Array.of(0, 0, 0, 99), value: new Uint8Array(0) })).toEqual({
      type: 'unknown',
      code: 99,
    })
  })
})

test('recordSize is the same with and without the bound', () => {
  fc.assert(
    fc.property(
      arbitraryBatch,
      fc.nat(),
      fc.integer({ min: -1000 }),
      ({ records: [record] }, offsetDelta, timestampDelta) => {
        if (record === undefined) return
        const bound = batch.recordSizeUpperBound(record)
        const size = batch.recordSize(record, timestampDelta, offsetDelta, bound)
        expect(size).toBe(batch.recordSize(record, timestampDelta, offsetDelta))
        expect(size).toBeLessThanOrEqual(bound)
      },
    ),
  )
})

test('recordSizeUpperBound is one', () => {
  fc.assert(
    fc.property(arbitraryBatch, ({ records }) => {
      const bound = records.reduce((sum, record) => sum + batch.recordSizeUpperBound(record), batch.BATCH_OVERHEAD)
      expect(batch.buildBatch({ records }).length).toBeLessThanOrEqual(bound)
    }),
  )
})

describe('crc32c', () => {
  test('check value and continuation, without and with the native one', () => {
    for (const install of [() => useCrc32c(undefined), installNative]) {
      install()
      expect(crc32c(text('123456789'))).toBe(0xe3069283)
      const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i * 7)
      for (const cut of [0, 1, 9, 400, 1000]) {
        expect(crc32c(bytes, cut, 1000, crc32c(bytes, 0, cut))).toBe(crc32c(bytes))
      }
    }
  })

  test('ours and the native one agree', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 150, maxLength: 400 }), fc.nat({ max: 60 }), (bytes, start) => {
        installNative()
        const native = crc32c(bytes, start)
        useCrc32c(undefined)
        expect(crc32c(bytes, start)).toBe(native)
        installNative()
      }),
    )
  })
})

test('a batch may be sent from a file without a copy between', () => {
  const bytes = batch.buildBatch({ records: [{ key: null, value: text('x') }] })
  const writer = new Writer(4)
  writer.nullableBytesField({ length: bytes.length, copyTo: (target, position) => target.set(bytes, position) }, true)
  expect(batch.validateBatch(writer.bytes(), 1)).toBe(KafkaError.NONE)
})
