/**
 * One replicated partition: production replicas over ideal logs, production decisions of the controller over a metadata log
 * that commits at once, a producer that writes at whoever thinks to lead.
 *
 * Begins with `b1` leading epoch 0, everybody in the ISR and waiting at its end. From there records are written; leaders are
 * elected; brokers are fenced, killed (the page cache stays), lose their power or their disk, and come back; messages are
 * lost; each broker hears of the metadata in order, later or sooner, or only of the last of several versions.
 *
 * Bounds: `brokers`, `minIsr`, `elr` (0, 1), `records`, `elections`, `fences`, `shrinks` (the ISR check finds who is behind),
 * `kills` (of any kind), `losses` of them with what was not synced, `replaced` of them with the disk, `reassigns` (a replica
 * is taken away and brought back), `drops` (messages to and from the controller), `skips` (versions of the metadata that a
 * broker hears of only together with the next), `outside` (brokers that are not in the ISR at first), `victims` (only
 * the last so many crash; 0: any). `acks` is −1 or 1. With `liveness` 1, whenever everything is at rest, a copy
 * of the world is healed (healed.ts), and must come to where all replicas are in sync.
 */
import { actorNames, type Effect, type Message } from '@troupe/actor'
import { resolveBrokerConfig, resolveTopicConfig } from '@troupe/config'
import { MetadataImage } from '@troupe/controller/image'
import { replicaActor } from '@troupe/replication/replica'
import { maximalIsr } from '@troupe/replication/isr-state'
import type { PartitionUpdate, Produce, Produced, ReplicaArgs, ReplicaConfig } from '@troupe/replication/messages'
import type { ReplicaState } from '@troupe/replication/state'
import type { ControllerRequest } from '@troupe/controller/messages'
import { KafkaError } from '@troupe/wire/errors'
import type { AlterPartitionRequest } from '@troupe/wire/messages'
import { buildBatch } from '@troupe/wire/record-batch'
import {
  acknowledged,
  cameBackUnclean,
  checkApplied,
  checkReplication,
  look,
  newReplicationGhost,
  replicationWitnesses,
  type ReplicationGhost,
} from '../invariants/replication.ts'
import type { ReplicaSeen, ReplicationSeen } from '../invariants/view.ts'
import type { PartitionStrip } from '../trace/format.ts'
import {
  actorModel,
  type ActorModel,
  type Cell,
  type CellSpec,
  type Choice,
  type ClassRule,
  type Flight,
  type World,
} from '../model/actor-world.ts'
import type { Bounds, Violation } from '../model/contract.ts'
import { IdealLog } from '../model-ports/ideal-log.ts'
import { IdealStore } from '../model-ports/ideal-store.ts'
import {
  AUTHORITY,
  authority,
  directoryOf,
  forwarder,
  partitionOf,
  TOPIC,
  TOPIC_ID,
  type AuthorityArgs,
  type AuthorityState,
  type Verb,
} from './replication-authority.ts'
import { heal } from './healed.ts'
import { settle } from './raft-member.ts'

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

const REPLICA = actorNames.replica(TOPIC_ID, 0)
const CONTROLLER = actorNames.controller
/** Later than any lag that is allowed. */
const LATE_MS = 1_000_000

export const replicationBounds: Bounds = {
  brokers: 3,
  minIsr: 1,
  elr: 0,
  acks: -1,
  records: 2,
  elections: 2,
  fences: 0,
  shrinks: 0,
  kills: 0,
  losses: 0,
  replaced: 0,
  reassigns: 0,
  drops: 0,
  skips: 0,
  liveness: 0,
  outside: 0,
  victims: 0,
}

const brokersOf = ({ brokers }: Bounds): number[] => Array.from({ length: brokers! }, (_, index) => index + 1)

interface Configs {
  readonly replica: ReplicaConfig
  readonly args: AuthorityArgs
}

function configsOf(bounds: Bounds): Configs {
  const given = new Map([['min.insync.replicas', String(bounds.minIsr)]])
  const { config } = resolveBrokerConfig(given)
  const topic = resolveTopicConfig(config, given)
  const replica: ReplicaConfig = {
    log: {
      ...topic,
      'producer.id.expiration.ms': config['producer.id.expiration.ms'],
    } as unknown as ReplicaConfig['log'],
    'min.insync.replicas': bounds.minIsr!,
    'replica.lag.time.max.ms': config['replica.lag.time.max.ms'],
    'replica.fetch.wait.max.ms': config['replica.fetch.wait.max.ms'],
    'replica.fetch.max.bytes': config['replica.fetch.max.bytes'],
    'replica.fetch.backoff.ms': config['replica.fetch.backoff.ms'],
    'unclean.leader.election.enable': false,
  }
  return {
    replica,
    args: {
      brokers: brokersOf(bounds),
      isr: brokersOf(bounds).slice(0, bounds.brokers! - bounds.outside!),
      elr: bounds.elr === 1,
      config,
      replicaConfig: replica,
    },
  }
}

