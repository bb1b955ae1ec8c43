/**
 * The follower: one fetch in flight to the leader, again and again.
 *
 *   fetch(LEO, epoch of the last record) ─┬─ records       ▶ append, take over high watermark and log start, fetch on
 *                                         ├─ nothing       ▶ fetch on, and let the leader wait longer
 *                                         ├─ diverging     ▶ truncate by epoch (KIP-101, KIP-279, KIP-595), fetch on
 *                                         ├─ out of range  ▶ start over at the leader's log start, or cut to its end
 *                                         └─ error, silence▶ back off, fetch on
 *
 * While nothing happens the leader may hold the fetch longer and longer, so that hundreds of idle partitions cost next
 * to nothing. That is safe for the ISR: a follower that waits at the leader's end is caught up by definition
 * (Replica.isCaughtUp), and the leader restarts its lag clock at the first append (`markCaughtUp`). The longest wait
 * stays a third of replica.lag.time.max.ms, so that a lost answer is noticed in time.
 *
 * Source: Kafka's AbstractFetcherThread, ReplicaFetcherThread.
 */
import { actorNames, isFailed, type Outbox, type Payload } from '@troupe/actor'
import type { AppendResult } from '@troupe/log/contract'
import * as batchHeader from '@troupe/wire/batch-header'
import { KafkaError } from '@troupe/wire/errors'
import { releaseCommitted } from './awaiting.ts'
import { scheduleFlush, settledEnd } from './flush.ts'
import type { FollowerFetch, FollowerFetched } from './messages.ts'
import { logOf, timers, type ReplicaEnv, type ReplicaState } from './state.ts'

const LONGEST_WAIT_MS = 10_000
const FIRST_BACKOFF_MS = 20
/** How much later than promised an answer may come before it counts as lost. */
const GRACE_MS = 2_000

/** A new leader, or a new epoch of the same: whatever is in flight belongs to the past. */
export function startFetching(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  const { fetcher } = state
  fetcher.inFlight = null
  fetcher.backoffMs = 0
  fetcher.waitMs = state.config['replica.fetch.wait.max.ms']
  sendFetch(state, env, out)
}

export function stopFetching(state: ReplicaState, out: Outbox): void {
  const { fetcher } = state
  fetcher.inFlight = null
  fetcher.dueAt = Infinity
  if (fetcher.timerAt === Infinity) return
  fetcher.timerAt = Infinity
  out.cancelTimer(timers.fetch)
}

function sendFetch(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  const { fetcher } = state
  const log = logOf(state)
  if (state.leader < 0 || state.leader === state.id) return stopFetching(state, out)
  // Asking for what comes after an offset says that everything before it is safe here.
  if (settledEnd(state) < log.logEndOffset) {
    fetcher.dueAt = Infinity
    return
  }
  const id = state.nextId++
  const offset = log.logEndOffset
  fetcher.inFlight = { id, offset, leaderEpoch: state.leaderEpoch }
  const message: FollowerFetch = {
    kind: 'followerFetch',
    replyTo: { ...env.self, id },
    replica: state.id,
    brokerEpoch: state.brokerEpoch,
    leaderEpoch: state.leaderEpoch,
    offset,
    lastFetchedEpoch: env.safeguards.truncateByEpoch ? log.latestEpoch : -1,
    logStartOffset: log.logStartOffset,
    highWatermark: log.highWatermark,
    maxBytes: state.config['replica.fetch.max.bytes'],
    maxWaitMs: fetcher.waitMs,
  }
  out.send({ broker: state.leader, actor: actorNames.replica(state.topicId, state.partition) }, message)
  const graceMs = Math.min(GRACE_MS, Math.max(1, Math.floor(state.config['replica.lag.time.max.ms'] / 4)))
  dueAt(state, env.now + fetcher.waitMs + graceMs, out)
}

/** The timer is left alone while it fires early enough: a busy follower would set it with every fetch. */
function dueAt(state: ReplicaState, at: number, out: Outbox): void {
  const { fetcher } = state
  fetcher.dueAt = at
  if (fetcher.timerAt <= at) return
  fetcher.timerAt = at
  out.setTimer(timers.fetch, at, { kind: 'fetchDue' })
}

export function onFetchDue(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  const { fetcher } = state
  fetcher.timerAt = Infinity
  if (state.role !== 'follower' || fetcher.dueAt === Infinity) return
  if (fetcher.dueAt > env.now) return dueAt(state, fetcher.dueAt, out)
  // Either the pause is over, or the answer is lost: both times a new fetch is right, and the old one is forgotten.
  if (fetcher.inFlight !== null) fetcher.waitMs = state.config['replica.fetch.wait.max.ms']
  sendFetch(state, env, out)
}

/** A flush has ended, and with it the reason not to ask on. */
export function resumeFetching(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  if (state.role === 'follower' && state.fetcher.inFlight === null && state.fetcher.dueAt === Infinity) {
    sendFetch(state, env, out)
  }
}

