/**
 * Requests of a producer to its coordinators, one at a time, and what their answers mean.
 *
 * The order is by priority: a coordinator is looked for first, an id comes before partitions, EndTxn waits until every
 * batch is settled. Source: TransactionManager's TxnRequestHandlers, Sender.maybeSendAndPollTransactionalRequest.
 */
import { KafkaError, isRetriable } from '@troupe/wire/errors'
import type { AddOffsetsToTxnResponse } from '@troupe/wire/generated/25-add-offsets-to-txn'
import type { AddPartitionsToTxnResponse } from '@troupe/wire/generated/24-add-partitions-to-txn'
import type { EndTxnResponse } from '@troupe/wire/generated/26-end-txn'
import type { FindCoordinatorResponse } from '@troupe/wire/generated/10-find-coordinator'
import type { InitProducerIdResponse } from '@troupe/wire/generated/22-init-producer-id'
import type { TxnOffsetCommitResponse } from '@troupe/wire/generated/28-txn-offset-commit'
import type { BrokerEndpoint, NetworkAnswer, Unanswered, OffsetToCommit } from '../messages.ts'
import { abortBatches } from './accumulator.ts'
import { ask } from './ask.ts'
import { describeRequest } from './coordinator-bodies.ts'
import { bumpIdempotentEpoch, resolveSequences, rewriteSequences } from './sequences.ts'
import {
  hasIncomplete,
  isIdempotent,
  isTransactional,
  type Problem,
  type Step,
  type TransactionRequest,
} from './state.ts'
import {
  abortableError,
  become,
  completeTransaction,
  enqueue,
  fatalError,
  finishOperation,
  hasError,
  problemOf,
  requireEpochBump,
  setProducerId,
  unknownProducerIdMapping,
  updateVersion,
} from './transactions.ts'

type Request<Type extends TransactionRequest['type']> = Extract<TransactionRequest, { type: Type }>

/** While the previous transaction completes, the first request of the next one tries again sooner. */
const ADD_PARTITIONS_BACKOFF_MS = 20

/**
 * Brings the transaction on. True: batches may be sent now; while a coordinator is asked, or about to be, they wait.
 */
export function runTransactions(step: Step): boolean {
  const { state, env } = step
  const { transaction } = state
  if (!isIdempotent(state)) return true
  resolveSequences(step)
  if (transaction.phase === 'FATAL_ERROR') {
    abortBatches(step, transaction.lastError!, 'all')
    transaction.requests = []
    return false
  }
  if (giveUpUnauthorized(step)) return false
  if (!isTransactional(state)) bumpIdempotentEpoch(step)
  // Which version of transactions there is comes with the metadata.
  if (transaction.inFlight || !state.metadata) return false
  for (;;) {
    const aborting = transaction.phase === 'ABORTABLE_ERROR' || transaction.phase === 'ABORTING_TRANSACTION'
    if (aborting) {
      const aborted = { error: KafkaError.OPERATION_NOT_ATTEMPTED, detail: 'the transaction is aborted' }
      abortBatches(step, transaction.lastError ?? aborted, 'unsent')
    }
    if (transaction.newPartitions.size > 0) addPartitions(step)
    const request = transaction.requests[0]
    if (!request) return true
    if (request.type === 'endTxn' && hasIncomplete(state)) return true
    if (hasError(transaction) && request.type !== 'findCoordinator') {
      transaction.requests.shift()
      finishOperation(step, request.operation, 'abortable', transaction.lastError!)
      continue
    }
    if (request.type === 'endTxn' && !transaction.started) {
      transaction.requests.shift()
      completeTransaction(step, request.operation)
      continue
    }
    const to = destination(step, request)
    if (!to) continue
    if (request.retryAt > env.now) return false
    transaction.requests.shift()
    send(step, request, to)
    return false
  }
}

