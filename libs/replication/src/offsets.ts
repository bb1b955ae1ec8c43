/**
 * ListOffsets and OffsetForLeaderEpoch.
 *
 * Source: Kafka's Partition.{fetchOffsetForTimestamp,lastOffsetForLeaderEpoch}, UnifiedLog.fetchOffsetByTimestamp,
 * ReplicaManager.fetchOffset.
 */
import type { Outbox } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import type { EpochOffset, ListOffset, OffsetForLeaderEpoch, OffsetListed } from './messages.ts'
import { checkLeader, refusal } from './refusals.ts'
import { answer, logOf, type ReplicaState } from './state.ts'

const Timestamp = {
  latest: -1,
  earliest: -2,
  max: -3,
  earliestLocal: -4,
  latestTiered: -5,
  earliestPendingUpload: -6,
} as const

const unknown: OffsetListed = { error: KafkaError.NONE, offset: -1, timestamp: -1, leaderEpoch: -1 }

export function onListOffset(state: ReplicaState, message: ListOffset, out: Outbox): void {
  const error = checkLeader(state, message.currentLeaderEpoch, true)
  answer(state, out, message.replyTo, error === KafkaError.NONE ? list(state, message) : refusal(state, message, error))
}

function list(state: ReplicaState, { timestamp, isolation }: ListOffset): OffsetListed {
  const log = logOf(state)
  const end = isolation === 'read_committed' ? log.lastStableOffset : log.highWatermark
  // After an election the high watermark may trail what an earlier leader has shown: "latest" must not fall (KIP-207).
  const isLagging = state.leaderEpochStartOffset > log.highWatermark
  switch (timestamp) {
    case Timestamp.latest:
      return isLagging ? notAvailable() : { ...unknown, offset: end, leaderEpoch: state.leaderEpoch }
    case Timestamp.earliest:
    case Timestamp.earliestLocal:
      return { ...unknown, offset: log.logStartOffset, leaderEpoch: log.epochForOffset(log.logStartOffset) }
    case Timestamp.latestTiered:
    case Timestamp.earliestPendingUpload:
      // There is no remote storage: nothing is tiered and nothing waits to be.
      return unknown
  }
  const found =
    timestamp === Timestamp.max ? log.offsetOfMaxTimestamp() : log.offsetForTimestamp(timestamp, log.logEndOffset)
  if (found !== null && found.offset < end) return { error: KafkaError.NONE, ...found }
  return isLagging ? notAvailable() : unknown
}

function notAvailable(): OffsetListed {
  return { ...unknown, error: KafkaError.OFFSET_NOT_AVAILABLE }
}

export function onOffsetForLeaderEpoch(state: ReplicaState, message: OffsetForLeaderEpoch, out: Outbox): void {
  const error = checkLeader(state, message.currentLeaderEpoch, true)
  if (error !== KafkaError.NONE) return answer(state, out, message.replyTo, refusal(state, message, error))
  const { leaderEpoch, endOffset } = logOf(state).endOffsetForEpoch(message.leaderEpoch)
  answer(state, out, message.replyTo, { error: KafkaError.NONE, leaderEpoch, endOffset } satisfies EpochOffset)
}
