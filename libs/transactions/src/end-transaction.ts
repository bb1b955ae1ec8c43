/**
 * The end of a transaction: by its producer (EndTxn v0–5), or by the coordinator (`fence`: timeout, new instance).
 *
 * The fate is decided by the PREPARE_* record. The producer is answered when that is committed; the markers go out at
 * the same moment, and COMPLETE_* follows when all are written. Under transaction.version 2 (EndTxn v5) every end bumps
 * the epoch, so a late EndTxn can't end the next transaction (Z22), and an empty transaction may be aborted.
 *
 * | EndTxn v5 in        | commit                     | abort                        |
 * | ------------------- | -------------------------- | ---------------------------- |
 * | ONGOING             | PREPARE_COMMIT             | PREPARE_ABORT                |
 * | EMPTY               | early*                     | PREPARE_ABORT, COMPLETE_ABORT |
 * | COMPLETE_COMMIT     | retry: NONE, else early*   | retry: INVALID_TXN_STATE, else as EMPTY |
 * | COMPLETE_ABORT      | retry: INVALID_TXN_STATE, else early* | retry: NONE, else as EMPTY   |
 * | PREPARE_COMMIT      | waits, then as COMPLETE_*  | retry: INVALID_TXN_STATE, else waits |
 * | PREPARE_ABORT       | retry: INVALID_TXN_STATE, else waits | waits, then as COMPLETE_* |
 *
 * *: CONCURRENT_TRANSACTIONS once, then INVALID_TXN_STATE (see `refuseEarlyCommit`).
 *
 * Source: Kafka's TransactionCoordinator.endTransaction; KIP-98, KIP-588, KIP-890.
 */
import type { CoordinatorEnv, Decision } from '@troupe/coordinator/contract'
import { KafkaError } from '@troupe/wire/errors'
import type { Continued, TransactionMessage } from './internal-messages.ts'
import { startMarkers } from './markers.ts'
import type { EndTxn } from './messages.ts'
import { recordOf } from './records.ts'
import {
  askProducerId,
  fencedError,
  merge,
  park,
  refuse,
  refuseEarlyCommit,
  release,
  serverVersion,
  tick,
  transactionVersion,
} from './requests.ts'
import type { TransactionShardState } from './shard-state.ts'
import {
  completed,
  fenced,
  isEpochExhausted,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  prepared,
  type TransactionMetadata,
} from './transaction-metadata.ts'
import { isPrepared } from './transaction-state.ts'

type Request = EndTxn & Continued

/** The first version whose answer carries the next epoch. */
const FIRST_BUMPING_VERSION = 5
const LAST_CLIENT_EPOCH = 32766

export function endTxn(state: TransactionShardState, request: Request, env: CoordinatorEnv): Decision {
  const { transactionalId } = request.body
  if (transactionalId === '') return refuse(request, KafkaError.INVALID_REQUEST)
  const current = state.transactions.get(transactionalId)
  if (current === undefined) return refuse(request, KafkaError.INVALID_PRODUCER_ID_MAPPING)
  // As Kafka: the client's version decides, also while the cluster's feature is being changed.
  const bumps = request.version >= FIRST_BUMPING_VERSION && env.safeguards.epochPerTransaction
  if (bumps) return endWithBump(state, current, request, env)
  return endInSameEpoch(state, current, request, env)
}

/** transaction.version 0 and 1: one epoch for many transactions, so a repeated end looks like the first. */
function endInSameEpoch(
  state: TransactionShardState,
  current: TransactionMetadata,
  request: Request,
  env: CoordinatorEnv,
): Decision {
  const { producerId, producerEpoch, committed: commit } = request.body
  if (producerId !== current.producerId) return refuse(request, KafkaError.INVALID_PRODUCER_ID_MAPPING)
  if (!isCurrentEpoch(producerEpoch, current, env)) return refuse(request, fencedError(request.version, 2))
  switch (current.state) {
    case 'ONGOING': {
      const next = prepared(current, commit ? 'PREPARE_COMMIT' : 'PREPARE_ABORT', 0, NO_PRODUCER_ID, env.now)
      return end(state, next, env, ended(NO_PRODUCER_ID, NO_PRODUCER_EPOCH))
    }
    case 'COMPLETE_COMMIT':
    case 'COMPLETE_ABORT':
      if (commit !== isCommit(current)) return refuse(request, KafkaError.INVALID_TXN_STATE)
      return { records: [], response: ended(NO_PRODUCER_ID, NO_PRODUCER_EPOCH) }
    case 'PREPARE_COMMIT':
    case 'PREPARE_ABORT':
      if (commit !== isCommit(current)) return refuse(request, KafkaError.INVALID_TXN_STATE)
      return park(state, current.transactionalId, request, env)
    default:
      return refuse(request, KafkaError.INVALID_TXN_STATE)
  }
}