function addPartitions({ state }: Step): void {
  const { transaction } = state
  for (const key of transaction.newPartitions) transaction.pendingPartitions.add(key)
  transaction.newPartitions.clear()
  enqueue(transaction, {
    type: 'addPartitions',
    partitions: [...transaction.pendingPartitions],
    retryAt: 0,
    operation: -1,
  })
}

/** Without the right to its transactional id the producer can do nothing, but may try again from the beginning. */
function giveUpUnauthorized(step: Step): boolean {
  const { transaction } = step.state
  const error = transaction.lastError?.error
  const unauthorized =
    error === KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED || error === KafkaError.CLUSTER_AUTHORIZATION_FAILED
  if (transaction.phase !== 'ABORTABLE_ERROR' || !unauthorized) return false
  const problem = transaction.lastError!
  become(transaction, 'UNINITIALIZED')
  abortBatches(step, problem, 'all')
  for (const { operation } of transaction.requests) finishOperation(step, operation, 'none', problem)
  transaction.requests = []
  // Without transactions nobody asks for an id but the sends; they have been answered.
  return true
}

/** Whom to ask; null when a search for the coordinator was put in front. */
function destination({ state }: Step, request: TransactionRequest): BrokerEndpoint | 'any' | null {
  const { transaction } = state
  if (request.type === 'findCoordinator' || !isTransactional(state)) return 'any'
  if (request.type === 'commitOffsets') {
    if (!transaction.groupCoordinator) findGroup(state.transaction, request)
    return transaction.groupCoordinator
  }
  if (!transaction.coordinator)
    enqueue(transaction, {
      type: 'findCoordinator',
      of: 'transaction',
      key: state.config['transactional.id']!,
      retryAt: 0,
      operation: request.operation,
    })
  return transaction.coordinator
}

function findGroup(transaction: Step['state']['transaction'], { group, operation }: Request<'commitOffsets'>): void {
  enqueue(transaction, { type: 'findCoordinator', of: 'group', key: group.groupId, retryAt: 0, operation })
}

function send(step: Step, request: TransactionRequest, to: BrokerEndpoint | 'any'): void {
  step.state.transaction.inFlight = true
  const timeoutMs = step.state.config['request.timeout.ms']
  ask(step, { kind: 'transaction', request }, { ...describeRequest(step.state, request), to, timeoutMs })
}

export function onTransactionAnswer(step: Step, request: TransactionRequest, answer: NetworkAnswer): void {
  const { transaction } = step.state
  transaction.inFlight = false
  if (transaction.phase === 'FATAL_ERROR') return
  if (answer.kind === 'unanswered') {
    if (answer.reason === 'unsupported-version') return fail(step, request, problemOf(KafkaError.UNSUPPORTED_VERSION))
    // As Java: whoever has the wrong password is told so, and begins anew with another.
    if (answer.reason === 'authentication-failed') return fail(step, request, refusalOf(answer))
    forgetCoordinator(step, request)
    return retry(step, request)
  }
  switch (request.type) {
    case 'findCoordinator':
      return onCoordinator(step, request, answer.body as FindCoordinatorResponse)
    case 'initProducerId':
      return onProducerId(step, request, answer.body as InitProducerIdResponse)
    case 'addPartitions':
      return onPartitionsAdded(step, request, answer.body as AddPartitionsToTxnResponse)
    case 'addOffsets':
      return onOffsetsAdded(step, request, answer.body as AddOffsetsToTxnResponse)
    case 'commitOffsets':
      return onOffsetsCommitted(step, request, answer.body as TxnOffsetCommitResponse)
    case 'endTxn':
      return onEnded(step, request, answer.body as EndTxnResponse)
  }
}

function refusalOf({ error = KafkaError.SASL_AUTHENTICATION_FAILED, detail }: Unanswered): Problem {
  return problemOf(error, detail)
}

// --- what every answer may lead to

function retry(step: Step, request: TransactionRequest, after = step.state.config['retry.backoff.ms']): void {
  enqueue(step.state.transaction, { ...request, retryAt: step.env.now + after })
}

