/**
 * The leader's side of replication: a follower's fetch says how far it has come, and asks for more.
 *
 * Source: Kafka's Partition.fetchRecords, Partition.updateFollowerFetchState, Replica.updateFetchStateOrThrow.
 */
import type { Outbox } from '@troupe/actor'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { divergence } from './divergence.ts'
import { completeDeletes } from './delete-records.ts'
import { advance } from './high-watermark.ts'
import { maybeExpandIsr } from './isr.ts'
import type { FollowerFetch, FollowerFetched } from './messages.ts'
import { answerFollower, parkFetch, readForFollower } from './parked-fetches.ts'
import { checkLeader, refusedFollowerFetch } from './refusals.ts'
import { answer, logOf, park, type FollowerProgress, type ReplicaEnv, type ReplicaState } from './state.ts'

export function newFollower(id: number): FollowerProgress {
  return {
    id,
    logEndOffset: -1,
    logStartOffset: -1,
    brokerEpoch: -1,
    lastFetchLeaderLogEndOffset: -1,
    lastFetchTimeMs: 0,
    lastCaughtUpTimeMs: 0,
    sentHighWatermark: -1,
    sentLogStartOffset: -1,
    parked: null,
  }
}

export function onFollowerFetch(state: ReplicaState, message: FollowerFetch, env: ReplicaEnv, out: Outbox): void {
  const refuse = (error: ErrorCode): void =>
    answer(state, out, message.replyTo, refusedFollowerFetch(state, message.leaderEpoch, message.offset, error))

  const { safeguards } = env
  const position = state.role === 'leader' ? divergence(logOf(state), message.offset, message.lastFetchedEpoch) : null
  // Between two epochs neither records nor places to truncate to mean anything (Z04).
  const fence = position === null ? safeguards.fenceFetch : safeguards.fenceTruncation
  const error = checkLeader(state, message.leaderEpoch, fence)
  if (error !== KafkaError.NONE) return refuse(error)
  const follower = state.followers.get(message.replica)
  // Assigned a moment ago, and not known here yet: the follower tries again.
  if (follower === undefined) return refuse(KafkaError.UNKNOWN_LEADER_EPOCH)
  const aliveEpoch = state.eligibleBrokers.get(message.replica)
  if (message.brokerEpoch !== -1 && aliveEpoch !== undefined && aliveEpoch > message.brokerEpoch) {
    return refuse(KafkaError.NOT_LEADER_OR_FOLLOWER)
  }

  const log = logOf(state)
  if (position === 'out-of-range') return refuse(KafkaError.OFFSET_OUT_OF_RANGE)
  if (position !== null) {
    return answer(state, out, message.replyTo, {
      error: KafkaError.NONE,
      leaderEpoch: message.leaderEpoch,
      offset: message.offset,
      records: null,
      highWatermark: log.highWatermark,
      logStartOffset: log.logStartOffset,
      divergingEpoch: position,
    } satisfies FollowerFetched)
  }

  if (message.offset < log.logStartOffset || message.offset > log.logEndOffset) {
    return refuse(KafkaError.OFFSET_OUT_OF_RANGE)
  }

  supersede(state, follower, out)
  const isCurrent = message.leaderEpoch === state.leaderEpoch
  if (isCurrent || !safeguards.fenceHighWatermarkAdvance) recordProgress(state, follower, message, env)
  if (isCurrent || !safeguards.fenceIsrExpand) maybeExpandIsr(state, follower, env, out)
  advance(state, env, out)
  completeDeletes(state, out)
  serve(state, follower, message, env, out)
}

/** A follower has one fetch in flight; a second one means that it gave the first one up. */
function supersede(state: ReplicaState, follower: FollowerProgress, out: Outbox): void {
  const fetch = follower.parked
  if (fetch === null) return
  follower.parked = null
  answerFollower(state, follower, fetch, null, out)
}

function recordProgress(
  state: ReplicaState,
  follower: FollowerProgress,
  message: FollowerFetch,
  { now }: ReplicaEnv,
): void {
  const { logEndOffset } = logOf(state)
  if (message.offset >= logEndOffset) follower.lastCaughtUpTimeMs = Math.max(follower.lastCaughtUpTimeMs, now)
  else if (message.offset >= follower.lastFetchLeaderLogEndOffset) {
    // It has all there was at its previous fetch: small steps at a high rate keep a follower in sync.
    follower.lastCaughtUpTimeMs = Math.max(follower.lastCaughtUpTimeMs, follower.lastFetchTimeMs)
  }
  follower.logEndOffset = message.offset
  follower.logStartOffset = message.logStartOffset
  follower.brokerEpoch = message.brokerEpoch
  follower.lastFetchLeaderLogEndOffset = Math.max(logEndOffset, follower.lastFetchLeaderLogEndOffset)
  follower.lastFetchTimeMs = now
  follower.sentHighWatermark = message.highWatermark
  follower.sentLogStartOffset = message.logStartOffset
}

function serve(
  state: ReplicaState,
  follower: FollowerProgress,
  message: FollowerFetch,
  env: ReplicaEnv,
  out: Outbox,
): void {
  const fetch = {
    token: message.replyTo,
    offset: message.offset,
    leaderEpoch: message.leaderEpoch,
    maxBytes: message.maxBytes,
    deadline: env.now + message.maxWaitMs,
  }
  const behind = message.offset < logOf(state).logEndOffset
  if (behind || message.maxWaitMs <= 0) {
    answerFollower(state, follower, fetch, behind ? readForFollower(state, fetch.offset, fetch.maxBytes) : null, out)
  } else {
    parkFetch(state, follower, fetch, env, out)
    park(state)
  }
}

/**
 * Before an append: whoever has everything now was caught up until now, however long ago its parked fetch came in.
 * That makes long waits safe for the ISR: an idle follower's replica.lag.time.max.ms starts with the first new record.
 */
export function markCaughtUp(state: ReplicaState, now: number): void {
  const { logEndOffset } = logOf(state)
  for (const follower of state.followers.values()) {
    if (follower.logEndOffset === logEndOffset) follower.lastCaughtUpTimeMs = now
  }
}
