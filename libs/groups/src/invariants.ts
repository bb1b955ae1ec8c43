/**
 * What holds of every group, whatever was decided and replayed; checked by tests and the simulator after every
 * event.
 */
import type { Group } from './group.ts'
import type { GroupState } from './state.ts'

export class BrokenGroup extends Error {
  override readonly name = 'BrokenGroup'
}

export function invariants({ groups }: GroupState): void {
  for (const group of groups.values()) {
    const rule = brokenRule(group)
    if (rule !== null) throw new BrokenGroup(`${group.groupId}: ${rule}`)
  }
}

function brokenRule(group: Group): string | null {
  const { phase, members, staticMembers, pendingMembers, pendingSync, leader } = group
  if (phase === 'Dead') return 'a dead group is still here'
  if (phase === 'Empty' && members.size > 0) return 'an empty group has members'
  if ((phase === 'Stable' || phase === 'CompletingRebalance') && (leader === null || !members.has(leader))) {
    return 'the leader is no member'
  }
  if ((phase === 'Stable' || phase === 'CompletingRebalance') && group.protocol === null)
    return 'a generation without a protocol'
  for (const memberId of pendingMembers) if (members.has(memberId)) return `${memberId} is pending and a member`
  for (const memberId of pendingSync) if (!members.has(memberId)) return `${memberId} owes a sync and is no member`
  // G9: one live member id per instance id.
  for (const [instance, memberId] of staticMembers) {
    if (members.get(memberId)?.groupInstanceId !== instance) return `instance ${instance} is mapped to another member`
  }
  for (const member of members.values()) {
    if (member.groupInstanceId !== null && staticMembers.get(member.groupInstanceId) !== member.memberId) {
      return `${member.memberId} is a static member that its instance id does not lead to`
    }
    if (member.join !== null && phase !== 'PreparingRebalance')
      return `${member.memberId} waits for a join phase that is over`
    if (member.sync !== null && phase !== 'CompletingRebalance')
      return `${member.memberId} waits for an assignment that is made`
  }
  return null
}