function cells(bounds: Bounds): CellSpec<ReplicationModelGhost>[] {
  const { replica, args } = configsOf(bounds)
  const replicaArgs: ReplicaArgs = { topic: TOPIC, topicId: TOPIC_ID, partition: 0, config: replica }
  return [
    { node: AUTHORITY, name: CONTROLLER, definition: authority, args },
    ...brokersOf(bounds).flatMap((node): CellSpec<ReplicationModelGhost>[] => [
      {
        node,
        name: REPLICA,
        definition: replicaActor,
        args: replicaArgs,
        disk: () => new IdealStore(directoryOf(node)),
        ports: (view) => ({
          get logs() {
            return view.disk
          },
          cluster: {},
          config: args.config,
        }),
      },
      { node, name: CONTROLLER, definition: forwarder },
    ]),
  ]
}

const replicaOf = (world: ReplicationWorld, node: number): ReplicaState | undefined =>
  world.state<ReplicaState>(node, REPLICA)
const authorityOf = (world: ReplicationWorld): AuthorityState => world.state<AuthorityState>(AUTHORITY, CONTROLLER)!
const imageOf = (world: ReplicationWorld): MetadataImage => authorityOf(world).image
const tell = (world: ReplicationWorld, verb: Verb): void => world.deliver(AUTHORITY, CONTROLLER, verb as Message)

