/** The invariants on what clients saw: silent on correct histories, and each broken by the plants that must break it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { History } from '../../src/history/format.ts'
import { brokenInvariants, historyInvariants } from '../../src/history/invariants.ts'
import { plants } from './plants.ts'
import { correctHistory, randomInts } from './world.ts'

const drawn = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  processes: fc.integer({ min: 1, max: 5 }),
  keys: fc.integer({ min: 1, max: 4 }),
  operations: fc.integer({ min: 0, max: 150 }),
  finalPolls: fc.boolean(),
})

/** Which invariants an anomaly must break at least. */
const breaks: Readonly<Record<string, readonly string[]>> = {
  'inconsistent-offsets': ['A1', 'A3', 'C4'],
  duplicate: ['I3', 'C5'],
  'lost-write': ['A1', 'A2', 'I3', 'C5'],
  G1a: ['I3', 'T8'],
  'int-poll-skip': ['C1'],
  'int-nonmonotonic-poll': ['C2'],
  'poll-skip': ['C1'],
  'nonmonotonic-poll': ['C2'],
  'nonmonotonic-send': ['A3'],
  unseen: ['I3', 'C5'],
  G1c: ['T8'],
  'G1c-process': ['A3', 'T8'],
  'G1c-realtime': ['A3', 'T8'],
}

describe('history invariants', () => {
  it('hold of a correct history', () => {
    fc.assert(
      fc.property(drawn, (shape) => {
        expect(brokenInvariants(correctHistory(shape), { complete: shape.finalPolls })).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  for (const [name, ids] of Object.entries(breaks)) {
    it(`${ids.join(', ')} broken by ${name}`, () => {
      fc.assert(
        fc.property(drawn, (shape) => {
          const history = plants[name]!(correctHistory({ ...shape, finalPolls: true }), randomInts(shape.seed))
          if (history === null) return
          const broken = brokenInvariants(history).map(({ invariant }) => invariant)
          expect(broken).toEqual(expect.arrayContaining([...ids]))
          const checker = historyInvariants.find(({ id }) => id === ids[0])!
          expect(checker.check(history)).toMatchObject({ invariant: ids[0] })
        }),
        { numRuns: 40 },
      )
    })
  }
})

/** Operations in short: `at` is their position. */
function historyOf(...operations: readonly Record<string, unknown>[]): History {
  return operations.map((operation, index) => ({ index, time: index, process: 0, ...operation })) as unknown as History
}

const sent = { process: 9, type: 'ok', f: 'send', value: [0, 1, 2, 3].map((v) => ['send', 1, [v, v]]) }
const poll = (process: number, type: string, ...values: readonly number[]) => {
  return { process, type, f: 'txn', group: 'g', value: [['poll', [[1, values.map((v) => [v, v])]]]] }
}
const commit = (type: string, offset: number, process = 0) => ({
  type,
  process,
  f: 'commit',
  group: 'g',
  value: [[1, offset]],
})
const ask = (type: string, offset: number | null, process = 1) => {
  return { type, process, f: 'committed', group: 'g', value: [[1, offset]] }
}

const groups: readonly [string, readonly string[], History][] = [
  ['consumed in order by two members', [], historyOf(sent, poll(0, 'ok', 0, 1), poll(1, 'ok', 2, 3))],
  ['consumed again after an abort', [], historyOf(sent, poll(0, 'fail', 0, 1), poll(1, 'ok', 0, 1, 2, 3))],
  [
    'consumed perhaps, by one that crashed',
    [],
    historyOf(sent, poll(0, 'ok', 0), poll(1, 'info', 1), poll(2, 'ok', 2, 3), { ...poll(4, 'ok', 1), group: 'h' }),
  ],
  ['consumed twice', ['T7'], historyOf(sent, poll(0, 'ok', 0, 1), poll(1, 'ok', 1, 2, 3))],
  [
    'never consumed',
    ['T7', 'C3'],
    historyOf(sent, poll(0, 'ok', 0, 1), poll(1, 'ok', 3), { ...poll(2, 'ok', 2), group: 'h' }),
  ],
  [
    'polled by an abort only',
    ['T7'],
    historyOf(sent, poll(0, 'ok', 0, 1), poll(2, 'fail', 2), poll(1, 'ok', 3), { ...poll(4, 'ok', 2), group: 'h' }),
  ],
  [
    'skipped after a reset',
    [],
    historyOf(sent, poll(0, 'ok', 0, 1), { ...poll(1, 'ok', 3), reset: [1] }, { ...poll(2, 'ok', 2), group: 'h' }),
  ],
  ['commit and read', [], historyOf(commit('invoke', 5), commit('ok', 5), ask('invoke', null), ask('ok', 5))],
  [
    'read while a commit is under way',
    [],
    historyOf(
      commit('invoke', 5),
      ask('invoke', null),
      ask('ok', null),
      ask('invoke', null),
      ask('ok', 5),
      commit('ok', 5),
    ),
  ],
  [
    'a commit that may land late',
    [],
    historyOf(
      commit('invoke', 5),
      commit('info', 5),
      commit('invoke', 6, 2),
      commit('ok', 6, 2),
      ask('invoke', null),
      ask('ok', 5),
    ),
  ],
  ['a commit lost', ['G5'], historyOf(commit('invoke', 5), commit('ok', 5), ask('invoke', null), ask('ok', null))],
  [
    'a commit overwritten and back',
    ['G5'],
    historyOf(
      commit('invoke', 5),
      commit('ok', 5),
      commit('invoke', 6),
      commit('ok', 6),
      ask('invoke', null),
      ask('ok', 5),
    ),
  ],
  [
    'a position that nobody committed',
    ['G5'],
    historyOf(commit('invoke', 5), commit('ok', 5), ask('invoke', null), ask('ok', 4)),
  ],
  [
    'a commit with its transaction, lost',
    ['G5'],
    historyOf(
      sent,
      { type: 'invoke', f: 'txn', group: 'g', value: [['poll']] },
      { ...poll(0, 'ok', 0, 1, 2, 3), offsets: [[1, 4]] },
      ask('invoke', null),
      ask('ok', null),
    ),
  ],
  [
    'a transaction torn between partitions',
    ['I3', 'T1', 'C5'],
    historyOf(
      {
        type: 'invoke',
        f: 'txn',
        value: [
          ['send', 1, 7],
          ['send', 2, 7],
        ],
      },
      {
        type: 'ok',
        f: 'txn',
        value: [
          ['send', 1, [0, 7]],
          ['send', 2, [0, 7]],
        ],
      },
      { process: 1, type: 'ok', f: 'poll', value: [['poll', [[1, [[0, 7]]]]]] },
    ),
  ],
  [
    'a transaction of which one half was found',
    ['T1'],
    historyOf(
      {
        type: 'invoke',
        f: 'txn',
        value: [
          ['send', 1, 7],
          ['send', 2, 7],
        ],
      },
      {
        type: 'info',
        f: 'txn',
        value: [
          ['send', 1, 7],
          ['send', 2, 7],
        ],
      },
      { process: 1, type: 'ok', f: 'poll', value: [['poll', [[1, [[0, 7]]]]]] },
    ),
  ],
]

describe('history invariants of groups and transactions', () => {
  it.each(groups)('%s', (_, ids, history) => {
    expect(brokenInvariants(history).map(({ invariant }) => invariant)).toEqual(ids)
  })
})
