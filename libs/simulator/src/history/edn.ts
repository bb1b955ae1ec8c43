/**
 * Histories in EDN, one operation per line, as Jepsen writes and reads them (`history.edn`).
 *
 *   {:index 0, :time 0, :type :invoke, :process 0, :f :send, :value [[:send 1 5]]}
 *   {:index 1, :time 9, :type :ok, :process 0, :f :send, :value [[:send 1 [0 5]]]}
 */
import type { History, HistoryOperation, Key, MicroOp, OffsetValue, Value } from './format.ts'

/** The history line by line, a few hundred at a time, so that a large one is never one string. */
export function* writeEdn(history: History): Generator<string> {
  for (let from = 0; from < history.length; from += 512) {
    yield history
      .slice(from, from + 512)
      .map((operation) => `${operationEdn(operation)}\n`)
      .join('')
  }
}

export function historyEdn(history: History): string {
  return [...writeEdn(history)].join('')
}

export function operationEdn(operation: HistoryOperation): string {
  const { index, time, type, process, f } = operation
  const fields = [
    `:index ${index}, :time ${time}, :type :${type}, :process ${process}, :f :${f}`,
    `:value ${valueEdn(operation)}`,
  ]
  if (operation.group !== undefined) fields.push(`:group ${atom(operation.group)}`)
  if ('seekToBeginning' in operation && operation.seekToBeginning === true) fields.push(':seek-to-beginning? true')
  if ('rebalanced' in operation && operation.rebalanced !== undefined) {
    fields.push(`:rebalance-log [{:keys ${vector(operation.rebalanced.map(atom))}}]`)
  }
  if ('reset' in operation && operation.reset !== undefined) {
    fields.push(`:reset-keys ${vector(operation.reset.map(atom))}`)
  }
  if ('offsets' in operation && operation.offsets !== undefined)
    fields.push(`:offsets ${offsetsEdn(operation.offsets)}`)
  if (operation.error !== undefined) fields.push(`:error ${keyword(operation.error)}`)
  return `{${fields.join(', ')}}`
}

function valueEdn(operation: HistoryOperation): string {
  switch (operation.f) {
    case 'send':
    case 'poll':
    case 'txn':
      return vector(operation.value.map(microOpEdn))
    case 'assign':
    case 'subscribe':
      return vector(operation.value.map(atom))
    case 'commit':
    case 'committed':
      return offsetsEdn(operation.value)
    case 'crash':
      return 'nil'
  }
}

function offsetsEdn(offsets: readonly (readonly [Key, number | null])[]): string {
  return `{${offsets.map(([key, offset]) => `${atom(key)} ${offset ?? 'nil'}`).join(', ')}}`
}

function microOpEdn(micro: MicroOp): string {
  if (micro[0] === 'send') {
    const value = micro[2]
    return `[:send ${atom(micro[1])} ${typeof value === 'object' ? pair(value) : atom(value)}]`
  }
  if (micro[1] === undefined) return '[:poll]'
  // A map has each key once, whatever the client was given.
  const ofKeys = new Map<Key, readonly OffsetValue[]>()
  for (const [key, records] of micro[1]) ofKeys.set(key, [...(ofKeys.get(key) ?? []), ...records])
  const entries = Array.from(ofKeys, ([key, records]) => `${atom(key)} ${vector(records.map(pair))}`)
  return `[:poll {${entries.join(', ')}}]`
}

function pair([offset, value]: OffsetValue): string {
  return `[${offset ?? 'nil'} ${atom(value)}]`
}

function vector(items: readonly string[]): string {
  return `[${items.join(' ')}]`
}

function atom(value: Key | Value): string {
  return typeof value === 'number'
    ? String(value)
    : `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}

/** NOT_LEADER_OR_FOLLOWER becomes `:not-leader-or-follower`; what is no error name stays a string. */
function keyword(error: string): string {
  return /^[A-Z][A-Z0-9_]*$/.test(error) ? `:${error.toLowerCase().replaceAll('_', '-')}` : atom(error)
}
