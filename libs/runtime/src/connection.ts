/**
 * One client connection: bytes to frames on the way in, one write a turn on the way out.
 *
 * Small frames are handed over where they lie in the read window that all connections of the worker share (a read
 * and what it causes are one synchronous piece of work). A frame that is not whole yet gets a buffer of its own from
 * the pool, and the socket reads the rest straight into that. A frame that is too large, or negative, ends this
 * connection and nothing else.
 */
import type { BufferPool } from './buffer-pool.ts'
import type { AcceptAdapter, ReadingSocket, ReadTarget } from './onread.ts'
import type net from 'node:net'

export const lengthBytes = 4

/** Replies up to this size are copied together into one write; larger ones are written as they are. */
const coalesceBytes = 64 * 1024
/** With so much unsent, a client that does not read its answers is not read from either. */
const unsentLimitBytes = 4 * 1024 * 1024

/** What the sockets of a broker need of a connection, wherever its bytes come from. */
export interface ServedConnection {
  readonly id: number
  readonly isOpen: boolean
  readonly lastActiveMs: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** From now on requests are read. */
  start(): void
  send(frame: Uint8Array): void
  mute(): void
  unmute(): void
  /** Ends the connection when everything sent is written. */
  close(reason: string): void
  destroy(reason?: string): void
  /** Once a turn: writes what was sent, and takes up reading again. */
  flush(): void
}

export interface ConnectionOwner {
  readonly pool: BufferPool
  /** The read window of this worker. */
  readonly window: Uint8Array
  readonly maxFrameBytes: number
  /** Processes the frame completely: its bytes are used again when this returns. */
  frame(connection: ServedConnection, bytes: Uint8Array): void
  /** Asks for `flush` at the end of the turn. */
  wantsFlush(connection: ServedConnection): void
  /** At the end of a read that brought frames. */
  readEnd(): void
  closed(connection: ServedConnection, reason: string): void
  now(): number
}

export class Connection implements ReadTarget, ServedConnection {
  readonly id: number
  readonly listener: string
  readonly #owner: ConnectionOwner
  readonly #reading: ReadingSocket
  /** The frame that is not whole yet, without its length prefix. */
  #frame: Uint8Array | null = null
  /** Bytes of it that are there. */
  #filled = 0
  /** First bytes of a length prefix that was cut. */
  readonly #prefix = new Uint8Array(lengthBytes)
  #prefixFilled = 0
  /** Bytes that arrived behind the frame at which the front muted us. */
  #backlog: Uint8Array | null = null
  #muted = false
  #stopped = false
  #unsentBytes = 0
  #outgoing: Uint8Array[] = []
  #closing = false
  #reason = 'closed by client'
  isOpen = true
  lastActiveMs: number
  bytesIn = 0
  bytesOut = 0

