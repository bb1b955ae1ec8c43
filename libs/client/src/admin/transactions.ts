/** Transactions: list, describe, fence the producers behind them (KIP-664). */
import { KafkaError } from '@troupe/wire/errors'
import type { DescribeTransactionsResponse } from '@troupe/wire/generated/65-describe-transactions'
import type { InitProducerIdResponse } from '@troupe/wire/generated/22-init-producer-id'
import type { ListTransactionsResponse } from '@troupe/wire/generated/66-list-transactions'
import type { TopicPartition } from '../consumer/topic-partition.ts'
import { answer, passesAtCoordinator } from './answers.ts'
import { defineOperation, type Route } from './operation.ts'

function toTransaction(transactionalId: string): Route {
  return { coordinator: 'transaction', of: transactionalId }
}

export interface TransactionListing {
  readonly transactionalId: string
  readonly producerId: number
  readonly state: string
}

export interface ListTransactionsArgs {
  readonly states?: readonly string[]
  readonly producerIds?: readonly number[]
  /** Only those that have been open for longer. */
  readonly runningLongerThanMs?: number
  /** RE2/J (KIP-1152). */
  readonly transactionalIdPattern?: string
}

export const listTransactions = defineOperation({
  api: 66,
  items: (_args: ListTransactionsArgs) => 'each broker' as const,
  keyOf: String,
  route: (broker: number) => broker,
  request: (_items, { states = [], producerIds = [], runningLongerThanMs, transactionalIdPattern }) => ({
    body: {
      stateFilters: states,
      producerIdFilters: producerIds,
      ...(runningLongerThanMs === undefined ? {} : { durationFilter: runningLongerThanMs }),
      ...(transactionalIdPattern === undefined ? {} : { transactionalIdPattern }),
    },
  }),
  read: ({ errorCode, transactionStates }: ListTransactionsResponse, items) => {
    const value = transactionStates.map(({ transactionalId, producerId, transactionState }): TransactionListing => ({
      transactionalId,
      producerId,
      state: transactionState,
    }))
    return items.map((broker) => answer(String(broker), value, errorCode))
  },
  repeat: (error) => error === KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
})

export interface TransactionDescription {
  readonly transactionalId: string
  readonly coordinator: number
  readonly state: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly transactionTimeoutMs: number
  /** null: none is open. */
  readonly transactionStartTimeMs: number | null
  readonly partitions: readonly TopicPartition[]
}

export const describeTransactions = defineOperation({
  api: 65,
  items: ({ transactionalIds }: { readonly transactionalIds: readonly string[] }) => transactionalIds,
  keyOf: (transactionalId) => transactionalId,
  route: toTransaction,
  request: (transactionalIds) => ({ body: { transactionalIds } }),
  read: ({ transactionStates }: DescribeTransactionsResponse, _items, _args, { broker }) =>
    transactionStates.map((state) => {
      const value: TransactionDescription = {
        transactionalId: state.transactionalId,
        coordinator: broker,
        state: state.transactionState,
        producerId: state.producerId,
        producerEpoch: state.producerEpoch,
        transactionTimeoutMs: state.transactionTimeoutMs,
        transactionStartTimeMs: state.transactionStartTimeMs < 0 ? null : state.transactionStartTimeMs,
        partitions: state.topics.flatMap(({ topic, partitions }) =>
          partitions.map((partition) => ({ topic, partition })),
        ),
      }
      return answer(state.transactionalId, value, state.errorCode)
    }),
  repeat: passesAtCoordinator,
})

export interface FencedProducer {
  readonly producerId: number
  readonly producerEpoch: number
}

/** A new epoch for each transactional.id: its transaction is aborted, whoever used it is fenced. */
export const fenceProducers = defineOperation({
  api: 22,
  items: ({ transactionalIds }: { readonly transactionalIds: readonly string[] }) => transactionalIds,
  keyOf: (transactionalId) => transactionalId,
  route: toTransaction,
  // A request names one, and so does not its response.
  apart: (transactionalId) => transactionalId,
  request: ([transactionalId], _args, timeoutMs) => ({
    body: { transactionalId: transactionalId!, transactionTimeoutMs: timeoutMs, producerId: -1, producerEpoch: -1 },
  }),
  read: ({ errorCode, producerId, producerEpoch }: InitProducerIdResponse, [transactionalId]) => {
    const value: FencedProducer = { producerId, producerEpoch }
    return [answer(transactionalId!, value, errorCode)]
  },
  repeat: (error) => passesAtCoordinator(error) || error === KafkaError.CONCURRENT_TRANSACTIONS,
})
