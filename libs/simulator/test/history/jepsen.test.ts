/**
 * What Jepsen's own checker says of small histories, case by case: the situations that the tests of its Kafka workload
 * cover (jepsen/test/jepsen/tests/kafka_test.clj), written down anew with how many of each anomaly it finds.
 */
import { describe, expect, it } from 'vitest'
import { checkHistory } from '../../src/history/check.ts'
import type { OffsetValue } from '../../src/history/format.ts'
import { eachLag } from '../../src/history/lag.ts'
import { collectOperations } from '../../src/history/operations.ts'
import { asked, counts, historyOf, once, poll, send, type Line } from './notation.ts'

describe('offsets', () => {
  const perhaps = once(0, 'info', 'send', send('x', [0, 'a']), send('y', 'a'))
  const certain = once(1, 'ok', 'send', send('x', [0, 'b']))

  it('of a send that perhaps did not happen contradict nothing', () => {
    expect(counts(historyOf(...perhaps, ...certain))).toEqual({ unseen: 1 })
  })

  it('of a send that was seen elsewhere do', () => {
    const seen = once(2, 'ok', 'poll', poll(['y', [5, 'a']]))
    expect(counts(historyOf(...perhaps, ...certain, ...seen))).toMatchObject({ 'inconsistent-offsets': 1 })
  })

  it('of one value are one', () => {
    const more = [...once(0, 'ok', 'send', send('x', [1, 'a'])), ...once(1, 'info', 'send', send('x', 'b'))]
    const found = counts(historyOf(...more, ...once(2, 'ok', 'poll', poll(['x', [2, 'b'], [3, 'a']]))))
    expect(found['duplicate']).toBe(1)
  })

  it('count from a poll that failed, and not from a send that failed', () => {
    const history = historyOf(
      ...once(0, 'ok', 'send', send('x', [1, 'a'])),
      ...once(0, 'fail', 'send', send('x', [2, 'b'])),
      ...once(1, 'fail', 'poll', poll(['x', [11, 'a'], [12, 'b']])),
    )
    expect(counts(history)['duplicate']).toBe(1)
  })

  it('of ten values at the same two places make ten duplicates and two contradictions', () => {
    const lines = Array.from({ length: 10 }, (_, i) => [
      ...once(0, 'ok', 'send', send('x', [0, `v${i}`])),
      ...once(1, 'ok', 'poll', poll(['x', [1, `v${i}`]])),
    ])
    expect(counts(historyOf(...lines.flat()))).toMatchObject({ duplicate: 10, 'inconsistent-offsets': 2 })
  })
})

describe('lost writes', () => {
  it('are those below the highest record that was polled', () => {
    const history = historyOf(
      ...once(0, 'ok', 'send', send('x', [0, 'a'])),
      ...once(0, 'ok', 'send', send('x', [1, 'b']), send('x', [3, 'd'])),
      ...once(1, 'info', 'send', send('x', 'c')),
      ...once(0, 'ok', 'poll', poll(['x', [2, 'c']])),
    )
    expect(counts(history)['lost-write']).toBe(2)
  })

  it('include what was overwritten', () => {
    const history = historyOf(
      ...once(0, 'ok', 'send', send('x', [0, 'a'])),
      ...once(0, 'ok', 'send', send('x', [0, 'b']), send('x', [2, 'c'])),
      ...once(0, 'ok', 'poll', poll(['x', [0, 'b'], [2, 'c']])),
    )
    expect(counts(history)['lost-write']).toBe(1)
  })

  it('of an operation that perhaps happened are none until something of it was polled', () => {
    const lines = [
      ...once(0, 'info', 'send', send('x', 'a'), send('y', [0, 'b'])),
      ...once(1, 'info', 'send', send('y', 'c')),
    ]
    const later = once(3, 'ok', 'poll', poll(['y', [1, 'c']]))
    expect(counts(historyOf(...lines, ...later))['lost-write']).toBeUndefined()
    const proof = once(2, 'ok', 'poll', poll(['x', [0, 'a']]))
    expect(counts(historyOf(...lines, ...proof, ...later))['lost-write']).toBe(1)
  })
})

describe('aborted and early reads', () => {
  it('are found', () => {
    const aborted = [
      ...once(0, 'fail', 'send', send('x', 'a'), send('y', 'b')),
      ...once(1, 'ok', 'poll', poll(['x', [0, 'a']])),
    ]
    expect(counts(historyOf(...aborted))).toEqual({ G1a: 1 })
    const own = once(0, 'ok', 'txn', send('x', [0, 'a']), poll(['x', [0, 'a']]))
    expect(counts(historyOf(...own))).toEqual({ 'precommitted-read': 1 })
  })
})

