/** EDN is what Jepsen reads: the exact text of each kind of operation, and histories that survive the way there and back. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkHistory } from '../../src/history/check.ts'
import { historyEdn } from '../../src/history/edn.ts'
import type { History } from '../../src/history/format.ts'
import { readEdn } from '../../src/history/read-edn.ts'
import { plants } from './plants.ts'
import { correctHistory, randomInts } from './world.ts'

const history: History = [
  { index: 0, time: 0, process: 0, type: 'invoke', f: 'subscribe', value: [1, 2], group: 'g' },
  { index: 1, time: 5, process: 0, type: 'ok', f: 'subscribe', value: [1, 2], group: 'g' },
  { index: 2, time: 6, process: 0, type: 'invoke', f: 'txn', value: [['poll'], ['send', 1, 7]] },
  {
    index: 3,
    time: 9,
    process: 0,
    type: 'ok',
    f: 'txn',
    value: [
      [
        'poll',
        [
          [
            2,
            [
              [0, 3],
              [1, 4],
            ],
          ],
          [1, []],
        ],
      ],
      ['send', 1, [12, 7]],
    ],
    rebalanced: [2],
    reset: [1],
  },
  { index: 4, time: 10, process: 1, type: 'invoke', f: 'send', value: [['send', 'k', 'a "b"\n\\']] },
  {
    index: 5,
    time: 12,
    process: 1,
    type: 'info',
    f: 'send',
    value: [['send', 'k', [null, 'a "b"\n\\']]],
    error: 'NOT_LEADER_OR_FOLLOWER',
  },
  { index: 6, time: 13, process: 2, type: 'invoke', f: 'assign', value: [1], seekToBeginning: true },
  { index: 7, time: 14, process: 2, type: 'ok', f: 'assign', value: [1], seekToBeginning: true },
  { index: 8, time: 15, process: 2, type: 'invoke', f: 'committed', value: [[1, null]], group: 'g' },
  { index: 9, time: 16, process: 2, type: 'ok', f: 'committed', value: [[1, 13]], group: 'g' },
  { index: 10, time: 17, process: 2, type: 'invoke', f: 'crash', value: null },
  { index: 11, time: 18, process: 2, type: 'info', f: 'crash', value: null, error: 'indeterminate: killed' },
]

const moved = ':rebalance-log [{:keys [2]}], :reset-keys [1]'
const text = `{:index 0, :time 0, :type :invoke, :process 0, :f :subscribe, :value [1 2], :group "g"}
{:index 1, :time 5, :type :ok, :process 0, :f :subscribe, :value [1 2], :group "g"}
{:index 2, :time 6, :type :invoke, :process 0, :f :txn, :value [[:poll] [:send 1 7]]}
{:index 3, :time 9, :type :ok, :process 0, :f :txn, :value [[:poll {2 [[0 3] [1 4]], 1 []}] [:send 1 [12 7]]], ${moved}}
{:index 4, :time 10, :type :invoke, :process 1, :f :send, :value [[:send "k" "a \\"b\\"\\n\\\\"]]}
{:index 5, :time 12, :type :info, :process 1, :f :send, :value [[:send "k" [nil "a \\"b\\"\\n\\\\"]]], :error :not-leader-or-follower}
{:index 6, :time 13, :type :invoke, :process 2, :f :assign, :value [1], :seek-to-beginning? true}
{:index 7, :time 14, :type :ok, :process 2, :f :assign, :value [1], :seek-to-beginning? true}
{:index 8, :time 15, :type :invoke, :process 2, :f :committed, :value {1 nil}, :group "g"}
{:index 9, :time 16, :type :ok, :process 2, :f :committed, :value {1 13}, :group "g"}
{:index 10, :time 17, :type :invoke, :process 2, :f :crash, :value nil}
{:index 11, :time 18, :type :info, :process 2, :f :crash, :value nil, :error "indeterminate: killed"}
`

describe('EDN', () => {
  it('has every kind of operation as Jepsen writes it', () => {
    expect(historyEdn(history)).toBe(text)
  })

  it('is read back as it was', () => {
    expect(readEdn(text)).toEqual({ history, leftOut: 0 })
  })

  it('says a key once though a poll returned it twice', () => {
    const poll: History = [
      {
        index: 0,
        time: 0,
        process: 0,
        type: 'ok',
        f: 'poll',
        value: [
          [
            'poll',
            [
              [1, [[0, 1]]],
              [1, [[1, 2]]],
            ],
          ],
        ],
      },
    ]
    expect(historyEdn(poll)).toContain(':value [[:poll {1 [[0 1] [1 2]]}]]')
  })

  it('reads what Jepsen adds: tags, keywords, the nemesis, one vector around it all, comments', () => {
    const jepsen = `; a history
      [#jepsen.history.Op{:index 17, :time 3, :type :info, :process :nemesis, :f :start-partition, :value nil}
       {:type :invoke :process 0 :f :debug-topic-partitions :value #{1}}
       #_ {:ignored true}
       #jepsen.history.Op{:index 18 :time 4N :type :ok, :process 0, :f :poll, :error [:timeout "x"]
         :value [[:poll {:x [[2 :a]]}] (:send :y 1)] :rebalance-log [{:keys [:x] :type "assigned"} {:keys #{}}]}]`
    expect(readEdn(jepsen)).toEqual({
      leftOut: 2,
      history: [
        {
          index: 0,
          time: 4,
          type: 'ok',
          process: 0,
          f: 'poll',
          error: 'TIMEOUT',
          value: [
            ['poll', [['x', [[2, 'a']]]]],
            ['send', 'y', 1],
          ],
          rebalanced: ['x'],
        },
      ],
    })
  })

  it('says where a text is wrong', () => {
    const errorOf = (edn: string) => (readEdn(edn) as { error: string }).error
    expect(errorOf('{:type :ok\n :process 0')).toBe('line 2: the text ends in the middle of a value')
    expect(errorOf('{:type :ok :process}')).toBe('line 1: a map has a key without a value')
    expect(errorOf('\n\n]')).toBe('line 3: unexpected ]')
    expect(errorOf('{:type :ok :process 0 :f :send :value "abc')).toBe('line 1: a string is not closed')
    expect(errorOf('17')).toBe('line 1: an operation is a map')
    expect(errorOf('{:type :maybe :process 0 :f :poll}')).toBe('line 1: an operation of type maybe')
    expect(errorOf('{:type :ok :process 0 :f :send :value [[:delete 1]]}')).toBe(
      'line 1: operation 0 (:f :send): a micro-operation is [:send …] or [:poll …]',
    )
    expect(errorOf('{:type :ok :process 0 :f :poll :value [[:poll {1 [[:x 1]]}]]}')).toBe(
      'line 1: operation 0 (:f :poll): an offset is a number or nil',
    )
  })

  it('keeps any history, and what is to be said of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.constantFrom(...Object.keys(plants)), (seed, name) => {
        const correct = correctHistory({ seed, processes: 4, keys: 3, operations: 60, finalPolls: true })
        const planted = plants[name]!(correct, randomInts(seed)) ?? correct
        const read = readEdn(historyEdn(planted))
        expect(read).toEqual({ history: planted, leftOut: 0 })
        expect(checkHistory((read as { history: History }).history)).toEqual(checkHistory(planted))
      }),
      { numRuns: 100 },
    )
  })
})
