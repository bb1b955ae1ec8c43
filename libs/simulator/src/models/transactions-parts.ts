/**
 * What stands around the production actors in the models of transactions: the cluster as everybody knows it, settings,
 * the coordinator's own partition as an ideal log, and producer ids.
 *
 *   b1  transactions:0, its partition (ideal), producer ids
 *   b2  t:0 (production replica, leads alone)      b3  t:1
 *   c1, c2  producers of the transactional.id `T`  c9  a read_committed reader
 */
import type { ActorDefinition, ClusterView, Env, Message, PartitionView, TopicView } from '@troupe/actor'
import { actorNames } from '@troupe/actor'
import { resolveBrokerConfig, resolveTopicConfig } from '@troupe/config'
import type { LogStore } from '@troupe/log/contract'
import type { PartitionUpdate, ReplicaArgs, ReplicaConfig } from '@troupe/replication/messages'
import type { NextProducerId, ProducerIdGiven } from '@troupe/transactions/messages'
import { KafkaError } from '@troupe/wire/errors'
import { IdealLog } from '../model-ports/ideal-log.ts'
import type { CellSpec, ClassRule, FieldRules } from '../model/actor-world.ts'
import { newStateLog, stateReplica } from './transactions-state.ts'

export const COORDINATOR = 1
export const TRANSACTIONS = actorNames.transactions(0)
export const topicIds = { state: 'state', data: 'data', offsets: 'offsets' } as const
export const TOPIC = 't'

/** For messages: everything is young. For timers: everything that was begun in a message is overdue. */
export const times = { message: 1_000_000, timer: 2_000_000, sweep: 3_000_000 } as const

const properties: Readonly<Record<string, string>> = {
  // A marker in flight is due again at the next tick, which is when the model says so.
  'request.timeout.ms': '1',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '10',
  'compression.type': 'producer',
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value) && !ArrayBuffer.isView(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}

export const brokerConfig = deepFreeze(resolveBrokerConfig(new Map(Object.entries(properties))).config)
const topicConfig = resolveTopicConfig(brokerConfig, new Map())

const replicaConfig: ReplicaConfig = deepFreeze({
  log: { ...topicConfig, 'producer.id.expiration.ms': brokerConfig['producer.id.expiration.ms'] },
  'min.insync.replicas': 1,
  'unclean.leader.election.enable': false,
  'replica.lag.time.max.ms': brokerConfig['replica.lag.time.max.ms'],
  'replica.fetch.wait.max.ms': brokerConfig['replica.fetch.wait.max.ms'],
  'replica.fetch.max.bytes': brokerConfig['replica.fetch.max.bytes'],
  'replica.fetch.backoff.ms': brokerConfig['replica.fetch.backoff.ms'],
} as unknown as ReplicaConfig)

function view(partition: number, replicas: readonly number[]): PartitionView {
  return {
    partition,
    replicas,
    isr: replicas,
    elr: [],
    lastKnownElr: [],
    addingReplicas: [],
    removingReplicas: [],
    leader: replicas[0],
    leaderEpoch: 0,
    partitionEpoch: 0,
    leaderRecoveryState: 0,
  }
}

const topic = (name: string, id: string, leaders: readonly number[], followed = false): TopicView => ({
  name,
  id,
  internal: name.startsWith('__'),
  partitions: leaders.map((leader, partition) => view(partition, followed ? [leader, followerOf(leader)] : [leader])),
})

/** b2's follower is b12. */
export const followerOf = (leader: number): number => leader + 10

/** Everybody knows all of it from the start. */
export function clusterOf(topics: readonly TopicView[]): ClusterView {
  const byName = new Map(topics.map((each) => [each.name, each]))
  const byId = new Map(topics.map((each) => [each.id, each]))
  const none: ReadonlyMap<string, string> = new Map()
  return {
    clusterId: 'model',
    offset: 0,
    epoch: 0,
    controllerId: -1,
    brokers: new Map(),
    lostAt: new Map(),
    topic: (name) => byName.get(name),
    topicById: (id) => byId.get(id),
    topics: () => topics,
    configs: () => none,
    features: new Map([['transaction.version', 2]]),
  }
}

export const stateTopic = topic('__transaction_state', topicIds.state, [COORDINATOR])
export const offsetsTopic = (leader: number): TopicView => topic('__consumer_offsets', topicIds.offsets, [leader])
export const dataTopic = (leaders: readonly number[], followed = false): TopicView =>
  topic(TOPIC, topicIds.data, leaders, followed)