describe('polls from one operation to the next', () => {
  const sent = once(9, 'info', 'send', ...['a', 'b', 'c', 'd', 'f', 'g'].map((value) => send('x', value)))
  const start = [
    ...once(0, 'ok', 'poll', poll(['x', [1, 'a'], [2, 'b']])),
    ...once(1, 'ok', 'poll', poll(['x', [3, 'c'], [6, 'f']])),
  ]
  const next = once(0, 'ok', 'poll', poll(['x', [4, 'd']]))
  const last = once(0, 'ok', 'poll', poll(['x', [7, 'g']]))

  it('skip what others know of, though not gaps that nobody saw filled', () => {
    expect(counts(historyOf(...sent, ...start, ...next, ...last))['poll-skip']).toBe(2)
  })

  it('may skip after an assignment of other keys, and not after one that keeps the key', () => {
    const away = [...start, ...once(0, 'ok', 'subscribe', 'y'), ...next, ...once(0, 'info', 'assign', 'y'), ...last]
    expect(counts(historyOf(...sent, ...away))['poll-skip']).toBeUndefined()
    const kept = [
      ...start,
      ...once(0, 'ok', 'subscribe', 'x', 'y'),
      ...next,
      ...once(0, 'ok', 'assign', 'y', 'x'),
      ...last,
    ]
    expect(counts(historyOf(...sent, ...kept))['poll-skip']).toBe(2)
    expect(counts(historyOf(...sent, ...kept), { subscribe: true })['poll-skip']).toBe(2)
    expect(checkHistory(historyOf(...sent, ...kept), { subscribe: true }).anomalies).toContainEqual(
      expect.objectContaining({ name: 'poll-skip', allowed: true }),
    )
  })

  const numbers = once(0, 'ok', 'send', ...[0, 1, 2, 3, 4, 5].map((n) => send('x', [n, `${n}`])))
  const part = (type: string, ...offsets: readonly number[]) =>
    once(1, type, 'txn', poll(['x', ...offsets.map((n): OffsetValue => [n, `${n}`])]))

  it('begin again where they were after an abort', () => {
    const all = [...part('ok', 0), ...part('fail', 1, 2), ...part('info', 1, 2), ...part('ok', 1, 2, 3, 4, 5)]
    expect(counts(historyOf(...numbers, ...all))).toEqual({})
  })

  it('skip when they do not', () => {
    const twice = [...part('ok', 0), ...part('fail', 1, 2), ...part('fail', 3, 4), ...part('ok', 5)]
    expect(counts(historyOf(...numbers, ...twice))['poll-skip']).toBe(2)
    const crashed = [...part('ok', 0), ...part('fail', 1, 2), ...part('info', 3, 4)]
    expect(counts(historyOf(...numbers, ...crashed))['poll-skip']).toBe(1)
  })

  it('do not go back', () => {
    const back = [...part('ok', 1, 2, 3), ...part('ok', 2, 3, 4)]
    expect(counts(historyOf(...numbers, ...back))['nonmonotonic-poll']).toBe(1)
    const assigned = [...part('ok', 1, 2, 3), ...once(1, 'ok', 'assign', 'y'), ...part('ok', 2, 3, 4)]
    expect(counts(historyOf(...numbers, ...assigned))['nonmonotonic-poll']).toBeUndefined()
  })
})

