/**
 * The sockets of one broker: its listeners, its connections, and the transport port of its front.
 *
 * Source of the limits: Kafka's SocketServer and Selector (`socket.request.max.bytes`, `max.connections`,
 * `connections.max.idle.ms`).
 */
import net from 'node:net'
import type { MessagePort } from 'node:worker_threads'
import type { ConnectionClosed, ConnectionOpened, Frame, Transport } from '@troupe/broker/transport'
import { BufferPool } from './buffer-pool.ts'
import { Connection, type ConnectionOwner, type ServedConnection } from './connection.ts'
import type { AcceptAdapter } from './onread.ts'
import { PortConnection } from './port-connection.ts'

export interface ListenerAddress {
  readonly name: string
  /** '' listens on all addresses, as in Kafka's `PLAINTEXT://:9092`. */
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

export interface SocketLimits {
  readonly maxFrameBytes: number
  readonly maxConnections: number
  /** Connections from one address. */
  readonly maxConnectionsPerIp: number
  readonly maxIdleMs: number
  readonly backlog: number
}

export interface SocketsOptions {
  readonly limits: SocketLimits
  readonly adapter: AcceptAdapter
  readonly now: () => number
  /** Hands a message to the front and lets everything that follows from it happen. */
  readonly deliver: (message: ConnectionOpened | Frame | ConnectionClosed) => void
  readonly wake: () => void
  readonly trace: (event: string, fields: Record<string, unknown>) => void
}

export interface SocketStatistics {
  connections: number
  accepted: number
  refused: number
  frames: number
  bytesIn: number
  bytesOut: number
  /** Frames by API key. */
  requests: Map<number, number>
}

const windowBytes = 256 * 1024
const idleCheckMs = 5000

export class Sockets implements Transport, ConnectionOwner {
  readonly pool = new BufferPool()
  readonly window: Uint8Array = Buffer.allocUnsafeSlow(windowBytes)
  readonly maxFrameBytes: number
  readonly #options: SocketsOptions
  readonly #connections = new Map<number, ServedConnection>()
  readonly #ofAddress = new Map<string, number>()
  readonly #addresses = new Map<number, string>()
  readonly #servers: net.Server[] = []
  readonly #counts = { accepted: 0, refused: 0, frames: 0, bytesIn: 0, bytesOut: 0 }
  readonly #requests = new Map<number, number>()
  #flushes: ServedConnection[] = []
  #nextId = 1
  #serving = false
  #idleCheck: NodeJS.Timeout | null = null

  constructor(options: SocketsOptions) {
    this.#options = options
    this.maxFrameBytes = options.limits.maxFrameBytes
  }

  /** Listens on all addresses; answers with the ports in use. Rejects with Node's error when one is taken. */
  async listen(listeners: readonly ListenerAddress[]): Promise<ListenerAddress[]> {
    this.#idleCheck ??= setInterval(() => this.#closeIdle(), Math.min(idleCheckMs, this.#options.limits.maxIdleMs))
    return Promise.all(listeners.map((listener) => this.#listen(listener)))
  }

  #listen(listener: ListenerAddress): Promise<ListenerAddress> {
    const { promise, resolve, reject } = Promise.withResolvers<ListenerAddress>()
    const server = net.createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
      this.#accept(listener.name, accepted, server)
    })
    server.once('error', reject)
    const { host, port } = listener
    const { backlog } = this.#options.limits
    server.listen(host === '' ? { port, backlog } : { host, port, backlog }, () => {
      server.removeListener('error', reject)
      server.on('error', (error) => this.#options.trace('listener-error', { level: 'error', error: error.message }))
      this.#servers.push(server)
      resolve({ ...listener, port: (server.address() as net.AddressInfo).port })
    })
    return promise
  }

