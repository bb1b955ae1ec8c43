/**
 * A consumer's read. Log start, high watermark and last stable offset are read once and used for everything (Z29:
 * Kafka compared the first open transaction with one high watermark and read up to another, KAFKA-9807).
 *
 * Source: Kafka's Partition.fetchRecords and readRecords, UnifiedLog.read, LocalLog.addAbortedTransactions.
 */
import type { Outbox } from '@troupe/actor'
import type { AbortedTransaction, Log, ReadResult } from '@troupe/log/contract'
import { KafkaError } from '@troupe/wire/errors'
import { divergence } from './divergence.ts'
import type { Fetch, Fetched } from './messages.ts'
import { checkLeader, refusedFetch } from './refusals.ts'
import { answer, logOf, park, type ReplicaEnv, type ReplicaState } from './state.ts'

export function onFetch(state: ReplicaState, message: Fetch, env: ReplicaEnv, out: Outbox): void {
  if (!env.safeguards.fetchBoundsSnapshot && message.wasStable === undefined) return lookTwice(state, message, env, out)
  answer(state, out, message.replyTo, fetch(state, message, env))
}

function lookTwice(state: ReplicaState, message: Fetch, env: ReplicaEnv, out: Outbox): void {
  const wasStable = state.role === 'leader' && logOf(state).lastStableOffset === logOf(state).highWatermark
  park(state)
  const again: Fetch = { ...message, wasStable }
  out.send(env.self, again)
}

function fetch(state: ReplicaState, message: Fetch, env: ReplicaEnv): Fetched {
  const error = checkLeader(state, message.currentLeaderEpoch, env.safeguards.checkCurrentLeaderEpoch)
  if (error !== KafkaError.NONE) return refusedFetch(state, error)
  const log = logOf(state)
  const { offset } = message
  const { highWatermark, lastStableOffset, logStartOffset } = log
  const divergingEpoch = divergence(log, offset, message.lastFetchedEpoch)
  const isInRange = offset >= logStartOffset && offset <= log.logEndOffset
  if (divergingEpoch === 'out-of-range' || (divergingEpoch === null && !isInRange)) {
    return refusedFetch(state, KafkaError.OFFSET_OUT_OF_RANGE)
  }

  const isCommitted = message.isolation === 'read_committed'
  const upTo = isCommitted && !message.wasStable ? stableEnd(log, env) : highWatermark
  const { maxBytes, minOneBatch } = message
  const isReadable = divergingEpoch === null && offset < upTo && (maxBytes > 0 || minOneBatch)
  const read = isReadable ? log.read({ offset, maxBytes, upTo, minOneBatch }) : NOTHING_READ
  let abortedTransactions: AbortedTransaction[] | null = null
  if (isCommitted && divergingEpoch === null) {
    const end = read.nextOffset >= 0 ? read.nextOffset : upTo
    abortedTransactions = read.slice === null ? [] : log.abortedTransactions(offset, end)
  }
  return {
    error: KafkaError.NONE,
    slice: read.slice,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions,
    divergingEpoch,
    leader: state.leader,
    leaderEpoch: state.leaderEpoch,
  }
}

/** The record at the last stable offset is the first that is not stable. */
function stableEnd({ lastStableOffset, highWatermark }: Log, { safeguards }: ReplicaEnv): number {
  return safeguards.lastStableOffsetExclusive ? lastStableOffset : Math.min(lastStableOffset + 1, highWatermark)
}

const NOTHING_READ: ReadResult = { slice: null, firstOffset: -1, nextOffset: -1 }
