/**
 * The actors of a broker and the ports they get: the one list from which the real shell and the simulator start a broker.
 */
import type { ActorDefinition, Env, ListenerView } from '@troupe/actor'
import type { BrokerConfig } from '@troupe/config'
import { brokerActor } from '@troupe/controller/broker/actor'
import { controllerActor } from '@troupe/controller/controller-actor'
import type { MetadataImage } from '@troupe/controller/image'
import type { QuorumStore } from '@troupe/controller/quorum-store'
import { groupsActor } from '@troupe/groups'
import type { LogStore } from '@troupe/log/contract'
import { logManagerActor } from '@troupe/replication/log-manager'
import { replicaActor } from '@troupe/replication/replica'
import { producerIdsActor, transactionsActor } from '@troupe/transactions'
import { front } from './front.ts'
import type { Traffic } from './traffic.ts'
import type { Transport } from './transport.ts'

/** What a shell has for the actors of one life of a broker. */
export interface BrokerPorts {
  readonly config: BrokerConfig
  readonly image: MetadataImage
  readonly logs: LogStore
  readonly listeners: readonly ListenerView[]
  /** A uuid of this life of the broker. */
  readonly incarnationId: string
  /** Members of the metadata quorum. */
  readonly voters: readonly number[]
  /** Opened anew for each life of the controller, which closes it. */
  openQuorum(): QuorumStore
  readonly transport: Transport
  readonly traffic?: Traffic
  /** Logs with so many bytes to compact are given to the `jobs` actor. */
  readonly offloadBytes: number
  /** The front starts again: it knows none of the connections. */
  onFrontRestart(): void
}

/** A kind of actor that a shell can start, with the synchronous ports its env has beside the common ones. */
export interface BrokerActorKind {
  // States, messages and arguments are opaque to a shell.
  // oxlint-disable-next-line no-explicit-any
  readonly definition: ActorDefinition<any, any, any, any>
  ports(env: Env, args: unknown): object
}

/** Started in this order; everything else they spawn themselves. */
export const rootActors = ['log-manager', 'controller', 'broker', 'producer-ids', 'front'] as const

/**
 * What an ordered stop writes down (KIP-966): the epoch of this life's registration. A life that never registered has none:
 * the metadata may still show an earlier one, which did not stop in order and may have lost something.
 */
export function epochOfLife(given: Pick<BrokerPorts, 'image' | 'incarnationId'>, broker: number): number | undefined {
  const registered = given.image.brokers.get(broker)
  return registered?.incarnationId === given.incarnationId ? registered.epoch : undefined
}

export function brokerActors(given: BrokerPorts): Map<string, BrokerActorKind> {
  const { config, image, logs, listeners, incarnationId, voters, offloadBytes, transport, traffic } = given
  const common = { cluster: image, config, logs }
  let frontStarts = 0
  const kinds: Record<string, BrokerActorKind> = {
    controller: {
      definition: controllerActor,
      ports: () => ({ quorum: given.openQuorum(), config, voters }),
    },
    broker: { definition: brokerActor, ports: () => ({ image, logs, config, listeners, incarnationId }) },
    'log-manager': { definition: logManagerActor, ports: () => ({ logs, config, offloadBytes }) },
    'producer-ids': { definition: producerIdsActor, ports: () => common },
    replica: { definition: replicaActor, ports: () => common },
    groups: { definition: groupsActor, ports: () => common },
    transactions: { definition: transactionsActor, ports: () => common },
    front: {
      definition: front,
      ports: () => {
        if (frontStarts++ > 0) given.onFrontRestart()
        return { ...common, transport, traffic }
      },
    },
  }
  return new Map(Object.entries(kinds))
}
