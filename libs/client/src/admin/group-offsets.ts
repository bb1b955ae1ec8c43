/** A group's committed offsets: list, alter, delete. Asked of its coordinator. */
import { KafkaError } from '@troupe/wire/errors'
import type { OffsetCommitResponse } from '@troupe/wire/generated/08-offset-commit'
import type { OffsetDeleteResponse } from '@troupe/wire/generated/47-offset-delete'
import type {
  OffsetFetchResponse,
  OffsetFetchResponse_OffsetFetchResponseGroup,
} from '@troupe/wire/generated/09-offset-fetch'
import { byTopic } from '../producer/coordinator-bodies.ts'
import type { TopicPartition } from '../consumer/topic-partition.ts'
import { answer, everyKey, keyOfPartition, passesAtCoordinator } from './answers.ts'
import { toGroup } from './groups.ts'
import { defineOperation } from './operation.ts'

export interface GroupOffsetsQuestion {
  readonly groupId: string
  /** Default: all for which there is one. */
  readonly partitions?: readonly TopicPartition[]
}

export interface CommittedOffset extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch: number | null
  readonly metadata: string
}

export interface ListGroupOffsetsArgs {
  readonly groups: readonly GroupOffsetsQuestion[]
  /** Wait for transactions that have committed offsets of their own (KIP-447). */
  readonly requireStable?: boolean
}

/** From here on one request asks for several groups (KIP-709). */
const MANY_GROUPS = 8
/** After that topics go by id, which the asker does not know. */
const BY_NAME = 9

export const listGroupOffsets = defineOperation({
  api: 9,
  items: ({ groups }: ListGroupOffsetsArgs) => groups,
  keyOf: ({ groupId }) => groupId,
  route: ({ groupId }) => toGroup(groupId),
  request: (items, { requireStable = false }) => ({
    body: {
      groups: items.map(({ groupId, partitions }) => ({
        groupId,
        memberId: null,
        memberEpoch: -1,
        topics: partitions ? named(partitions) : null,
      })),
      requireStable,
    },
    minVersion: MANY_GROUPS,
    maxVersion: BY_NAME,
  }),
  read: ({ groups }: OffsetFetchResponse) =>
    groups.map((group) => {
      const offsets = offsetsIn(group)
      const refused = offsets.find(({ errorCode }) => errorCode !== KafkaError.NONE)
      const value: ReadonlyMap<string, CommittedOffset> = new Map(
        offsets
          .filter(({ committed }) => committed.offset >= 0)
          .map(({ committed }) => [keyOfPartition(committed), committed]),
      )
      return answer(group.groupId, value, group.errorCode || (refused?.errorCode ?? KafkaError.NONE))
    }),
  repeat: (error) => passesAtCoordinator(error) || error === KafkaError.UNSTABLE_OFFSET_COMMIT,
})

function offsetsIn({
  topics,
}: OffsetFetchResponse_OffsetFetchResponseGroup): { committed: CommittedOffset; errorCode: number }[] {
  return topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode }) => ({
      errorCode,
      committed: {
        topic: name,
        partition: partitionIndex,
        offset: committedOffset,
        leaderEpoch: committedLeaderEpoch < 0 ? null : committedLeaderEpoch,
        metadata: metadata ?? '',
      },
    })),
  )
}

function named(partitions: readonly TopicPartition[]): { name: string; partitionIndexes: number[] }[] {
  return byTopic(partitions).map(([name, list]) => ({ name, partitionIndexes: list.map(({ partition }) => partition) }))
}

export interface NewGroupOffset extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch?: number | null
  readonly metadata?: string
}

function passesInGroup(error: number): boolean {
  return passesAtCoordinator(error) || error === KafkaError.REBALANCE_IN_PROGRESS
}

/** Only while the group has no members. */
export const alterGroupOffsets = defineOperation({
  api: 8,
  items: ({ offsets }: { readonly groupId: string; readonly offsets: readonly NewGroupOffset[] }) => offsets,
  keyOf: keyOfPartition,
  route: (_item, { groupId }) => toGroup(groupId),
  request: (items, { groupId }) => ({
    body: {
      groupId,
      generationIdOrMemberEpoch: -1,
      topics: byTopic(items).map(([name, list]) => ({
        name,
        partitions: list.map(({ partition, offset, leaderEpoch, metadata }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: leaderEpoch ?? -1,
          committedMetadata: metadata ?? '',
        })),
      })),
    },
    maxVersion: BY_NAME,
  }),
  read: ({ topics }: OffsetCommitResponse) => eachPartition(topics),
  repeat: passesInGroup,
})

/** Only of topics to which no member of the group is subscribed. */
export const deleteGroupOffsets = defineOperation({
  api: 47,
  items: ({ partitions }: { readonly groupId: string; readonly partitions: readonly TopicPartition[] }) => partitions,
  keyOf: keyOfPartition,
  route: (_item, { groupId }) => toGroup(groupId),
  request: (items, { groupId }) => ({
    body: {
      groupId,
      topics: byTopic(items).map(([name, list]) => ({
        name,
        partitions: list.map(({ partition }) => ({ partitionIndex: partition })),
      })),
    },
  }),
  read: ({ errorCode, topics }: OffsetDeleteResponse, items) =>
    errorCode === KafkaError.NONE ? eachPartition(topics) : everyKey(items.map(keyOfPartition), errorCode),
  repeat: passesInGroup,
})

interface TopicResult {
  readonly name: string
  readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[]
}

function eachPartition(topics: readonly TopicResult[]): ReturnType<typeof answer<undefined>>[] {
  return topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, errorCode }) =>
      answer(keyOfPartition({ topic: name, partition: partitionIndex }), undefined, errorCode),
    ),
  )
}