/** A production replica. */
export function replicaCell<Ghost>(
  definition: CellSpec<Ghost>['definition'],
  node: number,
  { name, id }: TopicView,
  partition: number,
  cluster: ClusterView,
): CellSpec<Ghost> {
  const args: ReplicaArgs = deepFreeze({ topic: name, topicId: id, partition, config: replicaConfig })
  return {
    node,
    name: actorNames.replica(id, partition),
    definition,
    args,
    disk: () => new IdealLog({ topic: name, topicId: id, partition, config: replicaConfig.log, now: times.message }),
    ports: (cell) => {
      const open: LogStore['open'] = () => {
        const log = cell.disk as IdealLog
        return Object.assign(log, { safeguards: cell.world.safeguards })
      }
      return { logs: { open } as LogStore, cluster, config: brokerConfig }
    },
  }
}

export function partitionUpdate(cluster: ClusterView, topicName: string, partition: number): PartitionUpdate {
  const shown = cluster.topic(topicName)!.partitions[partition]
  return {
    kind: 'partition',
    view: shown,
    config: replicaConfig,
    eligibleBrokers: new Map(shown.replicas.map((broker) => [broker, 1])),
    brokerEpoch: 1,
  }
}

/** Producer ids in order, without blocks: where they come from is another model's business. */
export const idGiver: ActorDefinition<{ last: number }, Message, Env> = {
  kind: 'id-giver',
  start: () => ({ last: 999 }),
  step(state, message, _env, out) {
    if (message.kind !== 'nextProducerId') return
    state.last++
    const given: ProducerIdGiven = { error: KafkaError.NONE, producerId: state.last }
    out.reply((message as NextProducerId).replyTo, given)
  },
}

/** The coordinator's broker. */
export function coordinatorCells<Ghost>(
  definition: CellSpec<Ghost>['definition'],
  cluster: ClusterView,
  isSlow = false,
): readonly CellSpec<Ghost>[] {
  const args = deepFreeze({ partition: 0, topicId: topicIds.state, topic: '__transaction_state' })
  return [
    {
      node: COORDINATOR,
      name: actorNames.replica(topicIds.state, 0),
      definition: stateReplica,
      args: Object.freeze({ isSlow }),
      disk: newStateLog,
      ports: (cell) => ({
        get log() {
          return cell.disk
        },
      }),
    },
    { node: COORDINATOR, name: actorNames.producerIds, definition: idGiver },
    { node: COORDINATOR, name: TRANSACTIONS, definition, args, ports: () => ({ cluster, config: brokerConfig }) },
  ]
}

export const idealLogRule: ClassRule<IdealLog> = {
  type: IdealLog,
  clone: (log) => log.clone(),
  // All else follows from the batches while nobody crashes.
  view: ({ batches, highWatermark, logStartOffset, epochs }) => ({
    batches: batches.map(({ digest }) => digest),
    highWatermark,
    logStartOffset,
    epoch: epochs.latestEpoch,
  }),
}

/**
 * Numbers that only tell one question from another, and what is never changed. A guard is not among the former: it
 * leaves its replica with the answer to `verifyTransaction`, and comes back with an append.
 */
export const fieldRules: Readonly<Record<string, FieldRules>> = {
  transactions: {
    omit: ['coordinator', 'args', 'lastId', 'lastAskId', 'loadId'],
    constant: ['coordinator', 'args', 'prepared'],
    ids: ['askId', 'asks{}', 'queue.id'],
  },
  groups: { omit: ['coordinator', 'args', 'lastId', 'loadId'], constant: ['coordinator', 'args'], ids: ['queue.id'] },
  replica: {
    omit: ['nextId', 'flushResult', 'config'],
    constant: ['config', 'eligibleBrokers'],
    ids: ['requestId', 'verificationRequests{}'],
  },
  producer: { ids: ['waiting'], constant: ['args', 'attempts'] },
  member: { ids: ['waiting'], constant: ['args', 'attempts', 'acked'] },
  reader: { ids: ['asked{}'], constant: ['reads'] },
  ghost: { constant: ['owners', 'told', 'stable', 'leaderEpochs'] },
  'state-replica': { constant: ['waiting'] },
  disk: { constant: ['batches'] },
}
