/**
 * The history of the clients, carried by a trace and taken out of it again: an operation is an event of type `client`
 * whose kind names it (`send ok`) and whose detail is the rest of it in EDN.
 */
import { historyEdn, operationEdn } from '../history/edn.ts'
import type { HistoryOperation } from '../history/format.ts'
import { readEdn } from '../history/read-edn.ts'
import type { Trace, TraceEvent } from '../trace/format.ts'

const kinds = /^(send|poll|txn|assign|subscribe|commit|committed|crash) (invoke|ok|fail|info)$/

/** What a trace says of an operation of a client's history. */
export function clientEvent(operation: HistoryOperation): Pick<TraceEvent, 'type' | 'kind' | 'detail'> {
  const detail = operationEdn(operation).replace(/^\{.*?(:process \S+), :f \S+, (.*)\}$/s, '$1, $2')
  return { type: 'client', kind: `${operation.f} ${operation.type}`, detail }
}

export type EdnOfTrace = { readonly edn: string } | { readonly error: string }

export function renderEdn(trace: Trace): EdnOfTrace {
  const read = historyOf(trace)
  return 'error' in read ? read : { edn: historyEdn(read.history) }
}

export function historyOf(
  trace: Trace,
): { readonly history: readonly HistoryOperation[] } | { readonly error: string } {
  const history: HistoryOperation[] = []
  for (const { type, kind, detail, at, index } of trace.events) {
    const named = type === 'client' ? kinds.exec(kind) : null
    if (named === null) continue
    const edn = `{:index ${history.length}, :time ${Math.round(at * 1e6)}, :type :${named[2]!}, :f :${named[1]!}, ${detail}}`
    const read = readEdn(edn)
    if ('error' in read) return { error: `event ${index}: ${read.error}` }
    for (const operation of read.history) history.push({ ...operation, index: history.length })
  }
  if (history.length === 0) return { error: 'the trace carries no operations of clients' }
  return { history }
}
