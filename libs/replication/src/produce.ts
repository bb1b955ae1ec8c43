/**
 * Appends by the leader: a client's batches, and what follows an append.
 *
 * acks=0 and 1 are answered when written; acks=all when the high watermark has passed the batch. Batches that would
 * open a transaction here are verified first (verification.ts).
 *
 * Source: Kafka's Partition.appendRecordsToLeader, ReplicaManager.appendRecords, DelayedProduce.
 */
import type { Outbox } from '@troupe/actor'
import type { AppendResult } from '@troupe/log/contract'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import * as batchHeader from '@troupe/wire/batch-header'
import { awaitHighWatermark } from './awaiting.ts'
import { answerWhenSettled, scheduleFlush } from './flush.ts'
import { advance } from './high-watermark.ts'
import { effectiveMinIsr } from './isr-state.ts'
import { markCaughtUp } from './leader.ts'
import type { Produce, Produced } from './messages.ts'
import { checkLeader, refusedProduce } from './refusals.ts'
import { answer, logOf, type ClientBatch, type ReplicaEnv, type ReplicaState } from './state.ts'
import { verifyBatch } from './verification.ts'

export function onProduce(state: ReplicaState, message: Produce, env: ReplicaEnv, out: Outbox): void {
  const error = checkLeader(state, -1, false)
  if (error !== KafkaError.NONE) return answer(state, out, message.replyTo, refusedProduce(state, error, null))
  const { records } = message
  if (records.length >= batchHeader.BATCH_OVERHEAD && batchHeader.isTransactional(records, 0)) {
    return verifyBatch(state, message, env, out)
  }
  appendBatch(state, batchOf(message, env), false, env, out)
}

export function batchOf(message: Produce, env: ReplicaEnv): ClientBatch {
  return { token: message.replyTo, records: message.records, acks: message.acks, deadline: env.now + message.timeoutMs }
}

/** Appends one client's batches and answers, or parks the answer. */
export function appendBatch(
  state: ReplicaState,
  batch: ClientBatch,
  verified: boolean,
  env: ReplicaEnv,
  out: Outbox,
): void {
  const refused = checkMinIsr(state, batch.acks)
  if (refused !== KafkaError.NONE) {
    return answer(state, out, batch.token, refusedProduce(state, refused, notEnough(state)))
  }

  const log = logOf(state)
  markCaughtUp(state, env.now)
  const result = log.append({
    records: batch.records,
    now: env.now,
    leaderEpoch: state.leaderEpoch,
    origin: 'client',
    transactionVerified: verified,
  })
  if (result.error !== KafkaError.NONE) return answer(state, out, batch.token, refusedAppend(state, result))
  if (!result.duplicate) dropGuard(state, batch.records)

  scheduleFlush(state, env, out)
  advance(state, env, out)
  const body = produced(state, result)
  if (batch.acks !== -1) return answerWhenSettled(state, batch.token, result.nextOffset, body, out)
  awaitHighWatermark(
    state,
    {
      kind: 'produce',
      token: batch.token,
      offset: result.nextOffset,
      deadline: batch.deadline,
      answer: body,
    },
    out,
  )
}

/** acks=all promises min.insync.replicas copies: without them nothing is written. */
export function checkMinIsr(state: ReplicaState, acks: number): ErrorCode {
  return acks === -1 && state.isr.length < effectiveMinIsr(state) ? KafkaError.NOT_ENOUGH_REPLICAS : KafkaError.NONE
}

function notEnough(state: ReplicaState): string {
  return (
    `The size of the current ISR Set(${state.isr.join(', ')}) is insufficient to satisfy the min.isr requirement ` +
    `of ${effectiveMinIsr(state)} for partition ${state.topic}-${state.partition}`
  )
}

/** From its first batch on, the open transaction itself is the proof. */
export function dropGuard(state: ReplicaState, records: Uint8Array): void {
  if (state.guards.size > 0 && batchHeader.isTransactional(records, 0)) {
    state.guards.delete(batchHeader.producerId(records, 0))
  }
}

function produced(state: ReplicaState, result: AppendResult): Produced {
  return {
    error: KafkaError.NONE,
    errorMessage: null,
    recordErrors: [],
    baseOffset: result.baseOffset,
    logAppendTimeMs: result.logAppendTimeMs,
    logStartOffset: result.logStartOffset,
    leader: state.leader,
    leaderEpoch: state.leaderEpoch,
  }
}

const unreadable: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  KafkaError.CORRUPT_MESSAGE,
  KafkaError.MESSAGE_TOO_LARGE,
  KafkaError.RECORD_LIST_TOO_LARGE,
  KafkaError.KAFKA_STORAGE_ERROR,
])

function refusedAppend(state: ReplicaState, result: AppendResult): Produced {
  // Kafka has words of its own only where it can name records, and no log start where the batch was no batch.
  const named = result.recordErrors.length > 0
  return {
    ...refusedProduce(state, result.error, named ? result.errorMessage : null),
    recordErrors: result.recordErrors,
    logStartOffset: unreadable.has(result.error) ? -1 : result.logStartOffset,
  }
}
