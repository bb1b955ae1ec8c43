/** Every message in every version: what is written is read back, and what cannot be written is refused. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { includes } from '@troupe/tools/generate/versions'
import { KafkaError } from '../src/errors.ts'
import { WireError } from '../src/io.ts'
import { arbitraryMessage, defaultOf, messages, versionsOf, type Fields } from './support/arbitrary.ts'
import { decode, encode } from './support/codecs.ts'

const RUNS = 15

function codeOf(run: () => unknown): number | undefined {
  try {
    run()
  } catch (error) {
    if (error instanceof WireError) return error.code
    throw error
  }
  return undefined
}

test('the schemas are all there', () => {
  const count = (type: string) => messages.filter((message) => message.type === type).length
  // 93 pairs less the four that lost their last version in Kafka 4.0.
  expect([count('request'), count('response'), count('header')]).toEqual([89, 89, 2])
  expect([count('metadata'), count('coordinator-key'), count('coordinator-value'), count('data')]).toEqual([
    26, 25, 25, 11,
  ])
})

describe.each(messages.map((message) => [message.name, message] as const))('%s', (name, message) => {
  test('reads back what it wrote, in every version', () => {
    for (const version of versionsOf(message)) {
      const property = fc.property(arbitraryMessage(message, version, { unknownTags: true }), (value) => {
        assert.deepEqual(decode(name, encode(name, value, version), version), value)
      })
      fc.assert(property, { numRuns: RUNS })
    }
  })

  test('fills in the defaults of what was left out', () => {
    const defaults = Object.fromEntries(message.fields.map((field) => [field.name, defaultOf(message, field)]))
    for (const version of versionsOf(message)) {
      // A field that defaults to null but may not be null at this version has to be given.
      const needed = message.fields.filter(
        (field) =>
          field.default === null &&
          includes(field.versions, version) &&
          !includes(field.nullable, version) &&
          !includes(field.tagged, version),
      )
      if (needed.length > 0) continue
      assert.deepEqual(decode(name, encode(name, {}, version), version), defaults)
    }
  })

  test('knows no versions but its own', () => {
    for (const version of [message.versions.low - 1, message.versions.high + 1]) {
      expect(codeOf(() => encode(name, {}, version))).toBe(KafkaError.UNSUPPORTED_VERSION)
      expect(codeOf(() => decode(name, new Uint8Array(64), version))).toBe(KafkaError.UNSUPPORTED_VERSION)
    }
  })
})

test('a field that the version lacks is refused unless it may be ignored', () => {
  let refused = 0
  let ignored = 0
  for (const message of messages) {
    for (const version of versionsOf(message)) {
      const base = fc.sample(arbitraryMessage(message, version), { numRuns: 1, seed: version })[0]
      for (const field of message.fields) {
        const other = versionsOf(message).find((candidate) => includes(field.versions, candidate))
        if (includes(field.versions, version) || other === undefined) continue
        const before = JSON.stringify(defaultOf(message, field))
        const value = fc
          .sample(arbitraryMessage(message, other), { numRuns: 40, seed: 7 })
          .map((sample: Fields) => sample[field.name])
          .find((sample) => JSON.stringify(sample) !== before)
        if (value === undefined) continue
        const code = codeOf(() => encode(message.name, { ...base, [field.name]: value }, version))
        expect([message.name, field.name, version, code]).toEqual([
          message.name,
          field.name,
          version,
          field.ignorable ? undefined : KafkaError.UNSUPPORTED_VERSION,
        ])
        if (field.ignorable) ignored++
        else refused++
      }
    }
  }
  expect(refused).toBeGreaterThan(100)
  expect(ignored).toBeGreaterThan(100)
})

test('unknown tagged fields are refused before flexible versions', () => {
  const unknownTaggedFields = [{ tag: 99, data: Uint8Array.of(1) }]
  expect(codeOf(() => encode('ProduceRequest', { unknownTaggedFields }, 8))).toBe(KafkaError.UNSUPPORTED_VERSION)
  expect(codeOf(() => encode('ProduceRequest', { unknownTaggedFields }, 9))).toBeUndefined()
})

test('null where null may not be is refused', () => {
  expect(codeOf(() => encode('MetadataRequest', { topics: null }, 0))).toBe(KafkaError.INVALID_REQUEST)
  expect(codeOf(() => encode('MetadataRequest', { topics: null }, 1))).toBeUndefined()
  // v9 is flexible: a compact array of length 0 is null.
  expect(codeOf(() => decode('FindCoordinatorRequest', Uint8Array.of(0, 0, 0), 4))).toBe(KafkaError.INVALID_REQUEST)
})
