/**
 * OffsetCommit, v2–10: how far a group has read. v2–4 may carry a retention time; v9 adds member epochs (KIP-848);
 * v10 names topics by id.
 *
 * Z30: only a member of the current generation may commit, or anyone without a generation while the group is empty.
 * Errors: INVALID_GROUP_ID is the front's; UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION,
 * GROUP_ID_NOT_FOUND (v9+), REBALANCE_IN_PROGRESS; per partition OFFSET_METADATA_TOO_LARGE, UNKNOWN_TOPIC_ID.
 * Whether the topic exists is for the front to check. Source: Kafka's OffsetMetadataManager.commitOffset, ClassicGroup.
 */
import type { CoordinatorEnv } from '@troupe/coordinator'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { OffsetCommitRequest, OffsetCommitResponseInput } from '@troupe/wire/messages'
import { zeroUuid } from '@troupe/wire/io'
import { setting } from './config.ts'
import { newDraft, answered, type Draft } from './draft.ts'
import { memberError, type Group } from './group.ts'
import type { OffsetCommit } from './messages.ts'
import { offsetCommit as offsetCommitRecord } from './records.ts'
import { extendSession } from './session.ts'
import type { GroupState } from './state.ts'

const KNOWS_GROUP_ID_NOT_FOUND = 9
const NO_RETENTION = -1

export function offsetCommit({ groups }: GroupState, { body, version }: OffsetCommit, env: CoordinatorEnv): Draft {
  const group = groups.get(body.groupId)
  const fence = {
    memberId: body.memberId,
    groupInstanceId: body.groupInstanceId,
    generation: body.generationIdOrMemberEpoch,
  }
  if (env.safeguards.fenceOffsetCommit) {
    const unknownGroup =
      version >= KNOWS_GROUP_ID_NOT_FOUND ? KafkaError.GROUP_ID_NOT_FOUND : KafkaError.ILLEGAL_GENERATION
    const error = commitRefusal(group, fence, unknownGroup)
    if (error !== KafkaError.NONE) return answered(offsetCommitError(body, error))
  }
  const draft = newDraft()
  const member = group?.members.get(body.memberId)
  if (member !== undefined) extendSession(draft, group!, member, env)
  draft.response = commitAll(draft, body, env)
  return draft
}

export interface CommitFence {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generation: number
}

/** Z30. `unknownGroup`: what a member of a group that is gone is told. */
function commitRefusal(group: Group | undefined, fence: CommitFence, unknownGroup: ErrorCode): ErrorCode {
  const { memberId, groupInstanceId, generation } = fence
  // Without a generation: an administrator, or a consumer that assigns partitions by itself.
  if (group === undefined) return generation < 0 ? KafkaError.NONE : unknownGroup
  if (generation < 0 && group.phase === 'Empty') return KafkaError.NONE
  if (generation < 0 && memberId === '' && groupInstanceId === null) return KafkaError.UNKNOWN_MEMBER_ID
  const error = generationError(group, fence)
  if (error !== KafkaError.NONE) return error
  // Valid, but it does not know its assignment yet: let it finish the rebalance first.
  return group.phase === 'CompletingRebalance' ? KafkaError.REBALANCE_IN_PROGRESS : KafkaError.NONE
}

export function generationError(group: Group, { memberId, groupInstanceId, generation }: CommitFence): ErrorCode {
  const error = memberError(group, memberId, groupInstanceId)
  if (error !== KafkaError.NONE) return error
  return generation === group.generation ? KafkaError.NONE : KafkaError.ILLEGAL_GENERATION
}

function commitAll(draft: Draft, body: OffsetCommitRequest, env: CoordinatorEnv): OffsetCommitResponseInput {
  const expireTimestampMs = body.retentionTimeMs === NO_RETENTION ? -1 : env.now + body.retentionTimeMs
  const topics = body.topics.map(({ name, topicId, partitions }) => {
    const topic = name !== '' || topicId === zeroUuid ? name : env.cluster.topicById(topicId)?.name
    return {
      name: topic ?? '',
      topicId,
      partitions: partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => {
        if (topic === undefined) return { partitionIndex, errorCode: KafkaError.UNKNOWN_TOPIC_ID }
        const metadata = committedMetadata ?? ''
        if (metadataTooLarge(metadata, env)) return { partitionIndex, errorCode: KafkaError.OFFSET_METADATA_TOO_LARGE }
        draft.records.push(
          offsetCommitRecord(body.groupId, topic, partitionIndex, {
            offset: committedOffset,
            leaderEpoch: committedLeaderEpoch,
            metadata,
            commitTimestampMs: env.now,
            expireTimestampMs,
            topicId,
          }),
        )
        return { partitionIndex, errorCode: KafkaError.NONE }
      }),
    }
  })
  return { topics }
}

/** In characters, as Kafka counts, although the property says bytes. */
export function metadataTooLarge(metadata: string, env: CoordinatorEnv): boolean {
  return metadata.length > setting(env, 'offset.metadata.max.bytes')
}

/** The same error for every partition: the answer has no place for one of its own. */
export function offsetCommitError({ topics }: OffsetCommitRequest, errorCode: ErrorCode): OffsetCommitResponseInput {
  return {
    topics: topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }
}
