/**
 * The producer's transaction: what the application may ask for when, and what an error makes of it.
 *
 * Errors are of three kinds: those after which the same request is sent again; *abortable* ones, after which the
 * application aborts and goes on; *fatal* ones (fenced, not authorised, unknown), after which it can only close.
 * With `transaction.version` 2 (KIP-890) partitions join by being written to, and every transaction has an epoch of its
 * own, which EndTxn's answer brings; before it, AddPartitionsToTxn comes first and the epoch stays. A producer that is
 * only idempotent uses UNINITIALIZED, INITIALIZING, READY and FATAL_ERROR. Source: TransactionManager, KIP-98, KIP-360, KIP-588.
 */
import type { ReplyToken } from '@troupe/actor'
import { defineEdges } from '@troupe/actor/edges'
import { KafkaError, errorName, isRetriable } from '@troupe/wire/errors'
import type { OperationResult, SendOffsets } from '../messages.ts'
import {
  isIdempotent,
  isTransactional,
  type Operation,
  type OperationName,
  type PartitionState,
  type Problem,
  type Step,
  type TransactionRequest,
  type TransactionState,
} from './state.ts'
import { resetAllSequences } from './sequences.ts'

export type TransactionPhase =
  | 'UNINITIALIZED'
  | 'INITIALIZING'
  | 'READY'
  | 'IN_TRANSACTION'
  | 'COMMITTING_TRANSACTION'
  | 'ABORTING_TRANSACTION'
  | 'ABORTABLE_ERROR'
  | 'FATAL_ERROR'

export const edges = defineEdges<TransactionPhase>({
  UNINITIALIZED: ['INITIALIZING', 'FATAL_ERROR'],
  INITIALIZING: ['READY', 'ABORTABLE_ERROR', 'FATAL_ERROR'],
  READY: ['IN_TRANSACTION', 'UNINITIALIZED', 'FATAL_ERROR'],
  IN_TRANSACTION: ['COMMITTING_TRANSACTION', 'ABORTING_TRANSACTION', 'ABORTABLE_ERROR', 'FATAL_ERROR'],
  COMMITTING_TRANSACTION: ['READY', 'INITIALIZING', 'ABORTABLE_ERROR', 'FATAL_ERROR'],
  ABORTING_TRANSACTION: ['READY', 'INITIALIZING', 'FATAL_ERROR'],
  ABORTABLE_ERROR: ['ABORTABLE_ERROR', 'ABORTING_TRANSACTION', 'UNINITIALIZED', 'FATAL_ERROR'],
  FATAL_ERROR: ['FATAL_ERROR'],
})

export function become(transaction: TransactionState, phase: TransactionPhase, error: Problem | null = null): void {
  transaction.phase = edges(transaction.phase, phase)
  transaction.lastError = error
}

export function problemOf(error: number, detail: string | null = null): Problem {
  return { error, detail: detail ?? errorName(error) }
}

export function hasError({ phase }: TransactionState): boolean {
  return phase === 'ABORTABLE_ERROR' || phase === 'FATAL_ERROR'
}

export function isCompleting({ phase }: TransactionState): boolean {
  return phase === 'COMMITTING_TRANSACTION' || phase === 'ABORTING_TRANSACTION'
}

export function isOngoing({ phase }: TransactionState): boolean {
  return phase === 'IN_TRANSACTION' || phase === 'ABORTABLE_ERROR' || isCompleting({ phase } as TransactionState)
}

// --- what the application asks

const NONE: OperationResult = { error: KafkaError.NONE, detail: null, severity: 'none' }

function usage(detail: string): OperationResult {
  return { error: KafkaError.INVALID_TXN_STATE, detail, severity: 'usage' }
}

/** Why nothing can be asked now, null if something can. */
function refusal({ state }: Step, name: string, whenAborting = false): OperationResult | null {
  const { transaction } = state
  if (!isTransactional(state)) return usage('the producer has no transactional.id')
  if (state.closing) return usage('the producer is closed')
  if (transaction.operation && transaction.operation.name !== name)
    return usage(`${transaction.operation.name} is not over; ask it again`)
  if (!hasError(transaction) || (whenAborting && transaction.phase === 'ABORTABLE_ERROR')) return null
  const severity = transaction.phase === 'FATAL_ERROR' ? 'fatal' : 'abortable'
  return { ...transaction.lastError!, severity }
}

/** Starts an operation, or takes up one that has timed out; `begin` says whether this is the moment. */
function operate(
  step: Step,
  name: OperationName,
  replyTo: ReplyToken,
  from: readonly TransactionPhase[],
  begin: (operation: number) => void,
): void {
  const { state, env, out } = step
  const { transaction } = state
  const deadlineAt = env.now + state.config['max.block.ms']
  const pending = transaction.operation
  if (pending?.name === name && !pending.waiting && name !== 'sendOffsets') {
    pending.waiting = replyTo
    pending.deadlineAt = deadlineAt
    return settle(step)
  }
  const refused =
    refusal(step, name, name === 'abortTransaction') ??
    (pending ? usage(`${name} is under way`) : null) ??
    (from.includes(transaction.phase) ? null : usage(`${name} in state ${transaction.phase}`))
  if (refused) return out.reply(replyTo, refused)
  const id = transaction.nextOperation++
  transaction.operation = { id, name, waiting: replyTo, deadlineAt, outcome: null }
  begin(id)
}

