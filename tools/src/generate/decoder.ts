/**
 * The decoder of a message: one function for the message and one for each struct, an object literal that reads
 * its fields in the order of the wire, so that every decoded object has the same shape.
 */
import { intersect, isEmpty, test, type Range } from './versions.ts'
import { smallestStruct, structOf, type Field, type Message } from './schema.ts'
import { typeName } from './types.ts'

export function emitDecoders(message: Message): string {
  const parts = [emitDecoder(message, undefined, message.fields, message.versions)]
  for (const struct of message.structs.values()) {
    if (isEmpty(struct.versions)) continue
    parts.push(emitDecoder(message, struct.name, struct.fields, struct.versions))
    if (needsDefault(message, struct.name)) parts.push(emitDefault(message, struct.name, struct.fields))
  }
  return parts.join('\n')
}

function emitDecoder(message: Message, struct: string | undefined, fields: Field[], context: Range): string {
  const name = typeName(message, struct)
  const flexible = flexibleTest(message, context)
  const lines: string[] = []
  const literal = fields.map((field) => `    ${field.name}: ${initial(message, field, context)},\n`).join('')
  if (struct === undefined) lines.push(versionCheck(message))
  const tags = flexible === 'false' ? '' : emitTags(message, fields, context)
  if (tags === '') lines.push(`  return {\n${literal}  }\n`)
  else {
    lines.push(`  const message: T.${name} = {\n${literal}  }\n`)
    if (flexible === 'true') lines.push(tags)
    else if (tags === UNKNOWN_TAGS) lines.push(`  if (flexible) ${tags.trim()}\n`)
    else lines.push(`  if (flexible) {\n${tags.replaceAll(/^/gm, '  ').trimEnd()}\n  }\n`)
    lines.push('  return message\n')
  }
  const head = struct === undefined ? `export function decode${name}` : `function read${name}`
  const body = declareFlexible(lines.join(''), flexible, message)
  const version = body.includes('version') ? 'version' : '_version'
  return `${head}(reader: Reader, ${version}: number): T.${name} {\n${body}}\n`
}

export function versionCheck(message: Message): string {
  const { low, high } = message.versions
  const condition = low === high ? `version !== ${low}` : `version < ${low} || version > ${high}`
  return `  if (${condition}) unsupportedVersion('${message.name}', version)\n`
}

/** `true`, `false`, or the name of a constant that `declareFlexible` puts in front. */
export function flexibleTest(message: Message, context: Range): 'true' | 'false' | 'flexible' {
  const result = test(message.flexible, context)
  return typeof result === 'boolean' ? (result ? 'true' : 'false') : 'flexible'
}

