/**
 * Every way in which a group's volatile state changes. `decide` calls these; nothing here survives a crash before a
 * record says so.
 */
import type { GroupClient } from './messages.ts'
import {
  computeSubscribedTopics,
  groupEdges,
  isLeader,
  NO_BYTES,
  selectProtocol,
  type Group,
  type GroupPhase,
  type Member,
  type Parked,
  type Protocol,
} from './group.ts'

function become(group: Group, phase: GroupPhase, now: number): void {
  group.phase = groupEdges(group.phase, phase)
  group.stateTimestampMs = now
}

/** Volatile. From now on joins are parked. */
export function becomePreparingRebalance(group: Group, now: number): void {
  group.initialRebalance = group.phase === 'Empty'
  become(group, 'PreparingRebalance', now)
  group.pendingSync.clear()
}

/**
 * Volatile. A new generation of the members that are here; it exists for others only once its assignment is
 * written.
 */
export function becomeCompletingRebalance(group: Group, now: number): void {
  group.generation++
  group.protocol = selectProtocol(group)
  group.subscribedTopics = computeSubscribedTopics(group)
  become(group, 'CompletingRebalance', now)
  group.initialRebalance = false
  group.pendingSync.clear()
}

export interface JoiningMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly client: GroupClient
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly Protocol[]
  readonly join: Parked
}

/** Volatile. The first member brings the protocol type and leads. */
export function addMember(group: Group, joining: JoiningMember): Member {
  const { memberId, groupInstanceId, client, rebalanceTimeoutMs, sessionTimeoutMs, protocols, join } = joining
  const member: Member = {
    memberId,
    groupInstanceId,
    clientId: client.clientId,
    clientHost: client.clientHost,
    rebalanceTimeoutMs,
    sessionTimeoutMs,
    protocols,
    assignment: NO_BYTES,
    isNew: true,
    join,
    sync: null,
    deadlineMs: 0,
    timerAtMs: 0,
  }
  if (group.members.size === 0) group.protocolType = joining.protocolType
  if (groupInstanceId !== null) group.staticMembers.set(groupInstanceId, memberId)
  if (group.phase === 'PreparingRebalance' && group.initialRebalance) group.newMemberAdded = true
  group.leader ??= memberId
  group.members.set(memberId, member)
  group.pendingMembers.delete(memberId)
  return member
}

/** Volatile. */
export function updateMember(
  member: Member,
  {
    protocols,
    rebalanceTimeoutMs,
    sessionTimeoutMs,
  }: Pick<JoiningMember, 'protocols' | 'rebalanceTimeoutMs' | 'sessionTimeoutMs'>,
  join: Parked | null,
): void {
  member.protocols = protocols
  member.rebalanceTimeoutMs = rebalanceTimeoutMs
  member.sessionTimeoutMs = sessionTimeoutMs
  member.join = join
}

/** Volatile. Whoever is next in line leads then. */
export function removeMember(group: Group, memberId: string): void {
  const member = group.members.get(memberId)
  if (member !== undefined) {
    group.members.delete(memberId)
    if (member.groupInstanceId !== null) group.staticMembers.delete(member.groupInstanceId)
  }
  if (isLeader(group, memberId)) group.leader = group.members.keys().next().value ?? null
  group.pendingMembers.delete(memberId)
  group.pendingSync.delete(memberId)
}

/** Volatile. The same instance under a new member id, with the same assignment (KIP-345). */
export function replaceStaticMember(group: Group, old: Member, memberId: string): Member {
  const member: Member = { ...old, memberId, isNew: false, join: null, sync: null, deadlineMs: 0, timerAtMs: 0 }
  group.members.delete(old.memberId)
  group.members.set(memberId, member)
  if (isLeader(group, old.memberId)) group.leader = memberId
  if (group.pendingSync.delete(old.memberId)) group.pendingSync.add(memberId)
  group.staticMembers.set(old.groupInstanceId!, memberId)
  return member
}

/** Volatile. A leader that has not joined makes room for one that has. False: nobody has joined. */
export function electJoinedLeader(group: Group): boolean {
  const leader = group.leader === null ? undefined : group.members.get(group.leader)
  if (leader !== undefined && leader.join !== null) return true
  for (const member of group.members.values()) {
    if (member.join === null) continue
    group.leader = member.memberId
    return true
  }
  return false
}
