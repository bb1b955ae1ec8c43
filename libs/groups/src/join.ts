/**
 * JoinGroup, v0–9: becoming a member, or saying that one still is.
 *
 * v4 MEMBER_ID_REQUIRED: a dynamic member gets its id first and comes back with it, so that retries leave no ghosts
 * (KIP-394). v5 group.instance.id: static members (KIP-345). v9 skipAssignment: a static leader that came back
 * takes its group as it is (KIP-814). The request parks until the join phase is over.
 *
 * Errors: INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT, UNKNOWN_MEMBER_ID, GROUP_MAX_SIZE_REACHED,
 * INCONSISTENT_GROUP_PROTOCOL, MEMBER_ID_REQUIRED, FENCED_INSTANCE_ID.
 * Source: Kafka's GroupMetadataManager.classicGroupJoin.
 */
import type { CoordinatorEnv } from '@troupe/coordinator'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { setting } from './config.ts'
import { answered, newDraft, setTimer, type Draft } from './draft.ts'
import {
  memberError,
  membersAwaitingJoin,
  newGroup,
  sameProtocols,
  isLeader,
  supportsProtocols,
  type Group,
  type Member,
  type Protocol,
} from './group.ts'
import { announced } from './join-request.ts'
import { rejoinStatic } from './join-static.ts'
import { addMember, removeMember, updateMember } from './membership.ts'
import { newMemberId } from './member-id.ts'
import type { JoinGroup, SessionExpired } from './messages.ts'
import { rebalanceOrCompleteJoin } from './rebalance.ts'
import { joinError, joinResponse } from './responses.ts'
import { extendSession, sessionTimer } from './session.ts'
import type { GroupState } from './state.ts'

/** A new member does not know its id and can't send heartbeats, but its client repeats a JoinGroup within this time. */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000

/** The first version whose clients come back with the member id they were given. */
const REQUIRES_KNOWN_MEMBER_ID = 4

export function joinGroup(state: GroupState, request: JoinGroup, env: CoordinatorEnv): Draft {
  const { body, version } = request
  const refuse = (memberId: string, error: ErrorCode): Draft => answered(joinError(memberId, error, version))
  if (body.groupId === '') return refuse(body.memberId, KafkaError.INVALID_GROUP_ID)
  if (
    body.sessionTimeoutMs < setting(env, 'group.min.session.timeout.ms') ||
    body.sessionTimeoutMs > setting(env, 'group.max.session.timeout.ms')
  )
    return refuse(body.memberId, KafkaError.INVALID_SESSION_TIMEOUT)

  const isUnknown = body.memberId === ''
  let group = state.groups.get(body.groupId)
  if (group === undefined) {
    if (!isUnknown) return refuse(body.memberId, KafkaError.UNKNOWN_MEMBER_ID)
    group = newGroup(body.groupId, env.now)
  }
  if (!hasRoom(group, body.memberId, env)) {
    removeMember(group, body.memberId)
    return refuse('', KafkaError.GROUP_MAX_SIZE_REACHED)
  }
  if (!supportsProtocols(group, body.protocolType, body.protocols)) {
    return refuse(body.memberId, KafkaError.INCONSISTENT_GROUP_PROTOCOL)
  }
  // Until its first generation is written the group is known here only.
  state.groups.set(group.groupId, group)
  return isUnknown ? joinUnknown(group, request, env) : joinKnown(group, request, env)
}

function hasRoom(group: Group, memberId: string, env: CoordinatorEnv): boolean {
  const most = setting(env, 'group.max.size')
  const member = group.members.get(memberId)
  switch (group.phase) {
    case 'PreparingRebalance':
      // Counting those who have joined throws out the last ones when the limit was lowered.
      return (member !== undefined && member.join !== null) || membersAwaitingJoin(group) < most
    case 'CompletingRebalance':
    case 'Stable':
      return member !== undefined || group.members.size < most
    default:
      return true
  }
}

function joinUnknown(group: Group, request: JoinGroup, env: CoordinatorEnv): Draft {
  const { body, version, client } = request
  const { groupInstanceId } = body
  const memberId = newMemberId(groupInstanceId ?? client.clientId, env)
  if (groupInstanceId !== null) {
    const current = group.staticMembers.get(groupInstanceId)
    if (current !== undefined) return rejoinStatic(group, group.members.get(current)!, memberId, request, env)
    return addAndRebalance(group, memberId, request, env)
  }
  if (version < REQUIRES_KNOWN_MEMBER_ID) return addAndRebalance(group, memberId, request, env)
  group.pendingMembers.add(memberId)
  const draft = answered(joinError(memberId, KafkaError.MEMBER_ID_REQUIRED, version))
  const expired: SessionExpired = { kind: 'sessionExpired', groupId: group.groupId, memberId }
  setTimer(draft, sessionTimer(group.groupId, memberId), env.now + body.sessionTimeoutMs, expired)
  return draft
}

function joinKnown(group: Group, request: JoinGroup, env: CoordinatorEnv): Draft {
  const { body, version } = request
  const { memberId, groupInstanceId } = body
  if (group.pendingMembers.has(memberId)) {
    // Only dynamic members are given an id beforehand.
    if (groupInstanceId !== null) return answered(joinError(memberId, KafkaError.UNKNOWN_SERVER_ERROR, version))
    return addAndRebalance(group, memberId, request, env)
  }
  const error = memberError(group, memberId, groupInstanceId)
  if (error !== KafkaError.NONE) return answered(joinError(memberId, error, version))
  const member = group.members.get(memberId)!
  if (knowsAll(group, member, body.protocols)) return answered(joinResponse(group, member, version))
  const draft = newDraft()
  supersede(draft, member)
  updateMember(member, announced(request), { token: request.replyTo, version })
  rebalanceOrCompleteJoin(draft, group, env)
  return draft
}

/**
 * A member that repeats itself is told the generation it is in. In Stable the leader's JoinGroup always
 * rebalances: that is how it says that something outside the metadata has changed, such as the partitions of a topic.
 */
function knowsAll(group: Group, member: Member, protocols: readonly Protocol[]): boolean {
  if (group.phase === 'PreparingRebalance') return false
  return sameProtocols(member, protocols) && !(group.phase === 'Stable' && isLeader(group, member.memberId))
}

/** The client has given up on an earlier JoinGroup and repeats it: only the last one is answered in the end. */
function supersede(draft: Draft, member: Member): void {
  if (member.join === null) return
  draft.replies.push({
    token: member.join.token,
    body: joinError(member.memberId, KafkaError.REBALANCE_IN_PROGRESS, member.join.version),
  })
  member.join = null
}

function addAndRebalance(group: Group, memberId: string, request: JoinGroup, env: CoordinatorEnv): Draft {
  const { body, version, client, replyTo } = request
  const draft = newDraft()
  const member = addMember(group, {
    memberId,
    groupInstanceId: body.groupInstanceId,
    client,
    protocolType: body.protocolType,
    ...announced(request),
    join: { token: replyTo, version },
  })
  extendSession(draft, group, member, env, NEW_MEMBER_JOIN_TIMEOUT_MS)
  rebalanceOrCompleteJoin(draft, group, env)
  return draft
}
