/** The TypeScript types of a message: one interface for all of its versions, and one for each struct in it. */
import { isEmpty } from './versions.ts'
import type { Field, Message, Primitive } from './schema.ts'

const PRIMITIVES: Record<Primitive, string> = {
  int8: 'number',
  int16: 'number',
  int32: 'number',
  int64: 'number',
  uint16: 'number',
  uint32: 'number',
  float64: 'number',
  bool: 'boolean',
  uuid: 'string',
  string: 'string',
  bytes: 'Uint8Array',
  records: 'Uint8Array',
}

export function typeName(message: Message, struct?: string): string {
  return struct === undefined ? message.name : `${message.name}_${struct}`
}

export function fieldType(message: Message, field: Field): string {
  const base = field.struct === undefined ? PRIMITIVES[field.primitive!] : typeName(message, field.struct)
  const list = field.kind === 'array' ? `${base}[]` : base
  return isEmpty(field.nullable) && field.default !== null ? list : `${list} | null`
}

export function emitTypes(message: Message): string {
  const parts = [emitInterface(message, undefined, message.fields)]
  for (const struct of message.structs.values()) {
    if (!isEmpty(struct.versions)) parts.push(emitInterface(message, struct.name, struct.fields))
  }
  return parts.join('\n')
}

function emitInterface(message: Message, struct: string | undefined, fields: Field[]): string {
  const name = typeName(message, struct)
  const lines = fields.map((field) => `  ${field.name}: ${fieldType(message, field)}\n`)
  if (!isEmpty(message.flexible)) lines.push('  unknownTaggedFields?: TaggedField[]\n')
  return `export interface ${name} {\n${lines.join('')}}\nexport type ${name}Input = Input<${name}>\n`
}
