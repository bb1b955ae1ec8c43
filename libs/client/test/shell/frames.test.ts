/** Bytes to frames, however the network has cut them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameReader } from '../../src/shell/frame-reader.ts'

const frame = (body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(4 + body.length)
  new DataView(bytes.buffer).setInt32(0, body.length)
  bytes.set(body, 4)
  return bytes
}

const bodies = fc.array(fc.uint8Array({ minLength: 4, maxLength: 60 }), { minLength: 1, maxLength: 8 })
const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 })

/** The stream of these frames, cut into pieces; the last piece takes the rest. */
function pieces(frames: readonly Uint8Array[], sizes: readonly number[]): Uint8Array[] {
  const stream = new Uint8Array(Buffer.concat(frames.map(frame)))
  const cut: Uint8Array[] = []
  let at = 0
  for (let n = 0; at < stream.length; n++) {
    const size = n < sizes.length ? sizes[n]! : stream.length
    cut.push(stream.slice(at, at + size))
    at += size
  }
  return cut
}

describe('frames', () => {
  test('from chunks that came in memory of their own: nothing that is handed over changes later', () => {
    fc.assert(
      fc.property(bodies, cuts, (frames, sizes) => {
        const seen: Uint8Array[] = []
        const reader = new FrameReader(new Uint8Array(16), (bytes, owned) => {
          expect(owned).toBe(true)
          seen.push(bytes)
        })
        for (const piece of pieces(frames, sizes)) expect(reader.push(piece)).toBe(true)
        expect(seen.map((bytes) => [...bytes])).toEqual(frames.map((bytes) => [...bytes]))
      }),
    )
  })

  test('from reads into the window: what is not whole is read into a buffer of its own', () => {
    fc.assert(
      fc.property(bodies, cuts, (frames, sizes) => {
        const seen: number[][] = []
        const window = new Uint8Array(32)
        const reader = new FrameReader(window, (bytes, owned) => {
          expect(owned).toBe(bytes.buffer !== window.buffer)
          seen.push([...bytes])
        })
        for (const piece of pieces(frames, sizes)) {
          for (let at = 0; at < piece.length;) {
            const space = reader.space()
            const part = piece.subarray(at, at + space.length)
            space.set(part)
            at += part.length
            expect(reader.filled(part.length)).toBe(true)
          }
        }
        expect(seen).toEqual(frames.map((bytes) => [...bytes]))
      }),
    )
  })

  test('a length that no response has ends the connection', () => {
    for (const length of [-1, 0, 3]) {
      const reader = new FrameReader(new Uint8Array(16), () => expect.fail('no frame'))
      const bytes = new Uint8Array(8)
      new DataView(bytes.buffer).setInt32(0, length)
      expect(reader.push(bytes)).toBe(false)
    }
  })
})
