/**
 * A client's only way to the brokers: connections that carry frames. Sockets implement it, the simulator's network,
 * and a MessagePort to an embedded cluster.
 *
 * What comes in are messages to the `network` actor.
 */
import type { Message } from '@troupe/actor'

export interface ClientTransport {
  /** Begins to connect; `connected` or `disconnected` follows. Numbers are never used again. */
  connect(host: string, port: number): number
  /** Sends a request, the 4-byte length in front included. A connection that is gone swallows it. */
  send(connection: number, frame: Uint8Array): void
  /** Idempotent. No message of this connection follows. */
  close(connection: number): void
}

export interface Connected extends Message {
  readonly kind: 'connected'
  readonly connection: number
}

/** Could not be opened, or was open and is lost. */
export interface Disconnected extends Message {
  readonly kind: 'disconnected'
  readonly connection: number
  /** Why, when trying again will not help: the TLS of this peer is not acceptable (SslAuthenticationException). */
  readonly refused?: string
}

export interface ResponseFrame extends Message {
  readonly kind: 'frame'
  readonly connection: number
  /** A response without its 4-byte length. Valid during the step, unless it is `owned`. */
  readonly bytes: Uint8Array
  /** Nobody else will write to these bytes: whoever decodes them may keep them without a copy. */
  readonly owned?: boolean
}

export type TransportMessage = Connected | Disconnected | ResponseFrame
