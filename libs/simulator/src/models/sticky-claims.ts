/**
 * `sticky-claims`: the members of a classic group, and the production sticky assignors as their leader calls them (Z31).
 *
 * A rebalance is one event: all members join, saying what they had, and the leader assigns. Each member has its assignment
 * when its SyncGroup is answered; whoever has not before the next rebalance has missed a generation, and says what it had
 * before that one. Under the eager protocol members give everything back when they join; under the cooperative one they
 * keep it until an assignment without it arrives.
 *
 * | bound       | what                                                            |
 * | ----------- | --------------------------------------------------------------- |
 * | members     | that may join                                                   |
 * | partitions  | of the one topic                                                |
 * | generations | as many rebalances                                              |
 * | leaves      | of members                                                      |
 * | cooperative | 1: `cooperative-sticky`; 0: `sticky`, which is eager             |
 */
import type { Safeguards } from '@troupe/actor'
import type { LastAssignment, MemberSubscription } from '@troupe/client/consumer/assignors/assignor'
import { cooperativeStickyAssignor, stickyAssignor } from '@troupe/client/consumer/assignors/sticky'
import { partitionKey, type TopicPartition } from '@troupe/client/consumer/topic-partition'
import type { Action, Bounds, Model, Violation } from '../model/contract.ts'
import { hashOf } from '../model/text-hash.ts'

type Partitions = readonly TopicPartition[]

/** Replaced, never changed. */
interface Member {
  readonly name: string
  readonly isIn: boolean
  /** Of its last JoinGroup, −1 before. */
  readonly generationId: number
  /** The assignment that it got last. */
  readonly last: LastAssignment | null
  readonly owned: Partitions
  /** On its way, with the answer to its SyncGroup. */
  readonly assigned: Partitions | null
}

export interface ClaimsWorld {
  readonly safeguards: Safeguards
  readonly bounds: Bounds
  generation: number
  left: number
  /** A member has joined with an assignment outstanding. */
  missed: boolean
  members: readonly Member[]
}

const TOPIC = 't'

function change(world: ClaimsWorld, name: string, what: Partial<Member>): void {
  world.members = world.members.map((member) => (member.name === name ? { ...member, ...what } : member))
}

function subscriptionOf({ generationId, last, owned }: Member, isCooperative: boolean): MemberSubscription {
  const assignor = isCooperative ? cooperativeStickyAssignor : stickyAssignor
  const userData = assignor.userData(last)
  return { topics: [TOPIC], userData, owned: isCooperative ? owned : [], generationId, groupInstanceId: null }
}

function rebalance(world: ClaimsWorld): void {
  const { bounds, safeguards } = world
  const isCooperative = bounds.cooperative === 1
  const joined = world.members.filter(({ isIn }) => isIn)
  const subscriptions = new Map(joined.map((member) => [member.name, subscriptionOf(member, isCooperative)]))
  const assignor = isCooperative ? cooperativeStickyAssignor : stickyAssignor
  const useGeneration = safeguards.stickyUsesGeneration
  const assignments = assignor.assign(new Map([[TOPIC, bounds.partitions]]), subscriptions, { useGeneration })
  world.generation++
  if (joined.some(({ assigned }) => assigned !== null)) world.missed = true
  for (const { name, owned } of joined) {
    const generationId = world.generation
    change(world, name, { generationId, owned: isCooperative ? owned : [], assigned: assignments.get(name)! })
  }
}

const actions: Readonly<Record<string, (world: ClaimsWorld, name: string) => void>> = {
  joins: (world, name) => change(world, name, { isIn: true }),
  syncs(world, name) {
    const { assigned, generationId } = world.members.find((member) => member.name === name)!
    const owned = assigned!
    change(world, name, { owned, last: { partitions: owned, generationId }, assigned: null })
  },
  leaves(world, name) {
    world.left++
    change(world, name, { isIn: false, generationId: -1, last: null, owned: [], assigned: null })
  },
}

function enabled({ bounds, generation, left, members }: ClaimsWorld): Action[] {
  const found: Action[] = []
  for (const { name, isIn, assigned } of members) {
    if (!isIn) found.push({ label: `${name} joins`, type: 'client' })
    if (assigned !== null) found.push({ label: `${name} syncs`, type: 'message' })
    if (isIn && left < bounds.leaves) found.push({ label: `${name} leaves`, type: 'client' })
  }
  if (generation < bounds.generations && members.some(({ isIn }) => isIn)) {
    found.push({ label: 'rebalance', type: 'timer' })
  }
  return found
}

/** G1, in the members' own view. */
function check({ members }: ClaimsWorld): Violation | null {
  const owners = new Map<string, string>()
  for (const { name, owned } of members) {
    for (const key of owned.map(partitionKey)) {
      const other = owners.get(key)
      if (other !== undefined) return { invariant: 'G1', detail: `${key} is owned by ${other} and by ${name}` }
      owners.set(key, name)
    }
  }
  return null
}

const textOf = (partitions: Partitions | null): string => partitions?.map(partitionKey).join() ?? '-'

function text({ generation, left, missed, members }: ClaimsWorld): string {
  const each = members.map(({ isIn, generationId, last, owned, assigned }) =>
    [isIn, generationId, last?.generationId, textOf(last?.partitions ?? null), textOf(owned), textOf(assigned)].join(
      ' ',
    ),
  )
  return [generation, left, missed, ...each].join('|')
}

export const stickyClaimsModel: Model<ClaimsWorld> = {
  name: 'sticky-claims',
  title: 'What the members of a sticky group say they had, and what they get',
  defaultBounds: { members: 3, partitions: 3, generations: 3, leaves: 1, cooperative: 0 },
  initial: (safeguards, bounds) => ({
    safeguards,
    bounds,
    generation: 0,
    left: 0,
    missed: false,
    members: Array.from({ length: bounds.members }, (_, at) => ({
      name: `c${at + 1}`,
      isIn: false,
      generationId: -1,
      last: null,
      owned: [],
      assigned: null,
    })),
  }),
  enabled,
  apply(world, { label, type }, observe) {
    const [name, verb] = label.split(' ')
    if (label === 'rebalance') rebalance(world)
    else actions[verb](world, name)
    if (observe === undefined) return
    const node = verb === undefined ? 'net' : name
    const detail = world.members
      .map((each) => `${each.name} owns ${textOf(each.owned)}, gets ${textOf(each.assigned)}`)
      .join('; ')
    const kind = verb ?? label
    observe({ type, node, actor: 'member', from: '', kind, choice: label, detail, strips: [] })
  },
  clone: (world) => ({ ...world }),
  fingerprint(world) {
    const { high, low } = hashOf(text(world))
    return [high, low]
  },
  check,
  witnesses({ missed, members, generation }) {
    const names: string[] = []
    if (missed) names.push('a member misses a generation')
    if (members.every(({ owned }) => owned.length > 0)) names.push('everybody owns something')
    if (missed && members.some(({ last }) => last?.generationId === generation)) names.push('the group goes on')
    return names
  },
}