/** Asked the wrong one, or it is gone: the next attempt begins with a search. */
function forgetCoordinator({ state }: Step, { type }: TransactionRequest): void {
  if (type === 'commitOffsets') state.transaction.groupCoordinator = null
  else if (type !== 'findCoordinator') state.transaction.coordinator = null
}

function fail(step: Step, request: TransactionRequest, problem: Problem): void {
  finishOperation(step, request.operation, 'fatal', problem)
  fatalError(step, problem)
}

function failAbortable(step: Step, request: TransactionRequest, problem: Problem): void {
  abortableError(step, problem)
  finishOperation(
    step,
    request.operation,
    step.state.transaction.phase === 'FATAL_ERROR' ? 'fatal' : 'abortable',
    problem,
  )
}

const ofGroups: ReadonlySet<string> = new Set(['findCoordinator', 'addOffsets', 'commitOffsets'])
const knowProducers: ReadonlySet<string> = new Set(['addPartitions', 'addOffsets', 'endTxn'])

/** Errors that mean the same to every request. True: dealt with. */
function common(step: Step, request: TransactionRequest, error: number): boolean {
  switch (error) {
    case KafkaError.COORDINATOR_NOT_AVAILABLE:
    case KafkaError.NOT_COORDINATOR:
      forgetCoordinator(step, request)
      retry(step, request)
      return true
    case KafkaError.INVALID_PRODUCER_EPOCH:
    case KafkaError.PRODUCER_FENCED:
      if (request.type === 'findCoordinator') return false
      // From a coordinator, the older error says the same.
      fail(step, request, problemOf(KafkaError.PRODUCER_FENCED))
      return true
    case KafkaError.TRANSACTION_ABORTABLE:
      failAbortable(step, request, problemOf(error))
      return true
    case KafkaError.GROUP_AUTHORIZATION_FAILED:
      if (!ofGroups.has(request.type)) return false
      failAbortable(step, request, problemOf(error))
      return true
    case KafkaError.INVALID_PRODUCER_ID_MAPPING:
      if (request.type === 'initProducerId' || request.type === 'findCoordinator') return false
      unknownProducerIdMapping(step, problemOf(error))
      finishOperation(step, request.operation, 'abortable', problemOf(error))
      return true
    case KafkaError.UNKNOWN_PRODUCER_ID:
      if (!knowProducers.has(request.type)) return false
      requireEpochBump(step)
      failAbortable(step, request, problemOf(error))
      return true
  }
  if (!isRetriable(error)) return false
  retry(step, request)
  return true
}

// --- answers

function onCoordinator(step: Step, request: Request<'findCoordinator'>, response: FindCoordinatorResponse): void {
  const { transaction } = step.state
  const found = response.coordinators[0]
  const error = found?.errorCode ?? KafkaError.UNKNOWN_SERVER_ERROR
  if (found && error === KafkaError.NONE) {
    const endpoint = { id: found.nodeId, host: found.host, port: found.port, rack: null }
    if (request.of === 'group') transaction.groupCoordinator = endpoint
    else transaction.coordinator = endpoint
    return
  }
  if (!common(step, request, error)) fail(step, request, problemOf(error, found?.errorMessage))
}

function onProducerId(step: Step, request: Request<'initProducerId'>, response: InitProducerIdResponse): void {
  const { state } = step
  const { transaction } = state
  const error = response.errorCode
  if (error === KafkaError.NONE) {
    setProducerId(step, response.producerId, response.producerEpoch, request.bump)
    become(transaction, 'READY')
    transaction.epochBumpRequired = false
    if (isTransactional(state)) updateVersion(step, !request.bump)
    else rewriteSequences(state)
    return finishOperation(step, request.operation, 'none')
  }
  if (error === KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED || error === KafkaError.CLUSTER_AUTHORIZATION_FAILED) {
    // There is nothing to abort: `giveUpUnauthorized` goes back to the beginning.
    abortableError(step, problemOf(error))
    return finishOperation(step, request.operation, 'none', problemOf(error))
  }
  if (!common(step, request, error)) fail(step, request, problemOf(error))
}

