/**
 * A history out of EDN: one operation after another, or one vector of them. What clients did not do (the nemesis of
 * Jepsen, other operations of its workloads) is left out; keywords become strings.
 */
import { EdnError, EdnReader, field, isKeyword, isMap, isVector, type Edn, type EdnMap } from './edn-reader.ts'
import type { HistoryOperation, Key, KeyRecords, MicroOp, OffsetValue, OperationType, Value } from './format.ts'

export type ReadHistory =
  | { readonly history: readonly HistoryOperation[]; readonly leftOut: number }
  | { readonly error: string }

export function readEdn(text: string): ReadHistory {
  const reader = new EdnReader(text)
  const history: HistoryOperation[] = []
  let leftOut = 0
  try {
    for (let value = reader.next(); value !== undefined; value = reader.next()) {
      for (const item of isVector(value) ? value : [value]) {
        if (!isMap(item)) throw new EdnError('an operation is a map', reader.line)
        const operation = operationOf(item, history.length, reader)
        if (operation === null) leftOut++
        else history.push(operation)
      }
    }
  } catch (error) {
    if (error instanceof EdnError) return { error: error.message }
    throw error
  }
  return { history, leftOut }
}

const types = new Set(['invoke', 'ok', 'fail', 'info'])

/** Null for what is not a client's operation. */
function operationOf(map: EdnMap, index: number, reader: EdnReader): HistoryOperation | null {
  const process = field(map, 'process')
  const f = name(field(map, 'f'))
  const type = name(field(map, 'type'))
  if (type === undefined || !types.has(type)) throw new EdnError(`an operation of type ${type ?? 'nil'}`, reader.line)
  if (typeof process !== 'number') return null
  const time = field(map, 'time')
  const group = field(map, 'group')
  const error = field(map, 'error')
  const base = {
    index,
    time: typeof time === 'number' ? time : index,
    process,
    type: type as OperationType,
    ...(typeof group === 'string' ? { group } : {}),
    ...(error === undefined || error === null ? {} : { error: errorOf(error) }),
  }
  const value = field(map, 'value') ?? null
  const complain = (what: string): never => {
    throw new EdnError(`operation ${index} (:f :${f}): ${what}`, reader.line)
  }
  switch (f) {
    case 'send':
    case 'poll':
    case 'txn':
      return { ...base, f, value: microOps(value, complain), ...moved(map), ...committed(map, complain) }
    case 'assign':
    case 'subscribe': {
      const keys = isVector(value) ? value.map((key) => atom(key, complain)) : complain('its value is no vector')
      return {
        ...base,
        f,
        value: keys,
        ...(field(map, 'seek-to-beginning?') === true ? { seekToBeginning: true } : {}),
      }
    }
    case 'commit':
    case 'committed':
      return { ...base, f, value: isMap(value) ? offsets(value, complain) : complain('its value is no map') }
    case 'crash':
      return { ...base, f, value: null }
    default:
      return null
  }
}

type Complain = (what: string) => never

function microOps(value: Edn, complain: Complain): readonly MicroOp[] {
  if (!isVector(value)) return complain('its value is no vector')
  return value.map((micro) => {
    const kind = isVector(micro) ? name(micro[0]) : undefined
    if (!isVector(micro) || (kind !== 'send' && kind !== 'poll'))
      return complain('a micro-operation is [:send …] or [:poll …]')
    if (kind === 'send') {
      const sent = micro[2] ?? null
      return ['send', atom(micro[1] ?? null, complain), isVector(sent) ? pair(sent, complain) : atom(sent, complain)]
    }
    const polled = micro[1] ?? null
    if (polled === null) return ['poll']
    return [
      'poll',
      isMap(polled) ? polled.entries.map((entry) => records(entry, complain)) : complain('a poll gives a map'),
    ]
  })
}

function records([key, pairs]: readonly [Edn, Edn], complain: Complain): KeyRecords {
  if (!isVector(pairs)) return complain('the records of a key are a vector')
  return [
    atom(key, complain),
    pairs.map((one) => (isVector(one) ? pair(one, complain) : complain('a record is [offset value]'))),
  ]
}

function pair(value: readonly Edn[], complain: Complain): OffsetValue {
  const [offset = null, held = null] = value
  if (offset !== null && typeof offset !== 'number') return complain('an offset is a number or nil')
  return [offset, atom(held, complain)]
}

function offsets(map: EdnMap, complain: Complain): readonly (readonly [Key, number | null])[] {
  return map.entries.map(([key, offset]) => {
    if (offset !== null && typeof offset !== 'number') return complain('an offset is a number or nil')
    return [atom(key, complain), offset]
  })
}

function committed(map: EdnMap, complain: Complain): { offsets?: readonly (readonly [Key, number])[] } {
  const value = field(map, 'offsets')
  if (!isMap(value)) return {}
  return { offsets: offsets(value, complain).map(([key, offset]) => [key, offset ?? 0]) }
}

/** Keys that a rebalance log or a reset names. */
function moved(map: EdnMap): { rebalanced?: readonly Key[]; reset?: readonly Key[] } {
  const log = field(map, 'rebalance-log')
  const reset = field(map, 'reset-keys')
  const keysOf = (value: Edn | undefined): readonly Key[] =>
    isVector(value) ? value.flatMap((key) => atomOf(key) ?? []) : []
  return {
    ...(isVector(log)
      ? { rebalanced: log.flatMap((entry) => (isMap(entry) ? keysOf(field(entry, 'keys')) : [])) }
      : {}),
    ...(isVector(reset) ? { reset: keysOf(reset) } : {}),
  }
}

function atom(value: Edn, complain: Complain): Key & Value {
  return atomOf(value) ?? complain('a key or a value is a number, a string or a keyword')
}

function atomOf(value: Edn): number | string | null {
  if (isKeyword(value)) return value.keyword
  return typeof value === 'number' || typeof value === 'string' ? value : null
}

function name(value: Edn | undefined): string | undefined {
  return isKeyword(value) ? value.keyword : undefined
}

/** `:not-leader-or-follower` is Kafka's NOT_LEADER_OR_FOLLOWER; of a vector the first element is its kind. */
function errorOf(value: Edn): string {
  const first = isVector(value) ? (value[0] ?? null) : value
  if (isKeyword(first)) return first.keyword.toUpperCase().replaceAll('-', '_')
  return typeof first === 'string' ? first : 'UNKNOWN'
}