function replicaSeen(state: ReplicaState): ReplicaSeen {
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
  const { isr, elr } = partitionOf(imageOf(world))
  if (isr.includes(broker) || elr.includes(broker)) return true
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

const isVictim = ({ brokers, victims }: Bounds, broker: number): boolean =>
  victims === 0 || broker > brokers! - victims!

function choices(bounds: Bounds): Choice<ReplicationModelGhost>[] {
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

function mayFire(world: ReplicationWorld, { node, state }: Cell, timer: string): boolean {
  const replica = state as ReplicaState
  switch (timer) {
    case 'fetch':
      return replica.role === 'follower' && (replica.fetcher.inFlight === null || isFetchLost(world, replica))
    case 'propagate':
      return true
    case 'isr':
      return world.ghost.healing || (world.ghost.shrinks < world.bounds.shrinks! && isSomeoneBehind(replica))
    case 'alter-partition': {
      const isMine = ({ from, to, title }: Flight): boolean =>
        (from === node || to === node) && title.startsWith('controllerRequest')
      return !world.flights.some(isMine)
    }
    default:
      return false
  }
}

function isSomeoneBehind(replica: ReplicaState): boolean {
  const { id, followers, log } = replica
  return maximalIsr(replica).some(
    (member) => member !== id && followers.get(member)?.logEndOffset !== log!.logEndOffset,
  )
}

/** Nothing of the fetch is under way, and nobody holds it: it would never be answered. */
function isFetchLost(world: ReplicationWorld, { id, fetcher, leader }: ReplicaState): boolean {
  const isOnItsWay = world.flights.some(
    ({ from, to, title }) => (from === id || to === id) && title.startsWith('followerFetch'),
  )
  if (isOnItsWay) return false
  return replicaOf(world, leader)?.followers.get(id)?.parked?.token.id !== fetcher.inFlight?.id
}

function fired(world: ReplicationWorld, _cell: Cell, timer: string): void {
  if (timer === 'isr') world.edit().shrinks++
}

/** Of several versions in a row a broker may hear of the last only. */
function mayLose(world: ReplicationWorld, flight: Flight): boolean {
  const { ghost, bounds } = world
  if (flight.message.kind === 'partition') {
    if (ghost.skips >= bounds.skips!) return false
    return world.flights.filter(({ to, message }) => to === flight.to && message.kind === 'partition').length > 1
  }
  return (flight.from === AUTHORITY || flight.to === AUTHORITY) && ghost.drops < bounds.drops!
}

function lost(world: ReplicationWorld, { message }: Flight): void {
  if (message.kind === 'partition') world.edit().skips++
  else world.edit().drops++
}

/** A replica that was taken away goes with its log before it hears that it is back. */
function afterStep(world: ReplicationWorld, cell: Cell, message: Message): void {
  const { node } = cell
  if (message.kind === 'partition' && !(message as PartitionUpdate).view.replicas.includes(node)) {
    const own = world.own(cell.index)
    const log = (own.state as ReplicaState).log as IdealLog
    log.truncateFullyAndStartAt(0)
    log.highWatermark = 0
  }
  const violation = look(world.edit().seen, replicationSeen(world))
  if (violation !== null) world.fail(violation.invariant, violation.detail)
  if (node !== AUTHORITY) return
  const { applied } = cell.state as AuthorityState
  const stale = applied === null ? null : checkApplied(applied.named, applied.before)
  if (stale !== null) world.fail(stale.invariant, stale.detail)
}

function onEffect(world: ReplicationWorld, cell: Cell, effect: Effect): void {
  if (effect.kind !== 'reply' || effect.token.actor !== 'client' || world.bounds.acks !== -1) return
  const { error, baseOffset } = effect.body as Produced
  if (error === KafkaError.NONE) acknowledged(world.edit().seen, replicaSeen(cell.state as ReplicaState), baseOffset)
}

function check(world: ReplicationWorld): Violation | null {
  const seen = replicationSeen(world)
  return checkReplication(world.ghost.seen, seen) ?? (isAtRest(world, seen) ? checkLiveness(world) : null)
}

function isAtRest({ bounds, ghost, flights }: ReplicationWorld, { brokers, stopped }: ReplicationSeen): boolean {
  if (bounds.liveness !== 1 || ghost.healing || flights.length > 0 || stopped.length > 0) return false
  return [...brokers.values()].every(({ fenced }) => !fenced)
}

/** L3, L4: followers truncate and catch up, the ISR is all of them, no proposal stays open. */
function checkLiveness(world: ReplicationWorld): Violation | null {
  const copy = world.clone()
  copy.edit().healing = true
  heal(replicationModel, copy, () => copy.failure !== null || isInSync(copy))
  if (copy.failure !== null) return copy.failure
  if (isInSync(copy)) return null
  const { partition, replicas } = replicationSeen(copy)
  const leader = replicas.find(({ broker }) => broker === partition.leader)
  const behind = replicas.find(({ log }) => log.logEndOffset !== leader?.log.logEndOffset)
  if (leader === undefined || behind !== undefined) {
    return {
      invariant: 'L3',
      detail: `healed, and b${behind?.broker ?? '?'} does not catch up with b${partition.leader}`,
    }
  }
  if (leader.isPending) return { invariant: 'L4', detail: `healed, and b${leader.broker}'s proposal stays open` }
  if (partition.isr.length < partition.replicas.length) {
    return { invariant: 'L3', detail: `healed, and the ISR stays [${partition.isr.join()}]` }
  }
  return { invariant: 'L3', detail: 'healed, and never comes to rest' }
}

function isInSync(world: ReplicationWorld): boolean {
  const { partition, replicas } = replicationSeen(world)
  const leader = replicas.find(({ broker, role }) => broker === partition.leader && role === 'leader')
  if (leader === undefined || leader.isPending || partition.isr.length < partition.replicas.length) return false
  const { log } = leader
  const end = log.batches.at(-1)?.digest
  // Waiting at the leader's end, each follower is in step with it.
  return replicas.every(
    (replica) =>
      replica === leader ||
      (replica.log.logEndOffset === log.logEndOffset &&
        replica.log.batches.at(-1)?.digest === end &&
        replica.leaderEpoch === leader.leaderEpoch &&
        leader.followers.get(replica.broker)?.logEndOffset === log.logEndOffset),
  )
}

function strips(world: ReplicationWorld): PartitionStrip[] {
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

function detail(message: Message): string {
  const { view, leaderEpoch, offset, lastFetchedEpoch, body, acks } = message as Message & Record<string, any>
  switch (message.kind) {
    case 'partition':
      return `leader=${view.leader} epoch=${view.leaderEpoch}/${view.partitionEpoch} isr=[${view.isr}]`
    case 'followerFetch':
      return `epoch=${leaderEpoch} offset=${offset} lastFetchedEpoch=${lastFetchedEpoch}`
    case 'produce':
      return `acks=${acks}`
    case 'controllerRequest': {
      const { newIsrWithEpochs, partitionEpoch } = body.topics[0].partitions[0]
      return `isr=[${newIsrWithEpochs.map(({ brokerId }: { brokerId: number }) => brokerId)}] partitionEpoch=${partitionEpoch}`
    }
    case 'reply':
      return answerDetail(body)
    default:
      return ''
  }
}

// The answers to all questions of replicas.
// oxlint-disable-next-line no-explicit-any
function answerDetail(body: any): string {
  if (body.kind === 'failed') return body.reason
  const part = body.topics?.[0]?.partitions?.[0]
  if (part !== undefined)
    return `error=${part.errorCode ?? 0} isr=[${part.isr ?? ''}] partitionEpoch=${part.partitionEpoch ?? -1}`
  const { error, records: bytes, divergingEpoch, highWatermark } = body
  const what = divergingEpoch
    ? `diverging=${divergingEpoch.epoch}/${divergingEpoch.endOffset}`
    : bytes
      ? 'records'
      : 'nothing'
  return `error=${error ?? 0} ${what} highWatermark=${highWatermark}`
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

const viewNodes = ['leader', 'isr', 'replicas', 'elr', 'lastKnownElr', 'addingReplicas', 'removingReplicas']

export const replicationModel: ActorModel<ReplicationModelGhost> = actorModel<ReplicationModelGhost>({
  name: 'replication',
  title: 'One replicated partition: elections, crashes, lost disks, lagging metadata',
  defaultBounds: replicationBounds,
  cells,
  ghost: () => ({
    seen: newReplicationGhost(),
    written: 0,
    elections: 0,
    fences: 0,
    shrinks: 0,
    kills: 0,
    losses: 0,
    replaced: 0,
    reassigns: 0,
    drops: 0,
    skips: 0,
    memberCrashes: 0,
    healing: false,
  }),
  begin(world) {
    for (const node of brokersOf(world.bounds)) {
      const store = world.own(world.cell(node, REPLICA)!.index).disk as IdealStore
      store.safeguards = world.safeguards
      for (const log of store.files.values()) log.safeguards = world.safeguards
    }
    tell(world, { kind: 'publish' })
    // Who is outside of the ISR hears of it all in its own time.
    const waits = world.flights.filter(({ to }) => to > world.bounds.brokers! - world.bounds.outside!)
    world.drop((flight) => waits.includes(flight))
    settle(world)
    world.flights = [...world.flights, ...waits]
  },
  choices,
  random: 0,
  now: (world, _cell, timer, at) =>
    timer === 'fetch' ? Math.max(at, world.now) : timer === 'isr' ? world.now + LATE_MS : world.now,
  lane: (_from, _to, _actor, message) => (message.kind === 'partition' ? 'metadata' : ''),
  mayFire,
  fired,
  mayLose,
  lost,
  afterStep,
  onEffect,
  check,
  witnesses: (world) => replicationWitnesses(world.ghost.seen, replicationSeen(world)),
  fields: {
    all: { unordered: ['isr', 'replicas', 'elr', 'unclean'] },
    replica: {
      omit: [
        'log',
        'nextId',
        'timerAt',
        'dueAt',
        'expiryTimerAt',
        'propagateTimerAt',
        'flushTimerAt',
        'deadline',
        'attempts',
        'backoffMs',
        'waitMs',
        'lastFetchTimeMs',
        'lastFetchLeaderLogEndOffset',
        'seenHighWatermark',
        'seenLastStableOffset',
        'answer',
        'token',
        'logStartOffset',
        'sentLogStartOffset',
        'request',
        'flushResult',
        'offset.token',
      ],
      constant: ['config'],
      ids: ['inFlight.id', 'requestId'],
      nodes: ['id', 'followers{}', 'eligibleBrokers{}', ...viewNodes],
    },
    authority: { constant: ['args'], nodes: ['brokers{}', 'lives{}', ...viewNodes] },
    messages: {
      constant: ['config'],
      nodes: ['replica', 'eligibleBrokers{}', 'brokerId', 'leaderId', 'newIsr', ...viewNodes],
      omit: ['maxWaitMs', 'maxBytes', 'directories'],
    },
    disk: { omit: ['safeguards', 'directoryId'] },
    ghost: { nodes: ['leader', 'leaders', 'unclean', ...viewNodes], omit: ['last', 'directories'] },
  },
  classes: [logRule, storeRule, imageRule] as unknown as readonly ClassRule<never>[],
  symmetry: (bounds) => [brokersOf(bounds).filter((broker) => bounds.victims === 0 || !isVictim(bounds, broker))],
  detail,
  strips,
})
