/**
 * AddPartitionsToTxn (24), versions 0–5: partitions that a transaction is going to write to.
 *
 * - v0–3 from clients, one transaction; v2 PRODUCER_FENCED (KIP-588)
 * - v4+ from brokers, several transactions, also to verify only (KIP-890); v5 TRANSACTION_ABORTABLE
 *
 * If any partition is unknown nothing is added: that one is UNKNOWN_TOPIC_OR_PARTITION, the others are
 * OPERATION_NOT_ATTEMPTED.
 */
import type { AddPartitions, PartitionsAdded } from '@troupe/transactions/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  AddPartitionsToTxnRequest,
  AddPartitionsToTxnRequest_AddPartitionsToTxnTransaction,
  AddPartitionsToTxnResponse_AddPartitionsToTxnTopicResultInput,
  AddPartitionsToTxnResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import type { RequestContext } from '../context.ts'
import { askCoordinator } from '../coordinators.ts'
import { isInternalTopic } from '../topic-names.ts'

export const gaps: readonly string[] = []

type Transaction = AddPartitionsToTxnRequest_AddPartitionsToTxnTransaction
type TopicResult = AddPartitionsToTxnResponse_AddPartitionsToTxnTopicResultInput

export const addPartitionsToTxn = defineApi<AddPartitionsToTxnRequest, AddPartitionsToTxnResponseInput>({
  key: 24,
  minVersion: 0,
  maxVersion: 5,
  gaps,
  handle(request, ctx) {
    const transactions = transactionsOf(request, ctx.version)
    const results: TopicResult[][] = []
    const barrier = new Barrier(() => ctx.respond(shape(transactions, results, ctx.version)))
    transactions.forEach((transaction, t) => {
      barrier.expect()
      add(ctx, transaction, (topics) => {
        results[t] = topics
        barrier.arrived()
      })
    })
    barrier.open()
  },
  failure(request, error, version) {
    if (version >= 4) return { errorCode: error }
    const transactions = transactionsOf(request, version)
    return shape(
      transactions,
      transactions.map((transaction) => resultsOf(transaction, () => error)),
      version,
    )
  },
})

function transactionsOf(request: AddPartitionsToTxnRequest, version: number): readonly Transaction[] {
  if (version >= 4) return request.transactions
  return [
    {
      transactionalId: request.v3AndBelowTransactionalId,
      producerId: request.v3AndBelowProducerId,
      producerEpoch: request.v3AndBelowProducerEpoch,
      verifyOnly: false,
      topics: request.v3AndBelowTopics,
    },
  ]
}

function add(ctx: RequestContext, transaction: Transaction, then: (topics: TopicResult[]) => void): void {
  const obstacle = (topic: string, partition: number): ErrorCode => {
    // Clients write internal topics through their coordinators only; a broker asks for those.
    if (ctx.version < 4 && isInternalTopic(topic)) return KafkaError.TOPIC_AUTHORIZATION_FAILED
    if (!ctx.env.cluster.topic(topic)?.partitions[partition]) return KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    return KafkaError.NONE
  }
  if (transaction.topics.some(({ name, partitions }) => partitions.some((partition) => obstacle(name, partition)))) {
    return then(
      resultsOf(transaction, (topic, partition) => obstacle(topic, partition) || KafkaError.OPERATION_NOT_ATTEMPTED),
    )
  }
  const fenced = (error: ErrorCode): ErrorCode =>
    error === KafkaError.PRODUCER_FENCED && ctx.version < 2 ? KafkaError.INVALID_PRODUCER_EPOCH : error
  const refused = (error: ErrorCode): void => then(resultsOf(transaction, () => fenced(error)))
  if (transaction.transactionalId === '') return refused(KafkaError.INVALID_REQUEST)
  askCoordinator<AddPartitions, PartitionsAdded>(
    ctx,
    'transactions',
    transaction.transactionalId,
    { kind: 'addPartitions', ...transaction, version: ctx.version },
    ({ error, partitionErrors }) => {
      if (error !== KafkaError.NONE) return refused(error)
      const errors = new Map(partitionErrors.map((one) => [`${one.topic}:${one.partition}`, one.error]))
      then(resultsOf(transaction, (topic, partition) => fenced(errors.get(`${topic}:${partition}`) ?? KafkaError.NONE)))
    },
    refused,
  )
}

function resultsOf(transaction: Transaction, errorOf: (topic: string, partition: number) => ErrorCode): TopicResult[] {
  return transaction.topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: errorOf(name, partitionIndex),
    })),
  }))
}

function shape(
  transactions: readonly Transaction[],
  results: readonly TopicResult[][],
  version: number,
): AddPartitionsToTxnResponseInput {
  if (version < 4) return { resultsByTopicV3AndBelow: results[0] }
  return {
    resultsByTransaction: transactions.map(({ transactionalId }, t) => ({ transactionalId, topicResults: results[t] })),
  }
}
