/**
 * Walks the batches of a segment file, header by header or with their bodies, through one buffer.
 *
 * Stops at the end, or with `torn` set where what follows is no whole batch of magic 2. It trusts no length.
 */
import { BATCH_OVERHEAD, MAGIC, magic, sizeInBytes } from '@troupe/wire/record-batch'
import type { PooledFile } from './file-pool.ts'

export const SCAN_BUFFER_BYTES = 8 * 1024
const RECOVERY_BUFFER_BYTES = 256 * 1024

export class BatchReader {
  readonly #file: PooledFile
  readonly #end: number
  readonly #bodies: boolean
  /** Holds the current batch from `at` on (only its header, unless bodies are read). */
  bytes: Uint8Array
  at = 0
  /** Of the current batch in the file; after the last one, where it ends. */
  position: number
  size = 0
  torn = false
  #bufferStart = 0
  #bufferEnd = 0

  constructor(file: PooledFile, start: number, end: number, options: { bodies?: boolean; buffer?: Uint8Array } = {}) {
    this.#file = file
    this.#end = end
    this.#bodies = options.bodies ?? false
    this.bytes = options.buffer ?? new Uint8Array(this.#bodies ? RECOVERY_BUFFER_BYTES : SCAN_BUFFER_BYTES)
    this.position = start
  }

  next(): boolean {
    const position = this.position + this.size
    this.position = position
    this.size = 0
    const left = this.#end - position
    if (left <= 0) return false
    if (left < BATCH_OVERHEAD || !this.#fill(position, BATCH_OVERHEAD)) return this.#stop()
    const size = sizeInBytes(this.bytes, this.at)
    if (size < BATCH_OVERHEAD || size > left || magic(this.bytes, this.at) !== MAGIC) return this.#stop()
    if (this.#bodies && !this.#fill(position, size)) return this.#stop()
    this.size = size
    return true
  }

  #stop(): false {
    this.torn = true
    return false
  }

  /** Makes [position, position + length) available at `at`. */
  #fill(position: number, length: number): boolean {
    if (position < this.#bufferStart || position + length > this.#bufferEnd) {
      if (length > this.bytes.length) this.bytes = new Uint8Array(length)
      const wanted = Math.min(this.bytes.length, this.#end - position)
      this.#bufferStart = position
      this.#bufferEnd = position + this.#file.read(this.bytes, 0, wanted, position)
    }
    this.at = position - this.#bufferStart
    return position + length <= this.#bufferEnd
  }
}
