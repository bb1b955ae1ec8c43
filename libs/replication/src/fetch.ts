/**
 * A consumer's read. Log start, high watermark and last stable offset are read once and used for everything (Z29).
 *
 * Source: Kafka's Partition.fetchRecords and readRecords, UnifiedLog.read, LocalLog.addAbortedTransactions.
 */
import type { Outbox } from '@troupe/actor'
import type { AbortedTransaction, ReadResult } from '@troupe/log/contract'
import { KafkaError } from '@troupe/wire/errors'
import { divergence } from './divergence.ts'
import type { Fetch, Fetched } from './messages.ts'
import { checkLeader, refusedFetch } from './refusals.ts'
import { answer, logOf, type ReplicaEnv, type ReplicaState } from './state.ts'

export function onFetch(state: ReplicaState, message: Fetch, env: ReplicaEnv, out: Outbox): void {
  answer(state, out, message.replyTo, fetch(state, message, env))
}

function fetch(state: ReplicaState, message: Fetch, env: ReplicaEnv): Fetched {
  const error = checkLeader(state, message.currentLeaderEpoch, env.safeguards.fenceFetch)
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
  const upTo = isCommitted ? lastStableOffset : highWatermark
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

const NOTHING_READ: ReadResult = { slice: null, firstOffset: -1, nextOffset: -1 }
