/**
 * A group coordinator whose partition moves between two brokers: production coordinator shards over production replicas,
 * on ideal logs.
 *
 * Begins with `b1` leading `__consumer_offsets-0` in epoch 0 and its coordinator loaded. From there the controller moves
 * the leadership, and its word reaches replicas and coordinators late: a replica hears it in order, a coordinator in any
 * order. A client commits offsets wherever a coordinator is active, each commit for a partition of its own. Both replicas
 * stay in the ISR, and time stands still but for back-offs.
 *
 * Bounds: `elections` (after the first), `commits`.
 */
import { actorNames, type ClusterView, type Effect, type Message } from '@troupe/actor'
import { resolveBrokerConfig, resolveTopicConfig } from '@troupe/config'
import type { Shard } from '@troupe/coordinator'
import { groupsActor, type GroupState } from '@troupe/groups'
import { replicaActor, type PartitionUpdate, type ReplicaArgs, type ReplicaConfig } from '@troupe/replication'
import type { ReplicaState } from '@troupe/replication/state'
import type { LogStore } from '@troupe/log/contract'
import { zeroUuid } from '@troupe/wire/uuid'
import {
  afterAck,
  afterWord,
  checkCoordinators,
  coordinatorWitnesses,
  newCoordinatorGhost,
  type CoordinatorGhost,
  type CoordinatorView,
  type OffsetsLogView,
} from '../invariants/coordinator.ts'
import { actorModel, type Cell, type CellSpec, type Choice, type World } from '../model/actor-world.ts'
import type { Bounds } from '../model/contract.ts'
import { IdealLog } from '../model-ports/ideal-log.ts'
import type { PartitionStrip } from '../trace/format.ts'
import { commitsOf } from './coordinator-log.ts'

const TOPIC = '__consumer_offsets'
const TOPIC_ID = 'offsets'
const REPLICA = actorNames.replica(TOPIC_ID, 0)
const GROUPS = actorNames.groups(0)
const CONTROLLER = 0
const CLIENT = 101
const BROKERS = [1, 2]
const START = 1_000_000

export interface FailOverGhost {
  readonly coordinators: CoordinatorGhost
  leader: number
  epoch: number
  commits: number
}

type FailOverWorld = World<FailOverGhost>

const brokerConfig = Object.freeze(resolveBrokerConfig(new Map()).config)

const replicaConfig = Object.freeze({
  log: Object.freeze({
    ...resolveTopicConfig(brokerConfig, new Map([['compression.type', 'producer']])),
    'producer.id.expiration.ms': brokerConfig['producer.id.expiration.ms'],
  }),
  'min.insync.replicas': 1,
  'unclean.leader.election.enable': false,
  'replica.lag.time.max.ms': brokerConfig['replica.lag.time.max.ms'],
  'replica.fetch.wait.max.ms': brokerConfig['replica.fetch.wait.max.ms'],
  'replica.fetch.max.bytes': brokerConfig['replica.fetch.max.bytes'],
  'replica.fetch.backoff.ms': brokerConfig['replica.fetch.backoff.ms'],
}) as unknown as ReplicaConfig

const nothing: ReadonlyMap<string, string> = new Map()

/** A coordinator that starts finds nothing here: it hears of its election. */
const cluster: ClusterView = {
  clusterId: 'model',
  offset: 0,
  epoch: 0,
  controllerId: -1,
  brokers: new Map(),
  lostAt: new Map(),
  topic: () => undefined,
  topicById: () => undefined,
  topics: () => [],
  configs: () => nothing,
  features: new Map(),
}

function cells(): CellSpec<FailOverGhost>[] {
  const args: ReplicaArgs = { topic: TOPIC, topicId: TOPIC_ID, partition: 0, config: replicaConfig }
  return BROKERS.flatMap((node): CellSpec<FailOverGhost>[] => [
    {
      node,
      name: REPLICA,
      definition: { ...replicaActor, invariants: undefined },
      args,
      disk: () =>
        new IdealLog({ topic: TOPIC, topicId: TOPIC_ID, partition: 0, config: replicaConfig.log, now: START }),
      ports: (view) => ({
        logs: {
          open: () => Object.assign(view.disk as IdealLog, { safeguards: view.world.safeguards }),
        } as object as LogStore,
        cluster,
        config: brokerConfig,
      }),
    },
    {
      node,
      name: GROUPS,
      definition: groupsActor,
      args: { partition: 0, topicId: TOPIC_ID, topic: TOPIC },
      ports: () => ({ cluster, config: brokerConfig }),
    },
  ])
}

