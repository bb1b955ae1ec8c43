/**
 * Judges a history: all anomalies of the Jepsen workload, which of them count, and how far consumers lagged.
 */
import { Cases, type Analysis, type AnomalyCase, type AnomalyName } from './cases.ts'
import { checkContents } from './contents.ts'
import { checkCycles } from './cycles.ts'
import type { History } from './format.ts'
import { worstLag, type Lag } from './lag.ts'
import { collectOperations } from './operations.ts'
import { allowedAnomalies, type HistoryOptions } from './options.ts'
import { checkOrder } from './order.ts'
import { versionOrders } from './versions.ts'

export interface FoundAnomaly {
  readonly name: AnomalyName
  readonly count: number
  /** Reported, and normal under the options. */
  readonly allowed: boolean
  /** The first few. */
  readonly cases: readonly AnomalyCase[]
}

export interface HistoryReport {
  /** No anomaly that is not allowed. */
  readonly valid: boolean
  readonly operations: number
  /** By name. */
  readonly anomalies: readonly FoundAnomaly[]
  readonly worstLag: Lag | null
}

export function checkHistory(history: History, options: HistoryOptions = {}): HistoryReport {
  const analysis = analyse(history)
  const cases = new Cases(options.cases ?? 8)
  checkContents(analysis, options, cases)
  checkOrder(analysis, options, cases)
  checkCycles(analysis, options, cases)
  const allowed = allowedAnomalies(options)
  const anomalies = cases.names
    .toSorted()
    .map((name) => ({ name, count: cases.count(name), allowed: allowed.has(name), cases: cases.of(name) }))
  return {
    valid: anomalies.every((anomaly) => anomaly.allowed),
    operations: analysis.operations.length,
    anomalies,
    worstLag: worstLag(analysis),
  }
}

export function analyse(history: History): Analysis {
  const operations = collectOperations(history)
  return { ...operations, ...versionOrders(operations) }
}
