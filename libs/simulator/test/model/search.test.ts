/** The engines against a protocol whose worlds and bug are known. */
import { allSafeguards } from '@troupe/actor'
import { describe, expect, test } from 'vitest'
import {
  actorModel,
  crossCheckSymmetry,
  depthFirst,
  follow,
  replay,
  search,
  shrink,
  verifyModel,
  walks,
  type ActorModelSpec,
  type CellSpec,
} from '../../src/model/index.ts'
import { lockModel, type LockGhost } from './lock.ts'

const shortest = ['want c1', 'c1→b1 acquire', "b1→c1 acquire's answer", 'done c1', 'duplicate c1→b1 release']

describe('breadth first', () => {
  test('finds a shortest way to two holders', () => {
    const model = lockModel({ bug: true, symmetry: false })
    const result = search(model, allSafeguards, {})
    expect(result.violation).toEqual({ invariant: 'M1', detail: 'c1 and c2 hold the lock' })
    // The lock is taken, given back twice, taken by the other, and with the late release taken again.
    expect(result.path).toHaveLength(12)
    expect(result.path.slice(0, 5)).toEqual(shortest)
    expect(follow(model, model.initial(allSafeguards, {}), result.path).violation?.invariant).toBe('M1')
  })

  test('with paths in place of worlds finds the same', () => {
    const model = lockModel({ bug: true })
    const kept = search(model, allSafeguards, {})
    expect(search(model, allSafeguards, {}, { keptWorlds: 0 })).toEqual(kept)
    expect(search(model, allSafeguards, {}, { keptWorlds: 3 })).toEqual(kept)
  })

  test('exhausts the correct server', () => {
    const model = lockModel({ bug: false })
    const result = search(model, allSafeguards, {}, { countWitnesses: true })
    expect(result).toMatchObject({ exhausted: true, violation: null, stoppedBy: null })
    expect(result.witnesses.held).toBeGreaterThan(10)
  })

  test('keeps to its limits and says so', () => {
    const model = lockModel({ bug: false })
    expect(search(model, allSafeguards, {}, { maxDepth: 5 })).toMatchObject({ exhausted: false, stoppedBy: 'depth' })
    expect(search(model, allSafeguards, {}, { maxStates: 50 })).toMatchObject({ states: 50, stoppedBy: 'states' })
    let now = 0
    const late = search(model, allSafeguards, { clients: 3 }, { clock: () => now++, deadline: 1 })
    expect(late).toMatchObject({ exhausted: false, stoppedBy: 'deadline' })
    expect(search(model, allSafeguards, {}, { maxDepth: 500 })).toMatchObject({ exhausted: true })
  })
})

describe('symmetry', () => {
  test.for([2, 3])('folds the worlds of %d clients, and only those', (clients) => {
    const { whole, orbits, folded } = crossCheckSymmetry(lockModel({ bug: false }), allSafeguards, { clients })
    expect(orbits).toBe(folded)
    expect(search(lockModel({ bug: false, symmetry: false }), allSafeguards, { clients }).states).toBe(whole)
    const factor = clients === 2 ? 2 : 6
    expect(whole / folded).toBeGreaterThan(factor * 0.8)
    expect(whole / folded).toBeLessThanOrEqual(factor)
  })

  test('does not hide the bug', () => {
    expect(search(lockModel({ bug: true }), allSafeguards, { clients: 3 }).path).toHaveLength(12)
  })
})

describe('depth first with sleep sets', () => {
  test('finds the bug, and meets as many worlds as without them in fewer steps', () => {
    expect(depthFirst(lockModel({ bug: true }), allSafeguards, {}).violation?.invariant).toBe('M1')
    const model = lockModel({ bug: false, symmetry: false })
    const plain = depthFirst(model, allSafeguards, {}, { independent: null })
    const asleep = depthFirst(model, allSafeguards, {})
    const wide = search(model, allSafeguards, {})
    expect(plain.states).toBe(wide.states)
    expect(asleep.states).toBe(wide.states)
    expect(asleep.generated).toBeLessThan(plain.generated)
    expect(asleep).toMatchObject({ exhausted: true, violation: null })
  })

  test('reaches the same violations as without them', () => {
    const model = lockModel({ bug: true, symmetry: false })
    const reached = (independent: null | undefined): Set<string> => {
      const found = new Set<string>()
      const accept = ({ invariant, detail }: { invariant: string; detail: string }): boolean => {
        found.add(`${invariant} ${detail}`)
        return false
      }
      const result = depthFirst(model, allSafeguards, { clients: 3, rounds: 1 }, { independent, accept })
      expect(result.exhausted).toBe(true)
      return found
    }
    expect(reached(undefined)).toEqual(reached(null))
    expect([...reached(null)].sort()).toEqual(
      ['c1 and c2', 'c1 and c3', 'c2 and c3'].map((who) => `M1 ${who} hold the lock`),
    )
  })
})

