/**
 * The sticky assignment when all members subscribe to the same topics: everybody gets the floor or the ceiling of the
 * mean, and keeps of what it owned as much as that allows. Source: `ConstrainedAssignmentBuilder`.
 */
import { compareText, partitionKey, type TopicPartition } from '../topic-partition.ts'
import type { Assignments } from './assignor.ts'
import { drop, type Claims } from './claims.ts'

/** Partitions that change hands, by key: a cooperative group gives them to the new owner one rebalance later. */
export type Transfers = Map<string, string>

interface Build {
  readonly assignments: Assignments
  readonly transfers: Transfers
  readonly claims: Claims
  /** Owned before, over the owner's quota now: by key, the member that may lose it. */
  readonly surplus: Map<string, string>
  readonly taken: Set<string>
  /** Below the floor. */
  readonly hungry: string[]
  /** At the floor, while there may be one more for them. */
  readonly fed: string[]
  readonly floor: number
  readonly ceiling: number
  /** How many members get the ceiling, when the two differ, and how many have it. */
  readonly full: number
  atCeiling: number
}

export function assignConstrained(
  partitions: ReadonlyMap<string, number>,
  claims: Claims,
): { assignments: Assignments; transfers: Transfers } {
  let total = 0
  for (const count of partitions.values()) total += count
  const members = claims.owned.size
  const build: Build = {
    assignments: new Map([...claims.owned.keys()].map((member) => [member, []])),
    transfers: new Map(),
    claims,
    surplus: new Map(),
    taken: new Set(),
    hungry: [],
    fed: [],
    floor: Math.floor(total / members),
    ceiling: Math.ceil(total / members),
    full: total % members,
    atCeiling: 0,
  }
  for (const [member, owned] of claims.owned) keepOwned(build, member, owned)
  build.hungry.sort(compareText)
  build.fed.sort(compareText)
  deal(build, unassigned(partitions, build.taken))
  return build
}

function keepOwned(build: Build, member: string, claimed: readonly TopicPartition[]): void {
  const owned = [...claimed].sort((a, b) => a.partition - b.partition || compareText(a.topic, b.topic))
  for (const key of build.claims.disputed.keys()) drop(owned, key)
  let quota = build.floor
  if (owned.length < build.floor) {
    build.hungry.push(member)
  } else if (owned.length >= build.ceiling && build.atCeiling < build.full) {
    quota = build.ceiling
    build.atCeiling++
    if (build.atCeiling === build.full) build.fed.length = 0
  } else if (build.atCeiling < build.full) {
    build.fed.push(member)
  }
  const own = build.assignments.get(member)!
  owned.forEach((each, index) => {
    const key = partitionKey(each)
    if (index >= quota) {
      build.surplus.set(key, member)
    } else {
      own.push(each)
      build.taken.add(key)
    }
  })
}

function unassigned(partitions: ReadonlyMap<string, number>, taken: ReadonlySet<string>): TopicPartition[] {
  const free: TopicPartition[] = []
  for (const topic of [...partitions.keys()].sort(compareText)) {
    for (let partition = 0; partition < partitions.get(topic)!; partition++) {
      if (!taken.has(partitionKey({ topic, partition }))) free.push({ topic, partition })
    }
  }
  return free
}

/** To those below the floor in turn; when nobody is, one each to those at the floor. */
function deal(build: Build, free: readonly TopicPartition[]): void {
  let turn = 0
  for (const each of free) {
    const { hungry, fed } = build
    if (hungry.length === 0) {
      give(build, each, fed.shift() ?? poorest(build))
      continue
    }
    turn %= hungry.length
    const member = hungry[turn]
    if (give(build, each, member) === build.floor) {
      hungry.splice(turn, 1)
      fed.push(member)
      // A round that has come to its end begins again at the first.
      if (turn === hungry.length) turn = 0
    } else {
      turn++
    }
  }
}

/** Only when a partition was kept by two members, which the generations prevent: somebody is then short of one. */
function poorest({ assignments }: Build): string {
  return [...assignments].sort(([, a], [, b]) => a.length - b.length)[0][0]
}

function give(build: Build, partition: TopicPartition, member: string): number {
  const own = build.assignments.get(member)!
  own.push(partition)
  const key = partitionKey(partition)
  const loser = build.surplus.get(key)
  if ((loser !== undefined && loser !== member) || build.claims.disputed.has(key)) build.transfers.set(key, member)
  return own.length
}
