/**
 * LeaveGroup, v0–5: members go without waiting for their session to end. v3: several at once, static ones also by
 * group.instance.id alone (an administrator removes them). v5: a reason.
 *
 * Errors: INVALID_GROUP_ID; per member UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID (before v3 as the answer's own error).
 * Source: Kafka's GroupMetadataManager.classicGroupLeave.
 */
import type { CoordinatorEnv } from '@troupe/coordinator'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { LeaveGroupResponseInput } from '@troupe/wire/messages'
import { answered, newDraft, type Draft } from './draft.ts'
import { memberError, type Group } from './group.ts'
import { removeMember } from './membership.ts'
import type { LeaveGroup } from './messages.ts'
import { completeJoinIfAllJoined, expel, prepareRebalance } from './rebalance.ts'
import { endSession } from './session.ts'
import type { GroupState } from './state.ts'

interface Leaving {
  readonly memberId: string
  readonly groupInstanceId: string | null
}

const BATCHED = 3

export function leaving({ body, version }: LeaveGroup): readonly Leaving[] {
  return version < BATCHED ? [{ memberId: body.memberId, groupInstanceId: null }] : body.members
}

export function leaveResponse(
  version: number,
  members: readonly (Leaving & { errorCode: ErrorCode })[],
): LeaveGroupResponseInput {
  if (version < BATCHED) return { errorCode: members[0].errorCode }
  return { errorCode: KafkaError.NONE, members }
}

export function leaveGroup({ groups }: GroupState, request: LeaveGroup, env: CoordinatorEnv): Draft {
  const { body, version } = request
  if (body.groupId === '') return answered({ errorCode: KafkaError.INVALID_GROUP_ID })
  const group = groups.get(body.groupId)
  const draft = newDraft()
  const members = leaving(request).map(({ memberId, groupInstanceId }) => ({
    memberId,
    groupInstanceId,
    errorCode: group === undefined ? KafkaError.UNKNOWN_MEMBER_ID : leave(draft, group, memberId, groupInstanceId),
  }))
  draft.response = leaveResponse(version, members)
  if (group === undefined || members.every(({ errorCode }) => errorCode !== KafkaError.NONE)) return draft
  if (group.phase === 'Stable' || group.phase === 'CompletingRebalance') prepareRebalance(draft, group, env)
  else completeJoinIfAllJoined(draft, group, env)
  return draft
}

function leave(draft: Draft, group: Group, memberId: string, groupInstanceId: string | null): ErrorCode {
  if (group.pendingMembers.has(memberId)) {
    removeMember(group, memberId)
    endSession(draft, group, memberId)
    return KafkaError.NONE
  }
  const id = memberId === '' && groupInstanceId !== null ? group.staticMembers.get(groupInstanceId) : memberId
  if (id === undefined) return KafkaError.UNKNOWN_MEMBER_ID
  const error = memberError(group, id, groupInstanceId)
  if (error === KafkaError.NONE) expel(draft, group, group.members.get(id)!)
  return error
}
