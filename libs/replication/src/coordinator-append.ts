/**
 * What coordinators do with the partition that is their log: append, read it when they load, wait for a commit.
 * Everything is fenced by the leader epoch under which the coordinator was elected (Z32).
 *
 * Source: Kafka's CoordinatorRuntime, CoordinatorPartitionWriter, CoordinatorLoaderImpl.
 */
import type { Outbox } from '@troupe/actor'
import * as batchHeader from '@troupe/wire/batch-header'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { awaitHighWatermark } from './awaiting.ts'
import { scheduleFlush } from './flush.ts'
import { advance } from './high-watermark.ts'
import { markCaughtUp } from './leader.ts'
import type { Appended, AwaitCommitted, CoordinatorAppend, LogRead, ReadLog } from './messages.ts'
import { checkMinIsr, dropGuard } from './produce.ts'
import { checkLeader, refusal } from './refusals.ts'
import { answer, logOf, type ReplicaEnv, type ReplicaState } from './state.ts'

/** A coordinator of another epoch must load anew, whichever of us is behind: one error says so. */
function checkEpoch(state: ReplicaState, leaderEpoch: number, env: ReplicaEnv): ErrorCode {
  const error = checkLeader(state, -1, false)
  if (error !== KafkaError.NONE) return error
  return env.safeguards.coordinatorAppendEpoch && leaderEpoch !== state.leaderEpoch
    ? KafkaError.NOT_LEADER_OR_FOLLOWER
    : KafkaError.NONE
}

export function onAppend(state: ReplicaState, message: CoordinatorAppend, env: ReplicaEnv, out: Outbox): void {
  const { replyTo, records } = message
  const refuse = (error: ErrorCode): void =>
    answer(state, out, replyTo, { error, baseOffset: -1, nextOffset: -1 } satisfies Appended)
  const refused = checkEpoch(state, message.leaderEpoch, env) || checkMinIsr(state, -1)
  if (refused !== KafkaError.NONE) return refuse(refused)

  const log = logOf(state)
  markCaughtUp(state, env.now)
  const result = log.append({
    records,
    now: env.now,
    leaderEpoch: state.leaderEpoch,
    origin: 'coordinator',
    transactionVerified: isVerified(state, message, env),
  })
  if (result.error !== KafkaError.NONE) return refuse(result.error)
  dropGuard(state, records)
  scheduleFlush(state, env, out)
  advance(state, env, out)
  awaitHighWatermark(
    state,
    {
      kind: 'append',
      token: replyTo,
      offset: result.nextOffset,
      baseOffset: result.baseOffset,
      deadline: Infinity,
    },
    out,
  )
}

/** A marker since the verification has taken the guard away. */
function isVerified(state: ReplicaState, { records, guard }: CoordinatorAppend, env: ReplicaEnv): boolean {
  if (!env.safeguards.verifyOnAppend || !env.safeguards.verificationGuard) return true
  if (!env.config['transaction.partition.verification.enable'] && guard === 0) return true
  if (guard === undefined || guard === 0 || records.length < batchHeader.BATCH_OVERHEAD) return false
  return state.guards.get(batchHeader.producerId(records, 0))?.number === guard
}

export function onReadLog(state: ReplicaState, message: ReadLog, env: ReplicaEnv, out: Outbox): void {
  const log = logOf(state)
  const error = checkEpoch(state, message.leaderEpoch, env)
  if (error !== KafkaError.NONE) return answer(state, out, message.replyTo, refusal(state, message, error))
  const offset = message.offset < 0 ? log.logStartOffset : message.offset
  if (offset < log.logStartOffset || offset > log.logEndOffset) {
    return answer(state, out, message.replyTo, refusal(state, message, KafkaError.OFFSET_OUT_OF_RANGE))
  }
  const read = log.read({ offset, maxBytes: message.maxBytes, upTo: log.logEndOffset, minOneBatch: true })
  answer(state, out, message.replyTo, {
    error: KafkaError.NONE,
    records: read.slice,
    nextOffset: read.slice === null ? offset : read.nextOffset,
    logEndOffset: log.logEndOffset,
    highWatermark: log.highWatermark,
  } satisfies LogRead)
}

export function onAwaitCommitted(state: ReplicaState, message: AwaitCommitted, env: ReplicaEnv, out: Outbox): void {
  const error = checkEpoch(state, message.leaderEpoch, env)
  if (error !== KafkaError.NONE) return answer(state, out, message.replyTo, { error })
  awaitHighWatermark(
    state,
    {
      kind: 'committed',
      token: message.replyTo,
      offset: message.offset,
      deadline: Infinity,
    },
    out,
  )
}
