/**
 * The front's only way to its clients: frames out, connections closed, reading held back.
 *
 * The production shell implements it over sockets with pooled buffers, the simulator over its network. Incoming
 * traffic is messages (`FrontMessage`); a frame's bytes belong to the shell and are valid for one step.
 */
import type { ClusterView, Env, Message, Reply } from '@troupe/actor'
import type { BrokerConfig } from '@troupe/config'
import type { LogStore } from '@troupe/log/contract'
import type { Traffic } from './traffic.ts'

export interface Transport {
  /**
   * Sends a response, the 4-byte length in front included. `frame` is the beginning (`subarray(0, n)`) of what
   * `acquire` gave, or bytes of any other origin. The transport owns it from here on, and releases it after the write.
   * A connection that is gone swallows it.
   */
  send(connection: number, frame: Uint8Array): void
  /** Idempotent. `connectionClosed` follows, unless it came already. */
  close(connection: number): void
  /** Reads no more from this connection; frames that were read already may still come. */
  mute(connection: number): void
  unmute(connection: number): void
  /** A pooled buffer of at least `size` bytes, its content undefined. */
  acquire(size: number): Uint8Array
  /** Gives back what `acquire` gave and nobody sent. Bytes of another origin are ignored. */
  release(buffer: Uint8Array): void
}

export interface FrontEnv extends Env {
  readonly transport: Transport
  readonly cluster: ClusterView
  readonly config: BrokerConfig
  /** Read only, for DescribeLogDirs. */
  readonly logs: LogStore
  /** Counts what passes; absent where nobody wants to know. */
  readonly traffic?: Traffic
}

export interface ConnectionOpened extends Message {
  readonly kind: 'connectionOpened'
  readonly connection: number
  /** Address of the client without the port, as group members show it. */
  readonly remoteAddress: string
  /** Name of the listener it came in on. */
  readonly listener: string
}

export interface Frame extends Message {
  readonly kind: 'frame'
  readonly connection: number
  /** A request without its 4-byte length. Valid until the messages sent by this step have been processed. */
  readonly bytes: Uint8Array
}

export interface ConnectionClosed extends Message {
  readonly kind: 'connectionClosed'
  readonly connection: number
}

/** A timer of a request or of the front itself. */
export interface FrontTimer extends Message {
  readonly kind: 'timer'
  readonly id: number
}

export type FrontMessage = ConnectionOpened | Frame | ConnectionClosed | FrontTimer | Reply
