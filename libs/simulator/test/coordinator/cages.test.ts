/** Z32: with its safeguard off each bug is found, and with all of them on the same worlds are clean. */
import { expect, test } from 'vitest'
import { allSafeguards } from '@troupe/actor'
import { search, walks } from '../../src/model/index.ts'
import { coordinatorModel } from '../../src/models/coordinator.ts'
import { coordinatorCages } from '../../src/zoo/coordinator.ts'

test.each(coordinatorCages.map((cage) => [cage.id, cage] as const))('%s is found', (_id, cage) => {
  const { model, bounds, safeguard, invariants } = cage
  const { violation, path } = search(model, { ...allSafeguards, [safeguard]: false }, bounds, { maxStates: 150_000 })
  expect(violation?.invariant).toBe(invariants[0])
  expect(path.length).toBeLessThanOrEqual(25)
})

test('a moving coordinator is clean with all safeguards on', () => {
  const bounds = { elections: 1, commits: 2 }
  const { violation, exhausted, witnesses } = search(coordinatorModel, allSafeguards, bounds, { countWitnesses: true })
  expect(violation).toBeNull()
  expect(exhausted).toBe(true)
  expect(Object.keys(witnesses).sort()).toEqual([
    'A1: a commit is answered',
    'A1: a log is ahead',
    'A1: two logs differ',
    'G5: a new coordinator has loaded',
    'G7: the old coordinator is active too',
  ])
})

test('many moves and many commits are clean in random walks', () => {
  const bounds = { elections: 6, commits: 6 }
  const { found, steps } = walks(coordinatorModel, allSafeguards, bounds, { firstSeed: 1, seeds: 300, steps: 400 })
  expect(found).toBeNull()
  expect(steps).toBeGreaterThan(20_000)
})