export function onFetched(state: ReplicaState, body: unknown, env: ReplicaEnv, out: Outbox): void {
  const { fetcher } = state
  fetcher.inFlight = null
  if (isFailed(body)) return backOff(state, env, out)
  const fetched = body as FollowerFetched
  const log = logOf(state)
  if (
    env.safeguards.matchFetchResponse &&
    (fetched.leaderEpoch !== state.leaderEpoch || fetched.offset !== log.logEndOffset)
  ) {
    return sendFetch(state, env, out)
  }
  switch (fetched.error) {
    case KafkaError.NONE:
      if (fetched.divergingEpoch !== null) truncate(state, fetched.divergingEpoch, out)
      else if (!take(state, fetched, env, out)) return backOff(state, env, out)
      fetcher.backoffMs = 0
      return sendFetch(state, env, out)
    case KafkaError.OFFSET_OUT_OF_RANGE:
      return startOver(state, fetched, out) ? sendFetch(state, env, out) : backOff(state, env, out)
    default:
      return backOff(state, env, out)
  }
}

function backOff(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  const { fetcher } = state
  const longest = state.config['replica.fetch.backoff.ms']
  fetcher.backoffMs = Math.min(longest, fetcher.backoffMs === 0 ? FIRST_BACKOFF_MS : fetcher.backoffMs * 2)
  fetcher.waitMs = state.config['replica.fetch.wait.max.ms']
  dueAt(state, env.now + fetcher.backoffMs, out)
}

/** Appends what came; false when it could not be appended. */
function take(state: ReplicaState, fetched: FollowerFetched, env: ReplicaEnv, out: Outbox): boolean {
  const log = logOf(state)
  const { fetcher } = state
  const shortest = state.config['replica.fetch.wait.max.ms']
  if (fetched.records !== null && sizeOf(fetched.records) > 0) {
    fetcher.waitMs = shortest
    const result = appendRecords(state, bytesOf(fetched.records), env)
    if (result.error !== KafkaError.NONE) {
      out.trace('follower.append-refused', {
        error: result.error,
        message: result.errorMessage,
        offset: fetched.offset,
      })
      return false
    }
    scheduleFlush(state, env, out)
  } else if (fetched.highWatermark === log.highWatermark) {
    const longest = Math.min(LONGEST_WAIT_MS, Math.floor(state.config['replica.lag.time.max.ms'] / 3))
    fetcher.waitMs = Math.min(fetcher.waitMs * 2, Math.max(shortest, longest))
  }
  const highWatermark = Math.min(fetched.highWatermark, log.logEndOffset)
  if (highWatermark > log.highWatermark) {
    log.setHighWatermark(highWatermark)
    // Nobody waits at a follower: `failAwaiting` has seen to that (Z32).
    releaseCommitted(state, out)
  }
  if (fetched.logStartOffset > log.logStartOffset) log.advanceLogStart(fetched.logStartOffset)
  return true
}

/**
 * An empty log that starts inside the leader's first batch (DeleteRecords cuts anywhere) starts at that batch instead:
 * batches are copied whole.
 */
function appendRecords(state: ReplicaState, records: Uint8Array, env: ReplicaEnv): AppendResult {
  const log = logOf(state)
  if (
    log.logStartOffset === log.logEndOffset &&
    batchHeader.baseOffset(records, 0) < log.logEndOffset &&
    batchHeader.lastOffset(records, 0) >= log.logEndOffset
  ) {
    log.truncateFullyAndStartAt(batchHeader.baseOffset(records, 0))
  }
  return log.appendAsFollower(records, env.now)
}

/** The leader's log ends, for the epoch we come from, at (epoch, endOffset): cut to where both agree (KIP-279). */
function truncate(state: ReplicaState, leaders: { epoch: number; endOffset: number }, out: Outbox): void {
  const log = logOf(state)
  const own = log.endOffsetForEpoch(leaders.epoch)
  let offset: number
  // Without an entry of that epoch or an older one, the leader's word is all there is.
  if (own.leaderEpoch < 0) offset = leaders.endOffset
  // An epoch the leader does not have: cut it away whole, and ask again with the one before.
  else if (own.leaderEpoch !== leaders.epoch) offset = own.endOffset
  else offset = Math.min(own.endOffset, leaders.endOffset)
  offset = Math.min(offset, log.logEndOffset)
  out.trace('follower.truncated', {
    from: log.logEndOffset,
    to: offset,
    leaderEpoch: leaders.epoch,
    leaderEndOffset: leaders.endOffset,
  })
  log.truncateTo(offset)
}

/** Our end is outside of what the leader has; true when something was changed. */
function startOver(state: ReplicaState, { logStartOffset, logEndOffset }: FollowerFetched, out: Outbox): boolean {
  const log = logOf(state)
  if (logEndOffset !== undefined && logEndOffset >= 0 && logEndOffset < log.logEndOffset) {
    // After an unclean election, and no epoch in common to truncate by.
    out.trace('follower.truncated', { from: log.logEndOffset, to: logEndOffset, reason: 'leader ends before us' })
    log.truncateTo(logEndOffset)
    return true
  }
  if (logStartOffset <= log.logEndOffset) return false
  out.trace('follower.started-over', { from: log.logEndOffset, at: logStartOffset })
  log.truncateFullyAndStartAt(logStartOffset)
  return true
}

function sizeOf(payload: Payload): number {
  return payload instanceof Uint8Array ? payload.length : payload.sizeInBytes
}

function bytesOf(payload: Payload): Uint8Array {
  if (payload instanceof Uint8Array) return payload
  const bytes = new Uint8Array(payload.sizeInBytes)
  const count = payload.readInto(bytes, 0)
  return count === bytes.length ? bytes : bytes.subarray(0, count)
}
