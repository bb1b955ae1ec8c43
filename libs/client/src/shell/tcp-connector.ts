/**
 * Connections over TCP and TLS.
 *
 * On the way in, a frame that is whole within one read is handed over where it lies; the rest of a larger one is read
 * straight into a buffer of its own, which the receiver then keeps. On the way out, all frames of one turn of the event
 * loop leave in one write. TLS, and runtimes without `onread`, take the same way over 'data' events.
 */
import net from 'node:net'
import tls from 'node:tls'
import type { ClientTransport, TransportMessage } from '../transport.ts'
import type { Connector } from './connector.ts'
import { FrameReader } from './frame-reader.ts'
import type { Logger } from './logger.ts'
import type { Properties } from './property.ts'
import { tlsRefusal } from './errors.ts'
import { tlsOptions } from './tls-options.ts'

/** Read window, shared by all connections of a node: a read and what follows from it are one synchronous piece of work. */
const WINDOW_BYTES = 128 * 1024
/** How long a closed connection may take to write what was sent before. */
const LINGER_MS = 2000

/** Of the network, not of TLS: another attempt may go better. */
const systemErrors = /^E(?!PROTO$)[A-Z0-9]+$/

type Deliver = (message: TransportMessage) => void

export function tcpConnector(properties: Properties, logger?: Logger): Connector {
  const secure = tlsOptions(properties)
  return (deliver) => new TcpTransport(deliver, secure, logger)
}

class TcpTransport implements ClientTransport {
  readonly deliver: Deliver
  readonly window = new Uint8Array(WINDOW_BYTES)
  readonly #secure: tls.ConnectionOptions | null
  readonly #logger: Logger | undefined
  readonly #connections = new Map<number, TcpConnection>()
  readonly #unsent = new Set<TcpConnection>()
  #last = 0
  #flushing = false

  constructor(deliver: Deliver, secure: tls.ConnectionOptions | null, logger: Logger | undefined) {
    this.deliver = deliver
    this.#secure = secure
    this.#logger = logger
  }

  connect(host: string, port: number): number {
    const id = ++this.#last
    this.#connections.set(id, new TcpConnection(this, id, host.replace(/^\[(.*)\]$/, '$1'), port, this.#secure))
    return id
  }

  send(id: number, frame: Uint8Array): void {
    const connection = this.#connections.get(id)
    if (connection === undefined) return
    connection.outgoing.push(frame)
    this.#unsent.add(connection)
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      for (const each of this.#unsent) each.flush()
      this.#unsent.clear()
    })
  }

  close(id?: number): void {
    if (id === undefined) {
      for (const each of this.#connections.keys()) this.close(each)
      return
    }
    const connection = this.#connections.get(id)
    this.#connections.delete(id)
    connection?.end()
  }

  /** False: it was closed by us. */
  has(connection: TcpConnection): boolean {
    return this.#connections.get(connection.id) === connection
  }

  lost(connection: TcpConnection, problem: string): void {
    if (!this.has(connection)) return
    this.#connections.delete(connection.id)
    this.#logger?.debug?.(`connection to ${connection.peer} is lost`, { problem })
    const { refused } = connection
    this.deliver({ kind: 'disconnected', connection: connection.id, ...(refused !== null && { refused }) })
  }
}

class TcpConnection {
  readonly id: number
  readonly peer: string
  outgoing: Uint8Array[] = []
  readonly #socket: net.Socket
  readonly #reader: FrameReader
  #problem = 'closed by the broker'
  /** What TLS has against this peer. */
  refused: string | null = null

  constructor(transport: TcpTransport, id: number, host: string, port: number, secure: tls.ConnectionOptions | null) {
    this.id = id
    this.peer = `${host}:${port}`
    this.#reader = new FrameReader(transport.window, (bytes, owned) => {
      if (transport.has(this)) transport.deliver({ kind: 'frame', connection: id, bytes, owned })
    })
    const socket = (this.#socket = this.#open(host, port, secure))
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      if (transport.has(this)) transport.deliver({ kind: 'connected', connection: id })
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#problem = error.message
      if (secure !== null && !systemErrors.test(error.code ?? '')) this.refused = `${tlsRefusal}${error.message}`
    })
    socket.on('end', () => socket.destroy())
    socket.once('close', () => transport.lost(this, this.#problem))
  }

  #open(host: string, port: number, secure: tls.ConnectionOptions | null): net.Socket {
    const reader = this.#reader
    const options = { host, port, noDelay: true, keepAlive: true }
    if (secure === null && !('Deno' in globalThis)) {
      const callback = (length: number): boolean => this.#guard(() => reader.filled(length))
      return net.connect({ ...options, onread: { buffer: reader.space, callback } })
    }
    const servername = net.isIP(host) === 0 ? { servername: host } : {}
    const socket = secure === null ? net.connect(options) : tls.connect({ ...options, ...servername, ...secure })
    return socket.on('data', (chunk: Uint8Array) => void this.#guard(() => reader.push(chunk)))
  }

  #guard(read: () => boolean): boolean {
    if (read()) return true
    this.#problem = 'the broker sent something that is no response'
    this.#socket.destroy()
    return false
  }

  flush(): void {
    const frames = this.outgoing
    if (frames.length === 0) return
    this.outgoing = []
    const socket = this.#socket
    if (socket.destroyed) return
    if (frames.length === 1) return void socket.write(frames[0]!)
    socket.cork()
    for (const frame of frames) socket.write(frame)
    socket.uncork()
  }

  /** Writes what was sent, then closes. */
  end(): void {
    this.flush()
    const socket = this.#socket
    if (socket.connecting) return void socket.destroy()
    socket.destroySoon()
    const late = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(late))
  }
}
