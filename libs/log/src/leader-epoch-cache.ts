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
  private list: EpochEntry[]
  /** Rises with every change. */
  private changes = 0
  private savedChanges = 0

  constructor(entries: readonly EpochEntry[] = []) {
    this.list = []
    for (const { epoch, startOffset } of entries) this.assign(epoch, startOffset)
    this.savedChanges = this.changes
  }

  /** Shares nothing with this one: a model checker goes on from here in several ways. */
  clone(): LeaderEpochCache {
    const copy = new LeaderEpochCache()
    copy.list = this.list.slice()
    copy.changes = this.changes
    copy.savedChanges = this.savedChanges
    return copy
  }

  /** Changed since it was last saved. */
  get dirty(): boolean {
    return this.changes !== this.savedChanges
  }

  /** Of the entries as they are; for `saved` when the disk has them. */
  get version(): number {
    return this.changes
  }

  saved(version: number): void {
    if (version > this.savedChanges) this.savedChanges = version
  }

  get entries(): readonly EpochEntry[] {
    return this.list
  }

  get latestEpoch(): number {
    return this.list.at(-1)?.epoch ?? -1
  }

  /** Keeps the cache monotone: entries that contradict the new one go. */
  assign(epoch: number, startOffset: number): void {
    if (epoch < 0 || startOffset < 0) return
    const latest = this.list.at(-1)
    if (latest && latest.epoch === epoch && startOffset >= latest.startOffset) return
    while (this.list.length > 0) {
      const last = this.list[this.list.length - 1]
      if (last.epoch < epoch && last.startOffset < startOffset) break
      this.list.pop()
    }
    this.list.push({ epoch, startOffset })
    this.changes++
  }

  /** Largest epoch ≤ the one asked, with the start of the next one as its end. */
  endOffsetFor(epoch: number, logEndOffset: number, tellsEpoch = true): EpochEndOffset {
    if (epoch < 0) return undefinedEpoch
    if (epoch === this.latestEpoch) return { leaderEpoch: epoch, endOffset: logEndOffset }
    const higher = this.list.findIndex((entry) => entry.epoch > epoch)
    if (higher < 0) return undefinedEpoch
    const endOffset = this.list[higher].startOffset
    // Below all that is known: the asker shares nothing with this log but what precedes its first entry.
    if (higher === 0) return { leaderEpoch: epoch, endOffset }
    // KIP-101 knew the end offset only; KIP-279 tells whose end it is, so that the asker can go on from there (Z02).
    return { leaderEpoch: tellsEpoch ? this.list[higher - 1].epoch : epoch, endOffset }
  }

  startOffsetOf(epoch: number): number {
    return this.list.find((entry) => entry.epoch === epoch)?.startOffset ?? -1
  }

  epochForOffset(offset: number): number {
    let found = -1
    for (const { epoch, startOffset } of this.list) {
      if (startOffset > offset) break
      found = epoch
    }
    return found
  }

  /** Drops epochs that start at or after `endOffset`; also when the log itself is not shortened (KAFKA-10706). */
  truncateFromEnd(endOffset: number): void {
    while (this.list.length > 0 && this.list[this.list.length - 1].startOffset >= endOffset) {
      this.list.pop()
      this.changes++
    }
  }

  /** The epoch that holds `startOffset` becomes the first and starts there. */
  truncateFromStart(startOffset: number): void {
    const keep = this.list.findLastIndex((entry) => entry.startOffset <= startOffset)
    if (keep < 0 || (keep === 0 && this.list[0].startOffset === startOffset)) return
    this.list.splice(0, keep + 1, { epoch: this.list[keep].epoch, startOffset })
    this.changes++
  }

  clear(): void {
    if (this.list.length === 0) return
    this.list = []
    this.changes++
  }
}

const undefinedEpoch: EpochEndOffset = { leaderEpoch: -1, endOffset: -1 }
