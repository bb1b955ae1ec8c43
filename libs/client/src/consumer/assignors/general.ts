/**
 * The sticky assignment when members subscribe to different topics: keep what is owned, give away what is free, then
 * move partitions from those with more to those with less until nothing gets better. Source:
 * `GeneralAssignmentBuilder`.
 */
import { compareText, partitionKey, type TopicPartition } from '../topic-partition.ts'
import type { Assignments, MemberSubscription, Subscriptions } from './assignor.ts'
import { NO_GENERATION, drop, type Claim, type Claims } from './claims.ts'
import { newMovements, noteMovement, partitionToMove, type Movements } from './movements.ts'

interface Build {
  readonly partitions: ReadonlyMap<string, number>
  readonly takers: Map<string, string[]>
  readonly topics: Map<string, string[]>
  current: Assignments
  owners: Map<string, string>
  /** Owners of an older generation: a partition goes back to its own first. */
  readonly previous: Map<string, Claim & { readonly member: string }>
  readonly movements: Movements
  /** Members that may still change, fewest partitions first. */
  order: string[]
}

export function assignGeneral(
  partitions: ReadonlyMap<string, number>,
  members: Subscriptions,
  claims: Claims,
  claimOf: (member: MemberSubscription) => Claim,
): Assignments {
  const build: Build = {
    partitions,
    takers: new Map([...partitions.keys()].map((topic) => [topic, []])),
    topics: new Map(),
    current: claims.owned,
    owners: new Map(),
    previous: previousOwners(members, claims, claimOf),
    movements: newMovements(),
    order: [],
  }
  for (const [member, { topics }] of members) {
    const known = topics.filter((topic) => partitions.has(topic))
    build.topics.set(member, known)
    for (const topic of known) build.takers.get(topic)!.push(member)
  }
  for (const [member, own] of build.current) for (const each of own) build.owners.set(partitionKey(each), member)
  const revoked = keepSubscribed(build, members)
  build.order = [...build.current.keys()]
  balance(build, revoked)
  return build.current
}

function previousOwners(
  members: Subscriptions,
  { maxGeneration }: Claims,
  claimOf: (member: MemberSubscription) => Claim,
): Build['previous'] {
  const previous: Build['previous'] = new Map()
  for (const [member, subscription] of members) {
    const claim = claimOf(subscription)
    if (claim.generationId >= maxGeneration || maxGeneration === NO_GENERATION) continue
    for (const each of claim.partitions) {
      const key = partitionKey(each)
      const known = previous.get(key)
      if (known === undefined || claim.generationId > known.generationId) previous.set(key, { ...claim, member })
    }
  }
  return previous
}

/** Whether something had to be taken from its owner. */
function keepSubscribed(build: Build, members: Subscriptions): boolean {
  let revoked = false
  for (const [member, own] of build.current) {
    const { topics } = members.get(member)!
    const kept = own.filter(({ topic }) => topics.includes(topic))
    if (kept.length < own.length) revoked = true
    build.current.set(member, kept)
  }
  return revoked
}

const countOf = (build: Build, member: string): number => build.current.get(member)!.length

function sortOrder(build: Build): void {
  build.order.sort((a, b) => countOf(build, a) - countOf(build, b) || compareText(a, b))
}

function balance(build: Build, revoked: boolean): void {
  sortOrder(build)
  const initializing = countOf(build, build.order.at(-1)!) === 0
  const all = allPartitions(build)
  const owned = new Set([...build.current.values()].flat().map(partitionKey))
  const free = all.filter((each) => !owned.has(partitionKey(each)))
  for (const each of free) giveToPoorest(build, each)

  const contested = ({ topic }: TopicPartition): boolean => build.takers.get(topic)!.length >= 2
  const fixed: Assignments = new Map()
  for (const member of build.topics.keys()) {
    if (mayChange(build, member)) continue
    fixed.set(member, build.current.get(member)!)
    build.current.delete(member)
  }
  build.order = build.order.filter((member) => !fixed.has(member))

  const before: Assignments = new Map([...build.current].map(([member, own]) => [member, [...own]]))
  if (!revoked) reassign(build, free.filter(contested))
  const moved = reassign(build, all.filter(contested))
  if (!initializing && moved && score(build.current) >= score(before)) build.current = before
  for (const [member, own] of fixed) build.current.set(member, own)
}

