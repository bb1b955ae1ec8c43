/** The cages that need a client: open, each shows its bug; closed, none does. */
import { describe, expect, it } from 'vitest'
import { allSafeguards } from '@troupe/actor'
import { search, verifyModel } from '../../src/model/index.ts'
import { consumerTruncationModel } from '../../src/models/consumer-truncation.ts'
import { expiredIdModel } from '../../src/models/expired-id.ts'
import { stickyClaimsModel } from '../../src/models/sticky-claims.ts'
import { clientCages } from '../../src/zoo/clients.ts'
import { examine } from '../../src/zoo/examine.ts'

const clock = (): number => performance.now()

describe('a cage of clients', () => {
  for (const cage of clientCages) {
    it(`${cage.id}: ${cage.title}`, () => {
      const examined = examine(cage, { clock, limitMs: 60_000, cleanMs: 2000 })
      expect(examined.clean.violation).toBeNull()
      expect(examined.clean.events).toBeGreaterThan(50)
      expect(cage.invariants).toContain(examined.invariant)
      expect(examined.path.length).toBeLessThanOrEqual(25)
      expect(examined.ok).toBe(true)
    })
  }
})

describe('a consumer and unclean elections, with all safeguards on', () => {
  it('skips nothing that it is not told of, whatever its Fetch carries', () => {
    for (const fetchVersion of [11, 17]) {
      const bounds = { ...consumerTruncationModel.defaultBounds, seeks: 1, fetchVersion }
      const found = search(consumerTruncationModel, allSafeguards, bounds, { countWitnesses: true })
      expect([found.violation, found.exhausted]).toEqual([null, true])
      expect(Object.keys(found.witnesses).sort()).toEqual([
        'a truncation is told',
        'an offset is written twice',
        'records of two epochs are read',
      ])
    }
  })

  it('makes a model that keeps its own rules', () => {
    const bounds = { ...consumerTruncationModel.defaultBounds, elections: 2, reelections: 1, catchUps: 1, seeks: 1 }
    expect(verifyModel(consumerTruncationModel, allSafeguards, bounds, { worlds: 300 })).toEqual([])
  })
})

describe('two producers with one transactional.id, with all safeguards on', () => {
  it('make one output of each input, however long they wait', () => {
    const bounds = { inputs: 2, weeks: 2 }
    const found = search(expiredIdModel, allSafeguards, bounds, { countWitnesses: true })
    expect([found.violation, found.exhausted]).toEqual([null, true])
    expect(Object.keys(found.witnesses).sort()).toEqual([
      'after the id expired an application ended',
      'an application ended',
      'an output is committed',
      'the id expired',
    ])
  })

  it('make a model that keeps its own rules', () => {
    expect(verifyModel(expiredIdModel, allSafeguards, expiredIdModel.defaultBounds, { worlds: 300 })).toEqual([])
  })
})

describe('the members of a sticky group, with all safeguards on', () => {
  it.each([0, 1])('never own a partition twice, though they miss generations (cooperative: %i)', (cooperative) => {
    const bounds = { members: 3, partitions: 3, generations: 4, leaves: 1, cooperative }
    const found = search(stickyClaimsModel, allSafeguards, bounds, { countWitnesses: true, maxStates: 60_000 })
    expect(found.violation).toBeNull()
    expect(Object.keys(found.witnesses).sort()).toEqual([
      'a member misses a generation',
      'everybody owns something',
      'the group goes on',
    ])
  })
})
