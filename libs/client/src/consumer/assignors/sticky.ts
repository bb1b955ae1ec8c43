/**
 * `sticky` and `cooperative-sticky`: balanced, and as little moved as possible.
 *
 * Under the cooperative protocol members keep their partitions while they rejoin, so that one which changes hands is
 * left out of this assignment: its owner sees that it is gone, gives it back and rejoins; then the new owner gets it
 * (KIP-429). Source: `AbstractStickyAssignor`, `StickyAssignor`, `CooperativeStickyAssignor`.
 */
import { partitionKey, type TopicPartition } from '../topic-partition.ts'
import type { AssignOptions, Assignments, MemberSubscription, PlainAssignor, Subscriptions } from './assignor.ts'
import { collectClaims, drop, type Claim } from './claims.ts'
import { assignConstrained, type Transfers } from './constrained.ts'
import { assignGeneral } from './general.ts'
import { decodeGeneration, decodeStickyUserData, encodeGeneration, encodeStickyUserData } from './user-data.ts'

type ClaimOf = (member: MemberSubscription) => Claim

export const stickyAssignor: PlainAssignor = {
  name: 'sticky',
  cooperative: false,
  userData: (last) => (last === null ? null : encodeStickyUserData(last)),
  assign: (partitions, members, options) =>
    assign(partitions, members, ({ userData }) => decodeStickyUserData(userData), options).assignments,
}

export const cooperativeStickyAssignor: PlainAssignor = {
  name: 'cooperative-sticky',
  cooperative: true,
  userData: (last) => encodeGeneration(last?.generationId ?? -1),
  assign(partitions, members, options) {
    const { assignments, transfers } = assign(partitions, members, cooperativeClaim, options)
    for (const [key, member] of transfers) drop(assignments.get(member)!, key)
    return assignments
  },
}

function cooperativeClaim({ owned, generationId, userData }: MemberSubscription): Claim {
  return { partitions: owned, generationId: generationId >= 0 ? generationId : decodeGeneration(userData) }
}

function assign(
  partitions: ReadonlyMap<string, number>,
  members: Subscriptions,
  claimOf: ClaimOf,
  options: AssignOptions,
): { assignments: Assignments; transfers: Transfers } {
  const wanted = new Set([...members.values()].flatMap(({ topics }) => topics))
  const known = new Map([...partitions].filter(([topic]) => wanted.has(topic)))
  const claims = collectClaims(known, members, claimOf, options)
  if (claims.sameTopics) return assignConstrained(known, claims)
  const believed = new Map([...claims.owned].map(([member, own]) => [member, keys(own)]))
  const assignments = assignGeneral(known, members, claims, claimOf)
  return { assignments, transfers: changesOfHands(members, believed, assignments) }
}

/**
 * What somebody gains and somebody else has not given back yet. Java takes a member's word for what it had, also where a
 * later generation gave the partition to another one, who would then have it at the same time.
 */
function changesOfHands(
  members: Subscriptions,
  believed: ReadonlyMap<string, ReadonlySet<string>>,
  assignments: Assignments,
): Transfers {
  const claimants = new Map<string, string[]>()
  for (const [member, { owned }] of members) {
    for (const key of keys(owned)) claimants.set(key, [...(claimants.get(key) ?? []), member])
  }
  const transfers: Transfers = new Map()
  for (const [member, assigned] of assignments) {
    for (const key of keys(assigned)) {
      if (believed.get(member)!.has(key)) continue
      if (claimants.get(key)?.some((other) => other !== member)) transfers.set(key, member)
    }
  }
  return transfers
}

function keys(partitions: readonly TopicPartition[]): Set<string> {
  return new Set(partitions.map(partitionKey))
}