export function onInitTransactions(step: Step, replyTo: ReplyToken): void {
  operate(step, 'initTransactions', replyTo, ['UNINITIALIZED'], (operation) => {
    become(step.state.transaction, 'INITIALIZING')
    enqueue(step.state.transaction, { type: 'initProducerId', bump: false, retryAt: 0, operation })
  })
}

export function onBeginTransaction(step: Step, replyTo: ReplyToken): void {
  const { transaction } = step.state
  const refused =
    refusal(step, 'beginTransaction') ??
    (transaction.phase === 'READY' ? null : usage(`beginTransaction in state ${transaction.phase}`))
  if (!refused) become(transaction, 'IN_TRANSACTION')
  step.out.reply(replyTo, refused ?? NONE)
}

export function onSendOffsets(step: Step, { replyTo, offsets, group }: SendOffsets): void {
  const { transaction } = step.state
  operate(step, 'sendOffsets', replyTo, ['IN_TRANSACTION'], (operation) => {
    const type = transaction.v2 ? 'commitOffsets' : 'addOffsets'
    if (transaction.v2) transaction.started = true
    enqueue(transaction, { type, offsets, group, retryAt: 0, operation })
  })
}

export function onCommitTransaction(step: Step, replyTo: ReplyToken): void {
  operate(step, 'commitTransaction', replyTo, ['IN_TRANSACTION'], (operation) => {
    become(step.state.transaction, 'COMMITTING_TRANSACTION')
    complete(step, true, operation)
  })
}

export function onAbortTransaction(step: Step, replyTo: ReplyToken): void {
  operate(step, 'abortTransaction', replyTo, ['IN_TRANSACTION', 'ABORTABLE_ERROR'], (id) => abort(step, id))
}

/** The producer is closed in the middle of a transaction: nobody waits. */
export function abortForClose(step: Step): void {
  const { transaction } = step.state
  if (isOngoing(transaction) && !isCompleting(transaction)) abort(step, transaction.nextOperation++)
}

function abort(step: Step, operation: number): void {
  const { transaction } = step.state
  const error = transaction.lastError
  become(transaction, 'ABORTING_TRANSACTION')
  transaction.newPartitions.clear()
  complete(step, false, operation, error)
}

/** EndTxn, when everything before it is settled. */
function complete(step: Step, committed: boolean, operation: number, error: Problem | null = null): void {
  const { transaction } = step.state
  const { v2 } = transaction
  updateVersion(step, false)
  // A coordinator that does not know the producer id (any more) has nothing to end.
  if (error?.error === KafkaError.INVALID_PRODUCER_ID_MAPPING) return completeTransaction(step, operation)
  enqueue(transaction, { type: 'endTxn', committed, v2, retryAt: 0, operation })
}

/** The level that brokers have finalised decides from the next transaction on; the first one needs an epoch of its own. */
export function updateVersion({ state }: Step, first: boolean): void {
  const { transaction, metadata } = state
  if (!metadata || metadata.features.epoch <= transaction.featuresEpoch) return
  const before = transaction.v2
  transaction.featuresEpoch = metadata.features.epoch
  transaction.v2 = (metadata.features.levels.get('transaction.version') ?? 0) >= 2
  if (!first && !before && transaction.v2) transaction.epochBumpRequired = true
}

/** EndTxn is answered, or there was nothing to end. The operation is over when the next epoch is there, if one is needed. */
export function completeTransaction(step: Step, operation: number): void {
  const { transaction } = step.state
  const bump = transaction.epochBumpRequired
  become(transaction, bump ? 'INITIALIZING' : 'READY')
  transaction.epochBumpRequired = false
  transaction.started = false
  transaction.newPartitions.clear()
  transaction.pendingPartitions.clear()
  transaction.partitions.clear()
  if (bump) enqueue(transaction, { type: 'initProducerId', bump, retryAt: 0, operation })
  else finishOperation(step, operation, 'none')
}

/** An id and an epoch of its own for what comes next; all sequences begin at 0. */
export function setProducerId({ state }: Step, producerId: number, producerEpoch: number, anew: boolean): void {
  state.transaction.producerId = producerId
  state.transaction.producerEpoch = producerEpoch
  if (anew) resetAllSequences(state)
}

// --- sends in a transaction

/** Why a record can't be sent now. `blocked`: it was sent before the commit that is under way. */
export function refuseSend({ state }: Step, blocked = false): Problem | null {
  const { transaction } = state
  if (!isIdempotent(state)) return null
  if (hasError(transaction)) return transaction.lastError
  if (!isTransactional(state)) return null
  if (transaction.phase === 'IN_TRANSACTION') return null
  if (blocked && transaction.phase === 'COMMITTING_TRANSACTION') return null
  return { error: KafkaError.INVALID_TXN_STATE, detail: `send in state ${transaction.phase}`, usage: true }
}

