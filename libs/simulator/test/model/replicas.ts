/**
 * The production replica in the engine: three brokers, one partition, a client that writes, a controller that elects whom
 * it likes. Small on purpose: it measures the engine and shows its use; the real model has more to choose from.
 */
import { allSafeguards, actorNames, type ActorDefinition, type Message, type Reply } from '@troupe/actor'
import { resolveBrokerConfig, resolveTopicConfig } from '@troupe/config'
import { replicaActor } from '@troupe/replication/replica'
import type { PartitionUpdate, Produced, ReplicaArgs } from '@troupe/replication/messages'
import type { ReplicaState } from '@troupe/replication/state'
import { buildBatch } from '@troupe/wire/record-batch'
import { IdealLog } from '../../src/model-ports/ideal-log.ts'
import { IdealStore } from '../../src/model-ports/ideal-store.ts'
import {
  actorModel,
  type ActorModel,
  type ActorModelOptions,
  type ActorModelSpec,
  type ClassRule,
  type World,
} from '../../src/model/index.ts'

const brokers = [1, 2, 3]
const topicId = 'AAAAAAAAAAAAAAAAAAAAAQ'
const replica = actorNames.replica(topicId, 0)
const { config: brokerConfig } = resolveBrokerConfig(new Map([['min.insync.replicas', '2']]))
const topicConfig = resolveTopicConfig(brokerConfig, new Map([['min.insync.replicas', '2']]))
const args: ReplicaArgs = {
  topic: 'events',
  topicId,
  partition: 0,
  config: {
    log: { ...topicConfig, 'producer.id.expiration.ms': 86_400_000 } as unknown as ReplicaArgs['config']['log'],
    'min.insync.replicas': 2,
    'replica.lag.time.max.ms': 30_000,
    'replica.fetch.wait.max.ms': 500,
    'replica.fetch.max.bytes': 1_048_576,
    'replica.fetch.backoff.ms': 1000,
    'unclean.leader.election.enable': false,
  },
}
// The same epoch for all, so that they are interchangeable.
const eligibleBrokers = new Map(brokers.map((id) => [id, 10]))

/** Writes down what it is told. */
export interface ClientState {
  readonly acked: number[]
}
const client: ActorDefinition<ClientState, Reply<Produced>> = {
  kind: 'client',
  start: () => ({ acked: [] }),
  step(state, { id, body }) {
    if ('error' in body && body.error === 0) state.acked.push(id)
  },
}

export interface ReplicasGhost {
  leader: number
  epoch: number
  written: number
}

function update({ leader, epoch }: ReplicasGhost): PartitionUpdate {
  const none: readonly number[] = []
  const nobody = { elr: none, lastKnownElr: none, addingReplicas: none, removingReplicas: none }
  const where = { partition: 0, replicas: brokers, isr: brokers, leader, leaderEpoch: epoch, partitionEpoch: epoch }
  const view = { ...where, ...nobody, leaderRecoveryState: 0 }
  return { kind: 'partition', view, config: args.config, eligibleBrokers, brokerEpoch: 10 }
}

function publish(world: World<ReplicasGhost>): void {
  for (const broker of brokers) world.send(0, { broker, actor: replica }, update(world.ghost))
}

function recordsOf(world: World<ReplicasGhost>): Uint8Array {
  const value = new TextEncoder().encode(`record-${world.ghost.written}`)
  return buildBatch({ records: [{ key: null, value, timestamp: 1000 }] })
}

function produce(world: World<ReplicasGhost>): void {
  const ghost = world.edit()
  ghost.written++
  const replyTo = { broker: 101, actor: 'client', id: ghost.written }
  const records = recordsOf(world)
  const message = { kind: 'produce', replyTo, records, acks: -1, timeoutMs: 1000, transaction: null } as Message
  world.send(101, { broker: ghost.leader, actor: replica }, message)
}

const viewNodes = ['leader', 'isr', 'replicas']

const classes: readonly ClassRule<never>[] = [
  { type: IdealLog, clone: (log: IdealLog) => log.clone(), view: viewOf } as ClassRule<IdealLog> as ClassRule<never>,
]

function viewOf(log: IdealLog): unknown {
  const { batches, logStartOffset, logEndOffset, highWatermark } = log
  return [logStartOffset, logEndOffset, highWatermark, ...batches.map(({ digest }) => digest)]
}

export function replicasModel(options: ActorModelOptions = {}): ActorModel<ReplicasGhost> {
  const spec: ActorModelSpec<ReplicasGhost> = {
    name: 'replicas',
    title: 'Three replicas of one partition, elections at will',
    defaultBounds: { records: 2, epochs: 2 },
    random: 0,
    cells: () => [
      ...brokers.map((node) => ({
        node,
        name: replica,
        definition: replicaActor,
        args,
        disk: () => new IdealStore(`directory-${node}`, allSafeguards),
        ports: (view: { readonly disk: unknown }) => ({
          get logs() {
            return view.disk
          },
          cluster: {},
          config: brokerConfig,
        }),
      })),
      { node: 101, name: 'client', definition: client },
    ],
    ghost: () => ({ leader: 1, epoch: 0, written: 0 }),
    begin: publish,
    lane: (from) => (from === 0 ? 'metadata' : ''),
    mayFire: () => false,
    choices: (bounds) => [
      {
        label: 'produce c1',
        type: 'client',
        enabled: ({ ghost }) => ghost.written < bounds.records!,
        apply: produce,
      },
      ...brokers.map((leader) => ({
        label: `elect b${leader}`,
        type: 'fault' as const,
        enabled: ({ ghost }: World<ReplicasGhost>) => ghost.epoch < bounds.epochs! && ghost.leader !== leader,
        apply(world: World<ReplicasGhost>) {
          const ghost = world.edit()
          ghost.leader = leader
          ghost.epoch++
          publish(world)
        },
      })),
    ],
    check: (world) => {
      const ends = brokers.map((broker) => world.state<ReplicaState>(broker, replica)?.log?.logEndOffset ?? 0)
      const acked = world.state<ClientState>(101, 'client')!.acked.length
      return ends.some((end) => end >= acked)
        ? null
        : { invariant: 'R1', detail: `${acked} acked, ends ${ends.join()}` }
    },
    witnesses: (world) => (world.state<ClientState>(101, 'client')!.acked.length > 0 ? ['acked'] : []),
    classes,
    fields: {
      all: { unordered: ['isr', 'replicas'] },
      replica: {
        omit: [
          'log',
          'nextId',
          'lastFetchTimeMs',
          'lastCaughtUpTimeMs',
          'timerAt',
          'dueAt',
          'expiryTimerAt',
          'deadline',
        ],
        constant: ['config', 'eligibleBrokers'],
        ids: ['inFlight.id', 'requestId'],
        nodes: ['id', 'followers{}', ...viewNodes],
      },
      messages: { constant: ['config', 'eligibleBrokers'], nodes: ['replica', ...viewNodes] },
      disk: { omit: ['safeguards', 'directoryId'] },
      ghost: { nodes: ['leader'] },
    },
    symmetry: () => [brokers],
  }
  return actorModel(spec, options)
}
