/**
 * The rebalance of a group: stop, gather all members, give them a new generation.
 *
 *   Stable ──prepareRebalance──▶ PreparingRebalance ──completeJoin──▶ CompletingRebalance ──leader's sync──▶ Stable
 *                                        └──nobody is left──▶ Empty
 *
 * The first rebalance of an empty group waits group.initial.rebalance.delay.ms for company, longer while members keep
 * coming; later ones wait until all known members have rejoined, at most the longest rebalance timeout.
 *
 * Source: Kafka's GroupMetadataManager (prepareRebalance, completeClassicGroupJoin, tryCompleteInitialRebalance…).
 */
import type { CoordinatorEnv } from '@troupe/coordinator'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { setting } from './config.ts'
import { cancelTimer, newDraft, setTimer, type Draft } from './draft.ts'
import { allMembersJoined, NO_BYTES, rebalanceTimeoutMs, type Group, type Member, type Parked } from './group.ts'
import { becomeCompletingRebalance, becomePreparingRebalance, electJoinedLeader, removeMember } from './membership.ts'
import type { JoinDelayOver, PendingSyncExpired, RebalanceTimedOut } from './messages.ts'
import { emptyGroupMetadata } from './records.ts'
import { joinError, joinResponse, syncError } from './responses.ts'
import { endSession, extendSession } from './session.ts'
import type { GroupState } from './state.ts'

const joinTimer = (groupId: string): string => `join/${groupId}`
export const syncTimer = (groupId: string): string => `sync/${groupId}`

/** Something changed that needs a new generation, or may have been the last thing a rebalance waited for. */
export function rebalanceOrCompleteJoin(draft: Draft, group: Group, env: CoordinatorEnv): void {
  if (group.phase === 'PreparingRebalance') completeJoinIfAllJoined(draft, group, env)
  else prepareRebalance(draft, group, env)
}

export function prepareRebalance(draft: Draft, group: Group, env: CoordinatorEnv): void {
  if (group.phase === 'CompletingRebalance') refuseSyncs(draft, group, KafkaError.REBALANCE_IN_PROGRESS, env)
  cancelTimer(draft, syncTimer(group.groupId))
  becomePreparingRebalance(group, env.now)
  if (group.initialRebalance) {
    const delayMs = setting(env, 'group.initial.rebalance.delay.ms')
    awaitCompany(draft, group, delayMs, Math.max(rebalanceTimeoutMs(group) - delayMs, 0), env)
  } else if (allMembersJoined(group)) completeJoin(draft, group, env)
  else awaitRejoins(draft, group, env)
}

/** The generation that would get these assignments is over: its members rejoin. */
function refuseSyncs(draft: Draft, group: Group, error: ErrorCode, env: CoordinatorEnv): void {
  for (const member of group.members.values()) {
    member.assignment = NO_BYTES
    if (answerSync(draft, member, syncError(error))) extendSession(draft, group, member, env)
  }
}

function awaitCompany(
  draft: Draft,
  { groupId }: Group,
  delayMs: number,
  remainingMs: number,
  env: CoordinatorEnv,
): void {
  const message: JoinDelayOver = { kind: 'joinDelayOver', groupId, delayMs, remainingMs }
  setTimer(draft, joinTimer(groupId), env.now + delayMs, message)
}

function awaitRejoins(draft: Draft, group: Group, env: CoordinatorEnv): void {
  const message: RebalanceTimedOut = { kind: 'rebalanceTimedOut', groupId: group.groupId }
  setTimer(draft, joinTimer(group.groupId), env.now + rebalanceTimeoutMs(group), message)
}

/** An initial rebalance is not cut short: more members may be on their way. */
export function completeJoinIfAllJoined(draft: Draft, group: Group, env: CoordinatorEnv): void {
  if (group.phase === 'PreparingRebalance' && !group.initialRebalance && allMembersJoined(group))
    completeJoin(draft, group, env)
}

