/**
 * Follows transactions through a pass of the cleaner, over all segments of it (Z35): which batches are of aborted
 * transactions, and which markers have no data left before them. Source: CleanedTransactionMetadata.
 */
import {
  baseOffset,
  isTransactional,
  iterateRecords,
  lastOffset,
  producerId,
  readControlRecord,
  recordCount,
} from '@troupe/wire/record-batch'
import type { AbortedEntry } from './transaction-index.ts'

interface OngoingAborted {
  readonly entry: AbortedEntry
  observed: boolean
}

export class CleanedTransactions {
  /** By first offset; those before `#next` have been met. */
  readonly #aborted: readonly AbortedEntry[]
  #next = 0
  readonly #ongoingAborted = new Map<number, OngoingAborted>()
  readonly #ongoingCommitted = new Set<number>()

  constructor(aborted: readonly AbortedEntry[]) {
    this.#aborted = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Whether this data batch belongs to an aborted transaction. */
  onData(bytes: Uint8Array, at: number): boolean {
    this.#advance(lastOffset(bytes, at))
    if (!isTransactional(bytes, at)) return false
    const id = producerId(bytes, at)
    const aborted = this.#ongoingAborted.get(id)
    // The same producer may have committed before the aborted transaction began.
    if (aborted && baseOffset(bytes, at) >= aborted.entry.firstOffset) {
      aborted.observed = true
      return true
    }
    this.#ongoingCommitted.add(id)
    return false
  }

  /**
   * Whether this marker ends nothing that is still in the log. `keep` gets the index entry of an abort whose data was
   * seen.
   */
  onControl(bytes: Uint8Array, at: number, keep: (entry: AbortedEntry) => void): boolean {
    this.#advance(lastOffset(bytes, at))
    // Already emptied by an earlier pass.
    if (recordCount(bytes, at) === 0) return true
    const record = iterateRecords(bytes, at).next().value
    const type = record ? readControlRecord(record).type : 'unknown'
    const id = producerId(bytes, at)
    if (type === 'commit') return !this.#ongoingCommitted.delete(id)
    if (type !== 'abort') return false
    const aborted = this.#ongoingAborted.get(id)
    this.#ongoingAborted.delete(id)
    if (!aborted?.observed) return true
    keep(aborted.entry)
    return false
  }

  #advance(offset: number): void {
    while (this.#next < this.#aborted.length && this.#aborted[this.#next].firstOffset <= offset) {
      const entry = this.#aborted[this.#next++]
      const before = this.#ongoingAborted.get(entry.producerId)?.entry
      if (before && before.lastOffset >= entry.firstOffset) continue
      this.#ongoingAborted.set(entry.producerId, { entry, observed: false })
    }
  }
}
