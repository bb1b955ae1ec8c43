/**
 * Canonical hashes of actors' states, messages and ghosts: 2 × 32 bits, equal for equal values.
 *
 * Order counts in arrays, not in Maps and Sets (unless a rule says otherwise). Nodes are hashed under a renaming, for
 * symmetry. Request ids do not count by their value: they are listed in the order in which they are met, and the
 * fingerprint of the world numbers them by first use, so that how many requests there have been makes no difference.
 */
import { constantDigest } from './exact-digest.ts'
import { CompiledRules, hasIndex, isIndex, requirePublic, type Place } from './field-plan.ts'
import { finish, mix } from './hash.ts'
import { hashOf } from './text-hash.ts'
import type { CellDigest } from './world.ts'

/** New names of nodes, by node; a node that it lacks keeps its name. */
export type Renaming = readonly number[]

/** Whose request ids the `id` fields of a root are. */
export interface IdOwner {
  readonly node: number
  readonly actor: string
}

// The hash under way: one at a time. Numbers in module scope are faster here than an object handed down.
let high = 0
let low = 0
let ids: number[] = []
let renaming: Renaming = []
let owner = 0
let depth = 0

const deepest = 100
const marks = {
  null: 0x11,
  undefined: 0x12,
  true: 0x13,
  false: 0x14,
  text: 0x15,
  double: 0x16,
  bigint: 0x17,
  array: 0x21,
  map: 0x22,
  set: 0x23,
  bytes: 0x24,
  object: 0x25,
  id: 0x26,
  token: 0x27,
} as const

export function digestWith(value: unknown, rules: CompiledRules, nodes: Renaming, whose: IdOwner): CellDigest {
  beginDigest(nodes, whose)
  hashValue(value, rules.root)
  return endDigest()
}

export function beginDigest(nodes: Renaming, whose: IdOwner): void {
  high = 0x2545f491
  low = 0x6c078965
  ids = []
  renaming = nodes
  owner = askerHash(rename(whose.node), whose.actor)
  depth = 0
}

export function endDigest(): CellDigest {
  return { high: finish(high), low: finish(low), ids }
}

/** Who asks, as one number: with an id it names a request. Its life is a value of its own. */
function askerHash(node: number, actor: string): number {
  return finish(mix(hashOf(actor).high, node))
}

export function rename(node: number): number {
  return renaming[node] ?? node
}

export function put(value: number): void {
  high = mix(high, value)
  low = Math.imul((low ^ value) + 0x3c6ef372, 0x9e3779b1)
  low ^= low >>> 15
}

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)

export function putNumber(value: number): void {
  if ((value | 0) === value) {
    put(value)
    return
  }
  double[0] = value
  put(marks.double)
  put(words[0]!)
  put(words[1]!)
}

export function putText(text: string): void {
  const hash = hashOf(text)
  put(hash.high ^ marks.text)
  put(hash.low)
}

/** An id of the owner's. */
export function putOwnId(id: number): void {
  putId(owner, id)
}

function putId(asker: number, id: number): void {
  put(marks.id)
  ids.push(finish(mix(asker, id)))
}

export function hashValue(value: unknown, place: Place): void {
  switch (typeof value) {
    case 'number':
      if (place.role === 'node') putNumber(rename(value))
      else if (place.role === 'id' && value >= 0) putId(owner, value)
      else putNumber(value)
      return
    case 'string':
      putText(value)
      return
    case 'boolean':
      put(value ? marks.true : marks.false)
      return
    case 'object':
      if (value === null) put(marks.null)
      else hashObject(value, place)
      return
    case 'undefined':
      put(marks.undefined)
      return
    case 'bigint':
      put(marks.bigint)
      putText(value.toString())
      return
    default:
      throw new Error(`${place.parent}.${place.name} is a ${typeof value}: it cannot be hashed`)
  }
}

function hashObject(value: object, place: Place): void {
  if (place.isConstant) {
    // It has no ids and no nodes of this world.
    const known = constantDigest(value, place)
    put(known.high)
    put(known.low)
    return
  }
  if (++depth > deepest) throw new Error(`${place.parent}.${place.name} is too deep, or contains itself`)
  hashContents(value, place)
  depth--
}

