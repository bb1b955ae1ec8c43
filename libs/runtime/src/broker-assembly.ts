/** What a broker's worker needs to know of the actors it runs: the seam between the shell and the protocols. */
import type { MessagePort } from 'node:worker_threads'
import type { Message } from '@troupe/actor'
import type { BrokerConfig } from '@troupe/config'
import type { Transport } from '@troupe/broker/transport'
import type { SyncCalls } from '@troupe/log/node-file-system.node'
import type { ActorKind } from '@troupe/actor/host/actor-host'
import type { BootOptions, BrokerDescription, Report, TrafficDescription } from './control.ts'
import type { MeshLink } from './bus.ts'
import type { ListenerAddress } from './sockets.ts'

export interface BrokerContext {
  readonly broker: number
  readonly config: BrokerConfig
  readonly boot: BootOptions
  /** Bound, with their real ports. */
  readonly listeners: readonly ListenerAddress[]
  /** What clients are told. */
  readonly advertised: readonly ListenerAddress[]
  readonly transport: Transport
  /** fsync, as far as this thread may. */
  readonly sync: SyncCalls
  /** Ends all connections: a front that was restarted knows none of them. */
  closeConnections(reason: string): void
  /** Serves a client of this process, over a port instead of a socket. */
  acceptPort(port: MessagePort, listener: string, remoteAddress: string): void
  /** Asks an actor of this broker, once it runs. */
  ask(actor: string, message: Message): Promise<unknown>
  /** What whoever launched this worker has given it for its assembly. */
  readonly attachment: unknown
  now(): number
  report(level: Report['level'], event: string, fields: Record<string, unknown>): void
}

export interface RootActor {
  readonly name: string
  readonly kind: string
  readonly args: unknown
}

export interface BrokerAssembly {
  readonly kinds: ReadonlyMap<string, ActorKind>
  /** Started in this order; everything else they spawn themselves. */
  readonly roots: readonly RootActor[]
  describe(): BrokerDescription
  /** What passed through the front; where there is one that counts. */
  traffic?(): TrafficDescription
  /** Puts something between this broker and another, where a test wants that. */
  throughLink?(link: MeshLink): MeshLink
  /** Groups that are coordinated here by their state; `inspect` shows an actor's state. */
  groupStates?(inspect: (actor: string) => unknown): Record<string, number>
  /** After all actors have stopped: leaves the directory as a clean stop does. */
  closeCleanly(): void
}

export type Assemble = (context: BrokerContext) => BrokerAssembly
