/**
 * The group's leader assigns: it watches the topics of all members, waits until it knows them, and remembers how many
 * partitions it has counted, because when that changes it must ask for a rebalance. Source: `ConsumerCoordinator`.
 */
import { KafkaError } from '@troupe/wire/errors'
import type { JoinGroupResponse } from '@troupe/wire/messages'
import type { Assignments, MemberSubscription, Subscriptions } from './assignors/assignor.ts'
import { assignorOf, isCooperative } from './assignors/index.ts'
import { joinAgain, requestRejoin, sendSync } from './membership.ts'
import { decodeSubscription, encodeAssignment } from './protocol.ts'
import { fail } from './requests.ts'
import type { ConsumerState, Step } from './state.ts'
import { compareText, partitionKey } from './topic-partition.ts'
import { watchTopics } from './watch.ts'

export function lead(step: Step, joined: JoinGroupResponse): void {
  const { member } = step.state
  member.leading = joined
  member.groupTopics = [...new Set([...subscriptionsOf(joined).values()].flatMap(({ topics }) => topics))].sort(
    compareText,
  )
  watchTopics(step)
  assignWhenKnown(step)
}

/** After a join, and after every change of metadata. */
export function assignWhenKnown(step: Step): void {
  const { state } = step
  const { member, metadata, config } = state
  const { leading } = member
  if (leading === null || metadata === null) return
  if (!member.groupTopics.every((topic) => metadata.topics.has(topic))) return
  member.leading = null
  member.assignedFor = countPartitions(step.state)
  // KIP-814: a static leader that returns finds its group as it was.
  if (leading.skipAssignment) return sendSync(step, [])
  const assignor = assignorOf(state, leading.protocolName)
  const isOurs = config['partition.assignment.strategy'].some((each) => assignorOf(state, each) === assignor)
  if (assignor === undefined || !isOurs) {
    fail(step, KafkaError.INCONSISTENT_GROUP_PROTOCOL, `no assignor ${leading.protocolName}`)
    return joinAgain(step, 'no such assignor', 'later')
  }
  const members = subscriptionsOf(leading)
  const useGeneration = step.env.safeguards.stickyUsesGeneration
  const made = assignor.assign(existing(member.assignedFor), members, { useGeneration, metadata })
  const { assignments, userData } = made instanceof Map ? { assignments: made, userData: nothing } : made
  const isCustom = state.customAssignors.has(assignor.name)
  const stolen = isCustom && isCooperative(state) ? takenFromOwner(members, assignments) : null
  if (stolen !== null) {
    fail(step, KafkaError.INCONSISTENT_GROUP_PROTOCOL, `${assignor.name} takes ${stolen} from a member that owns it`)
    return joinAgain(step, 'invalid assignment', 'later')
  }
  const encoded = [...assignments].map(([memberId, own]) => {
    return { memberId, assignment: encodeAssignment(own, userData.get(memberId) ?? null) }
  })
  sendSync(step, encoded)
}

const nothing: ReadonlyMap<string, Uint8Array> = new Map()

/** KIP-429 lets a partition change hands only after its owner has revoked it: an assignor that forgets this is wrong. */
function takenFromOwner(members: Subscriptions, assignments: Assignments): string | null {
  const added = new Set<string>()
  const revoked: string[] = []
  for (const [member, { owned }] of members) {
    const before = new Set(owned.map(partitionKey))
    const after = new Set((assignments.get(member) ?? []).map(partitionKey))
    for (const key of after) if (!before.has(key)) added.add(key)
    for (const key of before) if (!after.has(key)) revoked.push(key)
  }
  return revoked.find((key) => added.has(key)) ?? null
}

/** In the order of their ids: the assignment does not depend on who came first. */
function subscriptionsOf({ members }: JoinGroupResponse): Map<string, MemberSubscription> {
  const sorted = [...members].sort((a, b) => compareText(a.memberId, b.memberId))
  return new Map(
    sorted.map(({ memberId, groupInstanceId, metadata }) => [
      memberId,
      { ...decodeSubscription(metadata), groupInstanceId },
    ]),
  )
}

/** 0 for a topic that does not exist: it may come. */
function countPartitions({ member, metadata }: ConsumerState): Map<string, number> {
  return new Map(
    member.groupTopics.map((topic) => {
      const known = metadata!.topics.get(topic)
      return [topic, known?.error === KafkaError.NONE ? known.partitions.length : 0]
    }),
  )
}

function existing(counts: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...counts].filter(([, count]) => count > 0))
}

/** Partitions were added, a topic has come or gone since the leader assigned. */
export function rejoinIfPartitionsChanged(step: Step): void {
  const { assignedFor } = step.state.member
  if (assignedFor === null || step.state.metadata === null) return
  for (const [topic, count] of countPartitions(step.state)) {
    if (assignedFor.get(topic) !== count) return requestRejoin(step, 'cached metadata has changed')
  }
}
