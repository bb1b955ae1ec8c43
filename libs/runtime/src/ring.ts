/**
 * Payload memory between two brokers: a ring in a SharedArrayBuffer, one for each direction of each pair.
 *
 * The sender reserves and fills, the receiver reads in place and acknowledges by position. Positions count bytes since
 * the beginning and never wrap; place in the buffer = position modulo size. Nothing here needs atomics: a handle
 * travels in a posted message after the bytes are written, an acknowledgement in one after they are read.
 */
export const ringBytes = 8 * 1024 * 1024

export class RingWriter {
  readonly bytes: Uint8Array
  #head = 0
  #tail = 0

  constructor(buffer: SharedArrayBuffer) {
    this.bytes = new Uint8Array(buffer)
  }

  /** Position after the last reservation: what the receiver acknowledges when it is done with everything so far. */
  get position(): number {
    return this.#head
  }

  /** Where `length` contiguous bytes may be written, −1 when there is no room. */
  reserve(length: number): number {
    const size = this.bytes.length
    // An empty ring starts at its beginning again: the same few pages stay in the cache, and in memory at all.
    if (this.#head === this.#tail) this.#head = this.#tail = Math.ceil(this.#head / size) * size
    const at = this.#head % size
    const start = at + length <= size ? this.#head : this.#head + size - at
    if (start + length - this.#tail > size) return -1
    this.#head = start + length
    return start % size
  }

  /** Takes back the last reservation of which only `used` bytes were filled. */
  shrink(reserved: number, used: number): void {
    this.#head -= reserved - used
  }

  acknowledge(position: number): void {
    if (position > this.#tail) this.#tail = position
  }
}

export class RingReader {
  readonly #bytes: Uint8Array
  /** Position up to which everything that was received has been processed. */
  processed = 0
  acknowledged = 0

  constructor(buffer: SharedArrayBuffer) {
    this.#bytes = new Uint8Array(buffer)
  }

  view(offset: number, length: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + length)
  }

  /** So much waits for an acknowledgement that it should not wait for a message that happens to go that way. */
  get isDue(): boolean {
    return this.processed - this.acknowledged > this.#bytes.length / 4
  }
}
