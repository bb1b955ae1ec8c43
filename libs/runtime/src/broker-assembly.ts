/** What a broker's worker needs to know of the actors it runs: the seam between the shell and the protocols. */
import type { BrokerConfig } from '@troupe/config'
import type { Transport } from '@troupe/broker/transport'
import type { SyncCalls } from '@troupe/log/node-file-system.node'
import type { ActorKind } from '@troupe/actor/host/actor-host'
import type { BootOptions, BrokerDescription, Report, TrafficDescription } from './control.ts'
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
  /** Groups that are coordinated here by their state; `inspect` shows an actor's state. */
  groupStates?(inspect: (actor: string) => unknown): Record<string, number>
  /** After all actors have stopped: leaves the directory as a clean stop does. */
  closeCleanly(): void
}

export type Assemble = (context: BrokerContext) => BrokerAssembly