function onPartitionsAdded(step: Step, request: Request<'addPartitions'>, response: AddPartitionsToTxnResponse): void {
  const { transaction } = step.state
  let refused: Problem | null = null
  for (const { name, resultsByPartition } of response.resultsByTopicV3AndBelow) {
    for (const { partitionIndex, partitionErrorCode: error } of resultsByPartition) {
      if (error === KafkaError.NONE) continue
      if (error === KafkaError.CONCURRENT_TRANSACTIONS) {
        const usual = step.state.config['retry.backoff.ms']
        const sooner = transaction.partitions.size === 0 ? Math.min(ADD_PARTITIONS_BACKOFF_MS, usual) : usual
        return retry(step, request, sooner)
      }
      if (isFatalForTransaction(error)) return fail(step, request, problemOf(error))
      if (common(step, request, error)) return
      if (refused === null || error !== KafkaError.OPERATION_NOT_ATTEMPTED)
        refused = problemOf(error, `${name}-${partitionIndex} cannot be added to the transaction`)
    }
  }
  for (const key of request.partitions) transaction.pendingPartitions.delete(key)
  if (refused) return abortableError(step, refused)
  for (const key of request.partitions) transaction.partitions.add(key)
  transaction.started = true
}

function isFatalForTransaction(error: number): boolean {
  return error === KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED || error === KafkaError.INVALID_TXN_STATE
}

function onOffsetsAdded(step: Step, request: Request<'addOffsets'>, { errorCode }: AddOffsetsToTxnResponse): void {
  if (errorCode === KafkaError.NONE) {
    step.state.transaction.started = true
    return enqueue(step.state.transaction, { ...request, type: 'commitOffsets', retryAt: 0 })
  }
  if (!common(step, request, errorCode)) fail(step, request, problemOf(errorCode))
}

const abortableForOffsets: ReadonlySet<number> = new Set([
  KafkaError.FENCED_INSTANCE_ID,
  KafkaError.UNKNOWN_MEMBER_ID,
  KafkaError.ILLEGAL_GENERATION,
])

function onOffsetsCommitted(step: Step, request: Request<'commitOffsets'>, response: TxnOffsetCommitResponse): void {
  const again: OffsetToCommit[] = []
  for (const offset of request.offsets) {
    const error = response.topics
      .find(({ name }) => name === offset.topic)
      ?.partitions.find(({ partitionIndex }) => partitionIndex === offset.partition)?.errorCode
    if (error === KafkaError.NONE) continue
    if (error === undefined) return fail(step, request, problemOf(KafkaError.UNKNOWN_SERVER_ERROR))
    if (abortableForOffsets.has(error)) return failAbortable(step, request, problemOf(error))
    const elsewhere =
      error === KafkaError.NOT_COORDINATOR ||
      error === KafkaError.COORDINATOR_NOT_AVAILABLE ||
      error === KafkaError.REQUEST_TIMED_OUT
    if (elsewhere) forgetCoordinator(step, request)
    else if (!isRetriable(error)) {
      if (!common(step, request, error)) fail(step, request, problemOf(error))
      return
    }
    again.push(offset)
  }
  if (again.length > 0) return retry(step, { ...request, offsets: again })
  finishOperation(step, request.operation, 'none')
}

function onEnded(step: Step, request: Request<'endTxn'>, response: EndTxnResponse): void {
  const error = response.errorCode
  if (error !== KafkaError.NONE) {
    if (!common(step, request, error)) fail(step, request, problemOf(error))
    return
  }
  if (response.producerId !== -1) setProducerId(step, response.producerId, response.producerEpoch, true)
  completeTransaction(step, request.operation)
}
