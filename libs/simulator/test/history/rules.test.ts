/** What does not count against a history, and what still does right beside it. */
import { describe, expect, it } from 'vitest'
import { checkHistory } from '../../src/history/check.ts'
import { brokenInvariants } from '../../src/history/invariants.ts'
import type { OffsetValue } from '../../src/history/format.ts'
import { outcome } from '../../src/history/record.ts'
import { KafkaError } from '@troupe/wire/errors'
import { also, counts, historyOf, once, poll, send, type Event } from './notation.ts'

const sent = once(9, 'ok', 'send', ...[0, 1, 2, 3, 4].map((n) => send('x', [n, `${n}`])))
/** Everything was polled by somebody. */
const seen = once(8, 'ok', 'poll', poll(['x', ...[0, 1, 2, 3, 4].map((n): OffsetValue => [n, `${n}`])]))
const polled = (type: string, ...offsets: readonly number[]) =>
  once(0, type, 'poll', poll(['x', ...offsets.map((n): OffsetValue => [n, `${n}`])]))
const all = (...lines: readonly Event[]) => historyOf(...sent, ...seen, ...lines)

describe('positions', () => {
  it('are unknown after an operation of which nobody knows', () => {
    expect(counts(all(...polled('ok', 0), ...polled('info', 1, 2), ...polled('ok', 3, 4)))).toEqual({})
    expect(counts(all(...polled('ok', 0), ...polled('info', 2)))).toEqual({ 'poll-skip': 1 })
  })

  it('stay where they were when an assignment fails', () => {
    const away = once(0, 'fail', 'assign', 'y')
    expect(counts(all(...polled('ok', 0), ...away, ...polled('ok', 3)))).toEqual({ 'poll-skip': 1 })
  })

  it('are gone with a crash, and with a seek to the beginning', () => {
    const crash = [{ process: 0, type: 'info', f: 'crash', value: null }]
    expect(counts(all(...polled('ok', 2), ...crash, ...polled('ok', 0)))).toEqual({})
    const seek = also({ seekToBeginning: true }, once(0, 'ok', 'assign', 'x'))
    expect(counts(all(...polled('ok', 2), ...seek, ...polled('ok', 0)))).toEqual({})
    const keep = once(0, 'ok', 'assign', 'x')
    expect(counts(all(...polled('ok', 2), ...keep, ...polled('ok', 0)))).toEqual({ 'nonmonotonic-poll': 1 })
  })

  it('may move with a rebalance and a reset, of the keys that these name', () => {
    const jump = (more: Record<string, unknown>) => all(...polled('ok', 0), ...also(more, polled('ok', 3, 2)))
    expect(counts(jump({}))).toEqual({ 'poll-skip': 1, 'int-nonmonotonic-poll': 1 })
    expect(counts(jump({ rebalanced: ['x'] }))).toEqual({})
    expect(counts(jump({ reset: ['x'] }))).toEqual({})
    expect(counts(jump({ rebalanced: ['y'] }))).toEqual({ 'poll-skip': 1, 'int-nonmonotonic-poll': 1 })
  })

  it('of producers do not move with those of consumers', () => {
    const back = [
      ...once(0, 'ok', 'send', send('y', [7, 'a'])),
      ...also({ rebalanced: ['y'] }, once(0, 'ok', 'txn', send('y', [5, 'b']))),
    ]
    expect(counts(all(...back))['nonmonotonic-send']).toBe(1)
  })
})

describe('values', () => {
  it('that failed to be sent are not lost', () => {
    const failed = once(1, 'fail', 'send', send('y', 'gone'))
    const aborted = once(2, 'fail', 'poll', poll(['y', [0, 'gone']]))
    const later = [...once(1, 'ok', 'send', send('y', [1, 'a'])), ...once(3, 'ok', 'poll', poll(['y', [1, 'a']]))]
    // An aborted poll of an aborted write is no aborted read, though I3 knows that the record was there.
    const history = historyOf(...failed, ...aborted, ...later)
    expect(counts(history)).toEqual({})
    expect(brokenInvariants(history).map(({ invariant }) => invariant)).toEqual(['I3'])
  })

  it('may be missing where the log is cleaned', () => {
    const history = historyOf(...sent, ...polled('ok', 0, 4), ...once(1, 'ok', 'poll', poll(['x', [2, '2'], [4, '4']])))
    expect(counts(history)).toEqual({ 'int-poll-skip': 2, 'lost-write': 2, unseen: 2 })
    expect(counts(history, { cleaned: ['x'] })).toEqual({})
    expect(counts(history, { cleaned: ['y'] })).toEqual({ 'int-poll-skip': 2, 'lost-write': 2, unseen: 2 })
    expect(brokenInvariants(history, { cleaned: ['x'] })).toEqual([])
  })

  it('may be there twice when producers are not idempotent', () => {
    const history = historyOf(
      ...once(1, 'ok', 'send', send('y', [0, 'a'])),
      ...once(2, 'ok', 'poll', poll(['y', [3, 'a']])),
    )
    expect(checkHistory(history).valid).toBe(false)
    expect(checkHistory(history, { plainProducers: true }).valid).toBe(true)
  })

  it('may be read before they are committed, when readers ask for that', () => {
    const history = historyOf(
      ...once(0, 'fail', 'send', send('x', 'a')),
      ...once(1, 'ok', 'txn', send('y', [0, 'b']), poll(['x', [0, 'a']], ['y', [0, 'b']])),
    )
    expect(counts(history)).toEqual({ G1a: 1, 'precommitted-read': 1 })
    expect(checkHistory(history).valid).toBe(false)
    expect(checkHistory(history, { isolation: 'read_uncommitted' }).valid).toBe(true)
  })
})

describe('A2 and A3', () => {
  it('judge a scan by what was acknowledged before it, up to where its process ends', () => {
    const scan = also({ seekToBeginning: true }, once(0, 'ok', 'assign', 'x'))
    const ids = (...lines: readonly Event[]) =>
      brokenInvariants(historyOf(...lines), { complete: false }).map(({ invariant }) => invariant)
    expect(ids(...sent, ...seen, ...scan, ...polled('ok', 0, 1), ...polled('ok', 2))).toEqual([])
    expect(ids(...sent, ...seen, ...scan, ...polled('ok', 1))).toEqual(['A2'])
    // Whoever takes over after `info` begins elsewhere.
    expect(ids(...sent, ...seen, ...scan, ...polled('ok', 0), ...polled('info'), ...polled('ok', 3))).toEqual([])
  })

  it('let an aborted send name an offset that was taken', () => {
    const late = once(1, 'fail', 'send', send('x', [2, 'late']))
    expect(brokenInvariants(all(...late))).toEqual([])
    const acked = once(1, 'ok', 'send', send('x', [2, 'late']))
    expect(brokenInvariants(all(...acked)).map(({ invariant }) => invariant)).toContain('A3')
  })
})

describe('answers', () => {
  it('are definite only where nothing can have been appended', () => {
    expect(outcome(KafkaError.NONE, true)).toBe('ok')
    expect(outcome(KafkaError.MESSAGE_TOO_LARGE, false)).toBe('fail')
    expect(outcome(KafkaError.MESSAGE_TOO_LARGE, true)).toBe('info')
    expect(outcome(KafkaError.NOT_LEADER_OR_FOLLOWER, false)).toBe('info')
    expect(outcome(KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND, false)).toBe('info')
    expect(outcome(KafkaError.REQUEST_TIMED_OUT, false)).toBe('info')
  })
})
