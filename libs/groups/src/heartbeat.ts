/**
 * Heartbeat, v0–4: the member lives, and learns whether it has to rejoin.
 *
 * Errors: INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS.
 * Source: Kafka's GroupMetadataManager.classicGroupHeartbeat, expireClassicGroupMemberHeartbeat.
 */
import type { CoordinatorEnv } from '@troupe/coordinator'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { answered, newDraft, type Draft } from './draft.ts'
import { memberError } from './group.ts'
import { removeMember } from './membership.ts'
import type { Heartbeat, SessionExpired } from './messages.ts'
import { expel, rebalanceWithout } from './rebalance.ts'
import { armSession, extendSession } from './session.ts'
import type { GroupState } from './state.ts'

export function heartbeat({ groups }: GroupState, { body }: Heartbeat, env: CoordinatorEnv): Draft {
  const answer = (errorCode: ErrorCode): Draft => answered({ errorCode })
  if (body.groupId === '') return answer(KafkaError.INVALID_GROUP_ID)
  const group = groups.get(body.groupId)
  if (group === undefined) return answer(KafkaError.UNKNOWN_MEMBER_ID)
  const error = memberError(group, body.memberId, body.groupInstanceId)
  if (error !== KafkaError.NONE) return answer(error)
  if (body.generationId !== group.generation) return answer(KafkaError.ILLEGAL_GENERATION)
  const draft = answer(group.phase === 'PreparingRebalance' ? KafkaError.REBALANCE_IN_PROGRESS : KafkaError.NONE)
  extendSession(draft, group, group.members.get(body.memberId)!, env)
  return draft
}

export function onSessionExpired(
  { groups }: GroupState,
  { groupId, memberId }: SessionExpired,
  env: CoordinatorEnv,
): Draft {
  const draft = newDraft()
  const group = groups.get(groupId)
  if (group === undefined) return draft
  const member = group.members.get(memberId)
  if (member === undefined) {
    if (!group.pendingMembers.has(memberId)) return draft
    removeMember(group, memberId)
    // It may have been the only one that the rebalance waited for.
    if (group.phase === 'PreparingRebalance') rebalanceWithout(draft, group, env)
    return draft
  }
  member.timerAtMs = 0
  if (env.now < member.deadlineMs) armSession(draft, group, member)
  else if (member.isNew || (member.join === null && member.sync === null)) {
    // A member whose request waits here is alive, unless it never learned its id: then it has given up by now.
    expel(draft, group, member)
    rebalanceWithout(draft, group, env)
  }
  return draft
}
