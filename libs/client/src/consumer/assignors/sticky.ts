/**
 * `sticky` and `cooperative-sticky`: balanced, and as little moved as possible.
 *
 * Under the cooperative protocol members keep their partitions while they rejoin, so that one which changes hands is
 * left out of this assignment: its owner sees that it is gone, gives it back and rejoins; then the new owner gets it
 * (KIP-429). Source: `AbstractStickyAssignor`, `StickyAssignor`, `CooperativeStickyAssignor`.
 */
import { partitionKey, type TopicPartition } from '../topic-partition.ts'
import type { AssignOptions, Assignments, Assignor, MemberSubscription, Subscriptions } from './assignor.ts'
import { collectClaims, drop, type Claim } from './claims.ts'
import { assignConstrained, type Transfers } from './constrained.ts'
import { assignGeneral } from './general.ts'
import { decodeGeneration, decodeStickyUserData, encodeGeneration, encodeStickyUserData } from './user-data.ts'

type ClaimOf = (member: MemberSubscription) => Claim

export const stickyAssignor: Assignor = {
  name: 'sticky',
  cooperative: false,
  userData: (last) => (last === null ? null : encodeStickyUserData(last)),
  assign: (partitions, members, options) =>
    assign(partitions, members, ({ userData }) => decodeStickyUserData(userData), options).assignments,
}

export const cooperativeStickyAssignor: Assignor = {
  name: 'cooperative-sticky',
  cooperative: true,
  userData: (last) => encodeGeneration(last?.generationId ?? -1),
  assign(partitions, members, options) {
    const { assignments, transfers } = assign(partitions, members, cooperativeClaim, options)
    for (const [key, member] of transfers ?? changesOfHands(members, assignments)) {
      drop(assignments.get(member)!, key)
    }
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
): { assignments: Assignments; transfers: Transfers | null } {
  const wanted = new Set([...members.values()].flatMap(({ topics }) => topics))
  const known = new Map([...partitions].filter(([topic]) => wanted.has(topic)))
  const claims = collectClaims(known, members, claimOf, options)
  if (claims.sameTopics) return assignConstrained(known, claims)
  return { assignments: assignGeneral(known, members, claims, claimOf), transfers: null }
}

/** What somebody gains and somebody else has not given back yet. */
function changesOfHands(members: Subscriptions, assignments: Assignments): Transfers {
  const gained: Transfers = new Map()
  const lost = new Set<string>()
  for (const [member, assigned] of assignments) {
    const had = keys(members.get(member)!.owned)
    const has = keys(assigned)
    for (const key of has) if (!had.has(key)) gained.set(key, member)
    for (const key of had) if (!has.has(key)) lost.add(key)
  }
  return new Map([...gained].filter(([key]) => lost.has(key)))
}

function keys(partitions: readonly TopicPartition[]): Set<string> {
  return new Set(partitions.map(partitionKey))
}
