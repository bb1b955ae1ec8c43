/** Produce: what is taken, what is refused and with which words, and what then stands in the log. */
import { putInt64 } from '@troupe/wire/writer'
import { buildBatch } from '@troupe/wire/record-batch'
import { batch, damaged, joined, records, startMs, utf8 } from '../harness/batches.ts'
import { scenario, versionsOf, type Scenario, type Session } from '../harness/session.ts'
import { fetchOf, readAll } from './reading.ts'

const unknownId = 'AAAAAAAAAAAAAAAAAAAAQQ'
const timeoutMs = 10_000

export function produce(topic: string, data: Uint8Array | null, rest: object = {}, index = 0): object {
  return { acks: -1, timeoutMs, topicData: [{ name: topic, partitionData: [{ index, records: data }] }], ...rest }
}

async function refusals(
  s: Session,
  topic: string,
  id: string,
  cases: readonly (readonly [string, Uint8Array | null])[],
): Promise<void> {
  // Each has a partition of its own, so that what one leaves behind is not held against the next.
  for (const [index, [label, data]] of cases.entries()) {
    await s.ask(label, 'Produce', 12, produce(topic, data, {}, index))
    await s.ask(label, 'Produce', 3, produce(topic, data, {}, index))
    await s.ask(label, 'Produce', 13, {
      acks: 1,
      timeoutMs,
      topicData: [{ topicId: id, partitionData: [{ index, records: data }] }],
    })
    await s.ask(`${label}: what is there`, 'Fetch', 12, fetchOf(topic, index, 0))
  }
}

const one = batch(['a'])
const three = batch(['a', 'b', 'c'])

