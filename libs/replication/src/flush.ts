/**
 * flush.messages and flush.ms as group commit: fsync runs beside the appends, and what the policy says must be on disk
 * before it is acknowledged waits for it. With Kafka's defaults (no fsync) none of this ever does anything.
 *
 * Kafka flushes inside the append that makes `flush.messages` full, so that nothing beyond it is acknowledged
 * unflushed. The same promise here: the leader vouches, and the follower asks for more, only up to `settledEnd`.
 */
import type { Outbox, ReplyToken } from '@troupe/actor'
import { StorageError } from '@troupe/log/file-system'
import { answer, logOf, park, timers, type ReplicaEnv, type ReplicaState } from './state.ts'
import type { Produced } from './messages.ts'

/** Kafka's default of both properties, Long.MAX_VALUE, as a number: "never". */
const NEVER = 2 ** 53
/** How soon a flush that is under way is looked after again: when someone waits for it, and when nobody does. */
const AWAITED_POLL_MS = 1
const BACKGROUND_POLL_MS = 20

/** Everything below may be acknowledged under the flush policy. */
export function settledEnd(state: ReplicaState): number {
  const log = logOf(state)
  const limit = state.config.log['flush.messages']
  return limit >= NEVER || log.unflushedMessages < limit ? log.logEndOffset : log.recoveryPoint
}

/** After an append: starts a flush, or sets the time for one, if the policy asks for it. */
export function scheduleFlush(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  const config = state.config.log
  if (config['flush.messages'] >= NEVER && config['flush.ms'] >= NEVER) return
  const log = logOf(state)
  if (log.unflushedMessages === 0) return
  if (log.unflushedMessages >= config['flush.messages']) startFlush(state, env)
  const pollMs = config['flush.messages'] < NEVER ? AWAITED_POLL_MS : BACKGROUND_POLL_MS
  const at = state.flushing ? env.now + pollMs : Math.max(env.now, log.lastFlushTimeMs) + config['flush.ms']
  if (at >= state.flushTimerAt) return
  state.flushTimerAt = at
  out.setTimer(timers.flush, at, { kind: 'flushDue' })
}

function startFlush(state: ReplicaState, env: ReplicaEnv): void {
  if (state.flushing) return
  state.flushing = true
  const result = state.flushResult
  result.done = false
  // Runs between steps: it leaves a note, and the next step acts on it.
  logOf(state).flushLater(env.now, (error) => {
    result.error = error
    result.done = true
  })
}

/** Looks after a flush; true when one has ended, so that what it held back may go on. Throws what the disk said. */
export function onFlushDue(state: ReplicaState, env: ReplicaEnv, out: Outbox): boolean {
  state.flushTimerAt = Infinity
  const ended = collectFlush(state)
  const log = logOf(state)
  if (!state.flushing && log.unflushedMessages > 0 && env.now - log.lastFlushTimeMs >= state.config.log['flush.ms']) {
    startFlush(state, env)
  }
  scheduleFlush(state, env, out)
  return ended
}

function collectFlush(state: ReplicaState): boolean {
  const result = state.flushResult
  if (!state.flushing || !result.done) return false
  state.flushing = false
  result.done = false
  if (result.error !== null) throw new StorageError('OTHER', logOf(state).directory, result.error)
  return true
}

/** acks=1: the leader's own copy must be as safe as the policy says. */
export function answerWhenSettled(
  state: ReplicaState,
  token: ReplyToken,
  offset: number,
  body: Produced,
  out: Outbox,
): void {
  if (settledEnd(state) >= offset) return answer(state, out, token, body)
  state.awaitingFlush.push({ token, offset, answer: body })
  if (state.request === token) park(state)
}

export function releaseSettled(state: ReplicaState, out: Outbox): void {
  if (state.awaitingFlush.length === 0) return
  const settled = settledEnd(state)
  const waiting = state.awaitingFlush
  state.awaitingFlush = waiting.filter((waiter) => waiter.offset > settled)
  for (const waiter of waiting) if (waiter.offset <= settled) answer(state, out, waiter.token, waiter.answer)
}
