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
import { type Effect, type Message } from '@troupe/actor'
import { resolveBrokerConfig, resolveTopicConfig } from '@troupe/config'
import { maximalIsr } from '@troupe/replication/isr-state'
import type { PartitionUpdate, Produced, ReplicaArgs, ReplicaConfig } from '@troupe/replication/messages'
import { replicaActor } from '@troupe/replication/replica'
import type { ReplicaState } from '@troupe/replication/state'
import { KafkaError } from '@troupe/wire/errors'
import {
  acknowledged,
  checkApplied,
  checkReplication,
  look,
  newReplicationGhost,
  replicationWitnesses,
} from '../invariants/replication.ts'
import type { ReplicationSeen } from '../invariants/view.ts'
import { actorModel, type ActorModel, type Cell, type CellSpec, type Flight } from '../model/actor-world.ts'
import type { Bounds, Violation } from '../model/contract.ts'
import type { IdealLog } from '../model-ports/ideal-log.ts'
import { IdealStore } from '../model-ports/ideal-store.ts'
import { heal } from './healed.ts'
import { settle } from './raft-member.ts'
import {
  AUTHORITY,
  authority,
  directoryOf,
  forwarder,
  TOPIC,
  TOPIC_ID,
  type AuthorityArgs,
  type AuthorityState,
} from './replication-authority.ts'
import { choices, isVictim } from './replication-choices.ts'
import { detail } from './replication-detail.ts'
import {
  brokersOf,
  classRules,
  CONTROLLER,
  REPLICA,
  replicaOf,
  replicaSeen,
  replicationSeen,
  strips,
  tell,
  viewNodes,
  type ReplicationModelGhost,
  type ReplicationWorld,
} from './replication-world.ts'

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
  const held = {
    get ghost() {
      return world.ghost.seen
    },
    edit: () => world.edit().seen,
  }
  const violation = look(held, replicationSeen(world))
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
  classes: classRules,
  symmetry: (bounds) => [brokersOf(bounds).filter((broker) => bounds.victims === 0 || !isVictim(bounds, broker))],
  detail,
  strips,
})
