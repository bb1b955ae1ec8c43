/** What may happen in the replication model beside deliveries and timers: clients, elections, crashes, reassignments. */
import type { Message } from '@troupe/actor'
import type { ControllerRequest } from '@troupe/controller/messages'
import type { Produce } from '@troupe/replication/messages'
import type { AlterPartitionRequest } from '@troupe/wire/messages'
import { buildBatch } from '@troupe/wire/record-batch'
import { cameBackUnclean } from '../invariants/replication.ts'
import type { Choice } from '../model/actor-world.ts'
import type { Bounds } from '../model/contract.ts'
import type { IdealStore } from '../model-ports/ideal-store.ts'
import { directoryOf, partitionOf } from './replication-authority.ts'
import {
  brokersOf,
  imageOf,
  REPLICA,
  replicaOf,
  tell,
  type ReplicationModelGhost,
  type ReplicationWorld,
} from './replication-world.ts'

function records(number: number): Uint8Array {
  return buildBatch({ records: [{ key: null, value: new TextEncoder().encode(`record-${number}`), timestamp: 1000 }] })
}

function produce(node: number, { acks, records: most }: Bounds): Choice<ReplicationModelGhost> {
  return {
    label: `produce b${node}`,
    type: 'client',
    enabled: (world) => world.ghost.written < most! && replicaOf(world, node)?.role === 'leader',
    apply(world) {
      const id = ++world.edit().written
      const message: Produce = {
        kind: 'produce',
        replyTo: { broker: node, actor: 'client', id },
        records: records(id),
        acks: acks as -1 | 1,
        timeoutMs: 1000,
        transaction: null,
      }
      world.deliver(node, REPLICA, message)
    },
  }
}

function elect(broker: number, { elections }: Bounds): Choice<ReplicationModelGhost> {
  return {
    label: `elect b${broker}`,
    type: 'fault',
    enabled(world) {
      const { leader, isr } = partitionOf(imageOf(world))
      const isActive = imageOf(world).brokers.get(broker)?.fenced === false
      return world.ghost.elections < elections! && leader !== broker && isr.includes(broker) && isActive
    },
    apply(world) {
      world.edit().elections++
      tell(world, { kind: 'elect', broker })
    },
  }
}

/** The session of a broker that lives runs out; one that is dead is fenced for nothing. */
function fence(broker: number, successor: number, { fences }: Bounds): Choice<ReplicationModelGhost> {
  return {
    label: `fence b${broker}, b${successor} next`,
    type: 'fault',
    enabled(world) {
      const { leader, isr } = partitionOf(imageOf(world))
      if (imageOf(world).brokers.get(broker)?.fenced !== false) return false
      if (world.isUp(broker) && world.ghost.fences >= fences!) return false
      const others = isr.filter((id) => id !== broker)
      // Whom it names matters only where a leader goes and several could follow.
      const isChoice = leader === broker && others.length > 1
      return isChoice ? others.includes(successor) : successor === (broker % world.bounds.brokers!) + 1
    },
    apply(world) {
      if (world.isUp(broker)) world.edit().fences++
      tell(world, { kind: 'fence', broker, successor })
    },
  }
}

function unfence(broker: number): Choice<ReplicationModelGhost> {
  return {
    label: `unfence b${broker}`,
    type: 'fault',
    enabled: (world) => world.isUp(broker) && imageOf(world).brokers.get(broker)?.fenced === true,
    apply: (world) => tell(world, { kind: 'unfence', broker }),
  }
}

/** Others reckon with it, or may do so soon. */
function isMember(world: ReplicationWorld, broker: number): boolean {
  const { isr, elr, lastKnownElr } = partitionOf(imageOf(world))
  if ([isr, elr, lastKnownElr].some((members) => members.includes(broker))) return true
  const { brokers } = world.bounds
  for (let node = 1; node <= brokers!; node++) if (replicaOf(world, node)?.pendingIsr?.isr.includes(broker)) return true
  return world.flights.some(({ message }) => message.kind === 'controllerRequest' && proposed(message).includes(broker))
}

function proposed(message: Message): number[] {
  const { body } = message as ControllerRequest<'AlterPartition', AlterPartitionRequest>
  return body.topics[0]!.partitions[0]!.newIsrWithEpochs.map(({ brokerId }) => brokerId)
}

