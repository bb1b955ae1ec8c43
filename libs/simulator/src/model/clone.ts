/**
 * Deep copies of actors' states: plain objects, arrays, Maps, Sets, typed arrays, and classes with public fields, whose
 * prototype is kept. Within one copy, what was one object stays one object.
 *
 * Not copied: what a rule calls constant, and what is deeply frozen. A function as a field is refused, since it may have
 * closed over the state it was made in.
 */
import { CompiledRules, hasIndex, isDeeplyFrozen, isIndex, requirePublic, type Place } from './field-plan.ts'

/** Copies of this call, by original. Reused: one copy is made at a time. */
const copies = new Map<object, object>()
/** In a tree nothing is met twice, so nothing need be remembered. */
let isTree = false

export function cloneWith<Value>(value: Value, rules: CompiledRules): Value {
  try {
    return copy(value, rules.root) as Value
  } finally {
    copies.clear()
  }
}

/** A copy of plain data in which nothing lies in two places; what does becomes two. Faster. */
export function cloneTree<Value>(value: Value, rules: CompiledRules): Value {
  isTree = true
  try {
    return copy(value, rules.root) as Value
  } finally {
    isTree = false
  }
}

/** Two things at once, that may refer to the same objects. */
export function cloneTogether<One, Other>(
  one: One,
  oneRules: CompiledRules,
  other: Other,
  otherRules: CompiledRules,
): readonly [One, Other] {
  try {
    return [copy(one, oneRules.root) as One, copy(other, otherRules.root) as Other]
  } finally {
    copies.clear()
  }
}

function copy(value: unknown, place: Place): unknown {
  if (typeof value !== 'object') {
    if (typeof value === 'function') throw new Error(`${place.parent}.${place.name} is a function: it cannot be copied`)
    return value
  }
  if (value === null || place.isConstant) return value
  const known = isTree ? undefined : copies.get(value)
  if (known !== undefined) return known
  if (place.isFrozen !== false) {
    place.isFrozen = isDeeplyFrozen(value)
    if (place.isFrozen) return value
  }
  return copyObject(value, place)
}

function copyObject(value: object, place: Place): object {
  const { constructor } = value
  if (constructor === Object) return copyPlain(value as Fields, { ...value } as Fields, place)
  if (constructor === Array) return copyArray(value as unknown[], place)
  if (constructor === Map) return copyMap(value as Map<unknown, unknown>, place)
  if (constructor === Set) return copySet(value as Set<unknown>, place)
  if (ArrayBuffer.isView(value)) return keep(value, (value as Uint8Array).slice())
  const rule = place.rules.classes.get(constructor)
  if (rule !== undefined) {
    return keep(value, rule.clone(value, (inner) => copy(inner, place.element) as typeof inner) as object)
  }
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === null) return copyPlain(value as Fields, Object.assign(Object.create(null), value) as Fields, place)
  requirePublic(constructor)
  return copyPlain(value as Fields, Object.assign(Object.create(prototype), value) as Fields, place)
}

type Fields = Record<string, unknown>

function keep<Value extends object>(original: object, made: Value): Value {
  if (!isTree) copies.set(original, made)
  return made
}

function copyPlain(value: Fields, made: Fields, place: Place): object {
  keep(value, made)
  if (place.isIndexed && hasIndex(value)) return copyIndexed(value, made, place)
  let at = 0
  for (const key in value) {
    if (at === 0 && isIndex(key)) {
      place.isIndexed = true
      return copyIndexed(value, made, place)
    }
    const field = value[key]
    if (typeof field === 'object' ? field !== null : typeof field === 'function') {
      made[key] = copy(field, place.field(key, at))
    }
    at++
  }
  return made
}

function copyIndexed(value: Fields, made: Fields, place: Place): object {
  for (const key of Object.keys(value)) made[key] = copy(value[key], place.element)
  return made
}

function copyArray(value: readonly unknown[], place: Place): object {
  const made = keep(value, value.slice())
  for (let at = 0; at < made.length; at++) {
    const element = made[at]
    if (typeof element === 'object' && element !== null) made[at] = copy(element, place.element)
  }
  return made
}

function copyMap(value: ReadonlyMap<unknown, unknown>, place: Place): object {
  const made = keep(value, new Map<unknown, unknown>())
  for (const [key, inner] of value) made.set(copy(key, place.key), copy(inner, place.element))
  return made
}

function copySet(value: ReadonlySet<unknown>, place: Place): object {
  const made = keep(value, new Set<unknown>())
  for (const member of value) made.add(copy(member, place.key))
  return made
}