export function declareFlexible(body: string, flexible: string, message: Message): string {
  if (flexible !== 'flexible' || !/\bflexible\b/.test(body)) return body
  const line = `  const flexible = version >= ${message.flexible.low}\n`
  const check = /^ {2}if \(version .*unsupportedVersion.*\n/.exec(body)?.[0] ?? ''
  return check + line + body.slice(check.length)
}

/** The value of a field before tagged fields are read: what the wire has, or Kafka's default. */
function initial(message: Message, field: Field, context: Range): string {
  const onWire = test(untagged(field, context), context)
  if (onWire === false) return defaultValue(message, field)
  const within = intersect(untagged(field, context), context)
  const read = readField(message, field, within, context)
  return onWire === true ? read : `${onWire} ? ${read} : ${defaultValue(message, field)}`
}

/** No field of Kafka's is tagged in some of its versions only. */
export function untagged(field: Field, context: Range): Range {
  return isEmpty(intersect(field.tagged, context)) ? field.versions : { low: 1, high: 0 }
}

function readField(message: Message, field: Field, within: Range, context: Range): string {
  const nullable = test(field.nullable, within)
  const flexible = field.neverFlexible ? 'false' : flexibleIn(message, within, context)
  const plain = (): string => readValue(message, field, within, flexible, false)
  const orNull = (): string => readValue(message, field, within, flexible, true)
  if (typeof nullable === 'boolean') return nullable ? orNull() : plain()
  return `(${nullable} ? ${orNull()} : ${plain()})`
}

/** Inside `within` all versions may be flexible (or none) though the function's own range is mixed. */
export function flexibleIn(message: Message, within: Range, context: Range): string {
  const narrow = flexibleTest(message, within)
  return narrow === 'flexible' ? flexibleTest(message, context) : narrow
}

function readValue(message: Message, field: Field, within: Range, flexible: string, nullable: boolean): string {
  if (field.kind === 'struct') {
    const read = `read${typeName(message, field.struct)}(reader, version)`
    if (!nullable) return read
    // Kafka marks a null struct by -1 in place, and by 0 inside of a tagged field.
    return isEmpty(field.tagged)
      ? `(reader.int8() < 0 ? null : ${read})`
      : `(reader.unsignedVarint() === 0 ? null : ${read})`
  }
  if (field.kind === 'array' && field.struct !== undefined) {
    const struct = structOf(message, field)
    const smallest = smallestStruct(message, struct, intersect(within, struct.versions))
    const method = nullable ? 'nullableList' : 'list'
    return `reader.${method}(read${typeName(message, field.struct)}, version, ${flexible}, ${smallest})`
  }
  const method = primitiveMethod(field, nullable)
  return takesFlexible(field) ? `reader.${method}(${flexible === 'false' ? '' : flexible})` : `reader.${method}()`
}

export function takesFlexible(field: Field): boolean {
  return field.kind === 'array' || ['string', 'bytes', 'records'].includes(field.primitive!)
}

/** The method of `Reader` and `Writer` for a primitive or an array of primitives. */
export function primitiveMethod(field: Field, nullable: boolean): string {
  const primitive = field.primitive!
  const base =
    field.kind === 'array'
      ? `${primitive}Array`
      : primitive === 'bytes' || primitive === 'records'
        ? 'bytesField'
        : primitive
  return nullable ? `nullable${base[0].toUpperCase()}${base.slice(1)}` : base
}

export function defaultValue(message: Message, field: Field): string {
  if (field.default === null) return 'null'
  if (field.default === '') return `''`
  if (field.default !== 'empty') return String(field.default)
  if (field.kind === 'array') return '[]'
  if (field.kind === 'struct') return `default${typeName(message, field.struct)}()`
  return field.primitive === 'uuid' ? 'zeroUuid' : 'new Uint8Array(0)'
}

const UNKNOWN_TAGS = '  reader.unknownTags(message)\n'

function emitTags(message: Message, fields: Field[], context: Range): string {
  const tagged = taggedFields(fields, context)
  if (tagged.length === 0) return UNKNOWN_TAGS
  const cases = tagged.map((field) => {
    const within = intersect(field.tagged, context)
    const flexibleRange = intersect(message.flexible, context)
    const known = test(within, flexibleRange)
    const refuse =
      known === true ? '' : `        if (!(${known})) malformed('tag ${field.tag} at version ' + version)\n`
    const read = readField(message, field, within, flexibleRange)
    return `      case ${field.tag}:\n${refuse}        message.${field.name} = ${read}\n        break\n`
  })
  return (
    '  for (let left = reader.tagCount(); left > 0; left--) {\n' +
    '    const tag = reader.unsignedVarint()\n    const end = reader.tagEnd()\n    switch (tag) {\n' +
    cases.join('') +
    '      default:\n        reader.unknownTag(message, tag, end)\n    }\n    reader.expect(end)\n  }\n'
  )
}

export function taggedFields(fields: Field[], context: Range): Field[] {
  return fields.filter((field) => !isEmpty(intersect(field.tagged, context))).sort((a, b) => a.tag - b.tag)
}

/** Whether some field of this struct type is a struct that defaults to an empty one and can be absent. */
export function needsDefault(message: Message, struct: string): boolean {
  return allFields(message).some(
    (field) => field.kind === 'struct' && field.struct === struct && field.default === 'empty',
  )
}

export function allFields(message: Message): Field[] {
  return [...message.fields, ...[...message.structs.values()].flatMap(({ fields }) => fields)]
}

function emitDefault(message: Message, struct: string, fields: Field[]): string {
  const name = typeName(message, struct)
  const values = fields.map((field) => `${field.name}: ${defaultValue(message, field)}`).join(', ')
  return `function default${name}(): T.${name} {\n  return { ${values} }\n}\n`
}
