/**
 * OffsetFetch, v1–10, one group: where a group goes on reading. `topics` null: all that it has committed.
 *
 * v7 requireStable: a partition with an undecided transactional commit is answered UNSTABLE_OFFSET_COMMIT, so
 * that nobody reads again what that transaction has consumed (KIP-447, Z30). v10 names topics by id; an offset of an
 * earlier topic of the same name is none. An unknown group has committed nothing, which is no error. Source: Kafka's
 * OffsetMetadataManager.fetchOffsets, fetchAllOffsets.
 */
import type { CoordinatorEnv } from '@troupe/coordinator'
import { KafkaError } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/io'
import type {
  OffsetFetchResponse_OffsetFetchResponseGroupInput as FetchedGroup,
  OffsetFetchResponse_OffsetFetchResponsePartitionsInput as FetchedPartition,
} from '@troupe/wire/messages'
import { answered, type Draft } from './draft.ts'
import type { OffsetFetch } from './messages.ts'
import { committedOffset, hasPendingOffset, type Offsets, type StoredOffset } from './offsets.ts'
import type { GroupState } from './state.ts'

export function offsetFetch({ offsets }: GroupState, request: OffsetFetch, env: CoordinatorEnv): Draft {
  const { groupId, topics } = request.body
  const stable = request.requireStable && env.safeguards.requireStableOffsets
  const response: FetchedGroup = {
    groupId,
    errorCode: KafkaError.NONE,
    topics:
      topics === null
        ? fetchAll(offsets, groupId, stable, env)
        : topics.map(({ name, topicId, partitionIndexes }) => {
            const topic = name !== '' || topicId === zeroUuid ? name : env.cluster.topicById(topicId)?.name
            return {
              name: topic ?? '',
              topicId,
              partitions: partitionIndexes.map((partition) =>
                topic === undefined
                  ? { ...nothing(partition), errorCode: KafkaError.UNKNOWN_TOPIC_ID }
                  : fetchOne(offsets, groupId, topic, partition, stable, topicId),
              ),
            }
          }),
  }
  return answered(response)
}

function fetchAll(
  offsets: Offsets,
  groupId: string,
  stable: boolean,
  env: CoordinatorEnv,
): NonNullable<FetchedGroup['topics']> {
  const topics = offsets.committed.get(groupId) ?? new Map<string, Map<number, StoredOffset>>()
  return [...topics].map(([name, partitions]) => ({
    name,
    topicId: env.cluster.topic(name)?.id ?? zeroUuid,
    partitions: [...partitions.keys()].map((partition) =>
      fetchOne(offsets, groupId, name, partition, stable, zeroUuid),
    ),
  }))
}

function fetchOne(
  offsets: Offsets,
  groupId: string,
  topic: string,
  partition: number,
  stable: boolean,
  topicId: string,
): FetchedPartition {
  if (stable && hasPendingOffset(offsets, groupId, topic, partition)) {
    return { ...nothing(partition), errorCode: KafkaError.UNSTABLE_OFFSET_COMMIT }
  }
  const stored = committedOffset(offsets, groupId, topic, partition)
  if (stored === undefined || isOfAnotherTopic(stored.topicId, topicId)) return nothing(partition)
  return {
    partitionIndex: partition,
    committedOffset: stored.offset,
    committedLeaderEpoch: stored.leaderEpoch,
    metadata: stored.metadata,
    errorCode: KafkaError.NONE,
  }
}

function nothing(partitionIndex: number): FetchedPartition {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: KafkaError.NONE }
}

function isOfAnotherTopic(committed: string, asked: string): boolean {
  return committed !== zeroUuid && asked !== zeroUuid && committed !== asked
}
