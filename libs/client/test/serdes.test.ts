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

describe('texts', () => {
  // Around the lengths at which another way is taken.
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 70 }),
    fc.string({ unit: 'grapheme', minLength: 60, maxLength: 1100 }),
    fc.string({ unit: 'binary-ascii', minLength: 60, maxLength: 1100 }),
  )

  test('have the bytes of TextEncoder, also those that share a buffer', () => {
    const kept: [Uint8Array, string][] = []
    fc.assert(
      fc.property(texts, (text) => {
        const expected = Buffer.from(new TextEncoder().encode(text)).toString('hex')
        expect(hex(serdes.string.serialize(text))).toBe(expected)
        const shared = serdes.string.serializeToSend!(text)!
        expect(hex(shared)).toBe(expected)
        expect(serdes.string.deserialize(shared)).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(shared))
        kept.push([shared, expected])
      }),
    )
    for (const [shared, expected] of kept) expect(hex(shared)).toBe(expected)
  })

  test('a serde made of another by spreading does not take its shortcut', () => {
    const loud: Serde<string> = { ...serdes.string, serialize: (value) => serdes.string.serialize(`${value}!`) }
    expect(loud.serializeToSend).toBeUndefined()
    expect(serdes.string.serializeToSend!(null as never)).toBeNull()
  })

  test('broken bytes become U+FFFD, and a mark at the beginning stays', () => {
    expect(serdes.string.deserialize(Uint8Array.of(0x61, 0xff))).toBe('a\ufffd')
    expect(serdes.string.deserialize(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa')
  })
})
