/**
 * What an assignor is: from the members' subscriptions and the partition counts to the members' partitions.
 *
 * Pure and deterministic: members are taken in the order of the map. Racks (KIP-881) are not looked at. Source:
 * `ConsumerPartitionAssignor`, `AbstractPartitionAssignor`.
 */
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
}

export interface Assignor {
  readonly name: string
  /** Whether members may keep what they own while they rejoin (KIP-429). */
  readonly cooperative: boolean
  /** What a member says beside its topics: what it had, and of which generation. */
  userData(last: LastAssignment | null): Uint8Array | null
  /** `partitions`: how many each topic has; topics that do not exist are not in it. */
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
