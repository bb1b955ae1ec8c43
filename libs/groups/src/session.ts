/**
 * Member sessions. A member that is not heard of for its session timeout is removed, except while its own request is
 * parked here.
 *
 * A heartbeat only moves the deadline; the timer is set again when it fires early. Thousands of members cost no timer
 * operation per heartbeat that way.
 */
import type { CoordinatorEnv } from '@troupe/coordinator'
import { cancelTimer, setTimer, type Draft } from './draft.ts'
import type { Group, Member } from './group.ts'
import type { SessionExpired } from './messages.ts'

export function sessionTimer(groupId: string, memberId: string): string {
  return `session/${groupId}/${memberId}`
}

/** Something was heard of the member: its session lasts from now. */
export function extendSession(
  draft: Draft,
  group: Group,
  member: Member,
  { now }: CoordinatorEnv,
  timeoutMs = member.sessionTimeoutMs,
): void {
  member.deadlineMs = now + timeoutMs
  if (member.timerAtMs === 0 || member.deadlineMs < member.timerAtMs) armSession(draft, group, member)
}

export function armSession(draft: Draft, { groupId }: Group, member: Member): void {
  const message: SessionExpired = { kind: 'sessionExpired', groupId, memberId: member.memberId }
  setTimer(draft, sessionTimer(groupId, member.memberId), member.deadlineMs, message)
  member.timerAtMs = member.deadlineMs
}

export function endSession(draft: Draft, { groupId }: Group, memberId: string): void {
  cancelTimer(draft, sessionTimer(groupId, memberId))
}
