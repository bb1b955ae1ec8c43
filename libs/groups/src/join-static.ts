/**
 * A static member (group.instance.id, KIP-345) that comes back without its member id: it was restarted. It takes the
 * place of its former self, which is fenced from then on, without a rebalance if nothing else has changed.
 *
 * Source: Kafka's GroupMetadataManager.updateStaticMemberThenRebalanceOrCompleteJoin.
 */
import type { CoordinatorEnv } from '@troupe/coordinator'
import { KafkaError } from '@troupe/wire/errors'
import type { JoinGroupResponseInput } from '@troupe/wire/messages'
import { newDraft, type Draft } from './draft.ts'
import { isLeader, selectProtocol, type Group, type Member } from './group.ts'
import { announced } from './join-request.ts'
import { replaceStaticMember, updateMember } from './membership.ts'
import type { JoinGroup } from './messages.ts'
import {
  answerJoin,
  answerSync,
  completeJoinIfAllJoined,
  prepareRebalance,
  rebalanceOrCompleteJoin,
} from './rebalance.ts'
import { groupMetadata } from './records.ts'
import { joinedMembers, joinError, joinResponse, syncError } from './responses.ts'
import { endSession, extendSession } from './session.ts'

/** Clients of older versions would compute an assignment if they were told that they lead. */
const KNOWS_SKIP_ASSIGNMENT = 9

export function rejoinStatic(
  group: Group,
  old: Member,
  memberId: string,
  request: JoinGroup,
  env: CoordinatorEnv,
): Draft {
  const { version, replyTo } = request
  const draft = newDraft()
  const leaderBefore = group.leader
  answerJoin(draft, old, (parked) => joinError(old.memberId, KafkaError.FENCED_INSTANCE_ID, parked.version))
  answerSync(draft, old, syncError(KafkaError.FENCED_INSTANCE_ID))
  endSession(draft, group, old.memberId)
  const member = replaceStaticMember(group, old, memberId)
  const stable = group.phase === 'Stable'
  updateMember(member, announced(request), null)
  extendSession(draft, group, member, env)
  if (stable && selectProtocol(group) === group.protocol) {
    const assignments = new Map([...group.members.values()].map((each) => [each.memberId, each.assignment]))
    draft.records.push(groupMetadata(group, assignments))
    draft.response = sameGeneration(group, member, leaderBefore, version)
    return draft
  }
  member.join = { token: replyTo, version }
  // The leader may be computing an assignment for the old member id: it has to be told of the new one.
  if (group.phase === 'CompletingRebalance') prepareRebalance(draft, group, env)
  else if (stable) rebalanceOrCompleteJoin(draft, group, env)
  else completeJoinIfAllJoined(draft, group, env)
  return draft
}

function sameGeneration(
  group: Group,
  member: Member,
  leaderBefore: string | null,
  version: number,
): JoinGroupResponseInput {
  const response = joinResponse(group, member, version)
  if (version < KNOWS_SKIP_ASSIGNMENT) return { ...response, leader: leaderBefore ?? '', members: [] }
  const leads = isLeader(group, member.memberId)
  return { ...response, skipAssignment: leads, members: leads ? joinedMembers(group) : [] }
}
