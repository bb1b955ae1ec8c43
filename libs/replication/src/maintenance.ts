/**
 * Upkeep of one log, when the log-manager asks for it: retention, expiry of producers, flush by time.
 * In the replica, because a storage error takes the replica offline, and a moved log start is news for its followers.
 *
 * Source: Kafka's LogManager.cleanupLogs, UnifiedLog.{deleteOldSegments,removeExpiredProducers}.
 */
import type { Outbox } from '@troupe/actor'
import { completeDeletes } from './delete-records.ts'
import { scheduleFlush } from './flush.ts'
import { scheduleNews } from './parked-fetches.ts'
import { logOf, type ReplicaEnv, type ReplicaState } from './state.ts'

export function onMaintain(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  const log = logOf(state)
  const removed = log.applyRetention(env.now)
  if (removed > 0) out.trace('log.retention', { removed, logStartOffset: log.logStartOffset })
  log.expireProducers(env.now)
  scheduleFlush(state, env, out)
  if (state.role !== 'leader') return
  forgetGuards(state)
  scheduleNews(state, env, out)
  completeDeletes(state, out)
}

/** A guard is used within a request's time or never; what is left of older rounds proves nothing to anyone. */
function forgetGuards(state: ReplicaState): void {
  if (state.guards.size < MANY_GUARDS) return
  for (const producerId of state.guards.keys()) {
    if (!state.verifications.has(producerId)) state.guards.delete(producerId)
  }
}

const MANY_GUARDS = 1000
