/** C3, T7 and G5: what a consumer group as a whole has read, and where it says it is. */
import { named, type Analysis } from './cases.ts'
import type { DataOperation, HistoryOperation, Key } from './format.ts'
import type { Judgement } from './log-invariants.ts'
import { cleanedKeys } from './options.ts'

/** C3: no member of the group skips what no other has polled, unless a position was reset. */
export const groupSkipsNothing: Judgement = (all, options) => {
  const cleaned = cleanedKeys(all.keys, options)
  for (const [group, keys] of readByGroup(all, () => true)) {
    for (const [key, { seen, moved }] of keys) {
      const hole = moved || cleaned[key] === 1 ? null : holeIn(all, key, seen)
      if (hole !== null) return `group ${group} skipped ${named(all, hole)}`
    }
  }
  return null
}

/** T7: what the group's transactions consumed, they consumed once. */
export const consumedOnce: Judgement = (all, options) => {
  const cleaned = cleanedKeys(all.keys, options)
  const byTransactions = readByGroup(all, (operation, n) => operation.f === 'txn' && all.committed[n] === 1)
  const perhaps = readByGroup(all, (operation, n) => operation.f === 'poll' || all.committed[n] === 1)
  const unknown = new Set(
    all.operations.filter(({ type }) => type === 'info').map(({ completion }) => completion.group),
  )
  for (const [group, keys] of byTransactions) {
    for (const [key, { twice, moved }] of keys) {
      if (twice !== -1) return `group ${group} consumed ${named(all, twice)} in two transactions`
      // A transaction of which nobody knows whether it committed may have consumed what is missing.
      if (moved || cleaned[key] === 1 || unknown.has(group)) continue
      const hole = holeIn(all, key, perhaps.get(group)!.get(key)!.seen)
      if (hole !== null) return `group ${group} never consumed ${named(all, hole)}`
    }
  }
  return null
}

interface ReadOfKey {
  readonly seen: Set<number>
  /** A value polled by two operations, -1 for none. */
  twice: number
  moved: boolean
}

function readByGroup(
  all: Analysis,
  counts: (operation: DataOperation, n: number) => boolean,
): ReadonlyMap<string, ReadonlyMap<number, ReadOfKey>> {
  const { operations, reads, values, keys } = all
  const numbers = new Map(keys.map((key, number) => [key, number]))
  const groups = new Map<string, Map<number, ReadOfKey>>()
  const ofKey = (group: string, key: number): ReadOfKey => {
    let known = groups.get(group)
    if (known === undefined) groups.set(group, (known = new Map()))
    let read = known.get(key)
    if (read === undefined) known.set(key, (read = { seen: new Set(), twice: -1, moved: false }))
    return read
  }
  for (let n = 0; n < operations.length; n++) {
    const { completion } = operations[n]!
    if (completion.group === undefined || !isRead(completion)) continue
    for (const key of completion.reset ?? []) {
      if (numbers.has(key)) ofKey(completion.group, numbers.get(key)!).moved = true
    }
    if (!counts(completion, n)) continue
    for (let i = reads.start[n]!; i < reads.start[n + 1]!; i++) {
      const value = reads.value[i]!
      const read = ofKey(completion.group, values.key[value]!)
      if (read.seen.has(value)) read.twice = value
      read.seen.add(value)
    }
  }
  return groups
}

function isRead(operation: HistoryOperation): operation is DataOperation {
  return operation.f === 'poll' || operation.f === 'txn'
}

/** A value between the first and the last of `seen` that is not among them, null if there is none. */
function holeIn({ orders, lastIndex }: Analysis, key: number, seen: ReadonlySet<number>): number | null {
  let first = Infinity
  let last = -1
  for (const value of seen) {
    if (lastIndex[value] === -1) continue
    first = Math.min(first, lastIndex[value]!)
    last = Math.max(last, lastIndex[value]!)
  }
  for (let index = first; index <= last; index++) {
    const values = orders[key]!.values[index]!
    if (!values.some((value) => seen.has(value))) return values[0]!
  }
  return null
}

/** G5: a group's committed position is the one acknowledged last, or one that was under way. */
export const commitsStay: Judgement = (all) => {
  const partitions = new Map<string, Committed>()
  const asked = new Map<number, readonly number[]>()
  const completions = new Map(all.operations.map(({ invoke, completion }) => [invoke.index, completion]))
  for (const operation of all.history) {
    const { group, type, index, process } = operation
    if (group === undefined) continue
    const of = (key: Key): Committed => {
      const name = JSON.stringify([group, key])
      const known = partitions.get(name) ?? new Committed()
      partitions.set(name, known)
      return known
    }
    if (operation.f === 'committed') {
      if (type === 'invoke')
        asked.set(
          process,
          operation.value.map(([key]) => of(key).latest),
        )
      if (type !== 'ok') continue
      const since = asked.get(process) ?? []
      for (const [i, [key, offset]] of operation.value.entries()) {
        const wrong = of(key).judge(offset, since[i] ?? -1)
        if (wrong !== null) return `group ${group}, ${key}: ${wrong}`
      }
      continue
    }
    for (const [key, offset] of commitsOf(operation)) {
      if (type !== 'invoke') of(key).ended(offset, index, type)
    }
    const completion = type === 'invoke' ? completions.get(index) : undefined
    for (const [key, offset] of completion === undefined ? [] : commitsOf(completion)) of(key).began(offset, index)
  }
  return null
}

function commitsOf(operation: HistoryOperation): readonly (readonly [Key, number | null])[] {
  if (operation.f === 'commit') return operation.value
  return operation.f === 'txn' ? (operation.offsets ?? []) : []
}

/** What may be the committed position of one partition. */
class Committed {
  /** Invocation of the acknowledged commit that began last: what ended before it has been overwritten. */
  latest = -1
  #acknowledged = false
  readonly #offsets = new Map<number, { running: number[]; ended: number; open: boolean }>()

  began(offset: number | null, index: number): void {
    if (offset === null) return
    const known = this.#offsets.get(offset)
    if (known === undefined) this.#offsets.set(offset, { running: [index], ended: -1, open: false })
    else known.running.push(index)
  }

  ended(offset: number | null, index: number, type: 'ok' | 'fail' | 'info'): void {
    const known = offset === null ? undefined : this.#offsets.get(offset)
    const began = known?.running.shift()
    if (known === undefined || began === undefined) return
    if (type === 'info') known.open = true
    if (type !== 'ok') return
    this.#acknowledged = true
    known.ended = index
    this.latest = Math.max(this.latest, began)
  }

  judge(offset: number | null, overwrittenBefore: number): string | null {
    if (offset === null) return overwrittenBefore === -1 ? null : 'an acknowledged commit is gone'
    const known = this.#offsets.get(offset)
    if (known === undefined) return `offset ${offset} is committed, which nobody did`
    if (known.open || known.running.length > 0 || known.ended > overwrittenBefore) return null
    return this.#acknowledged ? `offset ${offset} is committed, and a later commit was acknowledged` : null
  }
}
