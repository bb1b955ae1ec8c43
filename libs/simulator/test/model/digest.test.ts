/** Equal worlds have equal digests, others do not; and what a rule says is one is one. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { digestWith, type Renaming } from '../../src/model/digest.ts'
import { exactDigest, putExact } from '../../src/model/exact-digest.ts'
import { CompiledRules } from '../../src/model/field-plan.ts'
import type { FieldRules } from '../../src/model/field-rules.ts'
import { renamings } from '../../src/model/symmetry.ts'

const self = { node: 1, actor: 'replica' }

function digest(value: unknown, fields: FieldRules = {}, nodes: Renaming = []): string {
  const { high, low, ids } = digestWith(value, new CompiledRules('test', new Map(), [fields]), nodes, self)
  const numbered = ids.map((id) => ids.indexOf(id))
  return [high, low, ...numbered].join()
}

function exact(value: unknown): string {
  const { high, low } = exactDigest(() => putExact(value, new CompiledRules('test', new Map(), []).root))
  return `${high},${low}`
}

const json = fc.jsonValue({ maxDepth: 3, noUnicodeString: true } as never)

describe.for([
  ['canonical', digest],
  ['exact', exact],
] as const)('%s digests', ([, of]) => {
  test('are equal for equal values, and for equal values only', () => {
    fc.assert(
      fc.property(json, json, (one, other) => {
        expect(of(one)).toBe(of(structuredClone(one)))
        // JSON knows no negative zero, and neither do the digests.
        const isSame = JSON.stringify(one) === JSON.stringify(other)
        if (!isSame) expect(of(one) === of(other)).toBe(false)
      }),
      { numRuns: 2000, seed: 3 },
    )
  })

  test('tell apart what looks alike', () => {
    const alike = [
      null,
      undefined,
      0,
      '',
      '0',
      false,
      true,
      [],
      {},
      [[]],
      [0],
      { a: 0 },
      { b: 0 },
      [null],
      1,
      1n,
      1.5,
      -1,
      2 ** 32,
      2 ** 40,
      Infinity,
      -Infinity,
      new Map(),
      new Map([['a', 0]]),
      new Set(),
      new Set([0]),
      new Uint8Array(1),
      new Uint8Array(2),
      new Uint8Array([0, 0, 0, 0]),
      [0, 1],
      [1, 0],
    ]
    expect(new Set(alike.map((value) => of(value))).size).toBe(alike.length)
  })
})

test('a canonical digest knows no order of Maps and Sets, unless it is told to', () => {
  const forth = new Map([
    ['a', 1],
    ['b', 2],
  ])
  const back = new Map([
    ['b', 2],
    ['a', 1],
  ])
  expect(digest({ map: forth })).toBe(digest({ map: back }))
  expect(digest({ set: new Set([1, 2]) })).toBe(digest({ set: new Set([2, 1]) }))
  expect(digest({ map: forth }, { ordered: ['map'] })).not.toBe(digest({ map: back }, { ordered: ['map'] }))
  expect(digest({ isr: [1, 2] }, { unordered: ['isr'] })).toBe(digest({ isr: [2, 1] }, { unordered: ['isr'] }))
  expect(digest({ isr: [1, 2] }, { unordered: ['isr'] })).not.toBe(digest({ isr: [2, 2] }, { unordered: ['isr'] }))
  expect(exact({ map: forth })).not.toBe(exact({ map: back }))
})

test('an exact digest sees whether two are one', () => {
  const log = { end: 1 }
  expect(exact({ a: log, b: log })).not.toBe(exact({ a: log, b: { end: 1 } }))
  expect(digest({ a: log, b: log })).toBe(digest({ a: log, b: { end: 1 } }))
})

describe('rules', () => {
  test('leave fields out, by name or below a name', () => {
    const one = { nextId: 1, fetcher: { at: 1, id: 5 }, parked: { at: 3 } }
    const other = { nextId: 2, fetcher: { at: 2, id: 5 }, parked: { at: 3 } }
    expect(digest(one, { omit: ['nextId', 'fetcher.at'] })).toBe(digest(other, { omit: ['nextId', 'fetcher.at'] }))
    const parked = { ...one, parked: { at: 4 } }
    expect(digest(one, { omit: ['nextId', 'fetcher.at'] })).not.toBe(digest(parked, { omit: ['nextId', 'fetcher.at'] }))
  })

  test('number request ids by first use, in fields, keys and tokens alike', () => {
    const fields: FieldRules = { ids: ['requestId', 'pending{}'] }
    const world = (first: number, second: number, key: number): unknown => ({
      requestId: first,
      pending: new Map([[key, 'x']]),
      token: { broker: 1, actor: 'replica', id: second },
    })
    expect(digest(world(7, 9, 7), fields)).toBe(digest(world(1, 2, 1), fields))
    // The token is the answer to another question than the one in the field.
    expect(digest(world(7, 7, 7), fields)).not.toBe(digest(world(7, 9, 7), fields))
    expect(digest(world(7, 9, 9), fields)).not.toBe(digest(world(7, 9, 7), fields))
    // −1 is no id.
    expect(digest(world(-1, 9, 9), fields)).not.toBe(digest(world(7, 9, 9), fields))
    const foreign = { requestId: 7, token: { broker: 2, actor: 'replica', id: 7 } }
    const own = { requestId: 7, token: { broker: 1, actor: 'replica', id: 7 } }
    expect(digest(foreign, fields, [0, 1, 1])).toBe(digest(own, fields))
    expect(digest(foreign, fields)).not.toBe(digest(own, fields))
  })

  test('rename nodes in fields, arrays, keys and tokens', () => {
    const fields: FieldRules = { nodes: ['leader', 'isr', 'followers{}', 'leaders', 'epochs{}'], unordered: ['isr'] }
    const state = (a: number, b: number, c: number): unknown => ({
      leader: a,
      isr: [a, b],
      followers: new Map([
        [b, { offset: 5 }],
        [c, { offset: 6 }],
      ]),
      token: { broker: c, actor: 'replica', id: 1 },
      // What leads which epoch, and what epoch each leads: objects in place of Maps.
      leaders: { 0: a, 1: b },
      epochs: { [a]: 0, [b]: 1 },
    })
    const all = renamings([[1, 2, 3]])
    expect(all).toHaveLength(6)
    const smallest = (value: unknown): string => all.map((names) => digest(value, fields, names)).sort()[0]!
    expect(smallest(state(3, 1, 2))).toBe(smallest(state(1, 2, 3)))
    expect(smallest(state(1, 2, 2))).not.toBe(smallest(state(1, 2, 3)))
    expect(digest(state(3, 1, 2), fields)).not.toBe(digest(state(1, 2, 3), fields))
  })
})

test('two groups of interchangeable nodes are renamed independently', () => {
  expect(
    renamings([
      [1, 2],
      [101, 102, 103],
    ]),
  ).toHaveLength(12)
  expect(renamings([])).toEqual([[]])
})

test('a digest is the same before and after a place has held objects with numbers for keys', () => {
  const rules = new CompiledRules('test', new Map(), [])
  const canonical = (value: unknown): string => JSON.stringify(digestWith(value, rules, [], self))
  const exactly = (value: unknown): string => JSON.stringify(exactDigest(() => putExact(value, rules.root)))
  const values = [{}, { at: {} }, { at: { a: 1 } }, { at: { 1: 1 } }, { at: { 1: 1, a: 2 } }, { at: [] }]
  const before = values.map((value) => [canonical(value), exactly(value)])
  expect(values.map((value) => [canonical(value), exactly(value)])).toEqual(before)
  expect(new Set(before.flat()).size).toBe(values.length * 2)
})
