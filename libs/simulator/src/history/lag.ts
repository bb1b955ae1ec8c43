/**
 * Realtime lag: how long ago what a poll ended with was certainly no longer the newest. A figure, not an anomaly.
 *
 * An offset is known to exist from the moment when any client heard of it or of a larger one. A poll that was invoked
 * at t and leaves the process at offset o lags t minus the moment when o + 1 was known to exist.
 */
import { sentOffset, type HistoryOperation, type Key, type MicroOp } from './format.ts'
import type { Operations } from './operations.ts'

export interface Lag {
  /** Of the poll's invocation, in nanoseconds. */
  readonly time: number
  readonly process: number
  readonly key: Key
  readonly lag: number
}

/** The poll that lagged most, null when nobody polled. */
export function worstLag(all: Operations): Lag | null {
  let worst: Lag | null = null
  eachLag(all, (lag) => {
    if (worst === null || lag.lag > worst.lag) worst = lag
  })
  return worst
}

export function eachLag({ operations }: Operations, found: (lag: Lag) => void): void {
  const known = new KnownOffsets()
  for (const { completion, type } of operations) {
    if (type !== 'fail') eachOffset(completion, (key, offset) => known.learn(key, offset, completion.time))
  }
  const ofProcess = new Map<number, Map<Key, number>>()
  for (const { invoke, completion, type } of operations) {
    if (type !== 'ok') continue
    let positions = ofProcess.get(completion.process)
    if (positions === undefined) ofProcess.set(completion.process, (positions = new Map()))
    if (completion.f === 'assign') {
      const before = positions
      ofProcess.set(completion.process, new Map(completion.value.map((key) => [key, before.get(key) ?? -1])))
    } else if (completion.f === 'subscribe') {
      positions.clear()
    } else if (completion.f === 'poll' || completion.f === 'txn') {
      const moved = positions
      eachOffset(completion, (key, offset) => moved.set(key, Math.max(moved.get(key) ?? -1, offset)))
      for (const [key, offset] of positions) {
        const lag = Math.max(0, invoke.time - known.since(key, offset + 1))
        found({ time: invoke.time, process: completion.process, key, lag })
      }
    }
  }
}

function eachOffset(operation: HistoryOperation, found: (key: Key, offset: number) => void): void {
  if (operation.type === 'invoke' || !(operation.f === 'send' || operation.f === 'poll' || operation.f === 'txn'))
    return
  for (const micro of operation.value as readonly MicroOp[]) {
    if (micro[0] === 'send') {
      const offset = sentOffset(micro)
      if (offset !== null) found(micro[1], offset)
    } else {
      for (const [key, records] of micro[1] ?? []) for (const [offset] of records) found(key, offset ?? -1)
    }
  }
}

/** Per key, the largest offset known to exist over time: two ascending lists. */
class KnownOffsets {
  readonly #offsets = new Map<Key, { readonly largest: number[]; readonly since: number[] }>()

  learn(key: Key, offset: number, time: number): void {
    let known = this.#offsets.get(key)
    if (known === undefined) this.#offsets.set(key, (known = { largest: [], since: [] }))
    if (offset <= (known.largest[known.largest.length - 1] ?? -1)) return
    known.largest.push(offset)
    known.since.push(time)
  }

  /** When `offset` was first known to exist, infinite if it never was. */
  since(key: Key, offset: number): number {
    const known = this.#offsets.get(key)
    if (known === undefined) return Infinity
    let low = 0
    let high = known.largest.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (known.largest[middle]! < offset) low = middle + 1
      else high = middle
    }
    return known.since[low] ?? Infinity
  }
}
