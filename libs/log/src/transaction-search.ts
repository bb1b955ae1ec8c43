/**
 * The aborted transactions that overlap a range of offsets, from the transaction indexes. Source:
 * LocalLog.collectAbortedTransactions.
 */
import type { AbortedEntry } from './transaction-index.ts'
import type { LocalLog } from './local-log.ts'

export function collectAborted(log: LocalLog, from: number, to: number): AbortedEntry[] {
  const found: AbortedEntry[] = []
  for (let index = Math.max(0, log.floorIndex(from)); index < log.segments.length; index++) {
    for (const entry of log.segments[index].transactionIndex.entries()) {
      if (entry.lastOffset >= from && entry.firstOffset < to) found.push(entry)
      // All that began below this was decided by then: what follows in the index began later.
      if (entry.lastStableOffset >= to) return found
    }
  }
  return found
}
