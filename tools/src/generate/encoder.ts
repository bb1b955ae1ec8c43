/**
 * The encoder of a message: field after field in the order of the wire. What cannot be said at the version that
 * was asked for is refused, unless the schema calls it ignorable.
 */
import { intersect, isEmpty, test, type Range } from './versions.ts'
import {
  allFields,
  declareFlexible,
  defaultValue,
  flexibleIn,
  flexibleTest,
  primitiveMethod,
  taggedFields,
  takesFlexible,
  untagged,
  versionCheck,
} from './decoder.ts'
import type { Field, Message } from './schema.ts'
import { typeName } from './types.ts'

export function emitEncoders(message: Message): string {
  const parts = [emitEncoder(message, undefined, message.fields, message.versions)]
  for (const struct of message.structs.values()) {
    if (isEmpty(struct.versions)) continue
    parts.push(emitEncoder(message, struct.name, struct.fields, struct.versions))
    if (needsIsDefault(message, struct.name)) parts.push(emitIsDefault(message, struct.name, struct.fields))
  }
  return parts.join('\n')
}

function emitEncoder(message: Message, struct: string | undefined, fields: Field[], context: Range): string {
  const name = typeName(message, struct)
  const lines: string[] = []
  if (struct === undefined) lines.push(versionCheck(message))
  for (const field of fields) lines.push(writeOrRefuse(message, field, context, name))
  const flexible = flexibleTest(message, context)
  lines.push(emitTagSection(message, fields, context, flexible, name))
  const body = declareFlexible(lines.join(''), flexible, message)
  const head = struct === undefined ? `export function encode${name}` : `function write${name}`
  const value = /\bmessage\b/.test(body) ? 'message' : '_message'
  const version = /\bversion\b/.test(body) ? 'version' : '_version'
  return `${head}(writer: Writer, ${value}: T.${name}Input, ${version}: number): void {\n${body}}\n`
}

function writeOrRefuse(message: Message, field: Field, context: Range, owner: string): string {
  const refuse = field.ignorable
    ? ''
    : `if (${isNotDefault(message, field)}) unsupportedField('${owner}.${field.name}', version)\n`
  const isTagged = !isEmpty(intersect(field.tagged, context))
  const present = test(field.versions, context)
  if (isTagged) {
    if (present === true || refuse === '') return ''
    return present === false ? `  ${refuse}` : `  if (!(${present}) && ${refuse.slice('if ('.length)}`
  }
  if (present === false) return refuse === '' ? '' : `  ${refuse}`
  const within = intersect(untagged(field, context), context)
  const write = writeField(message, field, within, context)
  if (present === true) return write.map((line) => `  ${line}\n`).join('')
  const block =
    write.length === 1
      ? `  if (${present}) ${write[0]}\n`
      : `  if (${present}) {\n${write.map((line) => `    ${line}\n`).join('')}  }\n`
  if (refuse === '') return block
  return write.length === 1 ? `${block}  else ${refuse}` : `${block.trimEnd()} else ${refuse}`
}

function writeField(message: Message, field: Field, within: Range, context: Range): string[] {
  const nullable = test(field.nullable, within)
  const flexible = field.neverFlexible ? 'false' : flexibleIn(message, within, context)
  if (field.kind === 'struct') return writeStruct(message, field, nullable)
  const plain = writeValue(message, field, flexible, false)
  if (nullable === false) return [plain]
  const orNull = writeValue(message, field, flexible, true)
  return nullable === true ? [orNull] : [`if (${nullable}) ${orNull}`, `else ${plain}`]
}

function writeStruct(message: Message, field: Field, nullable: string | boolean): string[] {
  const name = typeName(message, field.struct)
  const value = `message.${field.name}`
  const fallback = field.default === null ? '' : ` ?? {}`
  if (nullable === false) {
    return [`write${name}(writer, ${value}${field.default === null ? ` ?? nullField('struct')` : fallback}, version)`]
  }
  if (nullable !== true) throw new TypeError(`${message.name}.${field.name}: a struct that is nullable at times`)
  const isNull = field.default === null ? `${value} == null` : `${value} === null`
  return [
    `if (${isNull}) writer.int8(${isEmpty(field.tagged) ? -1 : 0})`,
    `else {`,
    `  writer.int8(1)`,
    `  write${name}(writer, ${value}${fallback}, version)`,
    `}`,
  ]
}

