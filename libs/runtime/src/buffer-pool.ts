/**
 * Buffers that are used again, in sizes that are powers of two. A fresh buffer for each frame costs page faults, more
 * than the work on the frame.
 *
 * Only buffers of this pool come back to it, each once: a stranger, or one given back twice, is left alone.
 */
const smallestBits = 8
const largestBits = 23

/** Bytes kept for each size: enough for the frames in flight, little enough for an idle broker to be small. */
const keptBytesPerSize = 4 * 1024 * 1024

interface Block {
  readonly bytes: Uint8Array
  readonly size: number
  free: boolean
}

export class BufferPool {
  readonly #free: Block[][] = []
  readonly #blocks = new WeakMap<ArrayBufferLike, Block>()
  #used = 0

  constructor() {
    for (let bits = smallestBits; bits <= largestBits; bits++) this.#free.push([])
  }

  /** Buffers handed out and not given back. */
  get used(): number {
    return this.#used
  }

  /** A buffer of exactly this length. */
  acquire(length: number): Uint8Array {
    const buffer = this.acquireAtLeast(length)
    return buffer.length === length ? buffer : buffer.subarray(0, length)
  }

  acquireAtLeast(length: number): Uint8Array {
    const size = sizeIndex(length)
    // Larger than the largest size: rare enough to leave it to the garbage collector.
    if (size >= this.#free.length) return Buffer.allocUnsafeSlow(length)
    const block = this.#free[size]!.pop() ?? this.#allocate(size)
    block.free = false
    this.#used++
    return block.bytes
  }

  release(buffer: Uint8Array): void {
    const block = this.#blocks.get(buffer.buffer)
    if (block === undefined || block.free) return
    block.free = true
    this.#used--
    const free = this.#free[block.size]!
    if (free.length * block.bytes.length < keptBytesPerSize) free.push(block)
  }

  #allocate(size: number): Block {
    const bytes = Buffer.allocUnsafeSlow(1 << (size + smallestBits))
    const block: Block = { bytes, size, free: true }
    this.#blocks.set(bytes.buffer, block)
    return block
  }
}

function sizeIndex(length: number): number {
  if (length <= 1 << smallestBits) return 0
  return 32 - Math.clz32(length - 1) - smallestBits
}
