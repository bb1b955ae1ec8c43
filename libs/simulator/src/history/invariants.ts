/**
 * The invariants of protocol-bugs that can be decided from what clients saw, each a checker with its id.
 */
import type { Violation } from '../model/contract.ts'
import { Cases, type Analysis } from './cases.ts'
import { analyse } from './check.ts'
import { checkContents } from './contents.ts'
import { checkCycles } from './cycles.ts'
import type { History } from './format.ts'
import { commitsStay, consumedOnce, groupSkipsNothing } from './group-invariants.ts'
import { ackedStays, logIsLinearizable, oneCopy, scansAreComplete, transactionsAreAtomic } from './log-invariants.ts'
import type { HistoryOptions } from './options.ts'
import { checkOrder } from './order.ts'

export interface HistoryInvariant {
  readonly id: string
  readonly statement: string
  check(history: History, options?: HistoryOptions): Violation | null
}

interface Evidence extends Analysis {
  /** All anomalies, looked for when first asked; cycles of wr alone, for those of ww are normal. */
  anomalies(): Cases
}

interface Named {
  readonly id: string
  readonly statement: string
  readonly judge: (evidence: Evidence, options: HistoryOptions) => string | null
}

/** Broken when one of these anomalies is found, whatever the options allow. */
function none(...names: readonly string[]): Named['judge'] {
  return (evidence) => {
    const cases = evidence.anomalies()
    const found = names.find((name) => cases.count(name) > 0)
    return found === undefined ? null : `${found}: ${cases.of(found)[0]!.detail}`
  }
}

/** Without final polls nobody can tell what is unseen. */
const noLoss: Named['judge'] = (evidence, options) =>
  none('duplicate', 'lost-write', ...(options.complete === false ? [] : ['unseen']))(evidence, options)

const list: readonly Named[] = [
  { id: 'A1', statement: 'what was acknowledged stays at its offset', judge: ackedStays },
  { id: 'A2', statement: 'a complete scan returns all that was acknowledged before', judge: scansAreComplete },
  { id: 'A3', statement: 'each partition is a linearizable log', judge: logIsLinearizable },
  { id: 'I3', statement: 'acknowledged is one copy, failed none, unknown at most one', judge: oneCopy },
  { id: 'T1', statement: 'a transaction is visible as a whole or not at all', judge: transactionsAreAtomic },
  { id: 'T7', statement: 'each input is consumed by one committed transaction', judge: consumedOnce },
  {
    id: 'T8',
    statement: 'no aborted read and no cycle of reads',
    judge: none('G1a', 'G1c', 'G1c-process', 'G1c-realtime'),
  },
  { id: 'C1', statement: 'within an assignment polls are contiguous', judge: none('int-poll-skip', 'poll-skip') },
  {
    id: 'C2',
    statement: 'polls do not go back without seek, rebalance or reset',
    judge: none('int-nonmonotonic-poll', 'nonmonotonic-poll'),
  },
  { id: 'C3', statement: 'a group skips only after a reset', judge: groupSkipsNothing },
  { id: 'C4', statement: 'an offset holds the same value for everybody', judge: none('inconsistent-offsets') },
  { id: 'C5', statement: 'nothing is duplicate, lost or unseen', judge: noLoss },
  { id: 'G5', statement: 'an acknowledged commit stays until the next', judge: commitsStay },
]

export const historyInvariants: readonly HistoryInvariant[] = list.map((named) => ({
  id: named.id,
  statement: named.statement,
  check: (history, options = {}) => violation(named, gather(history, options), options),
}))

/** Every invariant that the history breaks, in the order of the list; the history is read once. */
export function brokenInvariants(history: History, options: HistoryOptions = {}): readonly Violation[] {
  const evidence = gather(history, options)
  return list.flatMap((named) => violation(named, evidence, options) ?? [])
}

function gather(history: History, options: HistoryOptions): Evidence {
  const all = analyse(history)
  let cases: Cases | null = null
  const anomalies = (): Cases => {
    if (cases !== null) return cases
    cases = new Cases(1)
    checkContents(all, options, cases)
    checkOrder(all, options, cases)
    checkCycles(all, { ...options, writeWriteEdges: false, readWriteEdges: false }, cases)
    return cases
  }
  return { ...all, anomalies }
}

function violation({ id, judge }: Named, evidence: Evidence, options: HistoryOptions): Violation | null {
  const detail = judge(evidence, options)
  return detail === null ? null : { invariant: id, detail }
}
