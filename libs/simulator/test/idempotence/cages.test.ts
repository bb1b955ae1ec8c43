/** The cages of idempotence, at the log and with the production producer: open, each shows its bug; closed, none does. */
import { describe, expect, it } from 'vitest'
import { allSafeguards } from '@troupe/actor'
import { search, verifyModel, walk } from '../../src/model/index.ts'
import { idempotentClientModel } from '../../src/models/idempotent-client.ts'
import { producersModel } from '../../src/models/idempotence.ts'
import { examine } from '../../src/zoo/examine.ts'
import { idempotenceCages } from '../../src/zoo/idempotence.ts'

const clock = (): number => performance.now()

describe('a cage of idempotence', () => {
  for (const cage of idempotenceCages) {
    it(`${cage.id}: ${cage.title}`, () => {
      const examined = examine(cage, { clock, limitMs: 60_000, cleanMs: 1500 })
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

describe('producers and a log, with all safeguards on', () => {
  it('answer duplicates, delete, expire, fence and recover', () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 300; seed++) {
      const { violation, path } = walk(producersModel, allSafeguards, producersModel.defaultBounds, { seed, steps: 60 })
      expect(violation).toBeNull()
      const world = producersModel.initial(allSafeguards, producersModel.defaultBounds)
      for (const label of path) producersModel.apply(world, { label, type: 'message' })
      for (const name of producersModel.witnesses(world)) seen.add(name)
    }
    expect([...seen].sort()).toEqual([
      'a producer expired',
      'an old coordinator was fenced',
      'answered as a duplicate',
      'recovered after clean',
      'recovered after kill',
      'the log start moved',
    ])
  })
})

describe('the production producer and its leader', () => {
  it('write each record once and in order, whatever becomes of connections and old records', () => {
    const bounds = { records: 2, disconnects: 2, deletions: 1, late: 0 }
    const found = search(idempotentClientModel, allSafeguards, bounds, { countWitnesses: true })
    expect([found.violation, found.exhausted]).toEqual([null, true])
    expect(Object.keys(found.witnesses).sort()).toEqual(['a retry was answered', 'records were deleted'])
    // Without a guard the producer gives up its epoch, which shows that it could.
    const off = { ...allSafeguards, rememberFiveBatches: false }
    const worlds = search(
      idempotentClientModel,
      off,
      { ...bounds, records: 3, disconnects: 1, deletions: 0 },
      {
        countWitnesses: true,
        accept: () => false,
        maxStates: 3000,
      },
    )
    expect(worlds.witnesses['a new producer epoch']).toBeGreaterThan(0)
  })

  it('make a model that keeps its own rules', () => {
    const bounds = { records: 2, disconnects: 1, deletions: 1, late: 1 }
    expect(verifyModel(idempotentClientModel, allSafeguards, bounds, { worlds: 300 })).toEqual([])
  })
})
