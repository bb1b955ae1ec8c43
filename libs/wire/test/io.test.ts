/** Primitive types at their edges. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Reader, WireError, Writer, bytesToUuid, uuidToBytes, zeroUuid } from '../src/io.ts'
import { uuid } from './support/arbitrary.ts'

function written(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(1)
  write(writer)
  return writer.bytes()
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('int64', () => {
  const exact = (value: number): bigint => (value === 2 ** 63 ? 2n ** 63n - 1n : BigInt(value))
  const edges = [
    0,
    1,
    -1,
    2 ** 31,
    -(2 ** 31),
    2 ** 32,
    -(2 ** 32),
    2 ** 53 - 1,
    -(2 ** 53) + 1,
    2 ** 53,
    2 ** 63,
    -(2 ** 63),
  ]
  const values = fc.oneof(fc.constantFrom(...edges), fc.maxSafeInteger())

  test('is two’s complement, and its extremes survive', () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = written((writer) => writer.int64(value))
        expect(Buffer.from(bytes).readBigInt64BE()).toBe(exact(value))
        expect(new Reader(bytes).int64()).toBe(value)
      }),
    )
  })

  test('as varlong is zigzag of the same', () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = written((writer) => writer.varlong(value))
        expect(zigzagVarlong(bytes)).toBe(exact(value))
        expect(new Reader(bytes).varlong()).toBe(value)
      }),
    )
  })

  test('the largest takes ten bytes', () => {
    expect(hex(written((writer) => writer.varlong(2 ** 63)))).toBe('feffffffffffffffff01')
    expect(hex(written((writer) => writer.varlong(-(2 ** 63))))).toBe('ffffffffffffffffff01')
  })
})

/** The definition, in BigInt. */
function zigzagVarlong(bytes: Uint8Array): bigint {
  const raw = bytes.reduceRight((value, byte) => (value << 7n) | BigInt(byte & 127), 0n)
  return (raw >> 1n) ^ -(raw & 1n)
}

test('varints of 32 bits', () => {
  fc.assert(
    fc.property(fc.integer(), (value) => {
      expect(new Reader(written((writer) => writer.varint(value))).varint()).toBe(value)
      expect(new Reader(written((writer) => writer.unsignedVarint(value >>> 0))).unsignedVarint()).toBe(value >>> 0)
    }),
  )
  expect(hex(written((writer) => writer.unsignedVarint(300)))).toBe('ac02')
  expect(() => new Reader(new Uint8Array(8).fill(0xff)).unsignedVarint()).toThrow(WireError)
  expect(() => new Reader(new Uint8Array(12).fill(0xff)).varlong()).toThrow(WireError)
})

test('strings are UTF-8, byte order marks and pairs included', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.boolean(), (text, compact) => {
      const bytes = written((writer) => writer.string(text, compact))
      const prefix = compact ? (Buffer.byteLength(text) < 127 ? 1 : 2) : 2
      expect(hex(bytes.subarray(prefix))).toBe(Buffer.from(text).toString('hex'))
      expect(new Reader(bytes).string(compact)).toBe(text)
    }),
  )
  expect(new Reader(written((writer) => writer.string('\ufeffx'))).string()).toBe('\ufeffx')
  expect(hex(written((writer) => writer.string('\ud800'))).slice(4)).toBe('efbfbd')
  expect(() => written((writer) => writer.string('x'.repeat(0x8000)))).toThrow(WireError)
})

test('reads from shared memory', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(64))
  const bytes = written((writer) => writer.string('grüße'.repeat(6)))
  shared.set(bytes)
  expect(new Reader(shared).string()).toBe('grüße'.repeat(6))
})

test('byte fields are views', () => {
  const frame = Uint8Array.of(0, 0, 0, 2, 7, 8)
  const field = new Reader(frame).bytesField()
  frame[4] = 9
  expect([...field]).toEqual([9, 8])
})

test('bytes can come from elsewhere', () => {
  const source = { length: 3, copyTo: (target: Uint8Array, position: number) => target.set([1, 2, 3], position) }
  expect(hex(written((writer) => writer.nullableBytesField(source)))).toBe('00000003010203')
})

describe('uuid', () => {
  test('text and bytes', () => {
    fc.assert(
      fc.property(uuid(), (text) => {
        const bytes = uuidToBytes(text)
        expect(Buffer.from(bytes).toString('base64url')).toBe(text)
        expect(bytesToUuid(bytes)).toBe(text)
      }),
    )
    expect(bytesToUuid(new Uint8Array(16))).toBe(zeroUuid)
    expect(hex(uuidToBytes(zeroUuid))).toBe('00'.repeat(16))
  })

  test.each(['', 'AAAA', 'AAAAAAAAAAAAAAAAAAAA+A', 'AAAAAAAAAAAAAAAAAAAAAé', `${zeroUuid}A`])('%j is none', (text) => {
    expect(() => uuidToBytes(text)).toThrow(WireError)
  })
})

test('a writer starts in memory that it was given and leaves it only when that is full', () => {
  const pooled = new Uint8Array(8)
  const writer = new Writer(pooled)
  writer.int64(5)
  expect(writer.bytes().buffer).toBe(pooled.buffer)
  writer.int8(1)
  expect(writer.bytes().buffer).not.toBe(pooled.buffer)
  expect(hex(writer.bytes())).toBe('000000000000000501')
  writer.reset()
  expect(writer.bytes().length).toBe(0)
})

test('a reader stays inside its window', () => {
  const reader = new Reader(Uint8Array.of(1, 2, 3, 4, 5), 1, 3)
  expect(reader.int16()).toBe(0x0203)
  expect(() => reader.int8()).toThrow(WireError)
  expect(() => new Reader(new Uint8Array(3), 2, 5)).toThrow(WireError)
})
