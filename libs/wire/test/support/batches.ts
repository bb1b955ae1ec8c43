/** Random batches, and the records that should come out of them. */
import fc from 'fast-check'
import type { DecodedRecord, TimestampType } from '../../src/record-batch.ts'

const nullableBytes = fc.option(fc.uint8Array({ maxLength: 200 }))

const header = fc.record({ key: fc.string({ unit: 'binary', maxLength: 8 }), value: nullableBytes })

const record = fc.record({
  key: nullableBytes,
  value: nullableBytes,
  headers: fc.array(header, { maxLength: 3 }),
  timestamp: fc.oneof(fc.nat({ max: 2 ** 42 }), fc.integer({ min: 1_700_000_000_000, max: 1_700_000_001_000 })),
})

export const arbitraryBatch = fc.record(
  {
    baseOffset: fc.nat({ max: 2 ** 52 }),
    records: fc.array(record, { minLength: 1, maxLength: 20 }),
    producerId: fc.nat({ max: 2 ** 50 }),
    producerEpoch: fc.nat({ max: 0x7fff }),
    baseSequence: fc.nat({ max: 0x7fffffff }),
    partitionLeaderEpoch: fc.nat({ max: 1000 }),
    isTransactional: fc.boolean(),
    timestampType: fc.constant<TimestampType>('createTime'),
  },
  { noNullPrototype: true },
)

export type BatchSample = typeof arbitraryBatch extends fc.Arbitrary<infer T> ? T : never

export function recordsOf(input: BatchSample): DecodedRecord[] {
  return input.records.map(({ key, value, headers, timestamp }, offsetDelta) => ({
    offset: input.baseOffset + offsetDelta,
    offsetDelta,
    timestamp,
    key,
    value,
    headers: headers.map((header) => ({ key: header.key, value: header.value })),
  }))
}
