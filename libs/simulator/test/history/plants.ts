/**
 * Each anomaly, planted into a correct history with as little as it takes. A plant gives null where the history has
 * no place for it; every other kind finds room in any history.
 */
import type {
  DataOperation,
  History,
  HistoryOperation,
  Key,
  KeyRecords,
  MicroOp,
  OffsetValue,
} from '../../src/history/format.ts'
import { changed, withoutRecord } from './world.ts'

type Below = (below: number) => number
export type Plant = (history: History, random: Below) => readonly HistoryOperation[] | null

/** What was polled, one entry per record. */
interface Polled {
  readonly operation: DataOperation
  readonly key: Key
  readonly offset: number
  readonly value: number | string
}

function polled(history: History, type = 'ok'): Polled[] {
  return history.flatMap((operation) => {
    if (operation.type !== type || (operation.f !== 'poll' && operation.f !== 'txn')) return []
    return operation.value.flatMap((micro) => {
      if (micro[0] === 'send' || micro[1] === undefined) return []
      return micro[1].flatMap(([key, records]) =>
        records.map(([offset, value]) => ({ operation, key, offset: offset!, value })),
      )
    })
  })
}

function pick<T>(items: readonly T[], random: Below): T | null {
  return items.length === 0 ? null : items[random(items.length)]!
}

type Brief = readonly ['invoke' | 'ok' | 'fail' | 'info', number, 'send' | 'poll' | 'txn', ...MicroOp[]]

/** Appends operations of processes that the history does not have; `process` 0 is the first of them. */
export function followedBy(history: History, ...more: readonly Brief[]): HistoryOperation[] {
  const first = Math.max(-1, ...history.map(({ process }) => process)) + 1
  const time = (history.at(-1)?.time ?? 0) + 1
  return [
    ...history,
    ...more.map(([type, process, f, ...value], i): HistoryOperation => {
      return { index: history.length + i, time: time + i, process: first + process, type, f, value }
    }),
  ]
}

const sends = (...keys: readonly Key[]): MicroOp[] => keys.map((key, i) => ['send', key, i + 1])
const poll = (key: Key, ...records: readonly OffsetValue[]): MicroOp => ['poll', [[key, records]]]

/** Somebody else knows that the record is there, so that not polling it shows. */
function knownElsewhere(history: History, operation: DataOperation, key: Key, offset: number): boolean {
  return polled(history).some((one) => one.operation !== operation && one.key === key && one.offset === offset)
}

/** Changes what an operation polled of a key. */
function reorder(history: History, chosen: Polled, to: (records: readonly OffsetValue[]) => readonly OffsetValue[]) {
  return changed(history, (micro, operation) => {
    if (operation !== chosen.operation || micro[0] === 'send' || micro[1] === undefined) return micro
    return ['poll', micro[1].map(([key, r]): KeyRecords => [key, key === chosen.key ? to(r) : r])]
  })
}

/** A poll of one key with at least `least` records in one micro-operation. */
function longPoll(history: History, least: number, random: Below): Polled | null {
  const starts = polled(history).filter(({ operation, key, offset }) =>
    operation.value.some(
      (micro) =>
        micro[0] === 'poll' &&
        micro[1]?.some(([k, records]) => k === key && records.length >= least && records[0]![0] === offset),
    ),
  )
  return pick(starts, random)
}

/** Two polls of one process on one key with nothing in between that would move its position. */
function pairOfPolls(history: History, random: Below): { before: Polled; after: Polled } | null {
  const last = new Map<string, Polled>()
  const pairs: { before: Polled; after: Polled }[] = []
  const processes = new Map<number, Polled[]>()
  for (const one of polled(history)) {
    const { process } = one.operation
    processes.set(process, [...(processes.get(process) ?? []), one])
  }
  for (const one of [...processes.values()].flat()) {
    const id = `${one.operation.process}/${one.key}`
    const before = last.get(id)
    last.set(id, one)
    if (before === undefined || before.operation === one.operation) continue
    const between = history.slice(before.operation.index, one.operation.index)
    const moved = between.some(({ process, f }) => process === one.operation.process && f === 'assign')
    if (!moved) pairs.push({ before, after: one })
  }
  return pick(pairs, random)
}

