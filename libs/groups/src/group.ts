/**
 * One classic consumer group: its members, its generation, and who of them waits for what.
 *
 * Durable (last `GroupMetadata` record, kept in `persisted`): generation, protocol, leader, members with their
 * assignment. Everything between two records is volatile, as the protocol wants it: pending members, parked joins and
 * syncs, a generation that has no assignment yet. A crash loses it and the members rejoin. It is changed only by the
 * functions of `membership.ts`; durable state only by `replay.ts`.
 *
 * Source: Kafka's ClassicGroup, ClassicGroupMember, ClassicGroupState.
 */
import type { ReplyToken } from '@troupe/actor'
import { defineEdges } from '@troupe/coordinator'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { GroupMetadataValue } from '@troupe/wire/generated/coordinator-records'
import { Reader } from '@troupe/wire/io'

/**
 * Empty: no members; offsets may be committed by anyone without a generation.
 * PreparingRebalance: joins are parked until all known members have joined or the rebalance timeout is over.
 * CompletingRebalance: a new generation waits for its leader's assignment; syncs are parked.
 * Stable: everybody has (or can fetch) an assignment.
 * Dead: what clients are told of a group that does not exist; ours is simply gone.
 */
export type GroupPhase = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

export const groupEdges = defineEdges<GroupPhase>({
  // → Empty, → Stable: at load, from one record to the next.
  Empty: ['PreparingRebalance', 'Dead', 'Empty', 'Stable'],
  PreparingRebalance: ['CompletingRebalance', 'Empty', 'Dead'],
  CompletingRebalance: ['Stable', 'PreparingRebalance', 'Dead'],
  // → Stable: a static member that came back, or at load; → Empty: at load.
  Stable: ['PreparingRebalance', 'Dead', 'Stable', 'Empty'],
  Dead: [],
})

/** The protocol type of consumers: the one whose metadata says which topics a member reads. */
export const CONSUMER_PROTOCOL = 'consumer'

export interface Protocol {
  readonly name: string
  readonly metadata: Uint8Array
}

export interface Parked {
  readonly token: ReplyToken
  readonly version: number
}

export interface Member {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  /** In the member's order of preference. After a load only the selected one is known. */
  protocols: readonly Protocol[]
  assignment: Uint8Array
  /** Has joined for the first time and does not know its member id yet, so it cannot send heartbeats. */
  isNew: boolean
  /** The JoinGroup that waits for the join phase to end. */
  join: Parked | null
  /** The SyncGroup that waits for the leader's assignment. */
  sync: Parked | null
  /** The session is over then, unless something is heard. */
  deadlineMs: number
  /** When the session timer fires, 0 if it is not set. It may be early: it is set again for the deadline. */
  timerAtMs: number
}

export interface Group {
  readonly groupId: string
  phase: GroupPhase
  /** Whether the rebalance under way started from Empty: it waits for more members to come. */
  initialRebalance: boolean
  /** When the phase was entered; −1 when an old record does not say. Offsets expire after it. */
  stateTimestampMs: number
  /** null for a group that only stores offsets ("simple consumer"). */
  protocolType: string | null
  protocol: string | null
  generation: number
  leader: string | null
  readonly members: Map<string, Member>
  /** group.instance.id → member id (KIP-345). */
  readonly staticMembers: Map<string, string>
  /** Got a member id with MEMBER_ID_REQUIRED and have not come back yet. */
  readonly pendingMembers: Set<string>
  /** Were told of this generation and have not asked for their assignment yet. */
  readonly pendingSync: Set<string>
  /** Somebody came during an initial rebalance. As in Kafka, only the prolonged delay takes this back. */
  newMemberAdded: boolean
  /** null when the group's protocol says nothing of topics, or in no way we can read. */
  subscribedTopics: ReadonlySet<string> | null
  persisted: GroupMetadataValue | null
}

