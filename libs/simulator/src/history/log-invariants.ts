/** A1, A2, A3, I3 and T1 in what clients saw: each partition is one log, and what was acknowledged stays in it. */
import { named, type Analysis } from './cases.ts'
import { highestPolled } from './contents.ts'
import { cleanedKeys, type HistoryOptions } from './options.ts'

/** What is wrong, null if nothing. */
export type Judgement = (all: Analysis, options: HistoryOptions) => string | null

/** A1: what was acknowledged is at its offset for ever. */
export const ackedStays: Judgement = (all, options) => {
  const { operations, orders, values, writes, keys } = all
  const places = orders.map(({ offsets }) => new Map(offsets.map((offset, index) => [offset, index])))
  const lost = lossOf(all, options)
  for (let n = 0; n < operations.length; n++) {
    if (operations[n]!.type !== 'ok') continue
    for (let i = writes.start[n]!; i < writes.start[n + 1]!; i++) {
      const value = writes.value[i]!
      const key = values.key[value]!
      const index = places[key]!.get(writes.offset[i]!)
      const other = index === undefined ? undefined : orders[key]!.values[index]!.find((one) => one !== value)
      if (other !== undefined) {
        return `${named(all, value)} was acknowledged at ${writes.offset[i]!}, where ${named(all, other)} is`
      }
      if (lost(value)) return `${named(all, value)} was acknowledged and is gone from ${keys[key]!}`
    }
  }
  return null
}

/** A value that must be in the log below something that was polled, and was not polled. */
function lossOf(all: Analysis, options: HistoryOptions): (value: number) => boolean {
  const bound = highestPolled(all)
  const cleaned = cleanedKeys(all.keys, options)
  const { lastIndex, polledOk, values } = all
  return (value) => {
    const key = values.key[value]!
    return polledOk[value] === 0 && cleaned[key] === 0 && lastIndex[value]! >= 0 && lastIndex[value]! <= bound[key]!
  }
}

/** A2: a scan from the beginning returns, as far as it comes, what was acknowledged before it began. */
export const scansAreComplete: Judgement = (all, options) => {
  const { operations } = all
  const cleaned = cleanedKeys(all.keys, options)
  /** Per process that reads from the beginning: since when, and by key what it has polled. */
  const scans = new Map<number, { readonly since: number; readonly seen: Map<number, Set<number>> }>()
  const judge = (process: number): string | null => {
    const scan = scans.get(process)
    scans.delete(process)
    if (scan === undefined) return null
    for (const [key, seen] of scan.seen) {
      const missing = cleaned[key] === 0 ? missingFrom(all, key, seen, scan.since) : null
      if (missing !== null) return `process ${process} scanned ${all.keys[key]!} and missed ${named(all, missing)}`
    }
    return null
  }
  for (let n = 0; n < operations.length; n++) {
    const { completion, invoke, type } = operations[n]!
    const { process, f } = completion
    if (f === 'assign' || f === 'subscribe' || f === 'crash' || type === 'info') {
      const wrong = judge(process)
      if (wrong !== null) return wrong
    }
    if (f === 'assign' && type === 'ok' && completion.seekToBeginning === true) {
      scans.set(process, { since: invoke.index, seen: new Map() })
    } else if (type === 'ok') {
      note(all, n, scans.get(process)?.seen)
    }
  }
  for (const process of scans.keys()) {
    const wrong = judge(process)
    if (wrong !== null) return wrong
  }
  return null
}

function note({ reads, values }: Analysis, n: number, seen: Map<number, Set<number>> | undefined): void {
  if (seen === undefined) return
  for (let i = reads.start[n]!; i < reads.start[n + 1]!; i++) {
    const value = reads.value[i]!
    const key = values.key[value]!
    const ofKey = seen.get(key)
    if (ofKey === undefined) seen.set(key, new Set([value]))
    else ofKey.add(value)
  }
}

function missingFrom(all: Analysis, key: number, seen: ReadonlySet<number>, since: number): number | null {
  const { operations, orders, values, lastIndex } = all
  let top = -1
  for (const value of seen) top = Math.max(top, lastIndex[value]!)
  for (let index = 0; index <= top; index++) {
    for (const value of orders[key]!.values[index]!) {
      const writer = operations[values.writer[value]!]
      if (writer?.type === 'ok' && writer.completion.index < since && !seen.has(value)) return value
    }
  }
  return null
}

