/**
 * Followers' fetches that wait at the leader.
 *
 * A fetch at the log's end is parked: until there is data (answered in the step of the append), until its time is
 * over, or until there is news only (a larger high watermark or log start). News alone is told a little later: under
 * load it travels with the next data, and a parked fetch spent on news would make the next write wait one hop more.
 * Source: Kafka's DelayedFetch; Partition's last sent high watermark (KIP-392).
 */
import type { Outbox, Payload } from '@troupe/actor'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { FollowerFetched } from './messages.ts'
import { refusedFollowerFetch } from './refusals.ts'
import {
  answer, expireAt, logOf, timers, type FollowerProgress, type ParkedFetch, type ReplicaEnv, type ReplicaState,
} from './state.ts'

/** How long news may wait for data to travel with. */
const NEWS_LINGER_MS = 10

/** Answers the parked fetches that have data now. */
export function answerParkedFetches(state: ReplicaState, out: Outbox): void {
  const { logEndOffset } = logOf(state)
  let last: { fetch: ParkedFetch; records: Payload | null } | null = null
  for (const follower of state.followers.values()) {
    const fetch = follower.parked
    if (fetch === null || fetch.offset >= logEndOffset) continue
    // Followers wait at the same place as a rule: one read serves them all.
    const isSame: boolean = last !== null && last.fetch.offset === fetch.offset && last.fetch.maxBytes === fetch.maxBytes
    const records: Payload | null = isSame && last ? last.records : readForFollower(state, fetch.offset, fetch.maxBytes)
    last = { fetch, records }
    follower.parked = null
    answerFollower(state, follower, fetch, records, out)
  }
}

/** After the high watermark or the log start has moved: sets the timer for those who would not hear of it. */
export function scheduleNews(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  if (state.propagateTimerAt < Infinity) return
  for (const follower of state.followers.values()) {
    if (follower.parked === null || !hasNews(state, follower)) continue
    state.propagateTimerAt = env.now + NEWS_LINGER_MS
    out.setTimer(timers.propagate, state.propagateTimerAt, { kind: 'propagate' })
    return
  }
}

export function onPropagate(state: ReplicaState, out: Outbox): void {
  state.propagateTimerAt = Infinity
  if (state.role !== 'leader') return
  for (const follower of state.followers.values()) {
    const fetch = follower.parked
    if (fetch === null || !hasNews(state, follower)) continue
    follower.parked = null
    answerFollower(state, follower, fetch, null, out)
  }
}

function hasNews(state: ReplicaState, follower: FollowerProgress): boolean {
  const log = logOf(state)
  return follower.sentHighWatermark < log.highWatermark || follower.sentLogStartOffset < log.logStartOffset
}

export function parkFetch(
  state: ReplicaState, follower: FollowerProgress, fetch: ParkedFetch, env: ReplicaEnv, out: Outbox,
): void {
  follower.parked = fetch
  expireAt(state, out, fetch.deadline)
  scheduleNews(state, env, out)
}

export function readForFollower(state: ReplicaState, offset: number, maxBytes: number): Payload | null {
  const log = logOf(state)
  return log.read({ offset, maxBytes, upTo: log.logEndOffset, minOneBatch: true }).slice
}

export function answerFollower(
  state: ReplicaState, follower: FollowerProgress, fetch: Pick<ParkedFetch, 'token' | 'offset' | 'leaderEpoch'>,
  records: Payload | null, out: Outbox,
): void {
  const { highWatermark, logStartOffset } = logOf(state)
  follower.sentHighWatermark = highWatermark
  follower.sentLogStartOffset = logStartOffset
  answer(state, out, fetch.token, {
    error: KafkaError.NONE, leaderEpoch: fetch.leaderEpoch, offset: fetch.offset,
    records, highWatermark, logStartOffset, divergingEpoch: null,
  } satisfies FollowerFetched)
}

/** Answers with nothing those whose time is over; returns the next deadline. */
export function expireParkedFetches(state: ReplicaState, now: number, out: Outbox): number {
  let next = Infinity
  for (const follower of state.followers.values()) {
    const fetch = follower.parked
    if (fetch === null) continue
    if (fetch.deadline > now) next = Math.min(next, fetch.deadline)
    else {
      follower.parked = null
      answerFollower(state, follower, fetch, null, out)
    }
  }
  return next
}

export function failParkedFetch(state: ReplicaState, follower: FollowerProgress, error: ErrorCode, out: Outbox): void {
  const fetch = follower.parked
  if (fetch === null) return
  follower.parked = null
  answer(state, out, fetch.token, refusedFollowerFetch(state, fetch.leaderEpoch, fetch.offset, error))
}