export const plants: Readonly<Record<string, Plant>> = {
  'inconsistent-offsets'(history, random) {
    const chosen = pick(polled(history), random)
    if (chosen === null) return null
    return followedBy(
      history,
      ['invoke', 0, 'send', ['send', chosen.key, 'other']],
      ['ok', 0, 'send', ['send', chosen.key, [chosen.offset, 'other']]],
    )
  },

  duplicate(history, random) {
    const chosen = pick(polled(history), random)
    if (chosen === null) return null
    return followedBy(
      history,
      ['invoke', 0, 'poll', ['poll']],
      ['ok', 0, 'poll', poll(chosen.key, [1_000_000, chosen.value])],
    )
  },

  'lost-write'(history, random) {
    const highest = new Map<Key, number>()
    for (const { key, offset } of polled(history)) highest.set(key, Math.max(highest.get(key) ?? -1, offset))
    const acked = new Set<string>()
    for (const operation of history) {
      if (operation.type !== 'ok' || (operation.f !== 'send' && operation.f !== 'txn')) continue
      for (const micro of operation.value)
        if (micro[0] === 'send') acked.add(`${micro[1]}@${(micro[2] as OffsetValue)[0]}`)
    }
    const below = polled(history).filter(
      ({ key, offset }) => offset < highest.get(key)! && acked.has(`${key}@${offset}`),
    )
    const chosen = pick(below, random)
    return chosen && withoutRecord(history, (key, offset) => key === chosen.key && offset === chosen.offset)
  },

  G1a: (history) =>
    followedBy(
      history,
      ['invoke', 0, 'send', ...sends('x')],
      ['fail', 0, 'send', ...sends('x')],
      ['invoke', 1, 'poll', ['poll']],
      ['ok', 1, 'poll', poll('x', [0, 1])],
    ),

  'precommitted-read': (history) =>
    followedBy(
      history,
      ['invoke', 0, 'txn', ...sends('x'), ['poll']],
      ['ok', 0, 'txn', ['send', 'x', [0, 1]], poll('x', [0, 1])],
    ),

  'unwritten-read': (history) =>
    followedBy(history, ['invoke', 0, 'poll', ['poll']], ['ok', 0, 'poll', poll('x', [0, 'garbage'])]),

  'int-poll-skip'(history, random) {
    const chosen = longPoll(history, 3, random)
    if (chosen === null) return null
    const records = polled(history).filter((one) => one.operation === chosen.operation && one.key === chosen.key)
    const second = records[records.findIndex(({ offset }) => offset === chosen.offset) + 1]!
    if (!knownElsewhere(history, chosen.operation, chosen.key, second.offset)) return null
    return withoutRecord(history, (k, o, op) => op === chosen.operation && k === chosen.key && o === second.offset)
  },

  'int-nonmonotonic-poll'(history, random) {
    const chosen = longPoll(history, 2, random)
    return (
      chosen && reorder(history, chosen, ([first, second, ...rest]) => (second ? [second, first!, ...rest] : [first!]))
    )
  },

  'poll-skip'(history, random) {
    const pair = pairOfPolls(history, random)
    if (pair === null) return null
    const { operation, key, offset } = pair.after
    const left = polled(history).filter((one) => one.operation === operation && one.key === key)
    if (left.length < 2 || !knownElsewhere(history, operation, key, offset)) return null
    return withoutRecord(history, (k, o, op) => op === operation && k === key && o === offset)
  },

  'nonmonotonic-poll'(history, random) {
    const pair = pairOfPolls(history, random)
    if (pair === null) return null
    const { offset, value } = pair.before
    return reorder(history, pair.after, (records) => [[offset, value], ...records])
  },

  'int-send-skip': (history) =>
    followedBy(
      history,
      ['invoke', 0, 'txn', ['send', 'x', 'a'], ['send', 'x', 'c']],
      ['invoke', 1, 'txn', ['send', 'x', 'b']],
      ['ok', 1, 'txn', ['send', 'x', [1, 'b']]],
      ['ok', 0, 'txn', ['send', 'x', [0, 'a']], ['send', 'x', [2, 'c']]],
    ),

  'int-nonmonotonic-send': (history) =>
    followedBy(
      history,
      ['invoke', 0, 'txn', ...sends('x', 'x')],
      ['ok', 0, 'txn', ['send', 'x', [1, 1]], ['send', 'x', [0, 2]]],
    ),

  'nonmonotonic-send': (history) =>
    followedBy(
      history,
      ['invoke', 0, 'send', ['send', 'x', 'a']],
      ['ok', 0, 'send', ['send', 'x', [7, 'a']]],
      ['invoke', 0, 'send', ['send', 'x', 'b']],
      ['ok', 0, 'send', ['send', 'x', [3, 'b']]],
    ),

  unseen: (history) =>
    followedBy(history, ['invoke', 0, 'send', ...sends('x')], ['ok', 0, 'send', ['send', 'x', [0, 1]]]),

  G1c: (history) =>
    followedBy(
      history,
      ['invoke', 0, 'txn', ['send', 'x', 1], ['poll']],
      ['invoke', 1, 'txn', ['send', 'y', 1], ['poll']],
      ['ok', 0, 'txn', ['send', 'x', [0, 1]], poll('y', [0, 1])],
      ['ok', 1, 'txn', ['send', 'y', [0, 1]], poll('x', [0, 1])],
    ),

  'G1c-process': (history) =>
    followedBy(
      history,
      ['invoke', 0, 'poll', ['poll']],
      ['ok', 0, 'poll', poll('x', [0, 1])],
      ['invoke', 0, 'send', ['send', 'x', 1]],
      ['ok', 0, 'send', ['send', 'x', [0, 1]]],
    ),

  'G1c-realtime': (history) =>
    followedBy(
      history,
      ['invoke', 0, 'poll', ['poll']],
      ['ok', 0, 'poll', poll('x', [0, 1])],
      ['invoke', 1, 'send', ['send', 'x', 1]],
      ['ok', 1, 'send', ['send', 'x', [0, 1]]],
    ),

  G0: (history) =>
    followedBy(
      history,
      ['invoke', 0, 'txn', ['send', 'x', 1], ['send', 'y', 1]],
      ['invoke', 1, 'txn', ['send', 'x', 2], ['send', 'y', 2]],
      ['ok', 0, 'txn', ['send', 'x', [0, 1]], ['send', 'y', [1, 1]]],
      ['ok', 1, 'txn', ['send', 'x', [1, 2]], ['send', 'y', [0, 2]]],
    ),

  /** One operation has not reached what another sent, and yet polled something else of it. */
  'G-single': (history) =>
    followedBy(
      history,
      ['invoke', 2, 'send', ['send', 'x', 0]],
      ['ok', 2, 'send', ['send', 'x', [0, 0]]],
      ['invoke', 0, 'txn', ['send', 'x', 1], ['send', 'y', 1]],
      ['ok', 0, 'txn', ['send', 'x', [1, 1]], ['send', 'y', [0, 1]]],
      ['invoke', 1, 'poll', ['poll'], ['poll']],
      ['ok', 1, 'poll', poll('x', [0, 0]), poll('y', [0, 1])],
    ),

  /** Write skew: each polled up to where the other then sent. */
  G2: (history) =>
    followedBy(
      history,
      ['invoke', 2, 'send', ['send', 'x', 0], ['send', 'y', 0]],
      ['ok', 2, 'send', ['send', 'x', [0, 0]], ['send', 'y', [0, 0]]],
      ['invoke', 0, 'txn', ['poll'], ['send', 'y', 1]],
      ['invoke', 1, 'txn', ['poll'], ['send', 'x', 1]],
      ['ok', 0, 'txn', poll('x', [0, 0]), ['send', 'y', [1, 1]]],
      ['ok', 1, 'txn', poll('y', [0, 0]), ['send', 'x', [1, 1]]],
    ),

  /** Two readers that see two writers in opposite orders. */
  'G-nonadjacent': (history) =>
    followedBy(
      history,
      ['invoke', 4, 'send', ['send', 'x', 0], ['send', 'y', 0]],
      ['ok', 4, 'send', ['send', 'x', [0, 0]], ['send', 'y', [0, 0]]],
      ['invoke', 0, 'send', ['send', 'x', 1]],
      ['invoke', 1, 'send', ['send', 'y', 1]],
      ['ok', 0, 'send', ['send', 'x', [1, 1]]],
      ['ok', 1, 'send', ['send', 'y', [1, 1]]],
      ['invoke', 2, 'poll', ['poll'], ['poll']],
      ['invoke', 3, 'poll', ['poll'], ['poll']],
      ['ok', 2, 'poll', poll('x', [1, 1]), poll('y', [0, 0])],
      ['ok', 3, 'poll', poll('x', [0, 0]), poll('y', [1, 1])],
    ),
}
