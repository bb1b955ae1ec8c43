/** What the replication model's world is made of, how the invariants see it, and how it is copied and compared. */
import { actorNames, type Message } from '@troupe/actor'
import { MetadataImage } from '@troupe/controller/image'
import { maximalIsr } from '@troupe/replication/isr-state'
import type { ReplicaState } from '@troupe/replication/state'
import type { ReplicationGhost } from '../invariants/replication.ts'
import type { ReplicaSeen, ReplicationSeen } from '../invariants/view.ts'
import type { ClassRule, World } from '../model/actor-world.ts'
import type { Bounds } from '../model/contract.ts'
import { IdealLog } from '../model-ports/ideal-log.ts'
import { IdealStore } from '../model-ports/ideal-store.ts'
import type { PartitionStrip } from '../trace/format.ts'
import { AUTHORITY, partitionOf, TOPIC, TOPIC_ID, type AuthorityState, type Verb } from './replication-authority.ts'

export interface ReplicationModelGhost {
  readonly seen: ReplicationGhost
  written: number
  elections: number
  fences: number
  shrinks: number
  kills: number
  losses: number
  replaced: number
  reassigns: number
  drops: number
  skips: number
  /** Nothing more goes wrong: timers fire as they like. */
  healing: boolean
  /** Crashes of brokers that others reckoned with. */
  memberCrashes: number
}

export type ReplicationWorld = World<ReplicationModelGhost>

export const REPLICA = actorNames.replica(TOPIC_ID, 0)

export const CONTROLLER = actorNames.controller

export const brokersOf = ({ brokers }: Bounds): number[] => Array.from({ length: brokers! }, (_, index) => index + 1)

export const replicaOf = (world: ReplicationWorld, node: number): ReplicaState | undefined =>
  world.state<ReplicaState>(node, REPLICA)

export const authorityOf = (world: ReplicationWorld): AuthorityState =>
  world.state<AuthorityState>(AUTHORITY, CONTROLLER)!

export const imageOf = (world: ReplicationWorld): MetadataImage => authorityOf(world).image

export const tell = (world: ReplicationWorld, verb: Verb): void => world.deliver(AUTHORITY, CONTROLLER, verb as Message)

export function replicaSeen(state: ReplicaState): ReplicaSeen {
  const {
    id: broker,
    role,
    leader,
    leaderEpoch,
    leaderEpochStartOffset,
    partitionEpoch,
    isr,
    pendingIsr,
    followers,
  } = state
  const log = state.log as IdealLog
  return {
    broker,
    role,
    leader,
    leaderEpoch,
    leaderEpochStartOffset,
    partitionEpoch,
    isr,
    followers,
    log,
    maximalIsr: maximalIsr(state),
    isPending: pendingIsr !== null,
  }
}

export function replicationSeen(world: ReplicationWorld): ReplicationSeen {
  const image = imageOf(world)
  const partition = partitionOf(image)
  const replicas: ReplicaSeen[] = []
  const stopped: IdealLog[] = []
  for (const node of brokersOf(world.bounds)) {
    const state = replicaOf(world, node)
    if (state !== undefined) replicas.push(replicaSeen(state))
    else stopped.push(...world.disk<IdealStore>(node, REPLICA)!.files.values())
  }
  return {
    partition: { ...partition, isRecovering: partition.leaderRecoveryState === 1 },
    brokers: image.brokers,
    minIsr: world.bounds.minIsr!,
    isElrEnabled: world.bounds.elr === 1 && world.safeguards.eligibleLeaderReplicas,
    replicas,
    stopped,
  }
}

export function strips(world: ReplicationWorld): PartitionStrip[] {
  const { leader, leaderEpoch, partitionEpoch, isr } = partitionOf(imageOf(world))
  const replicas = brokersOf(world.bounds).map((broker) => {
    const state = replicaOf(world, broker)
    const log = state?.log ?? [...world.disk<IdealStore>(broker, REPLICA)!.files.values()][0]
    return {
      broker,
      up: state !== undefined,
      role: state?.role ?? 'none',
      leaderEpoch: state?.leaderEpoch ?? -1,
      logEndOffset: log?.logEndOffset ?? 0,
      highWatermark: log?.highWatermark ?? 0,
      lastStableOffset: log?.lastStableOffset ?? 0,
    }
  })
  return [{ partition: `${TOPIC}-0`, leader, leaderEpoch, partitionEpoch, isr, replicas }]
}

const logRule: ClassRule<IdealLog> = {
  type: IdealLog,
  clone: (log) => log.clone(),
  view: ({ batches, epochs, logStartOffset, logEndOffset, highWatermark, syncedOffset, checkpointed }) => [
    logStartOffset,
    logEndOffset,
    highWatermark,
    syncedOffset,
    checkpointed.highWatermark,
    epochs.entries,
    batches.map(({ digest }) => digest),
  ],
}

const storeRule: ClassRule<IdealStore> = {
  type: IdealStore,
  clone: (store, copy) => {
    const twin = new IdealStore(store.directoryId, store.safeguards)
    for (const [key, log] of store.files) twin.files.set(key, copy(log))
    for (const key of store.opened) twin.opened.add(key)
    return twin
  },
  view: ({ files }) => [...files.values()],
}

const imageRule: ClassRule<MetadataImage> = {
  type: MetadataImage,
  clone: (image) => image,
  view: (image) => {
    const partition = partitionOf(image)
    return {
      partition: { ...partition, directories: null },
      brokers: new Map(Array.from(image.brokers.values(), ({ id, epoch, fenced }) => [id, { epoch, fenced }])),
    }
  },
}

export const viewNodes = ['leader', 'isr', 'replicas', 'elr', 'lastKnownElr', 'addingReplicas', 'removingReplicas']

export const classRules = [logRule, storeRule, imageRule] as unknown as readonly ClassRule<never>[]
