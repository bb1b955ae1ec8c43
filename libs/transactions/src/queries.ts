/**
 * DescribeTransactions v0 and ListTransactions v0–2. Answers rest on committed state: the shard holds them behind
 * earlier writes.
 *
 * Source: Kafka's TransactionCoordinator.handleDescribeTransactions, TransactionStateManager.listTransactionStates;
 * KIP-664, KIP-994 (duration), KIP-1152 (pattern, RE2 syntax).
 */
import { RE2JS, RE2JSException } from 're2js'
import type { CoordinatorEnv } from '@troupe/coordinator/contract'
import { KafkaError } from '@troupe/wire/errors'
import type {
  DescribeTransactionsResponse_TransactionStateInput,
  DescribeTransactionsResponseInput,
  ListTransactionsRequest,
  ListTransactionsResponseInput,
} from '@troupe/wire/messages'
import type { DescribeTransactions, ListTransactions } from './messages.ts'
import type { TransactionShardState } from './shard-state.ts'
import type { TopicPartitions, TransactionMetadata } from './transaction-metadata.ts'
import { stateOfName, transactionStates } from './transaction-state.ts'

export function describeTransactions(
  state: TransactionShardState,
  { body }: DescribeTransactions,
): DescribeTransactionsResponseInput {
  return { transactionStates: body.transactionalIds.map((transactionalId) => describe(state, transactionalId)) }
}

function describe(
  state: TransactionShardState,
  transactionalId: string,
): DescribeTransactionsResponse_TransactionStateInput {
  if (transactionalId === '') return { transactionalId, errorCode: KafkaError.INVALID_REQUEST }
  const metadata = state.transactions.get(transactionalId)
  if (metadata === undefined) return { transactionalId, errorCode: KafkaError.TRANSACTIONAL_ID_NOT_FOUND }
  return {
    errorCode: KafkaError.NONE,
    transactionalId,
    transactionState: transactionStates[metadata.state].name,
    transactionTimeoutMs: metadata.timeoutMs,
    transactionStartTimeMs: metadata.startedAt,
    producerId: metadata.producerId,
    producerEpoch: metadata.producerEpoch,
    topics: unfinished(state, metadata).map(({ topic, partitions }) => ({ topic, partitions: [...partitions] })),
  }
}

/** While markers are written, the partitions whose marker is missing: what an operator looks for in a hanging one. */
function unfinished(state: TransactionShardState, metadata: TransactionMetadata): TopicPartitions[] {
  const waiting = state.completions.get(metadata.transactionalId)?.waiting
  return metadata.topics
    .map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.filter((partition) => waiting === undefined || waiting.has(`${topic}:${partition}`)),
    }))
    .filter(({ partitions }) => partitions.length > 0)
}

export function listTransactions(
  state: TransactionShardState,
  { body }: ListTransactions,
  env: CoordinatorEnv,
): ListTransactionsResponseInput {
  const unknownStateFilters = body.stateFilters.filter((name) => stateOfName(name) === undefined)
  const pattern = compile(body.transactionalIdPattern)
  if (pattern === undefined) return { errorCode: KafkaError.INVALID_REGULAR_EXPRESSION }
  const transactionStatesFound = [...state.transactions.values()]
    .filter((metadata) => matches(metadata, body, pattern, env.now))
    .map(({ transactionalId, producerId, state: at }) => ({
      transactionalId,
      producerId,
      transactionState: transactionStates[at].name,
    }))
  return { errorCode: KafkaError.NONE, unknownStateFilters, transactionStates: transactionStatesFound }
}

/** For a front that has no coordinator to ask. */
export function isTransactionalIdPattern(pattern: string | null): boolean {
  return compile(pattern) !== undefined
}

/**
 * null matches everything, undefined is no pattern. RE2: its time is linear in the text, so a pattern from a client
 * can't stall the broker.
 */
function compile(pattern: string | null): RE2JS | null | undefined {
  if (pattern === null || pattern === '') return null
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    if (error instanceof RE2JSException) return undefined
    throw error
  }
}

function matches(
  metadata: TransactionMetadata,
  filter: ListTransactionsRequest,
  pattern: RE2JS | null,
  now: number,
): boolean {
  const { producerIdFilters, stateFilters, durationFilter } = filter
  if (producerIdFilters.length > 0 && !producerIdFilters.includes(metadata.producerId)) return false
  if (stateFilters.length > 0 && !stateFilters.includes(transactionStates[metadata.state].name)) return false
  // As Kafka: an id that never had a transaction counts as started before all time.
  if (durationFilter >= 0 && now - metadata.startedAt <= durationFilter) return false
  return pattern === null || pattern.matches(metadata.transactionalId)
}
