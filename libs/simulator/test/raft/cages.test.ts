/** Z33: with its safeguard off each bug is found, and with all of them on the same worlds are clean. */
import { expect, test } from 'vitest'
import { allSafeguards } from '@troupe/actor'
import { actorModel, search, walks, type Bounds, type Model } from '../../src/model/index.ts'
import { raftModel } from '../../src/models/raft.ts'
import { raftTimedModel } from '../../src/models/raft-timed.ts'
import { raftCages } from '../../src/zoo/raft.ts'

const named = raftCages.map((cage) => [cage.id, cage] as const)

test.each(named.filter(([, { impossible }]) => !impossible))('%s is found', (_id, cage) => {
  const { model, bounds, safeguard, invariants } = cage
  const { violation, path } = search(model, { ...allSafeguards, [safeguard]: false }, bounds, { maxStates: 150_000 })
  expect(violation?.invariant).toBe(invariants[0])
  expect(path.length).toBeLessThanOrEqual(25)
})

test.each(named.filter(([, { impossible }]) => impossible))('%s is not there to be found', (_id, cage) => {
  const { model, bounds, safeguard } = cage
  const { exhausted, states } = search(model, { ...allSafeguards, [safeguard]: false }, bounds)
  expect(exhausted).toBe(true)
  expect(states).toBeGreaterThan(10_000)
})

/** Clean to the end, and not because nothing happened. */
function expectClean<World>(model: Model<World>, bounds: Bounds, seen: readonly string[]): void {
  const { violation, exhausted, witnesses } = search(model, allSafeguards, bounds, { countWitnesses: true })
  expect(violation).toBeNull()
  expect(exhausted).toBe(true)
  expect(Object.keys(witnesses)).toEqual(expect.arrayContaining([...seen]))
}

test('the quorum is clean with all safeguards on', () => {
  const bounds = { voters: 3, observers: 0, elections: 1, records: 1, crashes: 1, losses: 0, fetchBatches: 1 }
  expectClean(raftModel, bounds, [
    'K1: two leaders, of different epochs',
    'K2: two logs differ',
    'K3: a leader holds what is not committed',
    'K3: committed in two epochs',
    'K5: votes',
    'K8: a prospective',
  ])
  expectClean(raftModel, { ...bounds, elections: 0, records: 2, fetchBatches: 2 }, ['K3: committed'])
})

test('five voters and an observer are clean in random walks through many faults', () => {
  const bounds = { voters: 5, observers: 1, elections: 8, records: 4, crashes: 5, losses: 6, fetchBatches: 2 }
  const { found, steps } = walks(raftModel, allSafeguards, bounds, { firstSeed: 1, seeds: 150, steps: 400 })
  expect(found).toBeNull()
  expect(steps).toBeGreaterThan(30_000)
})

test('worlds that differ in the names of voters only are one', () => {
  const bounds = { voters: 3, observers: 0, elections: 1, records: 0, crashes: 1, losses: 0, fetchBatches: 1 }
  const folded = search(raftModel, allSafeguards, bounds)
  const apart = search(actorModel(raftModel.spec, { symmetry: false }), allSafeguards, bounds)
  expect([folded.violation, apart.violation]).toEqual([null, null])
  // b2 and b3 are alike, b1 begins as leader.
  expect(apart.states / folded.states).toBeGreaterThan(1.9)
  expect(apart.states / folded.states).toBeLessThanOrEqual(2)
})

test('the quorum with an observer is clean', () => {
  const bounds = { voters: 2, observers: 1, elections: 1, records: 1, crashes: 1, losses: 0, fetchBatches: 1 }
  expectClean(raftModel, bounds, ['K8: an observer follows'])
})

test('in virtual time the quorum always comes back, however it is cut', () => {
  const bounds = { voters: 3, observers: 1, ticks: 30, cuts: 1, busy: 0 }
  expectClean(raftTimedModel, bounds, ['L2: a leader is cut off', 'L2: another leader', 'L2: healed'])
  expectClean(raftTimedModel, { ...bounds, ticks: 20, cuts: 0, busy: 1 }, ['L1: a busy log'])
})