function writeValue(message: Message, field: Field, flexible: string, nullable: boolean): string {
  const value = valueOf(message, field)
  if (field.kind === 'array' && field.struct !== undefined) {
    const method = nullable ? 'nullableList' : 'list'
    return `writer.${method}(write${typeName(message, field.struct)}, ${value}, version, ${flexible})`
  }
  const method = primitiveMethod(field, nullable)
  return takesFlexible(field) && flexible !== 'false'
    ? `writer.${method}(${value}, ${flexible})`
    : `writer.${method}(${value})`
}

/** The writer reads `undefined` as empty, false or the zero uuid; other defaults are spelled out. */
function valueOf(message: Message, field: Field): string {
  const value = `message.${field.name}`
  if (field.default === null) return `${value} ?? null`
  if (field.default === 'empty' || field.default === '' || field.default === false) return value
  return `${value} ?? ${defaultValue(message, field)}`
}

function isNotDefault(message: Message, field: Field): string {
  const value = `message.${field.name}`
  if (field.default === null) return `${value} != null`
  const notNull = isEmpty(field.nullable) ? '' : `${value} === null || `
  if (field.kind === 'struct')
    return `${value} !== undefined && (${notNull}!isDefault${typeName(message, field.struct)}(${value}))`
  if (field.kind === 'array' || field.default === '') return `isSet(${value})`
  if (field.primitive === 'uuid') return `(${value} ?? zeroUuid) !== zeroUuid`
  if (field.default === 'empty') return `isSet(${value})`
  if (field.default === false) return value
  return `(${value} ?? ${field.default}) !== ${field.default}`
}

function emitTagSection(message: Message, fields: Field[], context: Range, flexible: string, owner: string): string {
  if (flexible === 'false') {
    return isEmpty(message.flexible) ? '' : `  ${refuseTags(owner)}`
  }
  const tagged = taggedFields(fields, context)
  const section =
    tagged.length === 0
      ? '  writer.unknownTags(message.unknownTaggedFields)\n'
      : emitKnownTags(message, tagged, context)
  if (flexible === 'true') return section
  const otherwise = `else ${refuseTags(owner)}`
  if (tagged.length === 0) return `  if (flexible) ${section.trim()}\n  ${otherwise}`
  return `  if (flexible) {\n${section.replaceAll(/^/gm, '  ').trimEnd()}\n  } ${otherwise}`
}

function refuseTags(owner: string): string {
  return `refuseTags(message, '${owner}', version)\n`
}

function emitKnownTags(message: Message, tagged: Field[], context: Range): string {
  const flexibleRange = intersect(message.flexible, context)
  const lines: string[] = [`  const extra = message.unknownTaggedFields\n`]
  for (const field of tagged) {
    const present = test(field.tagged, flexibleRange)
    const isSet = isNotDefault(message, field)
    lines.push(`  const has${field.tag} = ${present === true ? isSet : `${present} && ${isSet}`}\n`)
  }
  const count = tagged.map(({ tag }) => `(has${tag} ? 1 : 0)`).join(' + ')
  lines.push(`  writer.unsignedVarint(${count} + (extra?.length ?? 0))\n`)
  let next = 0
  for (const field of tagged) {
    const within = intersect(field.tagged, context)
    const write = writeField(message, field, within, flexibleRange)
    lines.push(`  writer.tagsBetween(extra, ${next}, ${field.tag})\n`)
    lines.push(`  if (has${field.tag}) {\n    const mark = writer.beginTag(${field.tag})\n`)
    lines.push(...write.map((line) => `    ${line}\n`), '    writer.endTag(mark)\n  }\n')
    next = field.tag + 1
  }
  lines.push(`  writer.tagsBetween(extra, ${next}, 0x100000000)\n`)
  return lines.filter((line) => !/tagsBetween\(extra, (\d+), \1\)/.test(line)).join('')
}

function needsIsDefault(message: Message, struct: string): boolean {
  return allFields(message).some(
    (field) => field.kind === 'struct' && field.struct === struct && field.default === 'empty',
  )
}

function emitIsDefault(message: Message, struct: string, fields: Field[]): string {
  const name = typeName(message, struct)
  const tests = fields.map((field) => isNotDefault(message, field))
  if (!isEmpty(message.flexible)) tests.push('isSet(message.unknownTaggedFields)')
  const lines = tests
    .map((line) => `    || ${line}\n`)
    .join('')
    .replace(/^ {4}\|\| /, '    ')
  return `function isDefault${name}(message: T.${name}Input): boolean {\n  return !(\n${lines}  )\n}\n`
}
