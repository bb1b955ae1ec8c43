/**
 * Random messages, made from the schemas: every field that the version has, the default where it has not, as a
 * decoder would give them back.
 */
import fc from 'fast-check'
import { loadMessages, structOf, type Field, type Message, type Primitive } from '@troupe/tools/generate/schema'
import { includes } from '@troupe/tools/generate/versions'
import { zeroUuid } from '../../src/io.ts'

export type Fields = Record<string, unknown>

/** All of Kafka's messages that have a version, and every version of each. */
export const messages = loadMessages()

export function versionsOf(message: Message): number[] {
  const { low, high } = message.versions
  return Array.from({ length: high - low + 1 }, (_, index) => low + index)
}

export interface Choices {
  /** Add tagged fields that the schema does not know. */
  unknownTags?: boolean
}

export function arbitraryMessage(message: Message, version: number, choices: Choices = {}): fc.Arbitrary<Fields> {
  return arbitraryStruct(message, message.fields, version, choices)
}

function arbitraryStruct(message: Message, fields: Field[], version: number, choices: Choices): fc.Arbitrary<Fields> {
  const record: Record<string, fc.Arbitrary<unknown>> = {}
  for (const field of fields) record[field.name] = arbitraryField(message, field, version, choices)
  const known = fc.record(record, { noNullPrototype: true })
  if (!choices.unknownTags || !includes(message.flexible, version)) return known
  const firstFree = Math.max(-1, ...fields.map(({ tag }) => tag)) + 1
  return fc
    .tuple(known, unknownTags(firstFree))
    .map(([struct, unknownTaggedFields]) =>
      unknownTaggedFields.length === 0 ? struct : { ...struct, unknownTaggedFields },
    )
}

function unknownTags(first: number): fc.Arbitrary<{ tag: number; data: Uint8Array }[]> {
  const tag = fc.oneof(fc.nat({ max: 5 }), fc.constant(200), fc.constant(0x7ffffff0)).map((n) => first + n)
  return fc
    .uniqueArray(fc.record({ tag, data: bytes() }, { noNullPrototype: true }), {
      maxLength: 2,
      selector: (field) => field.tag,
    })
    .map((list) => list.toSorted((a, b) => a.tag - b.tag))
}

function arbitraryField(message: Message, field: Field, version: number, choices: Choices): fc.Arbitrary<unknown> {
  // Every run makes its own default: a shared one could hide that a decoder changes it.
  if (!includes(field.versions, version)) return fc.constant(null).map(() => defaultOf(message, field))
  const present = arbitraryPresent(message, field, version, choices)
  const byDefault = fc.constant(null).map(() => defaultOf(message, field))
  const value = fc.oneof({ weight: 4, arbitrary: present }, { weight: 1, arbitrary: byDefault })
  const nullable = includes(field.nullable, version)
  if (nullable) return fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) })
  return field.default === null ? present : value
}

function arbitraryPresent(message: Message, field: Field, version: number, choices: Choices): fc.Arbitrary<unknown> {
  const item =
    field.struct === undefined
      ? arbitraryPrimitive(field.primitive!)
      : arbitraryStruct(message, structOf(message, field).fields, version, choices)
  return field.kind === 'array' ? fc.array(item, { maxLength: 3 }) : item
}

function arbitraryPrimitive(type: Primitive): fc.Arbitrary<unknown> {
  const signed = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
  switch (type) {
    case 'int8':
      return signed(8)
    case 'int16':
      return signed(16)
    case 'int32':
      return signed(32)
    case 'int64':
      return int64()
    case 'uint16':
      return fc.integer({ min: 0, max: 0xffff })
    case 'uint32':
      return fc.integer({ min: 0, max: 0xffffffff })
    case 'float64':
      return fc.double({ noNaN: true, noDefaultInfinity: true })
    case 'bool':
      return fc.boolean()
    case 'uuid':
      return uuid()
    case 'string':
      return fc.oneof({ weight: 5, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) }, longString())
    default:
      return bytes()
  }
}

/** Longer than one varint byte can say, so that sizes of two bytes occur. */
const longString = () => fc.string({ minLength: 120, maxLength: 200 })

export function int64(): fc.Arbitrary<number> {
  return fc.oneof(fc.maxSafeInteger(), fc.constant(2 ** 63), fc.constant(-(2 ** 63)))
}

export function bytes(): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength: 20 })
}

/** Kafka's text form: the last character carries two bits of content only. */
export function uuid(): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((raw) => Buffer.from(raw).toString('base64url'))
}

export function defaultOf(message: Message, field: Field): unknown {
  if (field.default !== 'empty') return field.default
  if (field.kind === 'array') return []
  if (field.kind === 'primitive') return field.primitive === 'uuid' ? zeroUuid : new Uint8Array(0)
  const struct: Fields = {}
  for (const inner of structOf(message, field).fields) struct[inner.name] = defaultOf(message, inner)
  return struct
}