export const produces: Scenario[] = [
  scenario('Produce', async (s) => {
    const id = await s.topic('p', { partitions: 2 })
    for (const version of versionsOf('Produce')) {
      const topicOf = (name: string, topicId: string): object => (version >= 13 ? { topicId } : { name })
      for (const acks of [-1, 1]) {
        await s.ask(`three records, acks ${acks}`, 'Produce', version, {
          acks,
          timeoutMs,
          topicData: [
            {
              ...topicOf('p', id),
              partitionData: [
                { index: 0, records: three },
                { index: 1, records: one },
              ],
            },
          ],
        })
      }
      await s.ask('wrong acks', 'Produce', version, {
        acks: 2,
        timeoutMs,
        topicData: [{ ...topicOf('p', id), partitionData: [{ index: 0, records: three }] }],
      })
      await s.ask('wrong acks -2', 'Produce', version, {
        acks: -2,
        timeoutMs,
        topicData: [{ ...topicOf('p', id), partitionData: [{ index: 0, records: three }] }],
      })
      await s.ask('unknown partition', 'Produce', version, {
        acks: 1,
        timeoutMs,
        topicData: [
          {
            ...topicOf('p', id),
            partitionData: [
              { index: 7, records: one },
              { index: -1, records: one },
              { index: 0, records: one },
            ],
          },
        ],
      })
      await s.ask('unknown topic', 'Produce', version, {
        acks: 1,
        timeoutMs,
        topicData: [{ ...topicOf('p-unknown', unknownId), partitionData: [{ index: 0, records: one }] }],
      })
      await s.ask('no topic', 'Produce', version, { acks: 1, timeoutMs, topicData: [] })
      await s.ask('no partition', 'Produce', version, {
        acks: 1,
        timeoutMs,
        topicData: [{ ...topicOf('p', id), partitionData: [] }],
      })
    }
    await s.ask('zero topic id', 'Produce', 13, {
      acks: 1,
      timeoutMs,
      topicData: [{ partitionData: [{ index: 0, records: one }] }],
    })
    await s.ask('invalid name', 'Produce', 12, produce('a b', one))
    await s.ask('empty name', 'Produce', 12, produce('', one))
    await s.topic('p-twice', { partitions: 2 })
    await s.ask('partition twice', 'Produce', 12, {
      acks: 1,
      timeoutMs,
      topicData: [
        {
          name: 'p-twice',
          partitionData: [
            { index: 0, records: one },
            { index: 0, records: one },
          ],
        },
      ],
    })
    await s.ask('topic twice', 'Produce', 12, {
      acks: 1,
      timeoutMs,
      topicData: [
        { name: 'p-twice', partitionData: [{ index: 0, records: one }] },
        { name: 'p-twice', partitionData: [{ index: 1, records: one }] },
      ],
    })
    await s.ask('timeout 0', 'Produce', 12, { ...produce('p', one), timeoutMs: 0 })
    const quiet = await s.connection('acks 0')
    quiet.tell('Produce', 9, { ...produce('p', one), acks: 0 })
    await s.ask('null records', 'Produce', 12, produce('p', null), { timeoutMs: 1_000 })
    await s.ask(
      'acks 0 is not answered, the next request is',
      'ApiVersions',
      0,
      {},
      { on: 'acks 0', view: (answer) => answer.errorCode },
    )
    const failing = await s.connection('acks 0 fails')
    failing.tell('Produce', 9, { ...produce('p-unknown', one), acks: 0 })
    s.note('an error at acks 0', (await failing.next(5_000)).kind)
    await s.ask('an internal topic', 'Produce', 9, produce('__consumer_offsets', one), {
      view: (answer) => answer.responses[0].partitionResponses[0].errorCode,
    })
    await readAll(s, 'p')
    await readAll(s, 'p', 1)
  }),
  scenario('Produce: compression', async (s) => {
    const id = await s.topic('pc')
    for (const compression of [0, 1, 2, 3, 4]) {
      for (const version of [3, 6, 7, 9, 12])
        await s.ask(
          `codec ${compression}`,
          'Produce',
          version,
          produce('pc', batch(['x'.repeat(500), 'y'.repeat(500)], { compression })),
        )
      await s.ask(`codec ${compression}`, 'Produce', 13, {
        acks: 1,
        timeoutMs,
        topicData: [{ topicId: id, partitionData: [{ index: 0, records: batch(['z'], { compression }) }] }],
      })
    }
    const offsets = {
      view: (answer: { responses: { partitions: { errorCode: number; highWatermark: number }[] }[] }) =>
        answer.responses[0]!.partitions.map(({ errorCode, highWatermark }) => ({ errorCode, highWatermark })),
    }
    for (const version of [4, 9, 10])
      await s.ask(
        'fetched',
        'Fetch',
        version,
        {
          replicaId: -1,
          maxWaitMs: 0,
          minBytes: 0,
          maxBytes: 1_000_000,
          topics: [
            {
              topic: 'pc',
              partitions: [{ partition: 0, currentLeaderEpoch: -1, fetchOffset: 0, partitionMaxBytes: 1_000_000 }],
            },
          ],
        },
        offsets,
      )
  }),
  scenario('Produce: corrupt batches', async (s) => {
    const id = await s.topic('bad', { partitions: 60 })
    const at = (change: (bytes: Uint8Array, view: DataView) => void, fixCrc = true): Uint8Array =>
      damaged(three, change, fixCrc)
    await refusals(s, 'bad', id, [
      ['empty', new Uint8Array(0)],
      ['wrong crc', at((bytes) => (bytes[20]! ^= 1), false)],
      ['bit flipped in a record', at((bytes) => (bytes[66]! ^= 1), false)],
      ['magic 0', at((bytes) => (bytes[16] = 0))],
      ['magic 1', at((bytes) => (bytes[16] = 1))],
      ['magic 3', at((bytes) => (bytes[16] = 3))],
      ['length too small', at((_, view) => view.setInt32(8, 10), false)],
      ['length negative', at((_, view) => view.setInt32(8, -1), false)],
      ['length too long', at((_, view) => view.setInt32(8, view.getInt32(8) + 100), false)],
      [
        'length of a header only',
        damaged(three.slice(0, 61), (_, view) => {
          view.setInt32(8, 49)
          view.setInt32(57, 0)
        }),
      ],
      ['cut off', three.slice(0, three.length - 3)],
      ['cut off in the header', three.slice(0, 30)],
      ['a few bytes', Uint8Array.of(1, 2, 3)],
      ['junk after the batch', joined(three, Uint8Array.of(1, 2, 3))],
      ['two batches', joined(three, one)],
      ['three batches', joined(one, one, one)],
      ['a count too small', at((_, view) => view.setInt32(57, 2))],
      ['a count too great', at((_, view) => view.setInt32(57, 4))],
      ['a count of 0', at((_, view) => view.setInt32(57, 0))],
      ['a negative count', at((_, view) => view.setInt32(57, -1))],
      ['a last offset delta too small', at((_, view) => view.setInt32(23, 1))],
      ['a last offset delta too great', at((_, view) => view.setInt32(23, 9))],
      ['a negative last offset delta', at((_, view) => view.setInt32(23, -1))],
      ['base offset 7', at((bytes) => putInt64(bytes, 0, 7))],
      ['base offset -1', at((bytes) => putInt64(bytes, 0, -1))],
      ['partition leader epoch 5', at((_, view) => view.setInt32(12, 5))],
      ['a control batch', at((bytes) => (bytes[22]! |= 0x20))],
      ['transactional without a producer', at((bytes) => (bytes[22]! |= 0x10))],
      ['log append time from a client', at((bytes) => (bytes[22]! |= 0x08))],
      ['a delete horizon', at((bytes) => (bytes[22]! |= 0x40))],
      ['an unknown attribute', at((bytes) => (bytes[21]! |= 0x80))],
      ['unknown compression 5', at((bytes) => (bytes[22] = 5))],
      ['unknown compression 7', at((bytes) => (bytes[22] = 7))],
      ['says gzip but is not', at((bytes) => (bytes[22] = 1))],
      ['says snappy but is not', at((bytes) => (bytes[22] = 2))],
      ['says lz4 but is not', at((bytes) => (bytes[22] = 3))],
      ['says zstd but is not', at((bytes) => (bytes[22] = 4))],
      [
        'gzip cut off',
        damaged(batch(['x'.repeat(300)], { compression: 1 }), (bytes) => bytes.fill(0, bytes.length - 10)),
      ],
      ['a producer epoch without a producer', at((_, view) => view.setInt16(51, 3))],
      ['a sequence without a producer', at((_, view) => view.setInt32(53, 3))],
      ['a max timestamp too great', at((bytes) => putInt64(bytes, 35, startMs + 99_000))],
      ['a max timestamp too small', at((bytes) => putInt64(bytes, 35, startMs))],
      ['a base timestamp of -1', at((bytes) => putInt64(bytes, 27, -1))],
      ['a record length too great', at((bytes) => (bytes[61]! += 2))],
      ['a record length too small', at((bytes) => (bytes[61]! -= 2))],
      ['a record of negative length', at((bytes) => (bytes[61] = 1))],
      ['a record key longer than the record', at((bytes) => (bytes[65] = 100))],
      ['records with attributes', at((bytes) => (bytes[62] = 1))],
      [
        'records with wrong offset deltas',
        buildBatch({
          records: records(['a', 'b', 'c']).map((record, index) => ({ ...record, offsetDelta: index * 2 })),
          lastOffsetDelta: 2,
        }),
      ],
      [
        'records with descending offset deltas',
        buildBatch({
          records: records(['a', 'b', 'c']).map((record, index) => ({ ...record, offsetDelta: 2 - index })),
          lastOffsetDelta: 2,
        }),
      ],
      ['no records at all', buildBatch({ records: [] })],
    ])
  }),
  scenario('Produce: corrupt compressed batches', async (s) => {
    const id = await s.topic('badc', { partitions: 20 })
    const packed = (compression: number): Uint8Array => batch(['x'.repeat(100), 'y'.repeat(100)], { compression })
    await refusals(
      s,
      'badc',
      id,
      [1, 2, 3, 4].flatMap((compression) => [
        [
          `codec ${compression} with a count too great`,
          damaged(packed(compression), (_, view) => view.setInt32(57, 3)),
        ] as const,
        [
          `codec ${compression} with a count too small`,
          damaged(packed(compression), (_, view) => view.setInt32(57, 1)),
        ] as const,
        [
          `codec ${compression} with a delta too great`,
          damaged(packed(compression), (_, view) => view.setInt32(23, 8)),
        ] as const,
        [`codec ${compression} with garbage`, damaged(packed(compression), (bytes) => bytes.fill(0xa5, 61))] as const,
        [
          `codec ${compression} with wrong offset deltas`,
          buildBatch({
            compression,
            lastOffsetDelta: 1,
            records: records(['a', 'b']).map((record, index) => ({ ...record, offsetDelta: index * 3 })),
          }),
        ] as const,
      ]),
    )
  }),
  scenario('Produce: what a topic asks for', async (s) => {
    const keyless = buildBatch({ records: [{ key: null, value: utf8('v'), timestamp: startMs }] })
    const mixed = buildBatch({ records: [...records(['a']), { key: null, value: utf8('v'), timestamp: startMs }] })
    const compact = await s.topic('compact', { partitions: 10, configs: { 'cleanup.policy': 'compact' } })
    await refusals(s, 'compact', compact, [
      ['keyless', keyless],
      ['a keyless one among others', mixed],
      [
        'keyless, compressed',
        buildBatch({ compression: 1, records: [{ key: null, value: utf8('v'), timestamp: startMs }] }),
      ],
      ['a tombstone', buildBatch({ records: [{ key: utf8('k'), value: null, timestamp: startMs }] })],
    ])
    const small = await s.topic('small', { partitions: 10, configs: { 'max.message.bytes': '300' } })
    await refusals(s, 'small', small, [
      ['a large record', batch(['x'.repeat(300)])],
      ['many records', batch(Array.from({ length: 30 }, () => 'xxxxxxx'))],
      ['a large one that compresses well', batch(['x'.repeat(1000)], { compression: 1 })],
      ['one that fits', batch(['x'.repeat(100)])],
      ['exactly as large', batch(['x'.repeat(229)])],
      ['one byte more', batch(['x'.repeat(230)])],
      ['one byte less', batch(['x'.repeat(228)])],
    ])
    const timed = await s.topic('timed', {
      partitions: 10,
      configs: { 'message.timestamp.before.max.ms': '1000', 'message.timestamp.after.max.ms': '3600000' },
    })
    await refusals(s, 'timed', timed, [
      ['a time long past', three],
      ['a time far ahead', buildBatch({ records: records(['a', 'b'], Date.UTC(2200, 0, 1)) })],
      ['no time', buildBatch({ records: [{ key: utf8('k'), value: utf8('v') }] })],
      ['a time long past, compressed', batch(['a', 'b'], { compression: 1 })],
    ])
    const stamped = await s.topic('stamped', { partitions: 10, configs: { 'message.timestamp.type': 'LogAppendTime' } })
    await refusals(s, 'stamped', stamped, [
      ['stamped by the broker', three],
      ['stamped by the broker, compressed', batch(['a', 'b'], { compression: 2 })],
      ['without a time', buildBatch({ records: [{ key: utf8('k'), value: utf8('v') }] })],
    ])
    const far = await s.topic('far', { partitions: 10 })
    await refusals(s, 'far', far, [
      ['a time far ahead by default', buildBatch({ records: records(['a'], Date.UTC(2200, 0, 1)) })],
      ['no time by default', buildBatch({ records: [{ key: utf8('k'), value: utf8('v') }] })],
      ['a negative time', buildBatch({ records: [{ key: utf8('k'), value: utf8('v'), timestamp: -5 }] })],
    ])
    for (const [type, compression] of [
      ['gzip', 2],
      ['snappy', 0],
      ['uncompressed', 3],
      ['zstd', 4],
    ] as const) {
      await s.topic(`to-${type}`, { configs: { 'compression.type': type } })
      await s.ask(
        `compression.type=${type} of codec ${compression}`,
        'Produce',
        12,
        produce(`to-${type}`, batch(['x'.repeat(200), 'y'.repeat(200)], { compression })),
      )
      await readAll(s, `to-${type}`, 0, { compressed: true })
    }
    await s.topic('min-isr', { configs: { 'min.insync.replicas': '2' } })
    await s.ask('min.insync.replicas above the replica count', 'Produce', 12, produce('min-isr', one))
  }),
]