export function joinTransaction({ state }: Step, { key }: PartitionState): void {
  const { transaction } = state
  if (!isTransactional(state)) return
  if (transaction.partitions.has(key) || transaction.pendingPartitions.has(key)) return
  if (transaction.v2) {
    transaction.partitions.add(key)
    transaction.started = true
  } else transaction.newPartitions.add(key)
}

// --- requests to come, in the order of their priority

const priorities = {
  findCoordinator: 0,
  initProducerId: 1,
  addPartitions: 2,
  addOffsets: 2,
  commitOffsets: 2,
  endTxn: 3,
}

function priorityOf(request: TransactionRequest): number {
  // After a transaction the epoch is bumped when it has ended.
  return request.type === 'initProducerId' && request.bump ? 4 : priorities[request.type]
}

export function enqueue(transaction: TransactionState, request: TransactionRequest): void {
  const behind = transaction.requests.findIndex((other) => priorityOf(other) > priorityOf(request))
  transaction.requests.splice(behind < 0 ? transaction.requests.length : behind, 0, request)
}

// --- errors

export function fatalError(step: Step, problem: Problem): void {
  const { transaction } = step.state
  if (transaction.phase !== 'FATAL_ERROR') become(transaction, 'FATAL_ERROR', problem)
  finishOperation(step, transaction.operation?.id ?? -1, 'fatal', problem)
}

export function abortableError(step: Step, problem: Problem): void {
  const { transaction } = step.state
  // It is being aborted already.
  if (transaction.phase === 'ABORTING_TRANSACTION') return
  // An error at a moment that knows no way back: Java poisons its state as well.
  if (!edges.table[transaction.phase].includes('ABORTABLE_ERROR')) return fatalError(step, problem)
  become(transaction, 'ABORTABLE_ERROR', problem)
}

/** With version 2 the epoch rises by itself when the transaction ends; before, the client has to ask for the next one. */
export function requireEpochBump({ state }: Step): void {
  if (!state.transaction.v2) state.transaction.epochBumpRequired = true
}

const fatalForBatches: ReadonlySet<number> = new Set([
  KafkaError.CLUSTER_AUTHORIZATION_FAILED,
  KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  KafkaError.PRODUCER_FENCED,
  KafkaError.UNSUPPORTED_VERSION,
  KafkaError.INVALID_PRODUCER_ID_MAPPING,
])

/** A batch has failed for good: what that means for the transaction. */
export function batchFailed(step: Step, problem: Problem): void {
  const { transaction } = step.state
  if (problem.error === KafkaError.INVALID_PRODUCER_ID_MAPPING && isTransactional(step.state))
    return unknownProducerIdMapping(step, problem)
  if (fatalForBatches.has(problem.error)) return fatalError(step, problem)
  if (!isTransactional(step.state)) return
  if (!isCompleting(transaction)) requireEpochBump(step)
  // Tried until the time was over: to the transaction that is not an error that may pass.
  const { error, detail } = problem
  const passing = isRetriable(error) || error === KafkaError.INVALID_TXN_STATE
  abortableError(step, passing ? { error: KafkaError.TRANSACTION_ABORTABLE, detail } : problem)
}

/**
 * The coordinator does not know this producer: its transactional id has expired, and somebody else may have worked with it
 * since. Going on after an abort would do that work again (KAFKA-18019), so it is the end.
 */
export function unknownProducerIdMapping(step: Step, problem: Problem): void {
  if (step.env.safeguards.invalidPidMappingIsFatal) return fatalError(step, problem)
  step.state.transaction.epochBumpRequired = true
  abortableError(step, problem)
}

// --- the operation's end

/** Ends the operation if it is the one under way. */
export function finishOperation(
  step: Step,
  id: number,
  severity: 'none' | 'abortable' | 'fatal',
  { error, detail }: Problem = { error: KafkaError.NONE, detail: null },
): void {
  const { operation } = step.state.transaction
  if (!operation || operation.id !== id || operation.outcome) return
  operation.outcome = { error, detail, severity }
  settle(step)
}

/** Tells who waits for the operation how it ended, or that it takes too long. */
export function settle({ state, env, out }: Step): void {
  const { transaction } = state
  const { operation } = transaction
  if (!operation) return
  if (operation.outcome && (operation.waiting || isForgotten(operation))) {
    if (operation.waiting) out.reply(operation.waiting, operation.outcome)
    transaction.operation = null
    return
  }
  if (operation.deadlineAt > env.now || !operation.waiting) return
  const detail = `${operation.name} takes longer than max.block.ms`
  out.reply(operation.waiting, { error: KafkaError.REQUEST_TIMED_OUT, detail, severity: 'timed-out' })
  operation.waiting = null
  if (isForgotten(operation)) transaction.operation = null
}

/** Java remembers initTransactions, commit and abort that timed out, so that they can be waited for again. */
function isForgotten({ name }: Operation): boolean {
  return name === 'sendOffsets'
}
