/** The checkers of the whole cluster can fail: with a safeguard off, and by what is planted. */
import { describe, expect, test } from 'vitest'
import type { ReplicaState } from '@troupe/replication/state'
import { drawOptions } from '../../src/cluster/draw.ts'
import { livenessChecks } from '../../src/cluster/liveness.ts'
import { Simulation } from '../../src/cluster/simulation.ts'
import type { Safeguards } from '@troupe/actor'

/** The first violation within so many seeds. */
function firstViolation(safeguard: keyof Safeguards, seeds: number): string | null {
  for (let seed = 1; seed <= seeds; seed++) {
    const { violations } = new Simulation(drawOptions(seed, { safeguards: { [safeguard]: false } })).run()
    if (violations.length > 0) return violations[0]!.invariant
  }
  return null
}

describe('a safeguard that is off shows in the whole cluster', () => {
  test.each([
    ['truncateByEpoch', ['R1', 'R2', 'inconsistent-offsets']],
    ['verifyOnAppend', ['L5']],
    ['raftCommitOwnEpoch', ['K3']],
  ] as const)('%s', (safeguard, invariants) => {
    expect(invariants).toContain(firstViolation(safeguard, 60))
  })
})

/** A small cluster that has run well. */
function healthy(): Simulation {
  const simulation = new Simulation(drawOptions(1, { faults: [], safetyMs: 5000 }))
  expect(simulation.run().violations).toEqual([])
  return simulation
}

const core = new Set([1, 2, 3])

function missing(id: string, { cluster }: Simulation): string | null {
  return livenessChecks.find((check) => check.id === id)!.missing(cluster, core)
}

describe('what a healed cluster lacks is named', () => {
  test('L1 to L5 hold after a run without faults', () => {
    const simulation = healthy()
    for (const { id } of livenessChecks) expect(missing(id, simulation), id).toBeNull()
  })

  test('L1 and L3: a broker that is gone', () => {
    const simulation = healthy()
    const { cluster } = simulation
    cluster.crashBroker(2, 'kill', true)
    cluster.runUntil(cluster.now + 20_000)
    expect(missing('L1', simulation)).toContain('b2')
    expect(missing('L3', simulation)).toContain('b2')
  })

  test('L2: no majority, no controller', () => {
    const simulation = healthy()
    const { cluster } = simulation
    cluster.crashBroker(2, 'kill', true)
    cluster.crashBroker(3, 'kill', true)
    cluster.runUntil(cluster.now + 20_000)
    expect(missing('L2', simulation)).toBe('0 active controllers')
  })

  test('L4 and L5: an AlterPartition and a transaction without end', () => {
    const simulation = healthy()
    const leader = [...simulation.cluster.brokers.values()]
      .flatMap(({ host }) => [...host.cells.values()])
      .map(({ kind, state }) => (kind === 'replica' ? (state as ReplicaState) : null))
      .find((state) => state?.role === 'leader')!
    leader.pendingIsr = { kind: 'expand', isr: [1], requestId: 1, attempts: 1, refused: false, brokerEpochs: [] } as never
    expect(missing('L4', simulation)).toContain(`${leader.topic}-${leader.partition}`)
    leader.pendingIsr = null
    const { log } = leader
    Object.defineProperty(log, 'lastStableOffset', { value: log!.logEndOffset - 1 })
    expect(missing('L5', simulation)).toContain('LSO')
  })
})