export function newGroup(groupId: string, now: number): Group {
  return {
    groupId,
    phase: 'Empty',
    initialRebalance: false,
    stateTimestampMs: now,
    protocolType: null,
    protocol: null,
    generation: 0,
    leader: null,
    members: new Map(),
    staticMembers: new Map(),
    pendingMembers: new Set(),
    pendingSync: new Set(),
    newMemberAdded: false,
    subscribedTopics: null,
    persisted: null,
  }
}

export function isLeader(group: Group, memberId: string): boolean {
  return group.leader !== null && group.leader === memberId
}

export function usesConsumerProtocol(group: Group): boolean {
  return group.protocolType === CONSUMER_PROTOCOL
}

export function membersAwaitingJoin(group: Group): number {
  let count = 0
  for (const member of group.members.values()) if (member.join !== null) count++
  return count
}

export function allMembersJoined(group: Group): boolean {
  return group.pendingMembers.size === 0 && membersAwaitingJoin(group) === group.members.size
}

/** The slowest member decides how long all wait. */
export function rebalanceTimeoutMs(group: Group): number {
  let longest = 0
  for (const { rebalanceTimeoutMs } of group.members.values()) longest = Math.max(longest, rebalanceTimeoutMs)
  return longest
}

/** Whether a member that speaks these protocols may be in this group. */
export function supportsProtocols(
  group: Group,
  type: string,
  protocols: readonly { readonly name: string }[],
): boolean {
  if (group.phase === 'Empty') return type !== '' && protocols.length > 0
  return group.protocolType === type && protocols.some(({ name }) => spokenByAll(group, name))
}

function spokenByAll(group: Group, name: string): boolean {
  for (const member of group.members.values()) {
    if (!member.protocols.some((protocol) => protocol.name === name)) return false
  }
  return true
}

/** Each member votes for the first of its protocols that all speak; the most votes win. null: they share none. */
export function selectProtocol(group: Group): string | null {
  const votes = new Map<string, number>()
  for (const { protocols } of group.members.values()) {
    const vote = protocols.find(({ name }) => spokenByAll(group, name))
    if (vote !== undefined) votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
  }
  let selected: string | null = null
  for (const [name, count] of votes) {
    if (selected === null || count > votes.get(selected)!) selected = name
  }
  return selected
}

export function metadataOf(member: Member, protocol: string | null): Uint8Array {
  return member.protocols.find(({ name }) => name === protocol)?.metadata ?? NO_BYTES
}

export const NO_BYTES = new Uint8Array(0)

export function sameProtocols(member: Member, protocols: readonly Protocol[]): boolean {
  return (
    member.protocols.length === protocols.length &&
    member.protocols.every(
      ({ name, metadata }, i) => name === protocols[i].name && sameBytes(metadata, protocols[i].metadata),
    )
  )
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** NONE when this member id (and instance id, for a static member) is the current one. */
export function memberError(group: Group, memberId: string, groupInstanceId: string | null): ErrorCode {
  if (groupInstanceId !== null) {
    const current = group.staticMembers.get(groupInstanceId)
    if (current === undefined) return KafkaError.UNKNOWN_MEMBER_ID
    if (current !== memberId) return KafkaError.FENCED_INSTANCE_ID
  }
  return group.members.has(memberId) ? KafkaError.NONE : KafkaError.UNKNOWN_MEMBER_ID
}

/** A topic whose offsets the group still uses. A consumer group that can't be read is taken to use them all. */
export function isSubscribedTo(group: Group, topic: string): boolean {
  return group.subscribedTopics === null ? usesConsumerProtocol(group) : group.subscribedTopics.has(topic)
}

/** Topics that a `consumer` group's members subscribe to, from their metadata. */
export function computeSubscribedTopics(group: Group): ReadonlySet<string> | null {
  if (!usesConsumerProtocol(group)) return null
  const topics = new Set<string>()
  if (group.members.size === 0) return topics
  if (group.protocol === null) return null
  try {
    for (const member of group.members.values()) {
      // Version 0 is a prefix of every version: a version number, then the topics.
      const reader = new Reader(metadataOf(member, group.protocol), 2)
      for (const topic of reader.stringArray()) topics.add(topic)
    }
  } catch {
    return null
  }
  return topics
}
