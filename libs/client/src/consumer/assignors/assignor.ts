/**
 * What an assignor is: from the members' subscriptions and the partition counts to the members' partitions.
 *
 * Pure and deterministic: members are taken in the order of the map. Racks (KIP-881) are not looked at. Source:
 * `ConsumerPartitionAssignor`, `AbstractPartitionAssignor`.
 */
import type { GroupMetadata, MetadataSnapshot } from '../../messages.ts'
import { compareText, type TopicPartition } from '../topic-partition.ts'

export interface MemberSubscription {
  readonly topics: readonly string[]
  readonly userData: Uint8Array | null
  /** Empty for a member of the eager protocol: it has given everything back before it joins. */
  readonly owned: readonly TopicPartition[]
  /** Of the assignment that `owned` comes from; −1: not said (subscription before version 2). */
  readonly generationId: number
  readonly groupInstanceId: string | null
}

/** By member id. */
export type Subscriptions = ReadonlyMap<string, MemberSubscription>
/** By member id; every member of the group has its entry. */
export type Assignments = Map<string, TopicPartition[]>

export interface AssignOptions {
  /** `safeguards.stickyUsesGeneration` of the leader that assigns. */
  readonly useGeneration: boolean
  /** What the leader knows of the cluster: always given by a consumer. */
  readonly metadata?: MetadataSnapshot
}

/** Partitions, and what the assignor wants its members to know beside them; a member without an entry hears null. */
export interface GroupAssignment {
  readonly assignments: Assignments
  readonly userData: ReadonlyMap<string, Uint8Array>
}

export interface MemberAssignment {
  readonly partitions: readonly TopicPartition[]
  readonly userData: Uint8Array | null
}

/** A member about to join. */
export interface JoiningMember {
  readonly topics: readonly string[]
  readonly owned: readonly TopicPartition[]
  /** What the application gave with `subscribe`. */
  readonly said: Uint8Array | null
}

export interface Assignor {
  readonly name: string
  /** Whether members may keep what they own while they rejoin (KIP-429). */
  readonly cooperative: boolean
  /** What a member says beside its topics: what it had, and of which generation; whatever the leader needs. */
  userData(last: LastAssignment | null, member: JoiningMember): Uint8Array | null
  /** `partitions`: how many each topic has; topics that do not exist are not in it. */
  assign(
    partitions: ReadonlyMap<string, number>,
    members: Subscriptions,
    options: AssignOptions,
  ): Assignments | GroupAssignment
  /** A member takes up its assignment; the `assigned` event of its next poll says the same. */
  onAssignment?(assignment: MemberAssignment, group: GroupMetadata): void
}

/** One of Kafka's own: they say nothing beside the partitions. */
export interface PlainAssignor extends Assignor {
  userData(last: LastAssignment | null): Uint8Array | null
  assign(partitions: ReadonlyMap<string, number>, members: Subscriptions, options: AssignOptions): Assignments
}

/** The assignment a member received last, and its generation. */
export interface LastAssignment {
  readonly partitions: readonly TopicPartition[]
  readonly generationId: number
}

/** Static members by instance id first, then the others by member id: a restart changes nothing (KIP-345). */
export function sortedMembers(members: Subscriptions): string[] {
  return [...members.keys()].sort((a, b) => {
    const first = members.get(a)!.groupInstanceId
    const second = members.get(b)!.groupInstanceId
    if (first !== null && second !== null) return compareText(first, second)
    if (first !== null) return -1
    if (second !== null) return 1
    return compareText(a, b)
  })
}

export function emptyAssignments(members: Subscriptions): Assignments {
  return new Map([...members.keys()].map((member) => [member, []]))
}
