/**
 * A client of this process: a connection whose frames come over a MessagePort instead of a socket.
 *
 * What is posted, either way, is an array of whole frames (`Uint8Array[]`, each with its 4-byte length in front, each in
 * a buffer of its own that is transferred). The broker's first post, an empty array, says that the connection is
 * accepted. Whoever closes its end of the port closes the connection. The client's end: `libs/client/src/shell`.
 */
import type { MessagePort } from 'node:worker_threads'
import { lengthBytes, type ConnectionOwner, type ServedConnection } from './connection.ts'

export class PortConnection implements ServedConnection {
  readonly id: number
  readonly #owner: ConnectionOwner
  readonly #port: MessagePort
  /** Frames that nobody has read yet: before the broker serves, or while the front has muted us. */
  #waiting: Uint8Array[] = []
  #outgoing: Uint8Array[] = []
  #started = false
  #muted = false
  #closing = false
  #wantsFlush = false
  #reason = 'closed by client'
  isOpen = true
  lastActiveMs: number
  bytesIn = 0
  bytesOut = 0

  constructor(id: number, owner: ConnectionOwner, port: MessagePort) {
    this.id = id
    this.#owner = owner
    this.#port = port
    this.lastActiveMs = owner.now()
    port.on('message', (frames: Uint8Array[]) => this.#received(frames))
    port.on('close', () => this.#closed())
    port.postMessage([])
  }

  start(): void {
    this.#started = true
    this.#read()
    this.#owner.readEnd()
  }

  // --- in

  #received(frames: Uint8Array[]): void {
    this.lastActiveMs = this.#owner.now()
    for (const frame of frames) {
      this.bytesIn += frame.length
      this.#waiting.push(frame)
    }
    this.#read()
    this.#owner.readEnd()
  }

  #read(): void {
    const frames = this.#waiting
    let at = 0
    while (at < frames.length && this.#started && !this.#muted && this.isOpen && !this.#closing) {
      const frame = frames[at++]!
      const length = frame.length - lengthBytes
      if (length < 0 || length > this.#owner.maxFrameBytes) return this.destroy(`frame of ${length} bytes`)
      this.#owner.frame(this, frame.subarray(lengthBytes))
    }
    if (at > 0) this.#waiting = frames.slice(at)
  }

  mute(): void {
    this.#muted = true
  }

  unmute(): void {
    this.#muted = false
    // Not at once: this is called from within a step.
    if (this.#waiting.length > 0) this.#askForFlush()
  }

  // --- out

  send(frame: Uint8Array): void {
    if (!this.isOpen || this.#closing) {
      this.#owner.pool.release(frame)
      return
    }
    // A copy: the pool's buffers stay here. (A Buffer's own `slice` is a view.)
    this.#outgoing.push(new Uint8Array(frame))
    this.#owner.pool.release(frame)
    this.#askForFlush()
  }

  close(reason: string): void {
    if (!this.isOpen || this.#closing) return
    this.#reason = reason
    this.#closing = true
    this.#askForFlush()
  }

  destroy(reason?: string): void {
    if (reason !== undefined) this.#reason = reason
    this.#closed()
  }

  #askForFlush(): void {
    if (this.#wantsFlush) return
    this.#wantsFlush = true
    this.#owner.wantsFlush(this)
  }

  flush(): void {
    this.#wantsFlush = false
    const frames = this.#outgoing
    if (frames.length > 0 && this.isOpen) {
      this.#outgoing = []
      for (const { length } of frames) this.bytesOut += length
      this.lastActiveMs = this.#owner.now()
      this.#port.postMessage(
        frames,
        frames.map(({ buffer }) => buffer as ArrayBuffer),
      )
    }
    if (this.#closing) return this.#closed()
    if (this.#waiting.length === 0) return
    this.#read()
    this.#owner.readEnd()
  }

  #closed(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#port.close()
    this.#outgoing = []
    this.#waiting = []
    this.#owner.closed(this, this.#reason)
  }
}