describe('random walks', () => {
  test.for(['uniform', 'fifo', 'priority', undefined] as const)(
    'policy %s finds the bug, and shrinking makes it shortest',
    (policy) => {
      const model = lockModel({ bug: true })
      const { found } = walks(model, allSafeguards, {}, { firstSeed: 1, seeds: 3000, steps: 60, policy })
      expect(found?.violation?.invariant).toBe('M1')
      const again = walks(model, allSafeguards, {}, { firstSeed: found!.seed, seeds: 1, steps: 60, policy })
      expect(again.found).toEqual(found)
      const shrunk = shrink(model, allSafeguards, {}, found!.path, { confirm: {} })
      expect(shrunk).toMatchObject({ isShortest: true, violation: { invariant: 'M1' } })
      expect(shrunk!.path).toHaveLength(12)
    },
  )

  test('finds nothing where there is nothing', () => {
    const model = lockModel({ bug: false })
    const { found, seeds, steps } = walks(model, allSafeguards, {}, { firstSeed: 1, seeds: 200, steps: 60 })
    expect({ found, seeds }).toEqual({ found: null, seeds: 200 })
    expect(steps).toBeGreaterThan(2000)
    expect(shrink(model, allSafeguards, {}, ['want c1', 'c1→b1 acquire'])).toBeNull()
  })
})

test('a schedule replays to the same trace, whatever is skipped', () => {
  const model = lockModel({ bug: true })
  const { path } = search(model, allSafeguards, {})
  const trace = replay(model, allSafeguards, {}, ['lose everything', ...path], { seed: 7 })
  expect(replay(model, allSafeguards, {}, path, { seed: 7 })).toEqual(trace)
  expect(trace.header).toMatchObject({ model: 'lock', seed: 7, off: [], options: { clients: 2 } })
  expect(trace.header.violation).toMatchObject({ invariant: 'M1', event: trace.events.length - 1 })
  expect(trace.events.map(({ choice }) => choice).filter((choice) => choice !== '')).toEqual(path)
  expect(trace.events.find(({ kind }) => kind === 'release')).toMatchObject({
    node: 'b1',
    actor: 'server',
    from: 'c1',
    detail: 'client=101',
  })
})

describe('a model is checked itself', () => {
  test('and found good', () => {
    expect(verifyModel(lockModel({ bug: true }), allSafeguards, { clients: 3 })).toEqual([])
  })

  test('or told what is wrong with it', () => {
    const good = lockModel({ bug: false })
    const { cells, choices } = good.spec
    let count = 0
    const label = 'want c1'
    const wrongs: Record<string, ActorModelSpec<LockGhost>> = {
      // The ghost is written without `edit`.
      'changes what it shares': { ...good.spec, afterStep: ({ ghost }) => void (ghost as LockGhost).duplicates++ },
      'different worlds': { ...good.spec, afterStep: (world) => void (world.edit().duplicates = count++) },
      'not unique': { ...good.spec, choices: (bounds) => choices!(bounds).map((choice) => ({ ...choice, label })) },
      // Another state of the outside world than the cell's own.
      'when steps are remembered': { ...good.spec, cells: (bounds) => cells(bounds).map(countingCell) },
    }
    for (const [what, spec] of Object.entries(wrongs)) {
      const found = verifyModel(actorModel(spec), allSafeguards, {}, { worlds: 50 })
      expect(
        found.some((complaint) => complaint.includes(what)),
        `${what}: ${found[0]}`,
      ).toBe(true)
    }
  })
})

/** A cell whose actor counts in a place that no world owns. */
function countingCell(spec: CellSpec<LockGhost>): CellSpec<LockGhost> {
  let steps = 0
  const step: typeof spec.definition.step = (state, message, env, out) => {
    spec.definition.step(state, message, env, out)
    state.steps = ++steps
  }
  return { ...spec, definition: { ...spec.definition, step } }
}
