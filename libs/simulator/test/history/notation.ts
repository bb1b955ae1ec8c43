/** Small histories in short: one line per event, or `once` for an operation that is invoked and at once completed. */
import { checkHistory } from '../../src/history/check.ts'
import type { History, Key, MicroOp, OffsetValue } from '../../src/history/format.ts'
import type { HistoryOptions } from '../../src/history/options.ts'

export type Line = readonly [process: number, type: string, f: string, ...value: readonly (MicroOp | Key)[]]

export const send = (key: Key, value: string | OffsetValue): MicroOp => ['send', key, value]
export const poll = (...records: readonly (readonly [Key, ...OffsetValue[]])[]): MicroOp => [
  'poll',
  records.map(([key, ...pairs]) => [key, pairs]),
]
export const asked: MicroOp = ['poll']

/** An event in short, or spelled out. */
export type Event = Line | Readonly<Record<string, unknown>>

export function historyOf(...lines: readonly Event[]): History {
  return lines.map((line, index) => {
    if (!Array.isArray(line)) return { index, time: index, ...line }
    const [process, type, f, ...value] = line as unknown as Line
    return { index, time: index, process, type, f, value }
  }) as History
}

/** The same with more said of each event. */
export function also(more: Record<string, unknown>, lines: readonly Line[]): readonly Event[] {
  return lines.map(([process, type, f, ...value]) => ({ process, type, f, value, ...more }))
}

export function counts(history: History, options: HistoryOptions = {}): Record<string, number> {
  return Object.fromEntries(checkHistory(history, options).anomalies.map(({ name, count }) => [name, count]))
}

/** One operation, invoked and at once completed. */
export const once = (
  process: number,
  type: string,
  f: string,
  ...value: readonly (MicroOp | Key)[]
): readonly Line[] => {
  const invoked = value.map((one): MicroOp | Key => {
    if (typeof one !== 'object') return one
    return one[0] === 'poll' ? asked : one
  })
  return [
    [process, 'invoke', f, ...invoked],
    [process, type, f, ...value],
  ]
}
