/** Copies share nothing that changes, and keep what is one object one object. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cloneTogether, cloneWith } from '../../src/model/clone.ts'
import { CompiledRules } from '../../src/model/field-plan.ts'
import type { ClassRule, FieldRules } from '../../src/model/field-rules.ts'

function rulesOf(fields: FieldRules = {}, classes: readonly ClassRule<never>[] = []): CompiledRules {
  return new CompiledRules('test', new Map(classes.map((rule) => [rule.type, rule as unknown as ClassRule])), [fields])
}

/** Everything that can lie in a state: nested objects, arrays, Maps, Sets, bytes. */
const values = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(fc.integer(), fc.double(), fc.string(), fc.boolean(), fc.constant(null), fc.constant(undefined)),
    fc.uint8Array({ maxLength: 6 }),
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('node'), { maxKeys: 4, noNullPrototype: true }),
    fc.array(fc.tuple(fc.string(), tie('node')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(fc.integer(), { maxLength: 3 }).map((members) => new Set(members)),
  ),
})).node

/** Changes everything in place that can be changed. */
function wreck(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (value instanceof Uint8Array) value.fill(0xee)
  else if (value instanceof Map) {
    for (const inner of value.values()) wreck(inner)
    value.clear()
    value.set('wrecked', true)
  } else if (value instanceof Set) value.add('wrecked')
  else {
    for (const inner of Object.values(value)) wreck(inner)
    for (const key of Object.keys(value)) (value as Record<string, unknown>)[key] = 'wrecked'
  }
}

test('a copy is equal, and whatever happens to it does not reach the original', () => {
  fc.assert(
    fc.property(values, (value) => {
      const before = structuredClone(value)
      const rules = rulesOf()
      const copy = cloneWith(value, rules)
      expect(copy).toEqual(before)
      wreck(copy)
      expect(value).toEqual(before)
      const other = cloneWith(value, rules)
      wreck(value)
      expect(other).toEqual(before)
    }),
    { numRuns: 300, seed: 1 },
  )
})

describe('what is one object', () => {
  test('is one object in the copy, also between state and disk', () => {
    const log = { end: 0 }
    const state = { log, again: log, byId: new Map([[1, log]]) }
    const [copy, disk] = cloneTogether(state, rulesOf(), { logs: [log] }, rulesOf())
    expect(copy.log).not.toBe(log)
    expect([copy.again, copy.byId.get(1), disk.logs[0]]).toEqual([copy.log, copy.log, copy.log])
    for (const same of [copy.again, copy.byId.get(1), disk.logs[0]]) expect(same).toBe(copy.log)
    // The next copy starts from nothing.
    expect(cloneWith(state, rulesOf()).log).not.toBe(copy.log)
  })

  test('may contain itself', () => {
    const parent: { child: { parent?: unknown } } = { child: {} }
    parent.child.parent = parent
    const copy = cloneWith(parent, rulesOf())
    expect(copy.child.parent).toBe(copy)
  })
})

class Counter {
  count = 0
  readonly seen: number[] = []
  next(): number {
    this.seen.push(this.count)
    return this.count++
  }
}

class Secret {
  #hidden: number
  constructor(hidden: number) {
    this.#hidden = hidden
  }
  get hidden(): number {
    return this.#hidden
  }
}

describe('classes', () => {
  test('keep their prototype', () => {
    const counter = new Counter()
    const copy = cloneWith({ counter }, rulesOf()).counter
    expect([copy.next(), copy.next()]).toEqual([0, 1])
    expect(copy).toBeInstanceOf(Counter)
    expect(counter).toEqual(new Counter())
  })

  test('with private fields need a rule', () => {
    expect(() => cloneWith({ secret: new Secret(1) }, rulesOf())).toThrow('Secret has private fields')
    const rule = {
      type: Secret,
      clone: ({ hidden }: Secret) => new Secret(hidden),
      view: ({ hidden }: Secret) => hidden,
    }
    const copy = cloneWith({ secret: new Secret(7) }, rulesOf({}, [rule as ClassRule<Secret> as ClassRule<never>]))
    expect(copy.secret.hidden).toBe(7)
  })
})

test('what never changes is not copied', () => {
  const frozen = Object.freeze({ list: Object.freeze([1, 2]) })
  const config = { 'min.insync.replicas': 2 }
  const shallow = Object.freeze({ list: [1, 2] })
  const copy = cloneWith({ frozen, config, shallow }, rulesOf({ constant: ['config'] }))
  expect(copy.frozen).toBe(frozen)
  expect(copy.config).toBe(config)
  // Frozen outside only: what is inside could change.
  expect(copy.shallow).not.toBe(shallow)
})

test('a function is refused, because nobody knows what it holds', () => {
  expect(() => cloneWith({ waiters: [{ done: () => 1 }] }, rulesOf())).toThrow('waiters.done is a function')
})