function hashContents(value: object, place: Place): void {
  const { constructor } = value
  if (constructor === Object || constructor === undefined) return hashFields(value as Fields, place)
  if (constructor === Array) return hashArray(value as unknown[], place)
  if (constructor === Map) return hashMap(value as Map<unknown, unknown>, place)
  if (constructor === Set) return hashSet(value as Set<unknown>, place)
  if (ArrayBuffer.isView(value)) return hashBytes(value)
  const rule = place.rules.classes.get(constructor)
  if (rule !== undefined) return hashValue(rule.view(value), place.element)
  requirePublic(constructor)
  hashFields(value as Fields, place)
}

type Fields = Readonly<Record<string, unknown>>

function hashFields(value: Fields, place: Place): void {
  put(marks.object)
  // What has been learnt of a place decides how fast its objects are hashed, never to what.
  if (place.isIndexed && hasIndex(value)) return hashIndexed(value, place)
  let at = 0
  const { broker, actor, id } = value as { broker?: unknown; actor?: unknown; id?: unknown }
  const isToken = typeof id === 'number' && typeof broker === 'number' && typeof actor === 'string'
  for (const key in value) {
    if (at === 0 && isIndex(key)) {
      place.isIndexed = true
      return hashIndexed(value, place)
    }
    const field = place.field(key, at++)
    if (field.role === 'omit') continue
    put(field.text.high)
    const inner = value[key]
    if (isToken && key === 'id') putId(askerHash(rename(broker), actor), id)
    else hashValue(inner, field)
  }
}

/** Keys that are numbers are no names: such an object is hashed as the Map it stands for. */
function hashIndexed(value: Fields, place: Place): void {
  const { key, element, isOrdered } = place
  const keys = Object.keys(value)
  put(keys.length)
  const hashOne = (at: number): void => {
    const name = keys[at]!
    hashValue(isIndex(name) ? Number(name) : name, key)
    hashValue(value[name], element)
  }
  if (isOrdered) keys.forEach((_, at) => hashOne(at))
  else sum(keys.length, hashOne)
}

function hashArray(value: readonly unknown[], place: Place): void {
  put(marks.array)
  put(value.length)
  const { element } = place
  if (place.isUnordered) {
    sum(value.length, (at) => hashValue(value[at], element))
    return
  }
  for (let at = 0; at < value.length; at++) hashValue(value[at], element)
}

function hashMap(value: ReadonlyMap<unknown, unknown>, place: Place): void {
  put(marks.map)
  put(value.size)
  if (value.size === 0) return
  const { key, element } = place
  if (place.isOrdered || value.size === 1) {
    for (const [name, inner] of value) {
      hashValue(name, key)
      hashValue(inner, element)
    }
    return
  }
  const entries = [...value]
  sum(entries.length, (at) => {
    hashValue(entries[at]![0], key)
    hashValue(entries[at]![1], element)
  })
}

function hashSet(value: ReadonlySet<unknown>, place: Place): void {
  put(marks.set)
  put(value.size)
  const members = [...value]
  if (place.isOrdered) for (const member of members) hashValue(member, place.key)
  else sum(members.length, (at) => hashValue(members[at], place.key))
}

/** Hashes each of `count` things by itself and adds up; their ids follow in the order of the hashes. */
export function sum(count: number, hashOne: (at: number) => void): void {
  const outerHigh = high
  const outerLow = low
  const outerIds = ids
  let sumHigh = 0
  let sumLow = 0
  const withIds: CellDigest[] = []
  for (let at = 0; at < count; at++) {
    high = 0x1b56c4e9
    low = 0x7feb352d
    ids = []
    hashOne(at)
    const one = { high: finish(high), low: finish(low), ids }
    sumHigh = (sumHigh + one.high) | 0
    sumLow = (sumLow + one.low) | 0
    if (ids.length > 0) withIds.push(one)
  }
  high = outerHigh
  low = outerLow
  ids = outerIds
  put(sumHigh)
  put(sumLow)
  if (withIds.length > 1) withIds.sort((one, other) => one.high - other.high || one.low - other.low)
  for (const one of withIds) ids.push(...one.ids)
}

function hashBytes(view: ArrayBufferView): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  put(marks.bytes)
  put(bytes.length)
  let at = 0
  for (; at + 4 <= bytes.length; at += 4) {
    put(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
  }
  for (; at < bytes.length; at++) put(bytes[at]!)
}