function partitionUpdate(leader: number, epoch: number): PartitionUpdate {
  return {
    kind: 'partition',
    view: {
      partition: 0,
      replicas: BROKERS,
      isr: BROKERS,
      elr: [],
      lastKnownElr: [],
      addingReplicas: [],
      removingReplicas: [],
      leader,
      leaderEpoch: epoch,
      partitionEpoch: epoch,
      leaderRecoveryState: 0,
    },
    config: replicaConfig,
    eligibleBrokers: new Map(BROKERS.map((broker) => [broker, 1])),
    brokerEpoch: 1,
  }
}

/** What the controller has decided goes out to everyone, each in its own time. */
function lead(world: FailOverWorld, leader: number): void {
  const ghost = world.edit()
  const epoch = ++ghost.epoch
  ghost.leader = leader
  for (const broker of BROKERS) {
    world.send(CONTROLLER, { broker, actor: REPLICA }, partitionUpdate(leader, epoch))
    const word = { kind: broker === leader ? 'elected' : 'resigned', leaderEpoch: epoch }
    world.send(CONTROLLER, { broker, actor: GROUPS }, word as Message)
  }
}

/** For partition `number`, offset `number`, of a consumer that assigns its partitions by itself. */
function offsetCommit(number: number): Message {
  const partitions = [
    { partitionIndex: number, committedOffset: number, committedLeaderEpoch: -1, committedMetadata: '' },
  ]
  return {
    kind: 'offsetCommit',
    replyTo: { broker: CLIENT, actor: 'client', id: number },
    version: 8,
    client: { clientId: 'c', clientHost: 'c1' },
    body: {
      groupId: 'g',
      generationIdOrMemberEpoch: -1,
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [{ name: 't', topicId: zeroUuid, partitions }],
    },
  } as Message
}

const shardOf = (world: FailOverWorld, node: number): Shard<GroupState> => world.state(node, GROUPS)!
const replicaOf = (world: FailOverWorld, node: number): ReplicaState => world.state(node, REPLICA)!

function choices(bounds: Bounds): Choice<FailOverGhost>[] {
  return BROKERS.flatMap((node): Choice<FailOverGhost>[] => [
    {
      label: `lead b${node}`,
      type: 'fault',
      node: 'controller',
      enabled: ({ ghost }) => ghost.leader !== node && ghost.epoch < bounds.elections!,
      apply: (world) => lead(world, node),
    },
    {
      label: `commit b${node}`,
      type: 'client',
      node: `b${node}`,
      enabled: (world) => world.ghost.commits < bounds.commits! && shardOf(world, node).phase === 'active',
      apply: (world) => world.deliver(node, GROUPS, offsetCommit(world.edit().commits++)),
    },
  ])
}

function begin(world: FailOverWorld): void {
  for (const broker of BROKERS) world.deliver(broker, REPLICA, partitionUpdate(1, 0))
  world.deliver(1, GROUPS, { kind: 'elected', leaderEpoch: 0 } as Message)
  while (world.flights.length > 0) {
    const [{ to, actor, message }, ...rest] = world.flights
    world.flights = rest
    world.deliver(to, actor, message)
  }
}

function mayFire(_world: FailOverWorld, { name, state }: Cell, timer: string): boolean {
  if (name === GROUPS) return timer === 'load-again' && (state as Shard<GroupState>).loadId === 0
  return timer === 'propagate' || (timer === 'fetch' && (state as ReplicaState).fetcher.inFlight === null)
}

function onEffect(world: FailOverWorld, cell: Cell, effect: Effect): void {
  if (cell.name !== GROUPS || effect.kind !== 'reply' || effect.token.broker !== CLIENT) return
  const { topics } = effect.body as { topics: readonly { partitions: readonly CommitAnswer[] }[] }
  const { partitionIndex, errorCode } = topics[0].partitions[0]
  if (errorCode === 0) afterAck(world.edit().coordinators, commitName(partitionIndex))
}

interface CommitAnswer {
  readonly partitionIndex: number
  readonly errorCode: number
}

const commitName = (partition: number): string => `t-${partition}`

function afterStep(world: FailOverWorld, { name, node }: Cell, message: Message): void {
  if (name !== GROUPS || (message.kind !== 'elected' && message.kind !== 'resigned')) return
  const { leaderEpoch } = message as Message & { leaderEpoch: number }
  afterWord(world.edit().coordinators, node, leaderEpoch, message.kind === 'elected')
}

