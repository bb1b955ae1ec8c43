/**
 * DeleteRecords: moves the log start, and answers when every live replica has moved its own.
 *
 * Source: Kafka's Partition.{deleteRecordsOnLeader,lowWatermarkIfLeader}, DelayedDeleteRecords.
 */
import type { Outbox } from '@troupe/actor'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { DeleteRecords, RecordsDeleted } from './messages.ts'
import { scheduleNews } from './parked-fetches.ts'
import { checkLeader, refusal } from './refusals.ts'
import { answer, expireAt, logOf, park, type ReplicaEnv, type ReplicaState } from './state.ts'

export function onDeleteRecords(state: ReplicaState, message: DeleteRecords, env: ReplicaEnv, out: Outbox): void {
  const refuse = (error: ErrorCode): void => answer(state, out, message.replyTo, refusal(state, message, error))
  const error = checkLeader(state, -1, false)
  if (error !== KafkaError.NONE) return refuse(error)
  if (!state.config.log['cleanup.policy'].includes('delete')) return refuse(KafkaError.POLICY_VIOLATION)
  const log = logOf(state)
  const offset = message.offset === -1 ? log.highWatermark : message.offset
  if (offset < 0 || offset > log.highWatermark) return refuse(KafkaError.OFFSET_OUT_OF_RANGE)

  log.advanceLogStart(offset)
  scheduleNews(state, env, out)
  const lowWatermark = lowWatermarkOf(state)
  if (lowWatermark >= offset) {
    return answer(state, out, message.replyTo, { error: KafkaError.NONE, lowWatermark } satisfies RecordsDeleted)
  }
  const deadline = env.now + message.timeoutMs
  state.deleteWaiters.push({ token: message.replyTo, offset, deadline })
  expireAt(state, out, deadline)
  park(state)
}

/** The smallest log start of all replicas whose broker is alive. */
function lowWatermarkOf(state: ReplicaState): number {
  let low = logOf(state).logStartOffset
  for (const follower of state.followers.values()) {
    if (follower.logStartOffset < low && state.eligibleBrokers.has(follower.id)) low = follower.logStartOffset
  }
  return low
}

/** After a follower's fetch, or when a broker is no longer waited for. */
export function completeDeletes(state: ReplicaState, out: Outbox): void {
  if (state.deleteWaiters.length === 0) return
  const lowWatermark = lowWatermarkOf(state)
  const waiters = state.deleteWaiters
  state.deleteWaiters = waiters.filter(({ offset }) => offset > lowWatermark)
  for (const { token, offset } of waiters) {
    if (offset <= lowWatermark) {
      answer(state, out, token, { error: KafkaError.NONE, lowWatermark } satisfies RecordsDeleted)
    }
  }
}

/** Answers those whose time is over; returns the next deadline. */
export function expireDeletes(state: ReplicaState, now: number, out: Outbox): number {
  let next = Infinity
  if (state.deleteWaiters.length === 0) return next
  const lowWatermark = lowWatermarkOf(state)
  const waiters = state.deleteWaiters
  state.deleteWaiters = waiters.filter(({ deadline }) => deadline > now)
  for (const { token, deadline } of waiters) {
    if (deadline > now) next = Math.min(next, deadline)
    else answer(state, out, token, { error: KafkaError.REQUEST_TIMED_OUT, lowWatermark } satisfies RecordsDeleted)
  }
  return next
}

export function failDeletes(state: ReplicaState, error: ErrorCode, out: Outbox): void {
  const waiters = state.deleteWaiters
  state.deleteWaiters = []
  for (const { token } of waiters) answer(state, out, token, { error, lowWatermark: -1 } satisfies RecordsDeleted)
}
