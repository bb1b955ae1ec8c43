/**
 * DeleteGroups, v0–2: groups without members, with all their offsets, also those of undecided transactions.
 *
 * Errors per group: GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP. Source: Kafka's GroupCoordinatorShard.deleteGroups.
 */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { newDraft, type Draft } from './draft.ts'
import type { DeleteGroups } from './messages.ts'
import { partitionsOf } from './offsets.ts'
import { groupTombstone, offsetTombstone } from './records.ts'
import type { GroupState } from './state.ts'

export function deleteGroups(state: GroupState, { body }: DeleteGroups): Draft {
  const draft = newDraft()
  const results = body.groupsNames.map((groupId) => ({ groupId, errorCode: deleteGroup(draft, state, groupId) }))
  draft.response = { results }
  return draft
}

function deleteGroup(draft: Draft, state: GroupState, groupId: string): ErrorCode {
  const group = state.groups.get(groupId)
  if (group === undefined) return KafkaError.GROUP_ID_NOT_FOUND
  if (group.phase !== 'Empty') return KafkaError.NON_EMPTY_GROUP
  for (const [topic, partitions] of partitionsOf(state.offsets, groupId)) {
    for (const partition of partitions) draft.records.push(offsetTombstone(groupId, topic, partition))
  }
  draft.records.push(groupTombstone(groupId))
  return KafkaError.NONE
}
