/**
 * Partitions join a transaction: AddPartitionsToTxn v0–3 of clients, the leaders' own additions (transaction.version 2:
 * the first produce or offset commit adds), AddOffsetsToTxn v0–4; and the leaders' verification (KIP-890), which
 * changes nothing.
 *
 * | state             | adding                                        | verifying                        |
 * | ----------------- | --------------------------------------------- | -------------------------------- |
 * | unknown           | INVALID_PRODUCER_ID_MAPPING                   | INVALID_PRODUCER_ID_MAPPING      |
 * | other id / epoch  | INVALID_PRODUCER_ID_MAPPING / PRODUCER_FENCED | the same                         |
 * | EMPTY, COMPLETE_* | ONGOING                                       | TRANSACTION_ABORTABLE            |
 * | ONGOING           | ONGOING, no record when nothing is new        | NONE or TRANSACTION_ABORTABLE    |
 * | PREPARE_*         | waits, then as COMPLETE_*                     | CONCURRENT_TRANSACTIONS          |
 *
 * Source: Kafka's TransactionCoordinator.handleAddPartitionsToTransaction, handleVerifyPartitionsInTransaction.
 */
import type { CoordinatorEnv, Decision } from '@troupe/coordinator/contract'
import { partitionFor } from '@troupe/coordinator/partitioning'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { Continued } from './internal-messages.ts'
import { CONSUMER_OFFSETS } from './markers.ts'
import type { AddOffsets, AddPartitions, PartitionsAdded } from './messages.ts'
import { recordOf } from './records.ts'
import { fencedError, number, park, partitionsResult, refuse, topicsOf, transactionVersion } from './requests.ts'
import type { TransactionShardState } from './shard-state.ts'
import {
  completed,
  containsAll,
  containsPartition,
  withPartitions,
  type ClientTransactionVersion,
  type TopicPartitions,
  type TransactionMetadata,
} from './transaction-metadata.ts'
import { isPrepared } from './transaction-state.ts'

/** The first version that only brokers send, on behalf of producers of transaction.version 2. */
const FIRST_BROKER_VERSION = 4

export function addPartitions(
  state: TransactionShardState,
  request: AddPartitions & Continued,
  env: CoordinatorEnv,
): Decision {
  const topics = topicsOf(request.topics)
  if (request.transactionalId === '') return refuse(request, KafkaError.INVALID_REQUEST)
  if (request.verifyOnly) return { records: [], response: verify(state, request, topics) }
  const unknown = unknownPartitions(topics, env)
  if (unknown !== null) return { records: [], response: unknown }
  const clientVersion = request.version >= FIRST_BROKER_VERSION ? 2 : 0
  const fenced = fencedError(request.version, 2)
  const addition = { ...request, topics, clientVersion, fenced } satisfies Addition
  return add(state, request, addition, env, (error) => partitionsResult(topics, error))
}

export function addOffsets(
  state: TransactionShardState,
  request: AddOffsets & Continued,
  env: CoordinatorEnv,
): Decision {
  const { transactionalId, producerId, producerEpoch, groupId } = request.body
  if (transactionalId === '') return refuse(request, KafkaError.INVALID_REQUEST)
  // As Kafka: which partition it will be is known before the topic exists; the group's coordinator creates it.
  const count = env.cluster.topic(CONSUMER_OFFSETS)?.partitions.length ?? number(env, 'offsets.topic.num.partitions')
  const topics = [{ topic: CONSUMER_OFFSETS, partitions: [partitionFor(groupId, count)] }]
  const fenced = fencedError(request.version, 2)
  const addition: Addition = { transactionalId, producerId, producerEpoch, topics, clientVersion: 0, fenced }
  return add(state, request, addition, env, (error) => ({ errorCode: error }))
}

interface Addition {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly topics: readonly TopicPartitions[]
  readonly clientVersion: ClientTransactionVersion
  readonly fenced: ErrorCode
}

function add(
  state: TransactionShardState,
  request: (AddPartitions | AddOffsets) & Continued,
  addition: Addition,
  env: CoordinatorEnv,
  answer: (error: ErrorCode) => unknown,
): Decision {
  const current = state.transactions.get(addition.transactionalId)
  if (current === undefined) return { records: [], response: answer(KafkaError.INVALID_PRODUCER_ID_MAPPING) }
  // Who may go on when the markers are written: after the last epoch of a producer id, that is its successor.
  const owner = isPrepared(current.state) ? completed(current, env.now) : current
  if (owner.producerId !== addition.producerId) {
    return { records: [], response: answer(KafkaError.INVALID_PRODUCER_ID_MAPPING) }
  }
  if (owner.producerEpoch !== addition.producerEpoch) return { records: [], response: answer(addition.fenced) }
  if (isPrepared(current.state)) return park(state, current.transactionalId, request, env)
  if (current.state === 'ONGOING' && containsAll(current, addition.topics)) {
    return { records: [], response: answer(KafkaError.NONE) }
  }
  const next = withPartitions(current, addition.topics, addition.clientVersion, env.now)
  return { records: [recordOf(next, transactionVersion(env))], response: answer(KafkaError.NONE) }
}

/**
 * Z21: a leader asks before it lets a producer's first batch in. Never parked: a late batch must not wait to be right.
 */
function verify(
  state: TransactionShardState,
  request: AddPartitions,
  topics: readonly TopicPartitions[],
): PartitionsAdded {
  const current = state.transactions.get(request.transactionalId)
  const error = verificationError(current, request)
  if (current === undefined || error !== KafkaError.NONE) return partitionsResult(topics, error)
  const partitionErrors = topics.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({
      topic,
      partition,
      error: containsPartition(current, topic, partition) ? KafkaError.NONE : KafkaError.TRANSACTION_ABORTABLE,
    })),
  )
  return { error: KafkaError.NONE, partitionErrors }
}

function verificationError(current: TransactionMetadata | undefined, request: AddPartitions): ErrorCode {
  if (current === undefined || current.producerId !== request.producerId) return KafkaError.INVALID_PRODUCER_ID_MAPPING
  if (current.producerEpoch !== request.producerEpoch) return KafkaError.PRODUCER_FENCED
  return isPrepared(current.state) ? KafkaError.CONCURRENT_TRANSACTIONS : KafkaError.NONE
}

/**
 * All or nothing, as Kafka's API layer. The coordinator needs it too: a partition whose topic this broker does not know
 * yet would be taken for deleted when the markers are sent, and its transaction would hang.
 */
function unknownPartitions(topics: readonly TopicPartitions[], env: CoordinatorEnv): PartitionsAdded | null {
  const isKnown = (topic: string, partition: number) => env.cluster.topic(topic)?.partitions[partition] !== undefined
  if (topics.every(({ topic, partitions }) => partitions.every((p) => isKnown(topic, p)))) return null
  const partitionErrors = topics.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({
      topic,
      partition,
      error: isKnown(topic, partition) ? KafkaError.OPERATION_NOT_ATTEMPTED : KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
    })),
  )
  return { error: KafkaError.UNKNOWN_TOPIC_OR_PARTITION, partitionErrors }
}