/** Those with the fewest takers first. */
function allPartitions({ partitions, takers }: Build): TopicPartition[] {
  const topics = [...partitions.keys()].sort(
    (a, b) => takers.get(a)!.length - takers.get(b)!.length || compareText(a, b),
  )
  return topics.flatMap((topic) =>
    Array.from({ length: partitions.get(topic)! }, (_, partition) => ({ topic, partition })),
  )
}

function giveToPoorest(build: Build, partition: TopicPartition): void {
  const member = build.order.find((each) => build.topics.get(each)!.includes(partition.topic))
  if (member === undefined) return
  build.current.get(member)!.push(partition)
  build.owners.set(partitionKey(partition), member)
  sortOrder(build)
}

function mayChange(build: Build, member: string): boolean {
  const own = build.current.get(member)!
  return own.length < potential(build, member) || own.some(({ topic }) => build.takers.get(topic)!.length >= 2)
}

function potential({ topics, partitions }: Build, member: string): number {
  return topics.get(member)!.reduce((sum, topic) => sum + partitions.get(topic)!, 0)
}

function reassign(build: Build, partitions: readonly TopicPartition[]): boolean {
  let moved = false
  for (;;) {
    let modified = false
    for (const partition of partitions) {
      if (isBalanced(build)) break
      if (!improve(build, partition)) continue
      modified = true
      moved = true
    }
    if (!modified) return moved
  }
}

function improve(build: Build, partition: TopicPartition): boolean {
  const key = partitionKey(partition)
  const many = countOf(build, build.owners.get(key)!)
  const before = build.previous.get(key)?.member
  if (before !== undefined && mayTake(build, before, partition) && many > countOf(build, before) + 1) {
    move(build, partition, before)
    return true
  }
  if (!build.takers.get(partition.topic)!.some((other) => many > countOf(build, other) + 1)) return false
  move(
    build,
    partition,
    build.order.find((member) => build.topics.get(member)!.includes(partition.topic))!,
  )
  return true
}

/** Java does not ask: it gives topics to members that have given them up, or fails where the member is settled. */
function mayTake(build: Build, member: string, { topic }: TopicPartition): boolean {
  return build.current.has(member) && build.topics.get(member)!.includes(topic)
}

function move(build: Build, wanted: TopicPartition, to: string): void {
  const partition = partitionToMove(build.movements, wanted, build.owners.get(partitionKey(wanted))!, to)
  const key = partitionKey(partition)
  const from = build.owners.get(key)!
  noteMovement(build.movements, partition, from, to)
  drop(build.current.get(from)!, key)
  build.current.get(to)!.push(partition)
  build.owners.set(key, to)
  sortOrder(build)
}

function isBalanced(build: Build): boolean {
  const { order, current, topics, owners, partitions } = build
  if (order.length === 0 || countOf(build, order[0]) >= countOf(build, order.at(-1)!) - 1) return true
  for (const member of order) {
    const count = countOf(build, member)
    if (count === potential(build, member)) continue
    for (const topic of topics.get(member)!) {
      for (let partition = 0; partition < partitions.get(topic)!; partition++) {
        const owner = owners.get(partitionKey({ topic, partition }))!
        if (owner !== member && count + 1 < current.get(owner)!.length) return false
      }
    }
  }
  return true
}

/** 0: all members have the same number. */
function score(assignments: Assignments): number {
  const sizes = [...assignments.values()].map((own) => own.length)
  let sum = 0
  for (let i = 0; i < sizes.length; i++) for (let j = 0; j < i; j++) sum += Math.abs(sizes[i] - sizes[j])
  return sum
}