  constructor(
    id: number,
    listener: string,
    owner: ConnectionOwner,
    adapter: AcceptAdapter,
    accepted: net.Socket,
    server: net.Server,
  ) {
    this.id = id
    this.listener = listener
    this.#owner = owner
    this.lastActiveMs = owner.now()
    this.#reading = adapter(accepted, server, this)
    const { socket } = this.#reading
    socket.setNoDelay(true)
    socket.on('error', (error) => (this.#reason = error.message))
    socket.on('end', () => this.#finish())
    socket.on('close', () => this.#closed())
  }

  start(): void {
    this.#reading.resumeReading()
  }

  // --- in

  buffer(): Uint8Array {
    return this.#frame === null ? this.#owner.window : this.#frame.subarray(this.#filled)
  }

  received(length: number): boolean {
    this.lastActiveMs = this.#owner.now()
    this.bytesIn += length
    if (this.#frame === null) this.#parse(this.#owner.window.subarray(0, length))
    else this.#fill(length)
    this.#owner.readEnd()
    this.#stopped = !this.isOpen || this.#isHeld
    return !this.#stopped
  }

  get #isHeld(): boolean {
    return this.#muted || this.#unsentBytes > unsentLimitBytes
  }

  #fill(length: number): void {
    this.#filled += length
    const frame = this.#frame!
    if (this.#filled < frame.length) return
    this.#frame = null
    this.#owner.frame(this, frame)
    this.#owner.pool.release(frame)
  }

  #parse(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length && this.isOpen && !this.#closing) {
      if (this.#muted) {
        this.#backlog = bytes.slice(at)
        return
      }
      const available = bytes.length - at
      if (this.#prefixFilled > 0 || available < lengthBytes) {
        this.#prefix[this.#prefixFilled++] = bytes[at++]!
        if (this.#prefixFilled < lengthBytes) continue
        this.#prefixFilled = 0
        at = this.#body(bytes, at, readInt32(this.#prefix, 0))
      } else {
        at = this.#body(bytes, at + lengthBytes, readInt32(bytes, at))
      }
    }
  }

  /** The body of a frame begins at `at`; returns where the next frame begins. */
  #body(bytes: Uint8Array, at: number, length: number): number {
    if (length < 0 || length > this.#owner.maxFrameBytes) {
      this.#reason = `frame of ${length} bytes`
      this.destroy()
      return bytes.length
    }
    const end = at + length
    if (end <= bytes.length) {
      this.#owner.frame(this, bytes.subarray(at, end))
      return end
    }
    // The pool's sizes are powers of two: a length prefix alone can make us reserve address space, not touch it.
    this.#frame = this.#owner.pool.acquire(length)
    this.#frame.set(bytes.subarray(at))
    this.#filled = bytes.length - at
    return bytes.length
  }

  mute(): void {
    this.#muted = true
  }

  unmute(): void {
    this.#muted = false
    // Not at once: this is called from within a step.
    if (this.#stopped || this.#backlog !== null) this.#owner.wantsFlush(this)
  }

  /** Goes on where `mute` stopped it. */
  #resume(): void {
    const backlog = this.#backlog
    if (backlog !== null && !this.#muted) {
      this.#backlog = null
      this.#parse(backlog)
      this.#owner.readEnd()
    }
    if (!this.#stopped || this.#isHeld || !this.isOpen) return
    this.#stopped = false
    this.#reading.resumeReading()
  }

  // --- out

  send(frame: Uint8Array): void {
    if (!this.isOpen || this.#closing) {
      this.#owner.pool.release(frame)
      return
    }
    this.#outgoing.push(frame)
    if (this.#outgoing.length === 1) this.#owner.wantsFlush(this)
  }

  /** Ends the connection when everything sent is written. */
  close(reason: string): void {
    if (!this.isOpen || this.#closing) return
    this.#reason = reason
    this.#closing = true
    this.#owner.wantsFlush(this)
  }

  destroy(reason?: string): void {
    if (reason !== undefined) this.#reason = reason
    this.#reading.socket.destroy()
    this.#closed()
  }

  /** Once a turn: writes what was sent, and takes up reading again. */
  flush(): void {
    const frames = this.#outgoing
    if (frames.length > 0) {
      this.#outgoing = []
      this.#writeAll(frames)
    }
    if (this.#closing && this.isOpen) this.#reading.socket.destroySoon()
    else this.#resume()
  }

  #writeAll(frames: Uint8Array[]): void {
    let first = 0
    let bytes = 0
    for (let index = 0; index <= frames.length; index++) {
      const length = frames[index]?.length ?? Infinity
      if (bytes + length <= coalesceBytes) {
        bytes += length
        continue
      }
      if (index > first) this.#write(this.#together(frames, first, index, bytes))
      first = index
      bytes = length
    }
  }

  #together(frames: Uint8Array[], first: number, end: number, bytes: number): Uint8Array {
    if (end - first === 1) return frames[first]!
    const together = this.#owner.pool.acquire(bytes)
    let at = 0
    for (let index = first; index < end; index++) {
      together.set(frames[index]!, at)
      at += frames[index]!.length
      this.#owner.pool.release(frames[index]!)
    }
    return together
  }

  #write(bytes: Uint8Array): void {
    const { length } = bytes
    this.bytesOut += length
    this.#unsentBytes += length
    this.lastActiveMs = this.#owner.now()
    this.#reading.socket.write(bytes, () => {
      this.#owner.pool.release(bytes)
      this.#unsentBytes -= length
      if (this.#stopped && !this.#isHeld) this.#owner.wantsFlush(this)
    })
  }

  // --- end

  /** The client has finished sending: what is under way is of no use to it. */
  #finish(): void {
    this.#reading.socket.destroy()
    this.#closed()
  }

  #closed(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#reading.socket.destroy()
    for (const frame of this.#outgoing) this.#owner.pool.release(frame)
    this.#outgoing = []
    // A read into it may still be under way when we are closed from within `received`, never after.
    if (this.#frame !== null) this.#owner.pool.release(this.#frame)
    this.#frame = null
    this.#backlog = null
    this.#owner.closed(this, this.#reason)
  }
}

function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}
