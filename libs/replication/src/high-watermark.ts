/**
 * The leader's high watermark, and everyone who waits for it.
 *
 * The rule of Kafka 4.3 (Partition.maybeIncrementLeaderHW): the smallest log end offset among this replica, the
 * maximal ISR, and followers that are caught up and about to join it; not at all while the committed ISR is below
 * min.insync.replicas (KIP-966). It never falls.
 */
import type { Outbox } from '@troupe/actor'
import { releaseCommitted } from './awaiting.ts'
import { settledEnd } from './flush.ts'
import { effectiveMinIsr, isCaughtUp, isEligible, maximalIsr } from './isr-state.ts'
import { answerParkedFetches, scheduleNews } from './parked-fetches.ts'
import { logOf, type FollowerProgress, type ReplicaEnv, type ReplicaState } from './state.ts'
import { fireWatches } from './watch.ts'

/**
 * After anything that may have moved the log's end, a follower's position or the ISR: moves the high watermark and
 * answers, in this same step, whoever can be answered.
 */
export function advance(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  // Followers first: every other answer of an acks=all write waits for them.
  answerParkedFetches(state, out)
  if (incrementHighWatermark(state, env)) {
    releaseCommitted(state, out)
    scheduleNews(state, env, out)
  }
  fireWatches(state, out)
}

function incrementHighWatermark(state: ReplicaState, env: ReplicaEnv): boolean {
  if (env.safeguards.highWatermarkRequiresMinIsr && state.isr.length < effectiveMinIsr(state)) return false
  const log = logOf(state)
  const { logEndOffset } = log
  const isr = env.safeguards.maximalIsr ? maximalIsr(state) : state.isr
  let offset = settledEnd(state)
  for (const follower of state.followers.values()) {
    if (follower.logEndOffset >= offset) continue
    if (isr.includes(follower.id) || isAboutToJoin(state, follower, logEndOffset, env)) offset = follower.logEndOffset
  }
  // A follower that has not fetched in this epoch yet stands at −1.
  return offset > log.highWatermark && log.setHighWatermark(offset)
}

/** Waiting for it keeps the high watermark from running away from a follower that would be in sync otherwise. */
function isAboutToJoin(
  state: ReplicaState,
  follower: FollowerProgress,
  logEndOffset: number,
  env: ReplicaEnv,
): boolean {
  return isCaughtUp(state, follower, logEndOffset, env.now) && isEligible(state, follower, env)
}
