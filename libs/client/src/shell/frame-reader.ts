/**
 * Bytes of a connection to frames. Each byte is copied at most once: from the read window to the frame that began in
 * that read and is longer than it.
 */
const LENGTH_BYTES = 4

/** `owned`: nobody else will ever write to these bytes. */
export type OnFrame = (bytes: Uint8Array, owned: boolean) => void

export class FrameReader {
  readonly #window: Uint8Array
  readonly #onFrame: OnFrame
  /** The frame that is not whole yet, without its length. */
  #frame: Uint8Array | null = null
  #filled = 0
  /** First bytes of a length that was cut. */
  readonly #prefix = new Uint8Array(LENGTH_BYTES)
  #prefixFilled = 0

  constructor(window: Uint8Array, onFrame: OnFrame) {
    this.#window = window
    this.#onFrame = onFrame
  }

  /** Where the next bytes of the connection go. */
  readonly space = (): Uint8Array => (this.#frame === null ? this.#window : this.#frame.subarray(this.#filled))

  /** `length` bytes are there now. False: this is not Kafka's protocol. */
  filled(length: number): boolean {
    if (this.#frame === null) return this.#parse(this.#window.subarray(0, length), false)
    this.#filled += length
    this.#finish()
    return true
  }

  /** Bytes that came in memory of their own. */
  push(chunk: Uint8Array): boolean {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
    if (this.#frame === null) return this.#parse(bytes, true)
    const part = Math.min(bytes.length, this.#frame.length - this.#filled)
    this.#frame.set(bytes.subarray(0, part), this.#filled)
    this.#filled += part
    this.#finish()
    return part === bytes.length || this.#parse(bytes.subarray(part), true)
  }

  #finish(): void {
    const frame = this.#frame!
    if (this.#filled < frame.length) return
    this.#frame = null
    this.#onFrame(frame, true)
  }

  #parse(bytes: Uint8Array, owned: boolean): boolean {
    let at = 0
    while (at < bytes.length) {
      while (this.#prefixFilled < LENGTH_BYTES && at < bytes.length) this.#prefix[this.#prefixFilled++] = bytes[at++]!
      if (this.#prefixFilled < LENGTH_BYTES) return true
      const [a, b, c, d] = this.#prefix as unknown as [number, number, number, number]
      const length = (a << 24) | (b << 16) | (c << 8) | d
      if (length < LENGTH_BYTES) return false
      this.#prefixFilled = 0
      const end = at + length
      if (end > bytes.length) {
        this.#begin(length, bytes.subarray(at))
        return true
      }
      this.#onFrame(bytes.subarray(at, end), owned)
      at = end
    }
    return true
  }

  #begin(length: number, first: Uint8Array): void {
    // Not filled with zeros: every byte of it is about to be read.
    this.#frame = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
    this.#frame.set(first)
    this.#filled = first.length
  }
}
