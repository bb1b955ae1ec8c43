/**
 * SyncGroup, v0–5: the leader brings the assignment, everybody gets theirs. v5: protocol type and name are checked.
 *
 * The leader's assignment is written as the group's record; only when that is committed does anyone get an assignment.
 * Errors: INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, INCONSISTENT_GROUP_PROTOCOL,
 * REBALANCE_IN_PROGRESS. Source: Kafka's GroupMetadataManager.classicGroupSync.
 */
import type { CoordinatorEnv } from '@troupe/coordinator'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { answered, newDraft, type Draft } from './draft.ts'
import { isLeader, memberError, NO_BYTES, type Group } from './group.ts'
import type { SyncGroup } from './messages.ts'
import { answerSync, syncReceived } from './rebalance.ts'
import { groupMetadata } from './records.ts'
import { syncError, syncResponse } from './responses.ts'
import { extendSession } from './session.ts'
import type { GroupState } from './state.ts'

export function syncGroup({ groups }: GroupState, request: SyncGroup, env: CoordinatorEnv): Draft {
  const { body } = request
  if (body.groupId === '') return answered(syncError(KafkaError.INVALID_GROUP_ID))
  const group = groups.get(body.groupId)
  if (group === undefined) return answered(syncError(KafkaError.UNKNOWN_MEMBER_ID))
  const error = syncRefusal(group, request)
  if (error !== KafkaError.NONE) return answered(syncError(error))
  if (group.phase === 'CompletingRebalance') return syncNewGeneration(group, request, env)
  const draft = answered(syncResponse(group, group.members.get(body.memberId)!.assignment))
  syncReceived(draft, group, body.memberId)
  return draft
}

function syncRefusal(group: Group, { body }: SyncGroup): ErrorCode {
  const error = memberError(group, body.memberId, body.groupInstanceId)
  if (error !== KafkaError.NONE) return error
  if (body.generationId !== group.generation) return KafkaError.ILLEGAL_GENERATION
  if (differs(body.protocolType, group.protocolType) || differs(body.protocolName, group.protocol)) {
    return KafkaError.INCONSISTENT_GROUP_PROTOCOL
  }
  return group.phase === 'PreparingRebalance' ? KafkaError.REBALANCE_IN_PROGRESS : KafkaError.NONE
}

const differs = (said: string | null, known: string | null): boolean =>
  said !== null && known !== null && said !== known

function syncNewGeneration(group: Group, request: SyncGroup, env: CoordinatorEnv): Draft {
  const { body, replyTo, version } = request
  const draft = newDraft()
  const member = group.members.get(body.memberId)!
  answerSync(draft, member, syncError(KafkaError.REBALANCE_IN_PROGRESS)) // an earlier one, repeated by this
  member.sync = { token: replyTo, version }
  syncReceived(draft, group, body.memberId)
  if (isLeader(group, body.memberId)) assign(draft, group, request, env)
  return draft
}

/** Replaying the record makes the group Stable. Members that the leader forgot get an empty assignment. */
function assign(draft: Draft, group: Group, { body }: SyncGroup, env: CoordinatorEnv): void {
  const assignments = new Map(body.assignments.map(({ memberId, assignment }) => [memberId, assignment.slice()]))
  draft.records.push(groupMetadata(group, assignments))
  for (const member of group.members.values()) {
    const assignment = assignments.get(member.memberId) ?? NO_BYTES
    if (answerSync(draft, member, syncResponse(group, assignment))) extendSession(draft, group, member, env)
  }
}
