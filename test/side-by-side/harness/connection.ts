/**
 * One TCP connection that can send any API at any version, or any bytes at all, and says what came back:
 * an answer, the end of the connection, or silence.
 */
import { connect, type Socket } from 'node:net'
import { apis, type ApiSpec } from '@troupe/wire/apis'
import { Reader, Writer } from '@troupe/wire/io'
import { decodeResponseHeader, encodeRequestHeader } from '@troupe/wire/messages'

export type Frame =
  | { readonly kind: 'frame'; readonly bytes: Uint8Array }
  | { readonly kind: 'closed' }
  | { readonly kind: 'silent' }

// The table of APIs erases message types, and so do scripts that go through every one of them.
// oxlint-disable-next-line no-explicit-any
export type Message = any

const byName = new Map([...apis.values()].map((spec) => [spec.name, spec]))

export function api(name: string): ApiSpec {
  const spec = byName.get(name)
  if (!spec) throw new NoSuchApi(name)
  return spec
}

export class NoSuchApi extends Error {}

export function requestFrame(
  name: string,
  version: number,
  message: Message,
  correlationId: number,
  clientId: string | null,
): Uint8Array {
  const spec = api(name)
  const writer = new Writer()
  writer.int32(0)
  encodeRequestHeader(
    writer,
    { requestApiKey: spec.key, requestApiVersion: version, correlationId, clientId },
    spec.requestHeaderVersion(version),
  )
  spec.encodeRequest(writer, message, version)
  return withLength(writer)
}

export function withLength(writer: Writer): Uint8Array {
  const frame = writer.bytes().slice()
  new DataView(frame.buffer).setInt32(0, frame.length - 4)
  return frame
}

/** An answer, and whether it is written the one way Kafka's own classes would write it. */
export interface Decoded {
  readonly message: Message
  readonly correlationId: number
  readonly canonical: boolean
}

export function decodeAnswer(name: string, version: number, bytes: Uint8Array): Decoded {
  const spec = api(name)
  const reader = new Reader(bytes)
  const header = decodeResponseHeader(reader, spec.responseHeaderVersion(version))
  const bodyAt = reader.position
  const message = spec.decodeResponse(reader, version)
  const writer = new Writer()
  spec.encodeResponse(writer, message, version)
  const canonical = Buffer.compare(writer.bytes(), bytes.subarray(bodyAt)) === 0
  return { message, correlationId: header.correlationId, canonical }
}

export class Connection {
  readonly #socket: Socket
  readonly #waiting: ((frame: Frame) => void)[] = []
  readonly #early: Frame[] = []
  #pending: Buffer = Buffer.alloc(0)
  #closed = false
  #correlation = 0
  readonly clientId: string | null

  private constructor(socket: Socket, clientId: string | null) {
    this.#socket = socket
    this.clientId = clientId
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => this.#end())
    socket.on('end', () => this.#end())
  }

  static open(host: string, port: number, clientId: string | null = 'side-by-side'): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host, allowHalfOpen: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new Connection(socket, clientId)))
    })
  }

  get closed(): boolean {
    return this.#closed
  }

  write(bytes: Uint8Array): void {
    if (!this.#closed) this.#socket.write(bytes)
  }

  /** No more will be sent; answers can still come. */
  halfClose(): void {
    this.#socket.end()
  }

  close(): void {
    this.#end()
  }

  /** What comes next; `silent` when nothing did in time. */
  next(timeoutMs: number): Promise<Frame> {
    const early = this.#early.shift()
    if (early) return Promise.resolve(early)
    if (this.#closed) return Promise.resolve({ kind: 'closed' })
    return new Promise((resolve) => {
      const deliver = (frame: Frame): void => {
        clearTimeout(timer)
        resolve(frame)
      }
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(deliver), 1)
        resolve({ kind: 'silent' })
      }, timeoutMs)
      this.#waiting.push(deliver)
    })
  }

  /** Sends a request; the answer's place in the queue is taken at once, so requests may be pipelined. */
  send(
    name: string,
    version: number,
    message: Message,
    timeoutMs: number,
  ): { frame: Promise<Frame>; correlationId: number } {
    const correlationId = ++this.#correlation
    const frame = this.next(timeoutMs)
    this.write(requestFrame(name, version, message, correlationId, this.clientId))
    return { frame, correlationId }
  }

  /** Sends a request that is not answered: nothing that comes is taken for its answer. */
  tell(name: string, version: number, message: Message): void {
    this.write(requestFrame(name, version, message, ++this.#correlation, this.clientId))
  }

  #receive(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    while (this.#pending.length >= 4 && this.#pending.length >= 4 + this.#pending.readInt32BE(0)) {
      const length = this.#pending.readInt32BE(0)
      this.#deliver({ kind: 'frame', bytes: Uint8Array.from(this.#pending.subarray(4, 4 + length)) })
      this.#pending = this.#pending.subarray(4 + length)
    }
  }

  #deliver(frame: Frame): void {
    const waiter = this.#waiting.shift()
    if (waiter) waiter(frame)
    else this.#early.push(frame)
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.destroy()
    for (const waiter of this.#waiting.splice(0)) waiter({ kind: 'closed' })
  }
}
