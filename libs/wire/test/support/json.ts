/** Messages as the JSON that Kafka's own converters read: exact 64-bit integers, base64 for bytes. */
import { structOf, type Field, type Message, type Primitive } from '@troupe/tools/generate/schema'
import { includes } from '@troupe/tools/generate/versions'
import type { Fields } from './arbitrary.ts'

export function toKafkaJson(message: Message, value: Fields, version: number): string {
  return structJson(message, message.fields, value, version)
}

function structJson(message: Message, fields: Field[], value: Fields, version: number): string {
  const members = fields
    .filter((field) => includes(field.versions, version))
    .map((field) => `${JSON.stringify(field.name)}:${fieldJson(message, field, value[field.name], version)}`)
  return `{${members.join(',')}}`
}

function fieldJson(message: Message, field: Field, value: unknown, version: number): string {
  if (value === null) return 'null'
  const item = (one: unknown): string =>
    field.struct === undefined
      ? primitiveJson(field.primitive!, one)
      : structJson(message, structOf(message, field).fields, one as Fields, version)
  return field.kind === 'array' ? `[${(value as unknown[]).map(item).join(',')}]` : item(value)
}

function primitiveJson(type: Primitive, value: unknown): string {
  switch (type) {
    case 'int64':
      return String(value === 2 ** 63 ? 2n ** 63n - 1n : BigInt(value as number))
    case 'float64':
      return doubleJson(value as number)
    case 'bytes':
    case 'records':
      return JSON.stringify(Buffer.from(value as Uint8Array).toString('base64'))
    default:
      return JSON.stringify(value)
  }
}

/** The converter insists on a number with a fraction. */
function doubleJson(value: number): string {
  const text = Object.is(value, -0) ? '-0.0' : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}
