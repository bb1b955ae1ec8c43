/**
 * The in-sync replica set as the leader must reckon with it: what is committed, and what may have become true
 * without the leader knowing (KIP-497).
 */
import type { FollowerProgress, ReplicaEnv, ReplicaState } from './state.ts'

/** ISR ∪ replicas that an AlterPartition in flight adds: the controller may have enlarged it already (Z06). */
export function maximalIsr(state: ReplicaState): readonly number[] {
  return state.pendingIsr?.kind === 'expand' ? state.pendingIsr.isr : state.isr
}

/** min.insync.replicas larger than the replica set asks for all replicas, not for the impossible. */
export function effectiveMinIsr(state: ReplicaState): number {
  return Math.min(state.config['min.insync.replicas'], state.followers.size + 1)
}

export function isUnderMinIsr(state: ReplicaState): boolean {
  return state.isr.length < effectiveMinIsr(state)
}

/** At the leader's end, or not longer behind it than replica.lag.time.max.ms. */
export function isCaughtUp(
  state: ReplicaState,
  follower: FollowerProgress,
  logEndOffset: number,
  now: number,
): boolean {
  return (
    follower.logEndOffset === logEndOffset ||
    now - follower.lastCaughtUpTimeMs <= state.config['replica.lag.time.max.ms']
  )
}

/** Alive, not stopping (KIP-841), the same incarnation that fetched (KIP-903): read from one view (KAFKA-15221). */
export function isEligible(state: ReplicaState, follower: FollowerProgress, env: ReplicaEnv): boolean {
  const aliveEpoch = state.eligibleBrokers.get(follower.id)
  if (env.safeguards.rejectFencedFromIsr && aliveEpoch === undefined) return false
  return follower.brokerEpoch === -1 || aliveEpoch === undefined || follower.brokerEpoch === aliveEpoch
}
