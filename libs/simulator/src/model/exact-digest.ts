/**
 * Hashes of everything in a value, for telling whether a step has been taken before: nothing is left out, ids count by
 * their value, Maps and Sets have their order, and what is one object in two places differs from two equal ones.
 */
import { hasIndex, isIndex, requirePublic, type Place } from './field-plan.ts'
import { finish, mix } from './hash.ts'
import { hashOf } from './text-hash.ts'

export interface ExactDigest {
  readonly high: number
  readonly low: number
}

let high = 0
let low = 0
let isTree = false
/** Objects that were met, by the order in which they were. */
const met = new Map<object, number>()
const constants = new WeakMap<object, ExactDigest>()

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
const marks = { text: 0x15, double: 0x16, other: 0x18, array: 0x21, map: 0x22, set: 0x23, bytes: 0x24, object: 0x25 }

export function exactDigest(hashParts: () => void): ExactDigest {
  high = 0x5bd1e995
  low = 0x1b873593
  met.clear()
  isConstant = false
  hashParts()
  met.clear()
  return { high: finish(high) >>> 0, low: finish(low) >>> 0 }
}

/** For plain data in which nothing lies in two places. Faster. */
export function exactDigestOfTree(value: unknown, place: Place): ExactDigest {
  isTree = true
  try {
    return exactDigest(() => putExact(value, place))
  } finally {
    isTree = false
  }
}

export function put(value: number): void {
  high = mix(high, value)
  low = Math.imul((low ^ value) + 0x3c6ef372, 0x9e3779b1)
  low ^= low >>> 15
}

export function putText(text: string): void {
  const hash = hashOf(text)
  put(hash.high ^ marks.text)
  put(hash.low)
}

export function putExact(value: unknown, place: Place): void {
  switch (typeof value) {
    case 'number':
      return putNumber(value)
    case 'string':
      return putText(value)
    case 'object':
      if (value === null) put(marks.other)
      else putObject(value, place)
      return
    case 'function':
      return put(numberOf(value, place))
    default:
      put(marks.other)
      putText(String(value))
  }
}

function putNumber(value: number): void {
  if ((value | 0) === value) return put(value)
  double[0] = value
  put(marks.double)
  put(words[0]!)
  put(words[1]!)
}

function putObject(value: object, place: Place): void {
  if (place.isConstant) return putConstant(value, place)
  if (!isConstant && !isTree) {
    const before = met.get(value)
    if (before !== undefined) return put(~before)
    met.set(value, met.size)
  }
  putContents(value, place)
}

/** Within a constant, where it does not matter what is one object and what two equal ones. */
let isConstant = false

/** Hashed once, by what is in it: equal ones are made anew in every world. */
export function constantDigest(value: object, place: Place): ExactDigest {
  let known = constants.get(value)
  if (known === undefined) {
    const outer = { high, low, isConstant }
    high = 0x51ed270b
    low = 0x2c1b3c6d
    isConstant = true
    putContents(value, place)
    known = { high, low }
    constants.set(value, known)
    ;({ high, low, isConstant } = outer)
  }
  return known
}

function putConstant(value: object, place: Place): void {
  const known = constantDigest(value, place)
  put(known.high)
  put(known.low)
}

const functions = new WeakMap<object, number>()
let functionCount = 0

/** Code does not change; what it closes over might, so it is welcome in constants only. */
function numberOf(code: object, place: Place): number {
  if (!isConstant) throw new Error(`${place.parent}.${place.name} is a function: it cannot be hashed`)
  let number = functions.get(code)
  if (number === undefined) functions.set(code, (number = ++functionCount))
  return number
}

type Fields = Readonly<Record<string, unknown>>

function putContents(value: object, place: Place): void {
  const { constructor } = value
  if (constructor === Object || constructor === undefined) return putFields(value as Fields, place)
  if (constructor === Array) return putArray(value as unknown[], place)
  if (constructor === Map) return putMap(value as Map<unknown, unknown>, place)
  if (constructor === Set) return putSet(value as Set<unknown>, place)
  if (ArrayBuffer.isView(value)) return putBytes(value)
  const rule = place.rules.classes.get(constructor)
  if (rule?.exact !== undefined) return putExact(rule.exact(value), place.element)
  requirePublic(constructor)
  putFields(value as Fields, place)
}

function putFields(value: Fields, place: Place): void {
  put(marks.object)
  if (place.isIndexed && hasIndex(value)) return putIndexed(value, place)
  let at = 0
  for (const key in value) {
    if (at === 0 && isIndex(key)) {
      place.isIndexed = true
      return putIndexed(value, place)
    }
    const field = place.field(key, at++)
    put(field.text.high)
    const inner = value[key]
    if (typeof inner === 'number') putNumber(inner)
    else putExact(inner, field)
  }
}

function putIndexed(value: Fields, place: Place): void {
  for (const key of Object.keys(value)) {
    putText(key)
    putExact(value[key], place.element)
  }
}

function putArray(value: readonly unknown[], { element }: Place): void {
  put(marks.array)
  put(value.length)
  for (let at = 0; at < value.length; at++) putExact(value[at], element)
}

function putMap(value: ReadonlyMap<unknown, unknown>, { key, element }: Place): void {
  put(marks.map)
  put(value.size)
  for (const [name, inner] of value) {
    putExact(name, key)
    putExact(inner, element)
  }
}

function putSet(value: ReadonlySet<unknown>, { key }: Place): void {
  put(marks.set)
  put(value.size)
  for (const member of value) putExact(member, key)
}

function putBytes(view: ArrayBufferView): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  put(marks.bytes)
  put(bytes.length)
  for (let at = 0; at < bytes.length; at++) put(bytes[at]!)
}
