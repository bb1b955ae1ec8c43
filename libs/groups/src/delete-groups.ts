/**
 * DeleteGroups, v0–2: groups without members, with all their offsets.
 *
 * Errors per group: GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP. Source: Kafka's GroupCoordinatorShard.deleteGroups.
 */
import type { CoordinatorRecord } from '@troupe/coordinator'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { newDraft, type Draft } from './draft.ts'
import type { DeleteGroups } from './messages.ts'
import { committedOffset, eachOffset } from './offsets.ts'
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
  draft.records.push(...offsetTombstones(state, groupId), groupTombstone(groupId))
  return KafkaError.NONE
}

/** For committed offsets and for those of undecided transactions; one tombstone serves both. */
function* offsetTombstones({ offsets }: GroupState, groupId: string): Generator<CoordinatorRecord> {
  for (const [topic, partition] of eachOffset(offsets.committed.get(groupId))) yield offsetTombstone(groupId, topic, partition)
  for (const pending of offsets.pending.get(groupId)?.values() ?? []) {
    for (const [topic, partition] of eachOffset(pending)) {
      if (committedOffset(offsets, groupId, topic, partition) === undefined) yield offsetTombstone(groupId, topic, partition)
    }
  }
}