function coordinatorViews(world: FailOverWorld): CoordinatorView[] {
  return BROKERS.map((broker) => {
    const { phase, leaderEpoch, state } = shardOf(world, broker)
    const offsets = state?.offsets.committed.get('g')?.get('t')
    return { broker, phase, leaderEpoch, has: (commit) => offsets?.has(Number(commit.slice(2))) ?? false }
  })
}

function logViews(world: FailOverWorld): OffsetsLogView[] {
  return BROKERS.map((broker) => {
    const { role, leaderEpoch } = replicaOf(world, broker)
    const log = world.disk<IdealLog>(broker, REPLICA)!
    return {
      broker,
      leadsLatest: role === 'leader' && leaderEpoch === world.ghost.epoch,
      commits: commitsOf(log, log.logEndOffset),
      committed: commitsOf(log, log.highWatermark),
    }
  })
}

function strips(world: FailOverWorld): PartitionStrip[] {
  const { leader, epoch } = world.ghost
  const replicas = BROKERS.map((broker) => {
    const { role, leaderEpoch } = replicaOf(world, broker)
    const { logEndOffset, highWatermark, lastStableOffset } = world.disk<IdealLog>(broker, REPLICA)!
    return { broker, up: true, role, leaderEpoch, logEndOffset, highWatermark, lastStableOffset }
  })
  return [{ partition: `${TOPIC}-0`, leader, leaderEpoch: epoch, partitionEpoch: epoch, isr: BROKERS, replicas }]
}

function detail(message: Message): string {
  const { leaderEpoch, view, offset, highWatermark, body } = message as Message & Record<string, any>
  if (view !== undefined) return `leader=b${view.leader} epoch=${view.leaderEpoch}`
  if (message.kind === 'followerFetch') return `epoch=${leaderEpoch} offset=${offset} hw=${highWatermark}`
  if (message.kind !== 'reply') return leaderEpoch === undefined ? '' : `epoch=${leaderEpoch}`
  const diverging = body.divergingEpoch
    ? ` diverging=${body.divergingEpoch.epoch}/${body.divergingEpoch.endOffset}`
    : ''
  const records = body.records ? ` records=${body.records.length}B` : ''
  return `offset=${body.offset} hw=${body.highWatermark}${records}${diverging}`
}

export const coordinatorModel = actorModel<FailOverGhost>({
  name: 'coordinator',
  title: 'A group coordinator moves between two brokers, and the word of it comes late',
  defaultBounds: { elections: 2, commits: 2 },
  cells,
  ghost: () => ({ coordinators: newCoordinatorGhost(), leader: 1, epoch: 0, commits: 0 }),
  begin,
  choices,
  random: 0,
  now: (world, _cell, timer, at) => (timer === null ? world.now : Math.max(at, world.now)),
  mayFire,
  lane: (from, _to, actor) => (from !== CONTROLLER ? '' : actor === GROUPS ? null : 'metadata'),
  onEffect,
  afterStep,
  check: (world) =>
    checkCoordinators(world.ghost.coordinators, world.ghost.epoch, coordinatorViews(world), logViews(world)),
  witnesses: (world) =>
    coordinatorWitnesses(world.ghost.coordinators, world.ghost.epoch, coordinatorViews(world), logViews(world)),
  fields: {
    replica: {
      constant: ['config', 'eligibleBrokers'],
      omit: [
        'log',
        'nextId',
        'backoffMs',
        'waitMs',
        'dueAt',
        'timerAt',
        'deadline',
        'seenHighWatermark',
        'flushResult',
      ].concat('lastFetchTimeMs', 'lastCaughtUpTimeMs', 'expiryTimerAt', 'propagateTimerAt', 'flushTimerAt'),
      ids: ['inFlight.id'],
    },
    groups: {
      constant: ['coordinator', 'args'],
      omit: ['coordinator', 'args', 'lastId', 'loadId', 'sinceMs', 'commitTimeoutArmed', 'sequence', 'incarnation'],
    },
    messages: { constant: ['config', 'eligibleBrokers', 'view'], omit: ['config', 'eligibleBrokers', 'incarnation'] },
  },
  classes: [
    {
      type: IdealLog,
      clone: (log: IdealLog) => log.clone(),
      view: ({ batches, highWatermark, epochs }: IdealLog) => ({
        batches: batches.map(({ digest }) => digest),
        highWatermark,
        epochs: epochs.entries,
      }),
    } as never,
  ],
  nodeName: (node) => (node === CONTROLLER ? 'controller' : node < 100 ? `b${node}` : `c${node - 100}`),
  detail,
  strips,
})
