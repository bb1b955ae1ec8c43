/**
 * Kafka's message definitions, read from `libs/wire/schema/messages.json` and made regular: version ranges are
 * parsed, defaults are values, and every struct is found by name with the versions in which it can occur.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NEVER, includes, intersect, isEmpty, parseRange, type Range } from './versions.ts'

export const root = join(import.meta.dirname, '..', '..', '..')
const schemaDirectory = join(root, 'libs', 'wire', 'schema')

export type Primitive =
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint16'
  | 'uint32'
  | 'float64'
  | 'bool'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'

export interface Field {
  /** As in Kafka, with the first letter lowered. */
  name: string
  kind: 'primitive' | 'struct' | 'array'
  /** The primitive, or the element's. */
  primitive: Primitive | undefined
  /** The struct's name, or the element's. */
  struct: string | undefined
  versions: Range
  nullable: Range
  tagged: Range
  tag: number
  ignorable: boolean
  /** RequestHeader.ClientId stays a plain string in flexible versions. */
  neverFlexible: boolean
  default: number | boolean | '' | null | 'empty'
}

export interface Struct {
  name: string
  fields: Field[]
  /** The versions in which it can occur. */
  versions: Range
}

export interface Message {
  name: string
  type: 'request' | 'response' | 'header' | 'data' | 'metadata' | 'coordinator-key' | 'coordinator-value'
  module: string
  apiKey: number
  listeners: string[]
  latestVersionUnstable: boolean
  versions: Range
  flexible: Range
  fields: Field[]
  structs: Map<string, Struct>
}

interface RawField {
  name: string
  type: string
  versions?: string
  nullableVersions?: string
  taggedVersions?: string
  flexibleVersions?: string
  tag?: number
  default?: string | number | boolean | null
  ignorable?: boolean
  fields?: RawField[]
}

interface RawMessage {
  name: string
  type: Message['type']
  module: string
  apiKey?: number
  listeners?: string[]
  latestVersionUnstable?: boolean
  validVersions: string
  flexibleVersions?: string
  fields?: RawField[]
  commonStructs?: { name: string; versions: string; fields: RawField[] }[]
}

/** Every message that still has a version. */
export function loadMessages(): Message[] {
  const raw: RawMessage[] = JSON.parse(readFileSync(join(schemaDirectory, 'messages.json'), 'utf8'))
  return raw.map(message).filter(({ versions }) => !isEmpty(versions))
}

export interface ErrorRow {
  code: number
  name: string
  retriable: boolean
}

export function loadErrors(): ErrorRow[] {
  return JSON.parse(readFileSync(join(schemaDirectory, 'errors.json'), 'utf8'))
}

export function loadErrorMeanings(): Record<string, string> {
  return JSON.parse(readFileSync(join(schemaDirectory, 'error-meanings.json'), 'utf8'))
}

function message(raw: RawMessage): Message {
  const versions = parseRange(raw.validVersions)
  const structs = new Map<string, Struct>()
  for (const { name, versions, fields } of raw.commonStructs ?? []) {
    structs.set(name, {
      name,
      versions: parseRange(versions),
      fields: fields.map((field) => parseField(field, structs)),
    })
  }
  const fields = (raw.fields ?? []).map((field) => parseField(field, structs))
  const parsed: Message = {
    name: raw.name,
    type: raw.type,
    module: raw.module,
    apiKey: raw.apiKey ?? -1,
    listeners: raw.listeners ?? [],
    latestVersionUnstable: raw.latestVersionUnstable ?? false,
    versions,
    flexible: parseRange(raw.flexibleVersions),
    fields,
    structs,
  }
  narrowStructs(parsed)
  return parsed
}

