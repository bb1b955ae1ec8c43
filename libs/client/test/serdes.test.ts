/** Values to bytes and back: as Java's serializers write them, and nothing that is not of the format. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as serdes from '../src/serdes.ts'
import type { Serde } from '../src/serdes.ts'

const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'))

// What Java's serializers of these names write.
test.each<[string, Serde<never>, unknown, string]>([
  ['StringSerializer', serdes.string as Serde<never>, 'Zoë 🎭', '5a6fc3ab20f09f8ead'],
  ['ShortSerializer', serdes.int16 as Serde<never>, -2, 'fffe'],
  ['IntegerSerializer', serdes.int32 as Serde<never>, 0x0102_0304, '01020304'],
  ['IntegerSerializer', serdes.int32 as Serde<never>, -1, 'ffffffff'],
  ['LongSerializer', serdes.int64 as Serde<never>, -2, 'fffffffffffffffe'],
  ['LongSerializer', serdes.bigint64 as Serde<never>, 2n ** 63n - 1n, '7fffffffffffffff'],
  ['FloatSerializer', serdes.float32 as Serde<never>, 1.5, '3fc00000'],
  ['DoubleSerializer', serdes.float64 as Serde<never>, -0.1, 'bfb999999999999a'],
  ['BooleanSerializer', serdes.boolean as Serde<never>, true, '01'],
  ['VoidSerializer', serdes.nothing as Serde<never>, null, ''],
])('%s', (_, serde, value, bytes) => {
  const written = serde.serialize(value as never)
  expect(hex(written) ?? '').toBe(bytes)
  expect(serde.deserialize(written)).toBe(value)
})

describe('every value comes back', () => {
  const cases: [string, Serde<never>, fc.Arbitrary<unknown>][] = [
    ['string', serdes.string as Serde<never>, fc.string({ unit: 'grapheme' })],
    ['json', serdes.json<unknown>() as Serde<never>, fc.jsonValue()],
    ['int64', serdes.int64 as Serde<never>, fc.maxSafeInteger()],
    ['bigint64', serdes.bigint64 as Serde<never>, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
    ['float64', serdes.float64 as Serde<never>, fc.double()],
    ['uuid', serdes.uuid as Serde<never>, fc.uuid()],
  ]
  test.each(cases)('%s', (_, serde, values) => {
    fc.assert(
      fc.property(values, (value) => {
        const back = serde.deserialize(serde.serialize(value as never)) as unknown
        // JSON has one zero.
        expect(JSON.stringify(back, bigints)).toBe(JSON.stringify(value, bigints))
      }),
    )
  })
  const bigints = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value)
})

test('null has no bytes, and no bytes are null', () => {
  for (const serde of [serdes.string, serdes.int32, serdes.json<number>(), serdes.boolean, serdes.bytes]) {
    expect(serdes.nullable(serde as Serde<unknown>).serialize(null)).toBeNull()
    expect(serdes.nullable(serde as Serde<unknown>).deserialize(null)).toBeNull()
  }
})

test.each<[string, () => unknown]>([
  ['too few bytes', () => serdes.int64.deserialize(new Uint8Array(7))],
  ['too many bytes', () => serdes.int32.deserialize(new Uint8Array(5))],
  ['no boolean', () => serdes.boolean.deserialize(Uint8Array.of(2))],
  ['no UUID', () => serdes.uuid.serialize('not-a-uuid')],
  ['no JSON', () => serdes.json().deserialize(Uint8Array.of(0x7b))],
  [
    'nothing that JSON has',
    () => serdes.json().serialize(undefined as never) ?? serdes.json().serialize((() => {}) as never),
  ],
  ['an integer out of range', () => serdes.int32.serialize(2 ** 31)],
  ['a fraction', () => serdes.int16.serialize(0.5)],
  ['an integer that a number cannot hold', () => serdes.int64.deserialize(Uint8Array.of(0x7f, 1, 2, 3, 4, 5, 6, 7))],
  ['more than 64 bits', () => serdes.bigint64.serialize(2n ** 64n)],
  ['something where nothing should be', () => serdes.nothing.deserialize(Uint8Array.of(1))],
])('refuses %s', (_, attempt) => {
  expect(attempt).toThrow(serdes.SerdeError)
})
