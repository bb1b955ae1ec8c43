/** Each rule of a moving coordinator once broken on purpose, and once kept. */
import { describe, expect, test } from 'vitest'
import {
  afterAck,
  afterWord,
  checkCoordinators,
  coordinatorWitnesses,
  newCoordinatorGhost,
  type CoordinatorView,
  type OffsetsLogView,
} from '../../src/invariants/coordinator.ts'

const coordinator = (
  broker: number,
  phase: CoordinatorView['phase'],
  leaderEpoch: number,
  commits: string[] = [],
): CoordinatorView => ({ broker, phase, leaderEpoch, has: (commit) => commits.includes(commit) })

const log = (broker: number, commits: string[], rest: Partial<OffsetsLogView> = {}): OffsetsLogView => ({
  broker,
  leadsLatest: false,
  commits: new Set(commits),
  committed: new Set(),
  ...rest,
})

function ghostWith(...acked: string[]) {
  const ghost = newCoordinatorGhost()
  for (const commit of acked) afterAck(ghost, commit)
  return ghost
}

test('A1: the leader lacks what was answered; one that does not know yet that it leads is not asked', () => {
  const ghost = ghostWith('t-0')
  expect(checkCoordinators(ghost, 1, [], [log(2, ['t-1'], { leadsLatest: true })])?.invariant).toBe('A1')
  expect(checkCoordinators(ghost, 1, [], [log(2, ['t-1'])])).toBeNull()
  expect(checkCoordinators(ghost, 1, [], [log(2, ['t-0', 't-1'], { leadsLatest: true })])).toBeNull()
})

describe('G5', () => {
  test('the coordinator of the latest epoch does not know what was answered', () => {
    expect(checkCoordinators(ghostWith('t-0'), 1, [coordinator(2, 'active', 1, ['t-1'])], [])?.invariant).toBe('G5')
  })

  test('one that still loads, and one of an earlier epoch, need not', () => {
    const others = [coordinator(2, 'loading', 1), coordinator(1, 'active', 0)]
    expect(checkCoordinators(ghostWith('t-0'), 1, others, [])).toBeNull()
  })
})

test('G6: the coordinator does not know what its log has committed', () => {
  const [active] = [coordinator(2, 'active', 1, ['t-0'])]
  const logs = [log(2, ['t-0', 't-1'], { committed: new Set(['t-0', 't-1']) })]
  expect(checkCoordinators(ghostWith(), 1, [active], logs)?.invariant).toBe('G6')
  expect(
    checkCoordinators(ghostWith(), 1, [active], [log(2, ['t-0', 't-1'], { committed: new Set(['t-0']) })]),
  ).toBeNull()
})

describe('G7', () => {
  const told = (...words: [epoch: number, leads: boolean][]) => {
    const ghost = newCoordinatorGhost()
    for (const [epoch, leads] of words) afterWord(ghost, 1, epoch, leads)
    return (phase: CoordinatorView['phase'], epoch: number) =>
      checkCoordinators(ghost, 3, [coordinator(1, phase, epoch)], [])?.detail
  }

  test('a late resignation empties it', () => {
    const elected = told([2, true], [1, false])
    expect(elected('unloaded', 1)).toContain('elected in epoch 2, and unloaded')
    expect(elected('active', 1)).toContain('elected in epoch 2, and active in 1')
    expect(elected('active', 2)).toBeUndefined()
    expect(elected('failed', 2)).toBeUndefined()
  })

  test('a late election brings it back', () => {
    const resigned = told([1, false], [0, true])
    expect(resigned('loading', 0)).toContain('has resigned in epoch 1, and is loading in 0')
    expect(resigned('unloaded', 1)).toBeUndefined()
  })

  test('two in one epoch', () => {
    const both = [coordinator(1, 'active', 2), coordinator(2, 'active', 2)]
    expect(checkCoordinators(newCoordinatorGhost(), 2, both, [])?.invariant).toBe('G7')
    const old = [coordinator(1, 'active', 1), coordinator(2, 'active', 2)]
    expect(checkCoordinators(newCoordinatorGhost(), 2, old, [])).toBeNull()
    expect(coordinatorWitnesses(newCoordinatorGhost(), 2, old, [])).toEqual(['G7: the old coordinator is active too'])
  })
})
