/**
 * KIP-890: no batch opens a transaction here unless the transaction coordinator knows of it.
 *
 *   first batch ── guard made, coordinator asked ── NONE, guard still there ──▶ appended
 *                                                ├─ NONE, a marker came in between ──▶ INVALID_TXN_STATE (Z21);
 *                                                │                                     TV2: asked again (KAFKA-20785)
 *                                                ├─ CONCURRENT_TRANSACTIONS (TV2) ──▶ asked again, for a short while
 *                                                └─ another error ──▶ told to the producer
 *
 * Batches of the same producer that arrive meanwhile wait behind it, in order. TV2 (`addPartition`) adds the partition
 * to the transaction on the way; while an earlier transaction of the producer is still open here, the coordinator
 * cannot have begun the new one for us, so it is not even asked (Z23). The marker that ends it wakes us.
 *
 * Source: Kafka's ReplicaManager.{handleProduceAppend,maybeSendPartitionsToTransactionCoordinator},
 * AddPartitionsToTxnManager, VerificationStateEntry, UnifiedLog.analyzeAndValidateProducerState.
 */
import { isFailed, type Outbox } from '@troupe/actor'
import type { AddPartitions, PartitionsAdded } from '@troupe/transactions/messages'
import * as batchHeader from '@troupe/wire/batch-header'
import { errorName, KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { Produce, TransactionCheck, VerifyTransaction } from './messages.ts'
import { appendBatch, batchOf } from './produce.ts'
import { checkLeader, refusedProduce } from './refusals.ts'
import {
  answer,
  expireAt,
  logOf,
  park,
  timers,
  type ReplicaEnv,
  type ReplicaState,
  type ReplicaTimer,
  type Verification,
  type VerificationWaiter,
} from './state.ts'

const NOT_ADDED = 'Partition was not added to the transaction'

/** A transactional batch of a client. */
export function verifyBatch(state: ReplicaState, message: Produce, env: ReplicaEnv, out: Outbox): void {
  const { records, transaction } = message
  const producerId = batchHeader.producerId(records, 0)
  const producerEpoch = batchHeader.producerEpoch(records, 0)
  const batch = batchOf(message, env)
  const underWay = state.verifications.get(producerId)
  if (underWay === undefined && needsNone(state, producerId, producerEpoch, transaction, env)) {
    return appendBatch(state, batch, true, env, out)
  }
  if (transaction === null) {
    return answer(state, out, batch.token, refusedProduce(state, KafkaError.INVALID_TXN_STATE, NOT_ADDED))
  }
  // The frame goes back to its pool after this step, so what waits is a copy.
  verify(
    state,
    producerId,
    producerEpoch,
    transaction,
    {
      kind: 'produce',
      ...batch,
      records: records.slice(),
    },
    env,
    out,
  )
}

/** A group coordinator is about to append a transactional commit. */
export function onVerifyTransaction(
  state: ReplicaState,
  message: VerifyTransaction,
  env: ReplicaEnv,
  out: Outbox,
): void {
  const { producerId, producerEpoch, transaction, replyTo } = message
  const error = checkLeader(state, -1, false)
  if (error !== KafkaError.NONE) return answer(state, out, replyTo, { error, guard: 0 })
  if (!state.verifications.has(producerId) && needsNone(state, producerId, producerEpoch, transaction, env)) {
    return answer(state, out, replyTo, { error: KafkaError.NONE, guard: 0 })
  }
  verify(state, producerId, producerEpoch, transaction, { kind: 'verify', token: replyTo }, env, out)
}

/** Whether a batch may be appended without asking: its transaction is open here, or verification is switched off. */
export function needsNone(
  state: ReplicaState,
  producerId: number,
  producerEpoch: number,
  transaction: TransactionCheck | null,
  env: ReplicaEnv,
): boolean {
  const log = logOf(state)
  if (log.hasOngoingTransaction(producerId, producerEpoch)) return true
  if (!env.safeguards.verifyOnAppend) return true
  if (transaction?.addPartition) {
    return !env.safeguards.tv2GuardOnCompleting && isOpenInOtherEpoch(state, producerId, producerEpoch)
  }
  return !env.config['transaction.partition.verification.enable']
}

function isOpenInOtherEpoch(state: ReplicaState, producerId: number, producerEpoch: number): boolean {
  const log = logOf(state)
  const known = log.producerEpoch(producerId)
  return known >= 0 && known !== producerEpoch && log.hasOngoingTransaction(producerId, known)
}

function verify(
  state: ReplicaState,
  producerId: number,
  producerEpoch: number,
  check: TransactionCheck,
  waiter: VerificationWaiter,
  env: ReplicaEnv,
  out: Outbox,
): void {
  const underWay = state.verifications.get(producerId)
  if (underWay !== undefined) {
    if (producerEpoch < underWay.producerEpoch) return refuse(state, waiter, KafkaError.INVALID_PRODUCER_EPOCH, out)
    const willAskAgain = check.addPartition && underWay.check.addPartition
    if (producerEpoch === underWay.producerEpoch && (willAskAgain || isGuarded(state, underWay))) {
      underWay.waiters.push(waiter)
      return park(state)
    }
    // An older epoch is fenced by this one; the same epoch without its guard has been ended by a marker.
    if (producerEpoch > underWay.producerEpoch) end(state, underWay, KafkaError.INVALID_PRODUCER_EPOCH, out)
    else state.verifications.delete(producerId)
  }
  park(state)
  const verification: Verification = {
    producerId,
    producerEpoch,
    check,
    startedAt: env.now,
    guard: 0,
    phase: 'waiting',
    requestId: -1,
    deadline: Infinity,
    isTimed: false,
    waiters: [waiter],
  }
  state.verifications.set(producerId, verification)
  attempt(state, verification, env, out)
}

/** Asks the coordinator, unless there is no use in it yet. */
function attempt(state: ReplicaState, verification: Verification, env: ReplicaEnv, out: Outbox): void {
  const { producerId, producerEpoch, check } = verification
  verification.guard = guardFor(state, producerId, producerEpoch)
  const isGuarding = check.addPartition && env.safeguards.tv2GuardOnCompleting
  if (isGuarding && isOpenInOtherEpoch(state, producerId, producerEpoch)) {
    // A marker ends an older epoch's transaction; no marker makes an older epoch current again.
    if (producerEpoch < logOf(state).producerEpoch(producerId)) {
      return end(state, verification, KafkaError.INVALID_PRODUCER_EPOCH, out)
    }
    return waitOrGiveUp(state, verification, env, out)
  }
  if (check.coordinator === null) return end(state, verification, KafkaError.COORDINATOR_NOT_AVAILABLE, out)
  const id = state.nextId++
  verification.phase = 'asking'
  verification.requestId = id
  verification.deadline = env.now + env.config['request.timeout.ms']
  state.verificationRequests.set(id, verification)
  expireAt(state, out, verification.deadline)
  const request: AddPartitions = {
    kind: 'addPartitions',
    replyTo: { ...env.self, id },
    transactionalId: check.transactionalId,
    producerId,
    producerEpoch,
    verifyOnly: !check.addPartition,
    version: 5,
    topics: [{ name: state.topic, partitions: [state.partition] }],
  }
  out.send(check.coordinator, request)
}

function guardFor(state: ReplicaState, producerId: number, epoch: number): number {
  const known = state.guards.get(producerId)
  if (known !== undefined && known.epoch === epoch) return known.number
  const guard = { epoch, number: state.nextId++ }
  state.guards.set(producerId, guard)
  return guard.number
}

function isGuarded(state: ReplicaState, verification: Verification): boolean {
  return state.guards.get(verification.producerId)?.number === verification.guard
}

export function onVerificationAnswer(
  state: ReplicaState,
  id: number,
  body: unknown,
  env: ReplicaEnv,
  out: Outbox,
): void {
  const verification = state.verificationRequests.get(id) as Verification
  state.verificationRequests.delete(id)
  verification.requestId = -1
  const error = read(state, verification, body)
  if (error === KafkaError.CONCURRENT_TRANSACTIONS && verification.check.addPartition) {
    return waitOrGiveUp(state, verification, env, out)
  }
  if (error !== KafkaError.NONE) return end(state, verification, error, out)
  if (env.safeguards.verificationGuard && !isGuarded(state, verification)) {
    // TV2 has an epoch for every transaction: who is late is told so when asked again (KAFKA-20785).
    if (verification.check.addPartition) return attempt(state, verification, env, out)
    return end(state, verification, KafkaError.INVALID_TXN_STATE, out)
  }
  const { waiters, guard } = remove(state, verification)
  for (const waiter of waiters) {
    if (waiter.kind === 'verify') answer(state, out, waiter.token, { error: KafkaError.NONE, guard })
    else appendBatch(state, waiter, true, env, out)
  }
}

/** The error for this partition, as a producer knows it. */
function read(state: ReplicaState, verification: Verification, body: unknown): ErrorCode {
  if (isFailed(body)) return KafkaError.NETWORK_EXCEPTION
  const { error, partitionErrors } = body as PartitionsAdded
  const ours = partitionErrors.find(({ topic, partition }) => topic === state.topic && partition === state.partition)
  const own = error !== KafkaError.NONE ? error : (ours?.error ?? KafkaError.NONE)
  if (own === KafkaError.PRODUCER_FENCED) return KafkaError.INVALID_PRODUCER_EPOCH
  if (own === KafkaError.CLUSTER_AUTHORIZATION_FAILED) return KafkaError.INVALID_TXN_STATE
  if (own === KafkaError.TRANSACTION_ABORTABLE && !verification.check.supportsAbortable) {
    return KafkaError.INVALID_TXN_STATE
  }
  return own
}

/** TV2: retried here, because a produce is dear to send again and the markers usually land within milliseconds. */
function waitOrGiveUp(state: ReplicaState, verification: Verification, env: ReplicaEnv, out: Outbox): void {
  const limit = Math.min(env.config['add.partitions.to.txn.retry.backoff.max.ms'], env.config['request.timeout.ms'])
  if (env.now - verification.startedAt >= limit) {
    return end(state, verification, KafkaError.CONCURRENT_TRANSACTIONS, out)
  }
  verification.phase = 'waiting'
  verification.deadline = Infinity
  verification.isTimed = true
  const due: ReplicaTimer = { kind: 'verificationDue', producerId: verification.producerId }
  out.setTimer(timers.verification(due.producerId), env.now + env.config['add.partitions.to.txn.retry.backoff.ms'], due)
}

export function onVerificationDue(state: ReplicaState, producerId: number, env: ReplicaEnv, out: Outbox): void {
  const verification = state.verifications.get(producerId)
  if (verification === undefined || verification.phase !== 'waiting') return
  verification.isTimed = false
  attempt(state, verification, env, out)
}

/** A marker of this producer has been written: what it waited for is over, as a rule. */
export function wakeVerification(state: ReplicaState, producerId: number, env: ReplicaEnv, out: Outbox): void {
  const verification = state.verifications.get(producerId)
  if (verification === undefined || verification.phase !== 'waiting') return
  stopTimer(verification, out)
  attempt(state, verification, env, out)
}

function stopTimer(verification: Verification, out: Outbox): void {
  if (verification.isTimed) out.cancelTimer(timers.verification(verification.producerId))
  verification.isTimed = false
}

function end(state: ReplicaState, verification: Verification, error: ErrorCode, out: Outbox): void {
  const { waiters } = remove(state, verification)
  stopTimer(verification, out)
  for (const waiter of waiters) refuse(state, waiter, error, out)
}

function remove(state: ReplicaState, verification: Verification): Verification {
  if (state.verifications.get(verification.producerId) === verification) {
    state.verifications.delete(verification.producerId)
  }
  if (verification.requestId >= 0) state.verificationRequests.delete(verification.requestId)
  return verification
}

/** Errors that an older producer would not retry become one that it does, without a metadata refresh. */
function refuse(state: ReplicaState, waiter: VerificationWaiter, error: ErrorCode, out: Outbox): void {
  if (waiter.kind === 'verify') return answer(state, out, waiter.token, { error, guard: 0 })
  switch (error) {
    case KafkaError.INVALID_TXN_STATE:
      return answer(state, out, waiter.token, refusedProduce(state, error, NOT_ADDED))
    case KafkaError.CONCURRENT_TRANSACTIONS:
    case KafkaError.NETWORK_EXCEPTION:
    case KafkaError.COORDINATOR_LOAD_IN_PROGRESS:
    case KafkaError.COORDINATOR_NOT_AVAILABLE:
    case KafkaError.NOT_COORDINATOR:
      return answer(
        state,
        out,
        waiter.token,
        refusedProduce(
          state,
          KafkaError.NOT_ENOUGH_REPLICAS,
          `Unable to verify the partition has been added to the transaction. Underlying error: ${errorName(error)}`,
        ),
      )
    default:
      return answer(state, out, waiter.token, refusedProduce(state, error, null))
  }
}

/** Gives up conversations whose answer is overdue; returns the next deadline. */
export function expireVerifications(state: ReplicaState, now: number, out: Outbox): number {
  let next = Infinity
  for (const verification of state.verificationRequests.values()) {
    if (verification.deadline <= now) end(state, verification, KafkaError.NETWORK_EXCEPTION, out)
    else if (verification.deadline < next) next = verification.deadline
  }
  return next
}

/** Leadership is gone or the log is: nobody is verified here any more. */
export function failVerifications(state: ReplicaState, error: ErrorCode, out: Outbox): void {
  const all = new Set([...state.verifications.values(), ...state.verificationRequests.values()])
  for (const verification of all) end(state, verification, error, out)
  state.guards.clear()
}
