/**
 * Field rules, compiled: each place in a data structure (a field below a field below a root) knows its role, so that
 * copying and hashing look nothing up by name. Places are learnt as values are met there.
 */
import type { ClassRule, FieldRules } from './field-rules.ts'
import { hashOf, type TextHash } from './text-hash.ts'

export type Role = 'value' | 'omit' | 'id' | 'node'

/** One place: what lies there, and below it. */
export class Place {
  readonly rules: CompiledRules
  readonly name: string
  readonly parent: string
  readonly text: TextHash
  readonly role: Role
  readonly keyRole: Role
  readonly isConstant: boolean
  readonly isOrdered: boolean
  readonly isUnordered: boolean
  /** Learnt from the first object met here: deeply frozen, so that it need not be copied. */
  isFrozen: boolean | null = null
  /** Learnt: an object here has numbers for keys. One loop that has met such an object is slow for all others (V8). */
  isIndexed = false
  /** The field that was met last at each position of an object. */
  readonly keys: string[] = []
  readonly fields: Place[] = []
  readonly #byKey = new Map<string, Place>()
  #element: Place | null = null
  #key: Place | null = null

  constructor(rules: CompiledRules, name: string, parent: string, role?: Role) {
    this.rules = rules
    this.name = name
    this.parent = parent
    this.text = hashOf(name)
    this.role = role ?? rules.roleOf(name, parent)
    this.keyRole = rules.roleOf(`${name}{}`, parent)
    this.isConstant = rules.matches('constant', name, parent)
    this.isOrdered = rules.matches('ordered', name, parent)
    this.isUnordered = rules.matches('unordered', name, parent)
  }

  /** The place of a field; `guess` is its position, where objects of one shape have it. */
  field(key: string, guess: number): Place {
    if (this.keys[guess] === key) return this.fields[guess]!
    let place = this.#byKey.get(key)
    if (place === undefined) {
      place = new Place(this.rules, key, this.name)
      this.#byKey.set(key, place)
    }
    this.keys[guess] = key
    this.fields[guess] = place
    return place
  }

  /** Elements of an array, values of a Map: they have their collection's role and name. */
  get element(): Place {
    return (this.#element ??= new Place(this.rules, this.name, this.parent, this.role))
  }

  /** Keys of a Map, members of a Set. */
  get key(): Place {
    return (this.#key ??= new Place(this.rules, `${this.name}{}`, this.parent, this.keyRole))
  }
}

// What the shell's own types say, wherever they lie.
const everywhere: FieldRules = { nodes: ['broker'] }

export class CompiledRules {
  readonly classes: ReadonlyMap<unknown, ClassRule>
  readonly root: Place
  readonly #patterns: { readonly [Kind in keyof FieldRules]-?: ReadonlySet<string> }

  constructor(name: string, classes: ReadonlyMap<unknown, ClassRule>, rules: readonly (FieldRules | undefined)[]) {
    const all = (kind: keyof FieldRules): ReadonlySet<string> =>
      new Set([everywhere, ...rules].flatMap((each) => each?.[kind] ?? []))
    this.classes = classes
    this.#patterns = {
      omit: all('omit'),
      constant: all('constant'),
      ids: all('ids'),
      nodes: all('nodes'),
      unordered: all('unordered'),
      ordered: all('ordered'),
    }
    this.root = new Place(this, name, '', 'value')
  }

  matches(kind: keyof FieldRules, name: string, parent: string): boolean {
    const patterns = this.#patterns[kind]
    return patterns.has(name) || patterns.has(`${parent}.${name}`)
  }

  roleOf(name: string, parent: string): Role {
    if (this.matches('omit', name, parent)) return 'omit'
    if (this.matches('ids', name, parent)) return 'id'
    return this.matches('nodes', name, parent) ? 'node' : 'value'
  }
}

/** Integer keys come first: the first key tells. */
export function isIndex(key: string): boolean {
  const code = key.charCodeAt(0)
  return code >= 48 && code <= 57
}

export function hasIndex(value: object): boolean {
  const [first] = Object.keys(value)
  return first !== undefined && isIndex(first)
}

const checkedClasses = new WeakSet<object>()

/** A class with private fields cannot be copied or hashed from outside: the model must say how. */
export function requirePublic(type: { readonly name: string }): void {
  if (checkedClasses.has(type)) return
  if (/(^|[^\w'"`])#[A-Za-z_$]/.test(Function.prototype.toString.call(type))) {
    throw new Error(`${type.name} has private fields: the model needs a class rule for it`)
  }
  checkedClasses.add(type)
}

const knownFrozen = new WeakSet<object>()

export function isDeeplyFrozen(value: object): boolean {
  if (knownFrozen.has(value)) return true
  if (!isFrozenThroughout(value)) return false
  knownFrozen.add(value)
  return true
}

function isFrozenThroughout(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value) || !Object.isFrozen(value)) return false
  return Object.values(value).every(isFrozenThroughout)
}