/**
 * The fault budget. Whoever has promised nothing may lose everything. Of those who have, fewer than min ISR may crash if one
 * of them loses something: to the controller, whoever did not stop cleanly may have lost something (KIP-966).
 */
function isAffordable(world: ReplicationWorld, broker: number, isLossy: boolean): boolean {
  const { memberCrashes, seen } = world.ghost
  if (!isMember(world, broker) || memberCrashes < world.bounds.minIsr! - 1) return true
  return !isLossy && seen.lossy === 0
}

function crash(
  broker: number,
  how: 'kill' | 'power loss' | 'replace disk of',
  bounds: Bounds,
): Choice<ReplicationModelGhost> {
  return {
    label: `${how} b${broker}`,
    type: 'fault',
    enabled(world) {
      const { kills, losses, replaced } = world.ghost
      if (!world.isUp(broker) || kills >= bounds.kills!) return false
      if (!isAffordable(world, broker, how !== 'kill')) return false
      if (how === 'kill') return true
      return how === 'power loss' ? losses < bounds.losses! : replaced < bounds.replaced!
    },
    apply(world) {
      const ghost = world.edit()
      ghost.kills++
      if (how === 'power loss') ghost.losses++
      if (how === 'replace disk of') ghost.replaced++
      if (isMember(world, broker)) {
        ghost.memberCrashes++
        if (how !== 'kill') ghost.seen.lossy++
      }
      world.crash(broker)
      const disk = world.own(world.cell(broker, REPLICA)!.index).disk as IdealStore
      if (how === 'replace disk of') disk.replaceDisk(directoryOf(broker))
      else disk.restart(world.now, how === 'kill' ? Infinity : 0)
    },
  }
}

/** Registers and is unfenced at once; what the metadata said before is not heard any more. */
function start(broker: number): Choice<ReplicationModelGhost> {
  return {
    label: `start b${broker}`,
    type: 'fault',
    enabled: (world) => !world.isUp(broker),
    apply(world) {
      world.drop(({ to }) => to === broker)
      world.start(broker)
      cameBackUnclean(world.edit().seen, broker)
      tell(world, { kind: 'register', broker, isClean: false, directory: directoryOf(broker) })
    },
  }
}

function reassign(broker: number, { reassigns }: Bounds): Choice<ReplicationModelGhost> {
  return {
    label: `take away and bring back b${broker}`,
    type: 'fault',
    enabled(world) {
      const { leader, replicas, addingReplicas } = partitionOf(imageOf(world))
      return (
        world.ghost.reassigns < reassigns! &&
        leader !== broker &&
        leader >= 0 &&
        replicas.includes(broker) &&
        addingReplicas.length === 0 &&
        partitionOf(imageOf(world)).isr.length > 1
      )
    },
    apply(world) {
      world.edit().reassigns++
      const { replicas } = partitionOf(imageOf(world))
      tell(world, { kind: 'reassign', replicas: replicas.filter((id) => id !== broker) })
      tell(world, { kind: 'reassign', replicas })
    },
  }
}

export const isVictim = ({ brokers, victims }: Bounds, broker: number): boolean =>
  victims === 0 || broker > brokers! - victims!

export function choices(bounds: Bounds): Choice<ReplicationModelGhost>[] {
  const brokers = brokersOf(bounds)
  const some = (limit: number | undefined, make: (broker: number) => Choice<ReplicationModelGhost>[]) =>
    (limit ?? 0) > 0 ? brokers.flatMap(make) : []
  return [
    ...brokers.map((broker) => produce(broker, bounds)),
    ...some(bounds.elections, (broker) => [elect(broker, bounds)]),
    ...some(bounds.fences! + bounds.kills!, (broker) => [
      ...brokers.filter((id) => id !== broker).map((successor) => fence(broker, successor, bounds)),
      unfence(broker),
    ]),
    ...some(bounds.kills, (broker) =>
      isVictim(bounds, broker)
        ? [
            crash(broker, 'kill', bounds),
            crash(broker, 'power loss', bounds),
            crash(broker, 'replace disk of', bounds),
            start(broker),
          ]
        : [],
    ),
    ...some(bounds.reassigns, (broker) => [reassign(broker, bounds)]),
  ]
}