function parseField(raw: RawField, structs: Map<string, Struct>): Field {
  const isArray = raw.type.startsWith('[]')
  const base = isArray ? raw.type.slice(2) : raw.type
  const isStruct = /^[A-Z]/.test(base)
  // A field may say only in which versions it is tagged.
  const versions = parseRange(raw.versions ?? raw.taggedVersions)
  if (raw.fields) {
    const fields = raw.fields.map((field) => parseField(field, structs))
    structs.set(base, { name: base, versions: { low: 0, high: 0x7fff }, fields })
  }
  return {
    name: raw.name[0].toLowerCase() + raw.name.slice(1),
    kind: isArray ? 'array' : isStruct ? 'struct' : 'primitive',
    primitive: isStruct ? undefined : (base as Primitive),
    struct: isStruct ? base : undefined,
    versions,
    nullable: parseRange(raw.nullableVersions),
    tagged: parseRange(raw.taggedVersions),
    tag: raw.tag ?? -1,
    ignorable: raw.ignorable ?? false,
    neverFlexible: raw.flexibleVersions === 'none',
    default: defaultOf(isArray ? 'array' : isStruct ? 'struct' : base, raw.default),
  }
}

function defaultOf(type: string, given: RawField['default']): Field['default'] {
  // The string "null" says null; a JSON null says nothing, and Kafka falls back on the type's own default.
  const isNull = given === 'null'
  switch (type) {
    case 'string':
      return isNull ? null : ''
    case 'records':
      return null
    case 'bool':
      return given === true || given === 'true'
    case 'array':
    case 'struct':
    case 'bytes':
    case 'uuid':
      return isNull ? null : 'empty'
    default:
      return Number(given ?? 0)
  }
}

/** A struct occurs only where a field of that type does, so its code need not ask about other versions. */
function narrowStructs(parsed: Message): void {
  const seen = new Map<string, Range>()
  const visit = (fields: Field[], context: Range): void => {
    for (const field of fields) {
      if (field.struct === undefined) continue
      const struct = structOf(parsed, field)
      const within = intersect(intersect(field.versions, context), struct.versions)
      if (isEmpty(within)) continue
      const before = seen.get(field.struct) ?? NEVER
      const union = isEmpty(before)
        ? within
        : { low: Math.min(before.low, within.low), high: Math.max(before.high, within.high) }
      seen.set(field.struct, union)
      visit(struct.fields, within)
    }
  }
  visit(parsed.fields, parsed.versions)
  for (const struct of parsed.structs.values()) struct.versions = seen.get(struct.name) ?? NEVER
}

export function structOf(message: Message, field: Field): Struct {
  const struct = message.structs.get(field.struct!)
  if (!struct) throw new TypeError(`${message.name}.${field.name}: no struct ${field.struct}`)
  return struct
}

/** The least number of bytes that a struct takes in any version of `context`, at least 1. */
export function smallestStruct(message: Message, struct: Struct, context: Range): number {
  let smallest = Infinity
  for (let version = context.low; version <= context.high; version++) {
    smallest = Math.min(smallest, structSize(message, struct.fields, version))
  }
  return Math.max(1, smallest)
}

function structSize(message: Message, fields: Field[], version: number): number {
  const flexible = includes(message.flexible, version)
  let size = flexible ? 1 : 0
  for (const field of fields) {
    if (!includes(field.versions, version) || includes(field.tagged, version)) continue
    size += fieldSize(message, field, version, flexible)
  }
  return size
}

const FIXED_SIZE: Partial<Record<Primitive, number>> = {
  int8: 1,
  bool: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  float64: 8,
  uuid: 16,
}

function fieldSize(message: Message, field: Field, version: number, flexible: boolean): number {
  if (field.kind === 'struct') {
    return includes(field.nullable, version) ? 1 : structSize(message, structOf(message, field).fields, version)
  }
  const fixed = field.kind === 'primitive' ? FIXED_SIZE[field.primitive!] : undefined
  if (fixed) return fixed
  if (flexible && !field.neverFlexible) return 1
  return field.kind === 'primitive' && field.primitive === 'string' ? 2 : 4
}
