/**
 * Which leader epoch wrote which offsets: (epoch, first offset) pairs, both strictly increasing.
 *
 * Followers truncate by it (KIP-101, KIP-279), consumers detect truncation by it (KIP-320). An epoch is entered at
 * election, also when nothing is ever appended in it (KAFKA-7415). Source of behaviour: LeaderEpochFileCache.
 *
 * The file beside the log is written by `saveTo` with fsync (Z15), never later than the recovery point moves past the
 * offsets concerned: what is newer in here is found again in the batch headers that recovery scans.
 */
import type { EpochEndOffset } from './contract.ts'

export interface EpochEntry {
  readonly epoch: number
  readonly startOffset: number
}

export class LeaderEpochCache {
  #entries: EpochEntry[]
  /** Rises with every change. */
  #version = 0
  #savedVersion = 0

  constructor(entries: readonly EpochEntry[] = []) {
    this.#entries = []
    for (const { epoch, startOffset } of entries) this.assign(epoch, startOffset)
    this.#savedVersion = this.#version
  }

  /** Changed since it was last saved. */
  get dirty(): boolean {
    return this.#version !== this.#savedVersion
  }

  /** Of the entries as they are; for `saved` when the disk has them. */
  get version(): number {
    return this.#version
  }

  saved(version: number): void {
    if (version > this.#savedVersion) this.#savedVersion = version
  }

  get entries(): readonly EpochEntry[] {
    return this.#entries
  }

  get latestEpoch(): number {
    return this.#entries.at(-1)?.epoch ?? -1
  }

  /** Keeps the cache monotone: entries that contradict the new one go. */
  assign(epoch: number, startOffset: number): void {
    if (epoch < 0 || startOffset < 0) return
    const latest = this.#entries.at(-1)
    if (latest && latest.epoch === epoch && startOffset >= latest.startOffset) return
    while (this.#entries.length > 0) {
      const last = this.#entries[this.#entries.length - 1]
      if (last.epoch < epoch && last.startOffset < startOffset) break
      this.#entries.pop()
    }
    this.#entries.push({ epoch, startOffset })
    this.#version++
  }

  /** Largest epoch ≤ the one asked, with the start of the next one as its end. */
  endOffsetFor(epoch: number, logEndOffset: number): EpochEndOffset {
    if (epoch < 0) return undefinedEpoch
    if (epoch === this.latestEpoch) return { leaderEpoch: epoch, endOffset: logEndOffset }
    const higher = this.#entries.findIndex((entry) => entry.epoch > epoch)
    if (higher < 0) return undefinedEpoch
    const endOffset = this.#entries[higher].startOffset
    // Below all that is known: the asker shares nothing with this log but what precedes its first entry.
    if (higher === 0) return { leaderEpoch: epoch, endOffset }
    return { leaderEpoch: this.#entries[higher - 1].epoch, endOffset }
  }

  startOffsetOf(epoch: number): number {
    return this.#entries.find((entry) => entry.epoch === epoch)?.startOffset ?? -1
  }

  epochForOffset(offset: number): number {
    let found = -1
    for (const { epoch, startOffset } of this.#entries) {
      if (startOffset > offset) break
      found = epoch
    }
    return found
  }

  /** Drops epochs that start at or after `endOffset`; also when the log itself is not shortened (KAFKA-10706). */
  truncateFromEnd(endOffset: number): void {
    while (this.#entries.length > 0 && this.#entries[this.#entries.length - 1].startOffset >= endOffset) {
      this.#entries.pop()
      this.#version++
    }
  }

  /** The epoch that holds `startOffset` becomes the first and starts there. */
  truncateFromStart(startOffset: number): void {
    const keep = this.#entries.findLastIndex((entry) => entry.startOffset <= startOffset)
    if (keep < 0 || (keep === 0 && this.#entries[0].startOffset === startOffset)) return
    this.#entries.splice(0, keep + 1, { epoch: this.#entries[keep].epoch, startOffset })
    this.#version++
  }

  clear(): void {
    if (this.#entries.length === 0) return
    this.#entries = []
    this.#version++
  }
}

const undefinedEpoch: EpochEndOffset = { leaderEpoch: -1, endOffset: -1 }
