/**
 * The answer to any request that is refused with an error code, in the shape the asker expects.
 */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { EpochOffset, Fetched, FollowerFetched, OffsetListed, Produced, ReplicaRequest } from './messages.ts'
import type { ReplicaState } from './state.ts'

export function refusal(state: ReplicaState, message: ReplicaRequest, error: ErrorCode): unknown {
  switch (message.kind) {
    case 'produce':
      return refusedProduce(state, error, null)
    case 'append':
      return { error, baseOffset: -1, nextOffset: -1 }
    case 'verifyTransaction':
      return { error, guard: 0 }
    case 'fetch':
      return refusedFetch(state, error)
    case 'followerFetch':
      return refusedFollowerFetch(state, message.leaderEpoch, message.offset, error)
    case 'listOffset':
      return { error, offset: -1, timestamp: -1, leaderEpoch: -1 } satisfies OffsetListed
    case 'offsetForLeaderEpoch':
      return { error, leaderEpoch: -1, endOffset: -1 } satisfies EpochOffset
    case 'deleteRecords':
      return { error, lowWatermark: -1 }
    case 'describeProducers':
      return { error, producers: [] }
    case 'readLog':
      return { error, records: null, nextOffset: -1, logEndOffset: -1, highWatermark: -1 }
    // MarkerWritten, Changed, and what is never answered.
    default:
      return { error }
  }
}

export function refusedProduce(state: ReplicaState, error: ErrorCode, errorMessage: string | null): Produced {
  return {
    error,
    errorMessage,
    recordErrors: [],
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
    leader: state.leader,
    leaderEpoch: state.leaderEpoch,
  }
}

export function refusedFetch(state: ReplicaState, error: ErrorCode): Fetched {
  return {
    error,
    slice: null,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: null,
    divergingEpoch: null,
    leader: state.leader,
    leaderEpoch: state.leaderEpoch,
  }
}

export function refusedFollowerFetch(
  state: ReplicaState,
  leaderEpoch: number,
  offset: number,
  error: ErrorCode,
): FollowerFetched {
  const log = state.role === 'offline' ? null : state.log
  return {
    error,
    leaderEpoch,
    offset,
    records: null,
    divergingEpoch: null,
    highWatermark: log?.highWatermark ?? -1,
    logStartOffset: log?.logStartOffset ?? -1,
    logEndOffset: log?.logEndOffset ?? -1,
  }
}

const NO_EPOCH = -1

/**
 * Who may be served: the epoch is checked before leadership, so that a client with old metadata is told so even by
 * a broker that does not lead (KIP-320). −1 means the asker named no epoch.
 */
export function checkLeader(state: ReplicaState, currentLeaderEpoch: number, fence: boolean): ErrorCode {
  if (state.role === 'offline') return KafkaError.KAFKA_STORAGE_ERROR
  if (fence && currentLeaderEpoch !== NO_EPOCH) {
    if (currentLeaderEpoch < state.leaderEpoch) return KafkaError.FENCED_LEADER_EPOCH
    if (currentLeaderEpoch > state.leaderEpoch) return KafkaError.UNKNOWN_LEADER_EPOCH
  }
  return state.role === 'leader' ? KafkaError.NONE : KafkaError.NOT_LEADER_OR_FOLLOWER
}