/** The join phase is over, by completeness or by timeout: a new generation of those who are here. */
export function completeJoin(draft: Draft, group: Group, env: CoordinatorEnv): void {
  cancelTimer(draft, joinTimer(group.groupId))
  for (const member of group.members.values()) {
    // Static members may be away for as long as their session lasts (KIP-345).
    if (member.join !== null || member.groupInstanceId !== null) continue
    removeMember(group, member.memberId)
    endSession(draft, group, member.memberId)
  }
  if (group.members.size === 0) draft.records.push(emptyGroupMetadata(group, group.generation + 1, env.now))
  else if (electJoinedLeader(group)) startGeneration(draft, group, env)
  else awaitRejoins(draft, group, env) // only absent static members: until one comes or their sessions end
}

function startGeneration(draft: Draft, group: Group, env: CoordinatorEnv): void {
  becomeCompletingRebalance(group, env.now)
  for (const member of group.members.values()) {
    answerJoin(draft, member, (parked) => joinResponse(group, member, parked.version))
    extendSession(draft, group, member, env)
    member.isNew = false
    group.pendingSync.add(member.memberId)
  }
  const message: PendingSyncExpired = {
    kind: 'pendingSyncExpired',
    groupId: group.groupId,
    generation: group.generation,
  }
  setTimer(draft, syncTimer(group.groupId), env.now + rebalanceTimeoutMs(group), message)
}

export function answerJoin(draft: Draft, member: Member, body: (parked: Parked) => unknown): void {
  if (member.join === null) return
  draft.replies.push({ token: member.join.token, body: body(member.join) })
  member.join = null
}

export function answerSync(draft: Draft, member: Member, body: unknown): boolean {
  if (member.sync === null) return false
  draft.replies.push({ token: member.sync.token, body })
  member.sync = null
  return true
}

/** Takes a member out for good; its parked requests are told to start over. */
export function expel(draft: Draft, group: Group, member: Member): void {
  endSession(draft, group, member.memberId)
  answerJoin(draft, member, ({ version }) => joinError('', KafkaError.UNKNOWN_MEMBER_ID, version))
  answerSync(draft, member, syncError(KafkaError.UNKNOWN_MEMBER_ID))
  removeMember(group, member.memberId)
}

/** A member left or was lost. */
export function rebalanceWithout(draft: Draft, group: Group, env: CoordinatorEnv): void {
  if (group.phase === 'Stable' || group.phase === 'CompletingRebalance') prepareRebalance(draft, group, env)
  else if (group.phase === 'PreparingRebalance' && allMembersJoined(group)) completeJoin(draft, group, env)
}

export function onJoinDelayOver(
  { groups }: GroupState,
  { groupId, delayMs, remainingMs }: JoinDelayOver,
  env: CoordinatorEnv,
): Draft {
  const draft = newDraft()
  const group = groups.get(groupId)
  if (group === undefined || group.phase !== 'PreparingRebalance') return draft
  if (group.newMemberAdded && remainingMs > 0) {
    group.newMemberAdded = false
    const nextMs = Math.min(setting(env, 'group.initial.rebalance.delay.ms'), remainingMs)
    awaitCompany(draft, group, nextMs, Math.max(remainingMs - delayMs, 0), env)
  } else completeJoin(draft, group, env)
  return draft
}

export function onRebalanceTimedOut(
  { groups }: GroupState,
  { groupId }: RebalanceTimedOut,
  env: CoordinatorEnv,
): Draft {
  const draft = newDraft()
  const group = groups.get(groupId)
  if (group !== undefined && group.phase === 'PreparingRebalance') completeJoin(draft, group, env)
  return draft
}

export function onPendingSyncExpired(
  { groups }: GroupState,
  { groupId, generation }: PendingSyncExpired,
  env: CoordinatorEnv,
): Draft {
  const draft = newDraft()
  const group = groups.get(groupId)
  if (group === undefined || group.generation !== generation || group.pendingSync.size === 0) return draft
  if (group.phase !== 'CompletingRebalance' && group.phase !== 'Stable') return draft
  for (const memberId of group.pendingSync) {
    const member = group.members.get(memberId)
    if (member !== undefined) expel(draft, group, member)
  }
  prepareRebalance(draft, group, env)
  return draft
}

/** A member that asked for its assignment is not waited for any more. */
export function syncReceived(draft: Draft, group: Group, memberId: string): void {
  if (group.pendingSync.delete(memberId) && group.pendingSync.size === 0) cancelTimer(draft, syncTimer(group.groupId))
}
