/**
 * A consumer's read. Log start, high watermark and last stable offset are read once and used for everything (Z29).
 *
 * Source: Kafka's Partition.fetchRecords and readRecords, UnifiedLog.read, LocalLog.addAbortedTransactions.
 */
import type { Outbox } from '@troupe/actor'
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
  const bounds = {
    highWatermark: log.highWatermark,
    lastStableOffset: log.lastStableOffset,
    logStartOffset: log.logStartOffset,
    leader: state.leader,
    leaderEpoch: state.leaderEpoch,
  }
  const position = divergence(log, offset, message.lastFetchedEpoch)
  if (position === 'out-of-range') return { ...refusedFetch(state, KafkaError.OFFSET_OUT_OF_RANGE), ...bounds }
  const nothing: Fetched = {
    error: KafkaError.NONE, ...bounds, slice: null, divergingEpoch: position,
    abortedTransactions: message.isolation === 'read_committed' && position === null ? [] : null,
  }
  if (position !== null) return nothing
  if (offset < bounds.logStartOffset || offset > log.logEndOffset) {
    return { ...refusedFetch(state, KafkaError.OFFSET_OUT_OF_RANGE), ...bounds }
  }

  const upTo = message.isolation === 'read_committed' ? bounds.lastStableOffset : bounds.highWatermark
  if (offset >= upTo || message.maxBytes <= 0 && !message.minOneBatch) return nothing
  const read = log.read({ offset, maxBytes: message.maxBytes, upTo, minOneBatch: message.minOneBatch })
  if (read.slice === null) return nothing
  return {
    ...nothing,
    slice: read.slice,
    abortedTransactions: message.isolation === 'read_committed'
      ? log.abortedTransactions(offset, read.nextOffset >= 0 ? read.nextOffset : upTo)
      : null,
  }
}
