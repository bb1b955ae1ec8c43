/** The engine with the production replica in it. */
import { allSafeguards } from '@troupe/actor'
import { expect, test } from 'vitest'
import { depthFirst, search, walks, type Model, type World } from '../../src/model/index.ts'
import { fingerprintOf } from '../../src/model/fingerprint.ts'
import { replicasModel, type ReplicasGhost } from './replicas.ts'

const bounds = { records: 2, epochs: 0 }

test('worlds are the same ones whether steps are remembered or taken', () => {
  const model = replicasModel()
  const remembered = search(model, allSafeguards, bounds, { countWitnesses: true })
  expect(remembered).toMatchObject({ exhausted: true, violation: null })
  expect(remembered.witnesses.acked).toBeGreaterThan(0)
  expect(search({ ...model, remember: undefined }, allSafeguards, bounds, { countWitnesses: true })).toEqual(remembered)
})

test('interchangeable brokers are folded: as many orbits as the folded search meets', () => {
  const folded = search(replicasModel(), allSafeguards, bounds)
  const whole = search(replicasModel({ symmetry: false }), allSafeguards, bounds)
  expect(folded.exhausted && whole.exhausted).toBe(true)
  // The first leader is one of three, the two others are alike.
  expect(whole.states / folded.states).toBeGreaterThan(1.7)
  expect(whole.states / folded.states).toBeLessThanOrEqual(6)
  expect(whole.depth).toBe(folded.depth)
  // The canonical names are as good as trying all.
  const model = replicasModel()
  const fingerprint = (world: World<ReplicasGhost>): readonly [number, number] =>
    fingerprintOf(world, [0, 1, 2, 3, 4, 5])
  expect(search({ ...model, fingerprint }, allSafeguards, bounds)).toEqual(folded)
})

test('depth first meets the same worlds', () => {
  const wide = search(replicasModel(), allSafeguards, bounds)
  const deep = depthFirst(replicasModel() as Model<unknown>, allSafeguards, bounds)
  expect({ states: deep.states, violation: deep.violation }).toEqual({ states: wide.states, violation: null })
  expect(deep.generated).toBeLessThan(wide.generated)
})

test('walks of a clean model find nothing', () => {
  const { found, steps } = walks(replicasModel(), allSafeguards, {}, { firstSeed: 1, seeds: 100, steps: 100 })
  expect(found).toBeNull()
  expect(steps).toBeGreaterThan(3000)
})
