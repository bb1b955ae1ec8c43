/**
 * What stands around the production actors in the models of transactions: the cluster as everybody knows it, settings,
 * the coordinator's own partition as an ideal log, and producer ids.
 *
 *   b1  transactions:0, its partition (ideal), producer ids
 *   b2  t:0 (production replica, leads alone)      b3  t:1
 *   c1, c2  producers of the transactional.id `T`  c9  a read_committed reader
 *
 * The ideal partition is one that never loses what it has confirmed. It can refuse an append, and it can leave its
 * coordinator in doubt about one; those are the two things a coordinator sees of a replicated log in trouble.
 */
import type { ActorDefinition, ClusterView, Env, Message, PartitionView, TopicView } from '@troupe/actor'
import { actorNames } from '@troupe/actor'
import { resolveBrokerConfig, resolveTopicConfig } from '@troupe/config'
import { decodeRecord } from '@troupe/coordinator/record-codec'
import type { LogStore } from '@troupe/log/contract'
import type {
  Appended,
  AwaitCommitted,
  CoordinatorAppend,
  LogRead,
  PartitionUpdate,
  ReadLog,
  ReplicaArgs,
  ReplicaConfig,
} from '@troupe/replication/messages'
import type { NextProducerId, ProducerIdGiven } from '@troupe/transactions/messages'
import { stateOfId } from '@troupe/transactions/transaction-state'
import { KafkaError } from '@troupe/wire/errors'
import { iterateRecords, nextOffset, setBaseOffset } from '@troupe/wire/record-batch'
import type { TxnRecord } from '../invariants/transactions-view.ts'
import { IdealLog } from '../model-ports/ideal-log.ts'
import type { CellSpec, ClassRule, FieldRules } from '../model/actor-world.ts'

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

function view(partition: number, leader: number): PartitionView {
  return {
    partition,
    replicas: [leader],
    isr: [leader],
    elr: [],
    lastKnownElr: [],
    addingReplicas: [],
    removingReplicas: [],
    leader,
    leaderEpoch: 0,
    partitionEpoch: 0,
    leaderRecoveryState: 0,
  }
}

const topic = (name: string, id: string, leaders: readonly number[]): TopicView => ({
  name,
  id,
  internal: name.startsWith('__'),
  partitions: leaders.map((leader, partition) => view(partition, leader)),
})

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
export const dataTopic = (leaders: readonly number[]): TopicView => topic(TOPIC, topicIds.data, leaders)

/** A production replica that leads its partition alone. */
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

export function leadAlone(cluster: ClusterView, topicName: string, partition: number): PartitionUpdate {
  const shown = cluster.topic(topicName)!.partitions[partition]
  return {
    kind: 'partition',
    view: shown,
    config: replicaConfig,
    eligibleBrokers: new Map([[shown.leader, 1]]),
    brokerEpoch: 1,
  }
}

/** One batch of `__transaction_state`. Never changed. */
export interface StateBatch {
  readonly bytes: Uint8Array
  readonly nextOffset: number
  readonly records: readonly TxnRecord[]
}

export interface StateLog {
  batches: readonly StateBatch[]
  /** What becomes of the next append. */
  next: 'written' | 'refused' | 'in doubt'
}

export const newStateLog = (): StateLog => ({ batches: [], next: 'written' })

type StateRequest = CoordinatorAppend | ReadLog | AwaitCommitted | Message

/** The local replica of `__transaction_state-0`, as far as its coordinator talks to it. */
export const stateReplica: ActorDefinition<object, StateRequest, Env & { log: StateLog }> = {
  kind: 'state-replica',
  start: () => ({}),
  step(_state, message, { log }, out) {
    const end = log.batches.at(-1)?.nextOffset ?? 0
    switch (message.kind) {
      case 'append': {
        const { records, replyTo } = message as CoordinatorAppend
        const { next } = log
        log.next = 'written'
        if (next !== 'refused') log.batches = [...log.batches, stateBatch(records, end)]
        const errors = {
          written: KafkaError.NONE,
          refused: KafkaError.NOT_ENOUGH_REPLICAS,
          'in doubt': KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        }
        const nextOffsetNow = log.batches.at(-1)?.nextOffset ?? 0
        out.reply(replyTo, { error: errors[next], baseOffset: end, nextOffset: nextOffsetNow } satisfies Appended)
        return
      }
      case 'readLog': {
        const bytes = Uint8Array.from(log.batches.flatMap((batch) => [...batch.bytes]))
        out.reply((message as ReadLog).replyTo, {
          error: KafkaError.NONE,
          records: bytes.length === 0 ? null : bytes,
          nextOffset: end,
          logEndOffset: end,
          highWatermark: end,
        } satisfies LogRead)
        return
      }
      case 'awaitCommitted':
        out.reply((message as AwaitCommitted).replyTo, { error: KafkaError.NONE })
    }
  },
}

export function stateBatch(records: Uint8Array, offset: number): StateBatch {
  const bytes = records.slice()
  setBaseOffset(bytes, 0, offset)
  return Object.freeze({ bytes, nextOffset: nextOffset(bytes, 0), records: Object.freeze(recordsOf(bytes)) })
}

function recordsOf(bytes: Uint8Array): TxnRecord[] {
  const found: TxnRecord[] = []
  for (const { key, value } of iterateRecords(bytes, 0)) {
    const record = key === null ? null : decodeRecord('transaction', key, value)
    if (record === null) continue
    const { transactionalId } = record.key.value as { transactionalId: string }
    const fields = record.value?.value as StateFields | undefined
    found.push({
      transactionalId,
      state: fields === undefined ? 'DEAD' : (stateOfId(fields.transactionStatus) ?? 'unknown'),
      producerId: fields?.producerId ?? -1,
      producerEpoch: fields?.producerEpoch ?? -1,
      partitions: (fields?.transactionPartitions ?? []).flatMap(({ topic: name, partitionIds }) =>
        partitionIds.map((partition) => `${name}:${partition}`),
      ),
      clientVersion: fields?.clientTransactionVersion ?? 0,
    })
  }
  return found
}

interface StateFields {
  readonly transactionStatus: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly transactionPartitions: readonly { readonly topic: string; readonly partitionIds: readonly number[] }[] | null
  readonly clientTransactionVersion: number
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
): readonly CellSpec<Ghost>[] {
  const args = deepFreeze({ partition: 0, topicId: topicIds.state, topic: '__transaction_state' })
  return [
    {
      node: COORDINATOR,
      name: actorNames.replica(topicIds.state, 0),
      definition: stateReplica,
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
  'state-replica': { constant: ['batches'] },
  disk: { constant: ['batches'] },
}
