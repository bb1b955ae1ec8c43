/**
 * Where recently appended batches begin, and where recent reads ended: followers and tailing consumers ask for
 * exactly these offsets and the high watermark, so that reads at the tail touch neither an index nor a batch header.
 */
import type { Segment } from './segment.ts'

const APPENDED = 64
const READ = 16

export class PositionCache {
  readonly #offsets = new Float64Array(APPENDED + READ).fill(-1)
  readonly #positions = new Int32Array(APPENDED + READ)
  readonly #segments: (Segment | null)[] = Array.from({ length: APPENDED + READ }, () => null)
  #appended = 0
  #read = 0
  /** Of the last successful `find`. */
  segment: Segment | null = null
  position = 0

  /** A batch with this base offset begins here. */
  addAppended(offset: number, segment: Segment, position: number): void {
    this.#put(this.#appended, offset, segment, position)
    this.#appended = (this.#appended + 1) % APPENDED
  }

  addRead(offset: number, segment: Segment, position: number): void {
    if (this.find(offset)) return
    this.#put(APPENDED + this.#read, offset, segment, position)
    this.#read = (this.#read + 1) % READ
  }

  find(offset: number): boolean {
    const slot = this.#offsets.indexOf(offset)
    if (slot < 0) return false
    this.segment = this.#segments[slot]
    this.position = this.#positions[slot]
    return true
  }

  clear(): void {
    this.#offsets.fill(-1)
    this.#segments.fill(null)
    this.segment = null
  }

  #put(slot: number, offset: number, segment: Segment, position: number): void {
    this.#offsets[slot] = offset
    this.#segments[slot] = segment
    this.#positions[slot] = position
  }
}
