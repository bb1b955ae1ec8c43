/** The cages of storage: open, each shows its bug; closed, none does. */
import { describe, expect, it } from 'vitest'
import { allSafeguards } from '@troupe/actor'
import { walk } from '../../src/model/index.ts'
import type { Model } from '../../src/model/contract.ts'
import type { LogWorld } from '../../src/models/log-model.ts'
import { cleanerModel, storageModel } from '../../src/models/storage.ts'
import { examine } from '../../src/zoo/examine.ts'
import { storageCages } from '../../src/zoo/storage.ts'

const clock = (): number => performance.now()

describe('a cage of storage', () => {
  for (const cage of storageCages) {
    it(`${cage.id}: ${cage.title}`, () => {
      const examined = examine(cage, { clock, limitMs: 60_000, cleanMs: 700 })
      expect(examined.clean.violation).toBeNull()
      expect(examined.clean.events).toBeGreaterThan(50)
      if (cage.impossible === undefined) {
        expect(cage.invariants).toContain(examined.invariant)
        expect(examined.path.length).toBeLessThanOrEqual(25)
      } else expect([examined.found, examined.exhausted]).toEqual([false, true])
      expect(examined.ok).toBe(true)
    })
  }
})

/** What the walks have seen between them. */
function witnessesOf(model: Model<LogWorld>, seeds: number): Set<string> {
  const seen = new Set<string>()
  for (let seed = 1; seed <= seeds; seed++) {
    const { violation, path } = walk(model, allSafeguards, model.defaultBounds, { seed, steps: 60 })
    expect(violation).toBeNull()
    const world = model.initial(allSafeguards, model.defaultBounds)
    for (const label of path) model.apply(world, { label, type: 'message' })
    for (const name of model.witnesses(world)) seen.add(name)
  }
  return seen
}

describe('walks with all safeguards on', () => {
  it('meet a disk that fails and is full, truncation, and recovery of each kind', () => {
    expect([...witnessesOf(storageModel, 1000)].sort()).toEqual([
      'a call of the disk failed',
      'power loss took a tail',
      'recovered after clean',
      'recovered after kill',
      'recovered after power',
      'refused on a full disk',
      'truncated',
    ])
  })

  it('clean logs and recover them', () => {
    const seen = witnessesOf(cleanerModel, 500)
    for (const name of ['cleaned a log', 'truncated', 'recovered after kill', 'recovered after power']) {
      expect(seen).toContain(name)
    }
  })
})

it('a world that was copied goes on like the one it was copied from', () => {
  const model = storageModel
  const { path } = walk(model, allSafeguards, model.defaultBounds, { seed: 3, steps: 40 })
  const world = model.initial(allSafeguards, model.defaultBounds)
  for (const label of path.slice(0, 10)) model.apply(world, { label, type: 'message' })
  const copy = model.clone(world)
  expect(model.fingerprint(copy)).toEqual(model.fingerprint(world))
  for (const label of path.slice(10)) {
    model.apply(copy, { label, type: 'message' })
    expect(model.fingerprint(copy)).not.toEqual(model.fingerprint(world))
    model.apply(world, { label, type: 'message' })
    expect(model.fingerprint(copy)).toEqual(model.fingerprint(world))
  }
})
