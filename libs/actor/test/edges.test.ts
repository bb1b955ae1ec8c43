/** The two pieces of code beside the contract: executed edge tables and the shell's answer for those whom nobody answers. */
import { expect, test } from 'vitest'
import { allSafeguards, actorNames, isFailed } from '../src/index.ts'
import { defineEdges } from '../src/edges.ts'

test('a legal edge leads on, an illegal one throws and names both ends', () => {
  const edges = defineEdges<'free' | 'held'>({ free: ['held'], held: ['free'] })
  expect(edges('free', 'held')).toBe('held')
  expect(edges('held', 'free')).toBe('free')
  expect(() => edges('free', 'free')).toThrow(/free.*free/)
})

test('every safeguard is on, and nobody can switch one off for all', () => {
  expect(Object.values(allSafeguards).every((on) => on)).toBe(true)
  expect(Object.isFrozen(allSafeguards)).toBe(true)
})

test('an answer of the shell is told from an answer of an actor', () => {
  expect(isFailed({ kind: 'failed', reason: 'broker-down' })).toBe(true)
  for (const body of [null, undefined, 0, 'failed', {}, { kind: 'refused', error: 41 }])
    expect(isFailed(body)).toBe(false)
})

test('actors of different partitions have different names', () => {
  const names = [
    actorNames.replica('t', 1),
    actorNames.replica('t', 11),
    actorNames.groups(1),
    actorNames.transactions(1),
  ]
  expect(new Set(names).size).toBe(names.length)
})