/** transaction.version 2. */
function endWithBump(
  state: TransactionShardState,
  current: TransactionMetadata,
  request: Request,
  env: CoordinatorEnv,
): Decision {
  const { producerId, producerEpoch, committed: commit } = request.body
  const retryAfterRotation =
    producerId === current.previousProducerId && producerEpoch === LAST_CLIENT_EPOCH && current.producerEpoch === 0
  const isRetry = retryAfterRotation || current.producerEpoch === producerEpoch + 1
  if (isPrepared(current.state)) return endWhilePrepared(state, current, request, env)
  if (producerId !== current.producerId && !retryAfterRotation) {
    return refuse(request, KafkaError.INVALID_PRODUCER_ID_MAPPING)
  }
  const isComplete = current.state === 'COMPLETE_COMMIT' || current.state === 'COMPLETE_ABORT'
  const isCurrent = isCurrentEpoch(producerEpoch, current, env)
  if (!isCurrent && !(isComplete && isRetry)) return refuse(request, fencedError(request.version, 2))
  if (current.state === 'ONGOING') return prepare(state, current, commit, request, env)
  if (isComplete && isRetry) {
    if (commit !== isCommit(current)) return refuse(request, KafkaError.INVALID_TXN_STATE)
    return { records: [], response: ended(current.producerId, current.producerEpoch) }
  }
  if (commit) return refuseEarlyCommit(state, current, request)
  return prepare(state, current, false, request, env)
}

/**
 * Kafka refuses everything with CONCURRENT_TRANSACTIONS until COMPLETE_* is written. Here a request that will be right
 * then waits for it, and one that can never be right is refused at once.
 */
function endWhilePrepared(
  state: TransactionShardState,
  current: TransactionMetadata,
  request: Request,
  env: CoordinatorEnv,
): Decision {
  const { producerId, producerEpoch, committed: commit } = request.body
  const after = completed(current, env.now)
  const isRetry = producerId === current.producerId && producerEpoch + 1 === current.producerEpoch
  if (isRetry && commit !== isCommit(current)) return refuse(request, KafkaError.INVALID_TXN_STATE)
  const isNext = producerId === after.producerId && producerEpoch === after.producerEpoch
  if (isRetry || isNext) return park(state, current.transactionalId, request, env)
  if (producerId !== after.producerId) return refuse(request, KafkaError.INVALID_PRODUCER_ID_MAPPING)
  return refuse(request, fencedError(request.version, 2))
}

function prepare(
  state: TransactionShardState,
  current: TransactionMetadata,
  commit: boolean,
  request: Request,
  env: CoordinatorEnv,
): Decision {
  const exhausted = isEpochExhausted(current.producerEpoch)
  if (exhausted && request.newProducerId === undefined) return askProducerId(state, request, env)
  const nextProducerId = exhausted ? request.newProducerId! : NO_PRODUCER_ID
  const next = prepared(current, commit ? 'PREPARE_COMMIT' : 'PREPARE_ABORT', 2, nextProducerId, env.now)
  const after = completed(next, env.now)
  return end(state, next, env, ended(after.producerId, after.producerEpoch))
}

/**
 * The coordinator aborts `current` by itself. Gives what will do it, or null when that takes a new producer id first:
 * the epoch that fences may be the last one (Z25).
 */
export function fence(
  state: TransactionShardState,
  current: TransactionMetadata,
  request: TransactionMessage,
  env: CoordinatorEnv,
): (() => Decision) | null {
  const version = serverVersion(env)
  const rotate = version === 2 && isEpochExhausted(current.producerEpoch) && env.safeguards.rotateProducerIdOnFence
  if (rotate && request.newProducerId === undefined) return null
  const nextProducerId = rotate ? request.newProducerId! : NO_PRODUCER_ID
  const next = fenced(current, version, nextProducerId, env.now, env.safeguards.bumpEpochOnce)
  return () => end(state, next, env, undefined)
}

/** Writes PREPARE_*, sends the markers when that is committed, and answers then. */
function end(
  state: TransactionShardState,
  next: TransactionMetadata,
  env: CoordinatorEnv,
  response: unknown,
): Decision {
  const version = transactionVersion(env)
  const prepare = recordOf(next, version)
  const sends = startMarkers(state, next, env)
  if (state.completions.has(next.transactionalId)) {
    return { records: [prepare], response, sends, timers: tick(state, env) }
  }
  // No partition (any more) to write a marker to.
  const complete = {
    records: [recordOf(completed(next, env.now), version)],
    atOnce: release(state, next.transactionalId),
  }
  return merge({ records: [prepare], response }, complete)
}

/** Z22: a larger epoch is as wrong as a smaller one (KAFKA-9600). */
function isCurrentEpoch(epoch: number, current: TransactionMetadata, { safeguards }: CoordinatorEnv): boolean {
  return epoch === current.producerEpoch || (!safeguards.strictEndTxnEpoch && epoch > current.producerEpoch)
}

function isCommit({ state }: TransactionMetadata): boolean {
  return state === 'COMPLETE_COMMIT' || state === 'PREPARE_COMMIT'
}

function ended(producerId: number, producerEpoch: number): unknown {
  return { errorCode: KafkaError.NONE, producerId, producerEpoch }
}
