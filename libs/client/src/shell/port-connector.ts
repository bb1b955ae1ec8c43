/**
 * Connections to brokers of this process (an embedded cluster), without TCP: one MessagePort for each.
 *
 * What is posted, either way, is an array of whole frames (`Uint8Array[]`, each with its 4-byte length in front, each in
 * a buffer of its own that is transferred). The broker's first post, an empty array, says that the connection is
 * accepted. Whoever closes its end of the port closes the connection. The broker's end: `PortConnection` in libs/runtime.
 */
import type { MessagePort } from 'node:worker_threads'
import type { ClientTransport } from '../transport.ts'
import type { Connector } from './connector.ts'

/** The client's end of a new connection to the broker of this address; null when none listens there. */
export type Dial = (host: string, port: number) => MessagePort | null

const lengthBytes = 4

interface Connection {
  readonly port: MessagePort
  isConnected: boolean
  /** Leave together at the end of this piece of work. */
  outgoing: Uint8Array[]
}

export function portConnector(dial: Dial): Connector {
  return (deliver) => new PortTransport(dial, deliver)
}

class PortTransport implements ClientTransport {
  readonly #dial: Dial
  readonly #deliver: Parameters<Connector>[0]
  readonly #connections = new Map<number, Connection>()
  #lastId = 0
  #closed = false

  constructor(dial: Dial, deliver: Parameters<Connector>[0]) {
    this.#dial = dial
    this.#deliver = deliver
  }

  connect(host: string, port: number): number {
    const id = ++this.#lastId
    const channel = this.#closed ? null : this.#dial(host, port)
    if (channel === null) {
      setImmediate(() => {
        if (!this.#closed) this.#deliver({ kind: 'disconnected', connection: id })
      })
      return id
    }
    const connection: Connection = { port: channel, isConnected: false, outgoing: [] }
    this.#connections.set(id, connection)
    channel.on('message', (frames: Uint8Array[]) => this.#received(id, connection, frames))
    channel.on('close', () => {
      if (this.#connections.delete(id)) this.#deliver({ kind: 'disconnected', connection: id })
    })
    return id
  }

  #received(id: number, connection: Connection, frames: Uint8Array[]): void {
    if (!connection.isConnected) {
      connection.isConnected = true
      this.#deliver({ kind: 'connected', connection: id })
    }
    for (const frame of frames) {
      // An answer may have made the client close it.
      if (!this.#connections.has(id)) return
      this.#deliver({ kind: 'frame', connection: id, bytes: frame.subarray(lengthBytes), owned: true })
    }
  }

  send(connection: number, frame: Uint8Array): void {
    const target = this.#connections.get(connection)
    if (target === undefined) return
    const isWhole = frame.byteLength === frame.buffer.byteLength && frame.buffer instanceof ArrayBuffer
    target.outgoing.push(isWhole ? frame : new Uint8Array(frame))
    if (target.outgoing.length > 1) return
    queueMicrotask(() => {
      const frames = target.outgoing
      target.outgoing = []
      target.port.postMessage(
        frames,
        frames.map(({ buffer }) => buffer as ArrayBuffer),
      )
    })
  }

  close(connection?: number): void {
    if (connection === undefined) {
      this.#closed = true
      for (const id of this.#connections.keys()) this.close(id)
      return
    }
    const target = this.#connections.get(connection)
    if (target === undefined) return
    this.#connections.delete(connection)
    target.port.removeAllListeners('message')
    target.port.close()
  }
}
