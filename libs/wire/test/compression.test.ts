/** The four codecs by themselves, and the forms of snappy and lz4 that other clients send. */
import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import snappy from 'snappy'
import { compressFrameSync } from 'lz4-napi'
import { describe, expect, test } from 'vitest'
import { compress, decompress, hasCompression } from '../src/compression.ts'
import { KafkaError } from '../src/errors.ts'
import { WireError } from '../src/io.ts'
import { lz4FrameSize } from '../src/lz4-frame.ts'
import '../src/native.node.ts'

const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const content = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  // Long enough for several snappy and lz4 blocks, and compressible.
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.nat({ max: 4000 }))
    .map(([piece, times]) => new Uint8Array(Buffer.alloc(piece.length * times, piece))),
)

describe.each([1, 2, 3, 4])('type %i', (type) => {
  test(`${names[type]} round trip, within its bound and not beyond`, () => {
    fc.assert(
      fc.property(content, (bytes) => {
        const packed = compress(type, bytes)
        expect(Buffer.compare(decompress(type, packed, bytes.length), bytes)).toBe(0)
        if (bytes.length > 1) {
          expect(() => decompress(type, packed, bytes.length - 1)).toThrow(
            expect.objectContaining({ code: KafkaError.MESSAGE_TOO_LARGE }),
          )
        }
      }),
    )
  })

  test('noise and torn frames are errors', () => {
    fc.assert(
      fc.property(content, fc.nat(), fc.uint8Array({ maxLength: 60 }), (bytes, cut, noise) => {
        const packed = compress(type, bytes)
        for (const bad of [packed.subarray(0, cut % packed.length), noise]) {
          try {
            decompress(type, bad, 1 << 20)
          } catch (error) {
            expect(error).toBeInstanceOf(WireError)
          }
        }
      }),
    )
  })

  test('reads from shared memory', () => {
    const packed = compress(type, new Uint8Array(5000).fill(7))
    const shared = new Uint8Array(new SharedArrayBuffer(packed.length))
    shared.set(packed)
    expect(decompress(type, shared, 5000).length).toBe(5000)
  })
})

test('types without a codec', () => {
  expect([0, 1, 5, 7].map(hasCompression)).toEqual([true, true, false, false])
  expect(() => compress(5, new Uint8Array(1))).toThrow(
    expect.objectContaining({ code: KafkaError.UNSUPPORTED_COMPRESSION_TYPE }),
  )
})

test('snappy without framing, as librdkafka sends it', () => {
  const bytes = Buffer.from('a raw block, a raw block, a raw block')
  expect(Buffer.from(decompress(2, snappy.compressSync(bytes), 100)).toString()).toBe(bytes.toString())
})

test('snappy in xerial framing: 32 KiB blocks behind a header of 16 bytes', () => {
  const packed = compress(2, new Uint8Array(70_000))
  expect(Buffer.from(packed.subarray(0, 16)).toString('hex')).toBe('82534e41505059000000000100000001')
  const sizes: number[] = []
  for (let at = 16; at < packed.length;) {
    const length = Buffer.from(packed).readInt32BE(at)
    sizes.push((snappy.uncompressSync(packed.subarray(at + 4, at + 4 + length)) as Buffer).length)
    at += 4 + length
  }
  expect(sizes).toEqual([32768, 32768, 4464])
})

test('the length of an lz4 frame is found without unpacking it', () => {
  fc.assert(
    fc.property(content, fc.boolean(), fc.boolean(), (bytes, contentChecksum, blockChecksums) => {
      const frame = compressFrameSync(Buffer.from(bytes), { contentChecksum, blockChecksums })
      expect(lz4FrameSize(frame, Infinity)).toBe(bytes.length)
    }),
  )
})

/** The reference implementation, where it is installed: linked blocks, other block sizes, content sizes. */
const hasLz4 = spawnSync('lz4', ['--version']).status === 0
test.skipIf(!hasLz4)('frames of the lz4 command (skipped where it is not installed)', () => {
  const input = Buffer.from('linked blocks, '.repeat(20_000))
  for (const options of [['-BD'], ['-B4'], ['-B7', '--content-size'], ['--no-frame-crc']]) {
    const { stdout } = spawnSync('lz4', [...options, '-c', '-'], { input })
    expect(lz4FrameSize(stdout, Infinity)).toBe(input.length)
    expect(Buffer.compare(decompress(3, stdout, input.length), input)).toBe(0)
  }
})
