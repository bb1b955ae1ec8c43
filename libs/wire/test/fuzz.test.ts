/**
 * Frames that were cut short, changed or invented: a clean error or a message, never anything else, and never more
 * memory than a frame of that size can account for.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WireError } from '../src/io.ts'
import * as batch from '../src/record-batch.ts'
import { decodeMetadataRecord } from '../src/records-by-type.ts'
import '../src/native.node.ts'
import { arbitraryMessage, messages, versionsOf } from './support/arbitrary.ts'
import { decode, encode } from './support/codecs.ts'

type Outcome = 'message' | 'error'

/** Runs a decoder; anything but a result, a WireError or the harness's own "bytes left over" fails the test. */
function outcome(run: () => unknown): Outcome {
  try {
    run()
    return 'message'
  } catch (error) {
    if (error instanceof WireError || (error as Error).message.endsWith('left over')) return 'error'
    throw error
  }
}

const cases = messages.flatMap((message) => versionsOf(message).map((version) => ({ message, version })))
const anyCase = fc.constantFrom(...cases)
const anyFrame = anyCase.chain(({ message, version }) =>
  arbitraryMessage(message, version, { unknownTags: true }).map((value) => ({
    name: message.name,
    version,
    frame: encode(message.name, value, version).slice(),
  })),
)

test('a message cut short anywhere is an error', () => {
  const property = fc.property(anyFrame, ({ name, version, frame }) => {
    const step = Math.max(1, Math.floor(frame.length / 40))
    for (let length = 0; length < frame.length; length += step) {
      expect([name, version, length, outcome(() => decode(name, frame.subarray(0, length), version))]).toEqual([
        name,
        version,
        length,
        'error',
      ])
    }
  })
  fc.assert(property, { numRuns: 400 })
})

test('a message with changed bytes is an error or another message', () => {
  const seen = { message: 0, error: 0 }
  const changes = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 0x7f, 0x80, 0xfe, 0xff)), {
    minLength: 1,
    maxLength: 4,
  })
  const property = fc.property(anyFrame, changes, ({ name, version, frame }, changes) => {
    if (frame.length === 0) return
    for (const [at, value] of changes) frame[at % frame.length] = value
    seen[outcome(() => decode(name, frame, version))]++
  })
  fc.assert(property, { numRuns: 3000 })
  expect(seen.error).toBeGreaterThan(100)
  expect(seen.message).toBeGreaterThan(100)
})

test('noise is an error or a message', () => {
  const property = fc.property(anyCase, fc.uint8Array({ maxLength: 200 }), ({ message, version }, noise) => {
    outcome(() => decode(message.name, noise, version))
  })
  fc.assert(property, { numRuns: 3000 })
})

test('lengths that claim everything allocate nothing', () => {
  // Each starts with a count of 2^31 - 1, in both forms.
  const plain = new Uint8Array(64).fill(0)
  plain.set([0x7f, 0xff, 0xff, 0xff])
  const compact = new Uint8Array(64).fill(0)
  compact.set([0xff, 0xff, 0xff, 0xff, 0x07])
  const before = process.memoryUsage().heapUsed
  for (const { message, version } of cases) {
    for (const noise of [plain, compact]) outcome(() => decode(message.name, noise, version))
  }
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024)
})

test('corrupted record batches are refused or read, by every reader', () => {
  const record = fc.record({
    key: fc.option(fc.uint8Array({ maxLength: 10 })),
    value: fc.option(fc.uint8Array({ maxLength: 50 })),
    timestamp: fc.nat(),
  })
  const seen = { message: 0, error: 0 }
  const property = fc.property(
    fc.array(record, { minLength: 1, maxLength: 5 }),
    fc.nat({ max: 4 }),
    fc.nat(),
    fc.nat({ max: 255 }),
    (records, compression, at, value) => {
      const bytes = batch.buildBatch({ records, compression }).slice()
      const index = at % bytes.length
      if (bytes[index] === value) return
      bytes[index] = value
      const accepted = batch.validateBatch(bytes, 0) === 0
      // Base offset and leader epoch are not covered by the checksum, and may be anything.
      expect(accepted).toBe(index < 8 || (index >= 12 && index < 16))
      seen[outcome(() => batch.readBatch(bytes, 0, 1 << 20))]++
      outcome(() => batch.readBatch(bytes.subarray(0, index), 0, 1 << 20))
    },
  )
  fc.assert(property, { numRuns: 2000 })
  expect(seen.error).toBeGreaterThan(100)
})

test('record framing is walked within its bounds, whatever it says', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 5 }), (noise, count) => {
    const code = batch.validateRecordFraming(noise, 0, noise.length, count)
    if (count > 0 && noise.length < count * 7) expect(code).not.toBe(0)
  })
  fc.assert(property, { numRuns: 5000 })
})

test('metadata records and control records of noise end in an error or a record', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 8 }), (noise, key) => {
    outcome(() => decodeMetadataRecord(noise))
    outcome(() => decodeMetadataRecord(Uint8Array.of(1, noise.length, 0, ...noise)))
    outcome(() => batch.readControlRecord({ key, value: noise }))
    outcome(() => batch.readControlRecord({ key: Uint8Array.of(0, 0, 0, noise.length % 8), value: noise }))
  })
  fc.assert(property, { numRuns: 2000 })
})
