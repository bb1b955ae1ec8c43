/**
 * The `.snapshot` files of a log: one per segment, written when the segment before it is full, and one at the end of a
 * clean stop. They are not synced: a torn one fails its checksum and an older one is used.
 */
import { SNAPSHOT_SUFFIX, offsetName, offsetOfName } from './file-names.ts'
import type { FileSystem } from './file-system.ts'
import type { ProducerEntry } from './producer-entry.ts'
import { decodeSnapshot, encodeSnapshot } from './producer-snapshot.ts'
import type { ProducerState } from './producer-state.ts'

export class SnapshotFiles {
  readonly #fs: FileSystem
  readonly #directory: string
  /** Ascending. */
  #offsets: number[]

  constructor(fs: FileSystem, directory: string, names: readonly string[]) {
    this.#fs = fs
    this.#directory = directory
    this.#offsets = names
      .filter((name) => name.endsWith(SNAPSHOT_SUFFIX))
      .map(offsetOfName)
      .filter((offset) => offset >= 0)
    this.#offsets.sort((a, b) => a - b)
  }

  get offsets(): readonly number[] {
    return this.#offsets
  }

  #path(offset: number): string {
    return `${this.#directory}/${offsetName(offset)}${SNAPSHOT_SUFFIX}`
  }

  /** Writes the state at its end offset, unless that snapshot is there. */
  write(state: ProducerState): void {
    const offset = state.endOffset
    if (offset === 0 || this.#offsets.includes(offset)) return
    const handle = this.#fs.open(this.#path(offset))
    try {
      handle.truncate(0)
      handle.append([encodeSnapshot(state.entries, state.size)])
    } finally {
      handle.close()
    }
    this.#offsets.push(offset)
    this.#offsets.sort((a, b) => a - b)
  }

  /** The newest that can be read, not past `offset`. Unreadable ones are removed. */
  newest(offset: number): { offset: number; producers: ProducerEntry[] } | undefined {
    for (const candidate of this.#offsets.filter((each) => each <= offset).reverse()) {
      const bytes = this.#fs.readFile(this.#path(candidate))
      const producers = bytes && decodeSnapshot(bytes)
      if (producers) return { offset: candidate, producers }
      this.#remove(candidate)
    }
    return undefined
  }

  removeAfter(offset: number): void {
    for (const each of this.#offsets.filter((candidate) => candidate > offset)) this.#remove(each)
  }

  /** Keeps the newest one at or below `offset`, from which start-up begins. */
  removeBefore(offset: number): void {
    const below = this.#offsets.filter((candidate) => candidate <= offset)
    for (const each of below.slice(0, -1)) this.#remove(each)
  }

  /** Those beside a segment, and the newest, are of use; a clean stop long ago left the others. */
  removeStray(segmentBases: ReadonlySet<number>): void {
    for (const each of this.#offsets.slice(0, -1)) if (!segmentBases.has(each)) this.#remove(each)
  }

  removeAll(): void {
    this.removeAfter(-1)
  }

  #remove(offset: number): void {
    this.#offsets = this.#offsets.filter((each) => each !== offset)
    const path = this.#path(offset)
    if (this.#fs.exists(path)) this.#fs.unlink(path)
  }
}