/** A3: a write that begins after another ended gets a larger offset, and nothing is read before it is sent. */
export const logIsLinearizable: Judgement = (all) => {
  const { operations, history, reads, writes, values, committed } = all
  const conflict = all.orders.findIndex((order) => order.values.some(({ length }) => length > 1))
  if (conflict !== -1) return `reads and writes of ${all.keys[conflict]!} contradict each other`
  const starting = new Int32Array(history.length).fill(-1)
  operations.forEach(({ invoke }, n) => (starting[invoke.index] = n))
  /** Per key, the largest offset that is known to be taken; per write, what it was when the write began. */
  const taken = new Float64Array(all.keys.length).fill(-1)
  const floor = new Float64Array(writes.value.length).fill(-1)
  const ending = new Int32Array(history.length).fill(-1)
  operations.forEach(({ completion }, n) => {
    if (completion.type !== 'invoke') ending[completion.index] = n
  })
  for (let position = 0; position < history.length; position++) {
    const begun = starting[position]!
    if (begun !== -1) {
      for (let i = writes.start[begun]!; i < writes.start[begun + 1]!; i++)
        floor[i] = taken[values.key[writes.value[i]!]!]!
    }
    const n = ending[position]!
    if (n === -1) continue
    for (let i = reads.start[n]!; i < reads.start[n + 1]!; i++) {
      const value = reads.value[i]!
      const writer = operations[values.writer[value]!]
      if (writer !== undefined && writer.invoke.index > position)
        return `${named(all, value)} was polled before it was sent`
      if (operations[n]!.type === 'ok') raise(taken, values.key[value]!, reads.offset[i]!)
    }
    for (let i = writes.start[n]!; i < writes.start[n + 1]! && committed[n] === 1; i++) {
      const offset = writes.offset[i]!
      const least = floor[i]!
      if (offset !== -1 && offset <= least) {
        return `${named(all, writes.value[i]!)} was sent when offset ${least} was taken, and got ${offset}`
      }
    }
    for (let i = writes.start[n]!; i < writes.start[n + 1]! && operations[n]!.type === 'ok'; i++) {
      raise(taken, values.key[writes.value[i]!]!, writes.offset[i]!)
    }
  }
  return null
}

function raise(taken: Float64Array, key: number, offset: number): void {
  if (offset > taken[key]!) taken[key] = offset
}

/** I3: acknowledged is exactly one copy, failed is none, anything else at most one. */
export const oneCopy: Judgement = (all, options) => {
  const { operations, values, firstIndex, lastIndex, polled, polledOk } = all
  const lost = lossOf(all, options)
  const cleaned = cleanedKeys(all.keys, options)
  for (let value = 0; value < values.name.length; value++) {
    const writer = operations[values.writer[value]!]
    if (writer === undefined) continue
    if (firstIndex[value] !== lastIndex[value] && options.plainProducers !== true) {
      return `${named(all, value)} is in the log more than once`
    }
    if (writer.type === 'fail' && polled[value] === 1) return `${named(all, value)} failed and is in the log`
    const missing = options.complete !== false && polledOk[value] === 0 && cleaned[values.key[value]!] === 0
    if (writer.type === 'ok' && (missing || lost(value)))
      return `${named(all, value)} was acknowledged and is not in the log`
  }
  return null
}

/** T1: of a transaction that committed every record is visible, of one that did not none. */
export const transactionsAreAtomic: Judgement = (all, options) => {
  const { operations, writes, polled, polledOk, committed, values } = all
  const lost = lossOf(all, options)
  const cleaned = cleanedKeys(all.keys, options)
  for (let n = 0; n < operations.length; n++) {
    const { completion, type } = operations[n]!
    if (completion.f !== 'txn') continue
    for (let i = writes.start[n]!; i < writes.start[n + 1]!; i++) {
      const value = writes.value[i]!
      if (type === 'fail' && polled[value] === 1) return `${named(all, value)} is visible, its transaction aborted`
      if (committed[n] === 0) continue
      const missing = options.complete !== false && polledOk[value] === 0 && cleaned[values.key[value]!] === 0
      if (missing || lost(value)) {
        return `${named(all, value)} is not visible, its transaction (op ${completion.index}) committed`
      }
    }
  }
  return null
}
