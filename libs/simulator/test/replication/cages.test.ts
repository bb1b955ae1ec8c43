/** Z01–Z12: each cage catches its bug, and with every safeguard on nothing is caught. `lab zoo` looks longer. */
import { allSafeguards } from '@troupe/actor'
import { describe, expect, it } from 'vitest'
import { actorModel, search } from '../../src/model/index.ts'
import { replicationBounds, replicationModel } from '../../src/models/replication.ts'
import { examine } from '../../src/zoo/examine.ts'
import { replicationCages } from '../../src/zoo/replication.ts'

const clock = (): number => performance.now()
const longest = 25

describe('with its safeguard off', () => {
  for (const cage of replicationCages.filter(({ impossible }) => impossible === undefined)) {
    it(`${cage.id} is found: ${cage.title}`, { timeout: 120_000 }, () => {
      const found = examine(cage, { clock, limitMs: 60_000, cleanMs: 300 })
      expect(cage.invariants).toContain(found.invariant)
      expect(found.path.length).toBeLessThanOrEqual(longest)
      expect(found.clean.violation).toBeNull()
    })
  }
})

describe('fenced elsewhere', () => {
  for (const cage of replicationCages.filter(({ impossible }) => impossible !== undefined)) {
    it(`${cage.id} breaks nothing: ${cage.title}`, { timeout: 120_000 }, () => {
      const off = { ...allSafeguards, [cage.safeguard]: false }
      const { violation, states, exhausted } = search(replicationModel, off, cage.bounds, { maxStates: 3000 })
      expect(violation).toBeNull()
      expect(exhausted || states >= 3000).toBe(true)
    })
  }
})

describe('with every safeguard on', () => {
  const bounds = { ...replicationBounds, records: 1, elections: 1 }

  it(
    'three brokers, one record, one election are exhausted, the brokers’ names counting or not',
    { timeout: 120_000 },
    () => {
      const folded = search(replicationModel, allSafeguards, bounds, { countWitnesses: true })
      expect(folded).toMatchObject({ exhausted: true, violation: null })
      expect(Object.keys(folded.witnesses)).toEqual(
        expect.arrayContaining(['A1 acknowledged', 'R1 led anew over committed records', 'R4 two presume to lead']),
      )
      const named = search(actorModel(replicationModel.spec, { symmetry: false }), allSafeguards, bounds)
      expect(named).toMatchObject({ exhausted: true, violation: null })
      expect(folded.states).toBeLessThan(named.states)
      expect(folded.depth).toBe(named.depth)
    },
  )

  it('two brokers, two records, an election, a shrink, a lost request end well', { timeout: 120_000 }, () => {
    const two = { ...replicationBounds, brokers: 2, records: 1, elections: 1, shrinks: 1, drops: 1, liveness: 1 }
    expect(search(replicationModel, allSafeguards, two)).toMatchObject({ exhausted: true, violation: null })
  })
})