  #accept(listener: string, accepted: net.Socket, server: net.Server): void {
    const { limits, adapter, trace } = this.#options
    const { remoteAddress = '' } = accepted
    const fromAddress = this.#ofAddress.get(remoteAddress) ?? 0
    if (this.#connections.size >= limits.maxConnections || fromAddress >= limits.maxConnectionsPerIp) {
      this.#counts.refused++
      trace('connection-refused', { level: 'warn', remoteAddress, connections: this.#connections.size })
      accepted.destroy()
      return
    }
    this.#counts.accepted++
    const id = this.#nextId++
    this.#open(new Connection(id, listener, this, adapter, accepted, server), listener, remoteAddress)
  }

  /** A client of this process, over a port instead of a socket. */
  acceptPort(port: MessagePort, listener: string, remoteAddress: string): void {
    this.#counts.accepted++
    this.#open(new PortConnection(this.#nextId++, this, port), listener, remoteAddress)
  }

  #open(connection: ServedConnection, listener: string, remoteAddress: string): void {
    const { id } = connection
    this.#connections.set(id, connection)
    this.#ofAddress.set(remoteAddress, (this.#ofAddress.get(remoteAddress) ?? 0) + 1)
    this.#addresses.set(id, remoteAddress)
    this.#options.deliver({ kind: 'connectionOpened', connection: id, remoteAddress, listener })
    if (this.#serving) connection.start()
  }

  /** From now on requests are read. Before, clients may connect and wait: the broker does not know the cluster yet. */
  serve(): void {
    if (this.#serving) return
    this.#serving = true
    for (const connection of this.#connections.values()) connection.start()
  }

  #closeIdle(): void {
    const oldest = this.now() - this.#options.limits.maxIdleMs
    for (const connection of this.#connections.values()) {
      if (connection.lastActiveMs <= oldest) connection.destroy('idle for connections.max.idle.ms')
    }
  }

  /** Once a turn. */
  flush(): void {
    const connections = this.#flushes
    if (connections.length === 0) return
    this.#flushes = []
    for (const connection of connections) connection.flush()
  }

  /** Ends all connections without waiting for anything: for a front that has lost its state. */
  closeAll(reason: string): void {
    for (const connection of this.#connections.values()) connection.destroy(reason)
  }

  /** No new connections; the existing ones stay. */
  stopListening(): void {
    for (const server of this.#servers.splice(0)) server.close()
    if (this.#idleCheck !== null) clearInterval(this.#idleCheck)
    this.#idleCheck = null
  }

  statistics(): SocketStatistics {
    let { bytesIn, bytesOut } = this.#counts
    for (const connection of this.#connections.values()) {
      bytesIn += connection.bytesIn
      bytesOut += connection.bytesOut
    }
    return { ...this.#counts, bytesIn, bytesOut, connections: this.#connections.size, requests: this.#requests }
  }

  // --- of connections

  frame(connection: ServedConnection, bytes: Uint8Array): void {
    this.#counts.frames++
    if (bytes.length >= 2) {
      const apiKey = (bytes[0]! << 8) | bytes[1]!
      this.#requests.set(apiKey, (this.#requests.get(apiKey) ?? 0) + 1)
    }
    this.#options.deliver({ kind: 'frame', connection: connection.id, bytes })
  }

  wantsFlush(connection: ServedConnection): void {
    this.#flushes.push(connection)
    this.#options.wake()
  }

  readEnd(): void {
    this.#options.wake()
  }

  closed(connection: ServedConnection, reason: string): void {
    if (!this.#connections.delete(connection.id)) return
    this.#counts.bytesIn += connection.bytesIn
    this.#counts.bytesOut += connection.bytesOut
    const address = this.#addresses.get(connection.id)!
    this.#addresses.delete(connection.id)
    const left = this.#ofAddress.get(address)! - 1
    if (left === 0) this.#ofAddress.delete(address)
    else this.#ofAddress.set(address, left)
    this.#options.trace('connection-closed', { level: 'debug', connection: connection.id, address, reason })
    this.#options.deliver({ kind: 'connectionClosed', connection: connection.id })
  }

  now(): number {
    return this.#options.now()
  }

  // --- the transport port of the front

  send(connection: number, frame: Uint8Array): void {
    const target = this.#connections.get(connection)
    if (target === undefined) this.pool.release(frame)
    else target.send(frame)
  }

  close(connection: number): void {
    this.#connections.get(connection)?.close('closed by the broker')
  }

  mute(connection: number): void {
    this.#connections.get(connection)?.mute()
  }

  unmute(connection: number): void {
    this.#connections.get(connection)?.unmute()
  }

  acquire(size: number): Uint8Array {
    return this.pool.acquireAtLeast(size)
  }

  release(buffer: Uint8Array): void {
    this.pool.release(buffer)
  }
}
