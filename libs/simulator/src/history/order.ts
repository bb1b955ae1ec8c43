/**
 * In which order one process sends and polls: inside an operation (`int-…`) each record should follow directly on the
 * one before it, and from one operation to the next too, unless the partitions were assigned anew in between.
 *
 * A poll whose transaction did not commit moves no position: the next one starts again from the same place. After
 * `info` nobody knows, so nothing is compared with it.
 */
import { at, between, type Analysis, type AnomalyCase, type Cases } from './cases.ts'
import type { HistoryOperation, Key } from './format.ts'
import type { Mentions } from './operations.ts'
import { cleanedKeys, type HistoryOptions } from './options.ts'

export function checkOrder(all: Analysis, options: HistoryOptions, cases: Cases): void {
  const cleaned = cleanedKeys(all.keys, options)
  checkWithin(all, all.reads, 'poll', cleaned, cases)
  checkWithin(all, all.writes, 'send', new Uint8Array(all.keys.length), cases)
  checkAcross(all, all.reads, 'poll', cleaned, cases)
  checkAcross(all, all.writes, 'send', new Uint8Array(all.keys.length), cases)
}

/** How far apart two values are; 1 where that is not known, as if one followed the other. */
function distance({ lastIndex }: Analysis, earlier: number, later: number): number {
  const from = lastIndex[earlier]!
  const to = lastIndex[later]!
  return from === -1 || to === -1 ? 1 : to - from
}

function describe(
  all: Analysis,
  earlier: number,
  later: number,
  operations: readonly number[],
  verb: string,
): AnomalyCase {
  const { values, keys, orders, lastIndex } = all
  const key = values.key[earlier]!
  const from = lastIndex[earlier]!
  const to = lastIndex[later]!
  const process = all.operations[operations[0]!]!.completion.process
  const gap = to > from ? `, skipping ${between(all, key, from, to)}` : ''
  const names = [earlier, later].map((v) => `${values.name[v]!} (offset ${orders[key]!.offsets[lastIndex[v]!]!})`)
  return {
    detail: `process ${process} ${verb} ${names[0]} of ${keys[key]!} and then ${names[1]}${gap}`,
    key: keys[key]!,
    operations: operations.map((n) => at(all, n)),
  }
}

function checkWithin(
  all: Analysis,
  mentions: Mentions,
  kind: 'poll' | 'send',
  cleaned: Uint8Array,
  cases: Cases,
): void {
  const { operations, values, keys } = all
  const last = new Int32Array(keys.length).fill(-1)
  const lastIn = new Int32Array(keys.length).fill(-1)
  const verb = kind === 'poll' ? 'polled' : 'sent'
  for (let n = 0; n < operations.length; n++) {
    const moved = kind === 'poll' ? movedKeys(operations[n]!.completion) : none
    for (let i = mentions.start[n]!; i < mentions.start[n + 1]!; i++) {
      const value = mentions.value[i]!
      const key = values.key[value]!
      if (lastIn[key] === n && !moved.includes(keys[key]!)) {
        const earlier = last[key]!
        const step = distance(all, earlier, value)
        const found = (name: string) => cases.add(name, () => describe(all, earlier, value, [n], verb))
        if (step > 1 && cleaned[key] === 0) found(`int-${kind}-skip`)
        else if (step < 1) found(`int-nonmonotonic-${kind}`)
      }
      last[key] = value
      lastIn[key] = n
    }
  }
}

/** Per process: by key number, the last value and the operation it was in. */
type Positions = Map<number, { readonly value: number; readonly operation: number }>

function checkAcross(
  all: Analysis,
  mentions: Mentions,
  kind: 'poll' | 'send',
  cleaned: Uint8Array,
  cases: Cases,
): void {
  const { operations, keys, values } = all
  const ofProcess = new Map<number, Positions>()
  const keyNumbers = new Map(keys.map((key, number) => [key, number]))
  const seenIn = new Int32Array(keys.length).fill(-1)
  const verb = kind === 'poll' ? 'polled' : 'sent'
  for (let n = 0; n < operations.length; n++) {
    const { completion, type } = operations[n]!
    let positions = ofProcess.get(completion.process)
    if (positions === undefined) ofProcess.set(completion.process, (positions = new Map()))
    forget(positions, completion, type, kind, keyNumbers)
    const end = mentions.start[n + 1]!
    for (let i = mentions.start[n]!; i < end; i++) {
      const value = mentions.value[i]!
      const key = values.key[value]!
      const before = seenIn[key] === n ? undefined : positions.get(key)
      seenIn[key] = n
      // What failed was not sent; what failed was polled all the same.
      if (before === undefined || (kind === 'send' && type === 'fail')) continue
      const step = distance(all, before.value, value)
      const found = (name: string) =>
        cases.add(name, () => describe(all, before.value, value, [before.operation, n], verb))
      if (step > 1 && kind === 'poll' && cleaned[key] === 0) found('poll-skip')
      else if (step < 1) found(`nonmonotonic-${kind}`)
    }
    if (type === 'info' && (completion.f === kind || completion.f === 'txn')) positions.clear()
    if (type !== 'ok') continue
    for (let i = mentions.start[n]!; i < end; i++) {
      const value = mentions.value[i]!
      positions.set(values.key[value]!, { value, operation: n })
    }
  }
}

/** Drops the positions that do not bind what follows. */
function forget(
  positions: Positions,
  completion: HistoryOperation,
  type: 'ok' | 'fail' | 'info',
  kind: 'poll' | 'send',
  keyNumbers: ReadonlyMap<Key, number>,
): void {
  if (positions.size === 0) return
  if (completion.f === 'crash') return positions.clear()
  if (completion.f === 'assign' || completion.f === 'subscribe') {
    if (type === 'fail') return
    if (completion.seekToBeginning === true) return positions.clear()
    const kept = new Set(completion.value.map((key) => keyNumbers.get(key)))
    for (const key of positions.keys()) if (!kept.has(key)) positions.delete(key)
    return
  }
  if (kind === 'poll') for (const key of movedKeys(completion)) positions.delete(keyNumbers.get(key) ?? -1)
}

const none: readonly Key[] = []

/** Keys whose position may have changed for another reason than a poll. */
function movedKeys(completion: HistoryOperation): readonly Key[] {
  if (completion.f !== 'poll' && completion.f !== 'txn') return none
  const { rebalanced, reset } = completion
  if (rebalanced === undefined && reset === undefined) return none
  return [...(rebalanced ?? none), ...(reset ?? none)]
}
