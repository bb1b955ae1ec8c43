/**
 * OffsetDelete, v0: an administrator makes a group forget partitions it does not read any more.
 *
 * Errors: INVALID_GROUP_ID, GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP; per partition GROUP_SUBSCRIBED_TO_TOPIC.
 * Source: Kafka's OffsetMetadataManager.deleteOffsets.
 */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { answered, newDraft, type Draft } from './draft.ts'
import { isSubscribedTo, usesConsumerProtocol } from './group.ts'
import type { OffsetDelete } from './messages.ts'
import { committedOffset, hasPendingOffset } from './offsets.ts'
import { offsetTombstone } from './records.ts'
import type { GroupState } from './state.ts'

export function offsetDelete({ groups, offsets }: GroupState, { body }: OffsetDelete): Draft {
  const refuse = (errorCode: ErrorCode): Draft => answered({ errorCode, topics: [] })
  const { groupId } = body
  if (groupId === '') return refuse(KafkaError.INVALID_GROUP_ID)
  const group = groups.get(groupId)
  if (group === undefined) return refuse(KafkaError.GROUP_ID_NOT_FOUND)
  // Of what members of another protocol use we know nothing.
  if (group.phase !== 'Empty' && !usesConsumerProtocol(group)) return refuse(KafkaError.NON_EMPTY_GROUP)
  const draft = newDraft()
  const topics = body.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => {
      if (isSubscribedTo(group, name)) return { partitionIndex, errorCode: KafkaError.GROUP_SUBSCRIBED_TO_TOPIC }
      if (
        committedOffset(offsets, groupId, name, partitionIndex) !== undefined ||
        hasPendingOffset(offsets, groupId, name, partitionIndex)
      )
        draft.records.push(offsetTombstone(groupId, name, partitionIndex))
      return { partitionIndex, errorCode: KafkaError.NONE }
    }),
  }))
  draft.response = { errorCode: KafkaError.NONE, topics }
  return draft
}
