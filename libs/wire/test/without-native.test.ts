/** snappy and lz4 where their addons are missing: our own code against theirs, both ways, and against what is broken. */
import fc from 'fast-check'
import { compressFrameSync, decompressFrameSync } from 'lz4-napi'
import snappy from 'snappy'
import { describe, expect, test } from 'vitest'
import { compressLz4Frame, decompressLz4Frame } from '../src/lz4-codec.ts'
import { lz4FrameSize } from '../src/lz4-frame.ts'
import { compressSnappyBlock, decompressSnappyBlock } from '../src/snappy-block.ts'
import { WireError } from '../src/wire-error.ts'

const content = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  // Runs and repetitions at every distance, beyond one block of each format.
  fc
    .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat({ max: 3000 })), { maxLength: 4 })
    .map(
      (parts) =>
        new Uint8Array(Buffer.concat(parts.map(([piece, times]) => Buffer.alloc(piece.length * times, piece)))),
    ),
)
const same = (left: Uint8Array, right: Uint8Array): boolean => Buffer.compare(left, right) === 0
const unpackLz4 = (frame: Uint8Array, limit = 1 << 24): Uint8Array =>
  decompressLz4Frame(frame, lz4FrameSize(frame, limit))

describe.each([
  {
    name: 'snappy',
    pack: compressSnappyBlock,
    unpack: decompressSnappyBlock,
    packNative: (bytes: Uint8Array) => snappy.compressSync(bytes),
    unpackNative: (bytes: Uint8Array) => snappy.uncompressSync(bytes, { asBuffer: true }) as Buffer,
  },
  {
    name: 'lz4',
    pack: compressLz4Frame,
    unpack: unpackLz4,
    packNative: (bytes: Uint8Array) => compressFrameSync(Buffer.from(bytes)),
    unpackNative: (bytes: Uint8Array) => decompressFrameSync(Buffer.from(bytes)),
  },
])('$name', ({ pack, unpack, packNative, unpackNative }) => {
  test('reads what it writes, and what the addon writes', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        expect(same(unpack(pack(bytes)), bytes)).toBe(true)
        expect(same(unpack(packNative(bytes)), bytes)).toBe(true)
      }),
    )
  })

  test('the addon reads what it writes', () => {
    fc.assert(fc.property(content, (bytes) => void expect(same(unpackNative(pack(bytes)), bytes)).toBe(true)))
  })

  test('repetition shrinks, and noise hardly grows', () => {
    expect(pack(new Uint8Array(100_000).fill(7)).length).toBeLessThan(6000)
    const noise = Uint8Array.from({ length: 100_000 }, (_, index) => Math.imul(index + 1, 0x9e3779b1) >>> 24)
    expect(pack(noise).length).toBeLessThan(100_200)
  })

  test('what is broken is an error of the format, or other content, never a crash', () => {
    fc.assert(
      fc.property(content, fc.nat(), fc.nat(), fc.nat({ max: 255 }), (bytes, cut, at, value) => {
        const packed = pack(bytes)
        const changed = packed.slice()
        changed[at % changed.length] = value
        for (const bad of [packed.subarray(0, cut % packed.length), changed]) {
          try {
            unpack(bad)
          } catch (error) {
            expect(error).toBeInstanceOf(WireError)
          }
        }
      }),
    )
  })
})