describe('order within an operation, and of sends', () => {
  const sent = once(9, 'info', 'send', send('x', 'a'), send('x', 'b'), send('x', 'c'), send('x', 'd'))

  it('polls skip inside one poll and from one poll to the next', () => {
    const history = historyOf(
      ...sent,
      ...once(0, 'ok', 'poll', poll(['x', [1, 'a'], [4, 'd']])),
      ...once(1, 'ok', 'poll', poll(['x', [1, 'a']]), poll(['x', [4, 'd']])),
      ...once(2, 'ok', 'poll', poll(['x', [2, 'b']])),
    )
    expect(counts(history)['int-poll-skip']).toBe(2)
  })

  it('polls go back, or stay', () => {
    const history = historyOf(
      ...sent,
      ...once(0, 'ok', 'poll', poll(['x', [3, 'c'], [1, 'a']])),
      ...once(1, 'ok', 'poll', poll(['x', [2, 'b'], [3, 'c']]), poll(['x', [3, 'c']])),
    )
    expect(counts(history)['int-nonmonotonic-poll']).toBe(2)
  })

  it('sends skip where a poll shows another in between', () => {
    const history = historyOf(
      ...once(0, 'ok', 'send', send('x', [1, 'a']), send('x', 'c')),
      ...once(1, 'info', 'send', send('x', 'b')),
      ...once(2, 'ok', 'poll', poll(['x', [2, 'b'], [3, 'c']])),
    )
    expect(counts(history)['int-send-skip']).toBe(1)
  })

  it('sends go back by their offsets, or by what was polled', () => {
    const history = historyOf(
      ...once(0, 'ok', 'send', send('x', [3, 'c']), send('x', [1, 'a'])),
      ...once(2, 'info', 'send', send('y', 'd'), send('y', 'b')),
      ...once(4, 'info', 'send', send('y', 'c')),
      ...once(3, 'ok', 'poll', poll(['y', [2, 'b'], [3, 'c'], [4, 'd']])),
    )
    expect(counts(history)['int-nonmonotonic-send']).toBe(2)
  })

  it('sends go back from one operation to the next', () => {
    const first = once(0, 'ok', 'send', send('x', [3, 'c']), send('x', [4, 'd']))
    const second = once(0, 'ok', 'send', send('x', [1, 'a']), send('x', [2, 'b']))
    expect(counts(historyOf(...first, ...second))['nonmonotonic-send']).toBe(1)
    const away = once(0, 'info', 'assign', 'y')
    expect(counts(historyOf(...first, ...away, ...second))['nonmonotonic-send']).toBeUndefined()
  })
})

describe('cycles', () => {
  it('of writes, of reads, and of both', () => {
    const writes = historyOf(
      [0, 'invoke', 'send', send('x', 'a'), send('y', 'a')],
      [1, 'invoke', 'send', send('x', 'b'), send('y', 'b')],
      [0, 'ok', 'send', send('x', [0, 'a']), send('y', [1, 'a'])],
      [1, 'ok', 'send', send('x', [1, 'b']), send('y', [0, 'b'])],
    )
    expect(counts(writes)['G0']).toBeUndefined()
    expect(counts(writes, { writeWriteEdges: true })['G0']).toBe(1)
    const both = historyOf(
      [0, 'invoke', 'txn', send('x', 'a'), send('y', 'c')],
      [1, 'invoke', 'txn', asked, send('y', 'b')],
      [0, 'ok', 'txn', send('x', [0, 'a']), send('y', [2, 'c'])],
      [1, 'ok', 'txn', poll(['x', [0, 'a']]), send('y', [1, 'b'])],
    )
    expect(counts(both)['G1c']).toBeUndefined()
    expect(checkHistory(both, { writeWriteEdges: true }).anomalies).toContainEqual(
      expect.objectContaining({ name: 'G1c', count: 1, allowed: true }),
    )
  })
})

describe('realtime lag', () => {
  it('is how long the tail that a poll ends with had been passed', () => {
    const lines: Line[] = [
      ...once(0, 'ok', 'assign', 'x'),
      ...once(0, 'ok', 'poll', poll(['x'])),
      ...once(0, 'ok', 'send', send('x', [0, 'a'])),
      ...once(0, 'ok', 'poll', poll(['x'])),
      ...once(1, 'ok', 'send', send('x', [2, 'c']), send('x', [3, 'd'])),
      ...once(0, 'ok', 'poll'),
      ...once(0, 'ok', 'poll', poll(['x', [0, 'a'], [1, 'b']])),
      ...once(0, 'ok', 'assign', 'x', 'y'),
      ...once(0, 'ok', 'poll', poll()),
      ...once(0, 'ok', 'assign', 'y'),
      ...once(0, 'ok', 'assign', 'x'),
      ...once(0, 'ok', 'poll', poll()),
    ]
    // 'x' was no longer empty at 5; the last poll begins at 22 and starts from nothing.
    expect(checkHistory(historyOf(...lines)).worstLag).toEqual({ time: 22, process: 0, key: 'x', lag: 17 })
    const more = [
      ...once(0, 'ok', 'poll', poll(['x', [0, 'a'], [1, 'b'], [2, 'c'], [3, 'd']])),
      ...once(0, 'ok', 'subscribe', 'x'),
      ...once(0, 'ok', 'poll', poll()),
      ...once(1, 'info', 'send', send('x', 'b')),
    ]
    const lags: string[] = []
    eachLag(collectOperations(historyOf(...lines, ...more)), ({ time, key, lag }) => lags.push(`${time} ${key} ${lag}`))
    // After `subscribe` nobody knows which keys the process has, so the last poll lags behind none.
    expect(lags).toEqual(['2 x 0', '6 x 1', '10 x 5', '12 x 3', '16 x 7', '16 y 0', '22 x 17', '24 x 0'])
  })
})
