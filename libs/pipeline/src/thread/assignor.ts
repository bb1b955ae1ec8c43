/**
 * Who runs which task. A task is one partition of one subtopology; its source partitions go together.
 *
 * Sticky: who has a task keeps it, then who has a standby copy of it gets it, and nobody has more than one task above
 * the others. Cooperative (KIP-429): a task that should move is given to nobody until its owner has let go. Standby
 * copies go to other processes than the task's, where there are some. Members of another topology get an error and
 * nothing else. Source of the aims, not of the way: StreamsPartitionAssignor, StickyTaskAssignor.
 */
import type { Assignor, GroupAssignment, MemberSubscription, Subscriptions } from '@troupe/client/consumer'
import { compareText, partitionKey, type TopicPartition } from '@troupe/client/consumer/topic-partition'
import type { TaskId } from '../engine/contract.ts'
import type { Subtopology, Topology } from '../topology.ts'
import { decodeMemberData, encodeAssignmentData } from './assignor-data.ts'

export const ASSIGNOR = 'troupe-pipeline'

interface Member {
  readonly id: string
  readonly instance: string
  readonly owned: ReadonlySet<TaskId>
  readonly copies: ReadonlySet<TaskId>
  readonly tasks: TaskId[]
  readonly standbys: TaskId[]
}

interface Plan {
  readonly id: TaskId
  readonly partitions: readonly TopicPartition[]
  readonly stateful: boolean
}

export function pipelineAssignor(topology: Topology, standbyReplicas: number): Assignor {
  return {
    name: ASSIGNOR,
    cooperative: true,
    userData: (_last, { said }) => said,
    assign: (counts, members) => assign(topology, standbyReplicas, counts, members),
  }
}

/** The tasks there are, in the order of their subtopologies, with the source partitions of each. */
export function planTasks(topology: Topology, counts: ReadonlyMap<string, number>): Plan[] {
  return topology.subtopologies.flatMap((subtopology) => {
    const most = Math.max(0, ...subtopology.sourceTopics.map((topic) => counts.get(topic) ?? 0))
    return Array.from({ length: most }, (_, partition) => ({
      id: taskId(subtopology, partition),
      partitions: inputsOf(subtopology, partition, counts),
      stateful: subtopology.stores.some((name) => topology.stores.get(name)!.changelog !== null),
    }))
  })
}

export function taskId({ id }: Pick<Subtopology, 'id'>, partition: number): TaskId {
  return `${id}_${partition}`
}

export function inputsOf(
  { sourceTopics }: Subtopology,
  partition: number,
  counts: ReadonlyMap<string, number>,
): TopicPartition[] {
  return sourceTopics.filter((topic) => partition < (counts.get(topic) ?? 0)).map((topic) => ({ topic, partition }))
}

function assign(
  topology: Topology,
  standbyReplicas: number,
  counts: ReadonlyMap<string, number>,
  subscriptions: Subscriptions,
): GroupAssignment {
  const plans = planTasks(topology, counts)
  const fingerprint = prevailing(subscriptions)
  const members = membersOf(subscriptions, fingerprint, plans)
  distribute(plans, members)
  placeStandbys(plans, members, standbyReplicas)
  const claimed = claims(subscriptions)
  const assignments = new Map<string, TopicPartition[]>()
  const userData = new Map<string, Uint8Array>()
  for (const id of subscriptions.keys()) {
    const member = members.find((each) => each.id === id)
    const own = plans.filter((plan) => member?.tasks.includes(plan.id) && isFree(plan, id, claimed))
    assignments.set(
      id,
      own.flatMap(({ partitions }) => partitions),
    )
    const error = member ? '' : `the group runs another topology, of fingerprint ${fingerprint}`
    userData.set(id, encodeAssignmentData({ standbys: member?.standbys ?? [], error }))
  }
  return { assignments, userData }
}

/** By key of the partition, who says that it has it: until nobody else does, it changes no hands. */
function claims(subscriptions: Subscriptions): Map<string, string[]> {
  const claimed = new Map<string, string[]>()
  for (const [member, { owned }] of subscriptions) {
    for (const each of owned) {
      const key = partitionKey(each)
      claimed.set(key, [...(claimed.get(key) ?? []), member])
    }
  }
  return claimed
}

function isFree({ partitions }: Plan, member: string, claimed: ReadonlyMap<string, readonly string[]>): boolean {
  return partitions.every((each) => (claimed.get(partitionKey(each)) ?? []).every((other) => other === member))
}

/** What most members run; among equals, what those run who have something already. */
function prevailing(subscriptions: Subscriptions): string {
  const weights = new Map<string, number>()
  for (const { userData, owned } of subscriptions.values()) {
    const print = decodeMemberData(userData)?.fingerprint
    if (print === undefined) continue
    weights.set(print, (weights.get(print) ?? 0) + 1 + (owned.length > 0 ? 0.001 : 0))
  }
  const [first] = [...weights].sort(([a, own], [b, other]) => other - own || compareText(a, b))
  return first?.[0] ?? ''
}

function membersOf(subscriptions: Subscriptions, fingerprint: string, plans: readonly Plan[]): Member[] {
  return [...subscriptions].flatMap(([id, subscription]): Member[] => {
    const data = decodeMemberData(subscription.userData)
    if (data === null || data.fingerprint !== fingerprint) return []
    const { instance, standbys } = data
    return [
      { id, instance, owned: ownedTasks(subscription, plans), copies: new Set(standbys), tasks: [], standbys: [] },
    ]
  })
}

function ownedTasks({ owned }: MemberSubscription, plans: readonly Plan[]): Set<TaskId> {
  const keys = new Set(owned.map(partitionKey))
  const has = plans.filter(({ partitions }) => partitions.length > 0 && keys.has(partitionKey(partitions[0]!)))
  return new Set(has.map(({ id }) => id))
}

/** Nobody gets more than its share but as many as there are tasks over; owners come first, then holders of copies. */
function distribute(plans: readonly Plan[], members: readonly Member[]): void {
  if (members.length === 0) return
  const share = Math.floor(plans.length / members.length)
  let over = plans.length % members.length
  const left: Plan[] = []
  const take = (member: Member, { id }: Plan): boolean => {
    if (member.tasks.length > share || (member.tasks.length === share && over === 0)) return false
    if (member.tasks.length === share) over--
    member.tasks.push(id)
    return true
  }
  const open = new Map(plans.map((plan) => [plan.id, plan]))
  for (const prefers of ['owned', 'copies'] as const) {
    for (const plan of open.values()) {
      const holders = members.filter((member) => member[prefers].has(plan.id)).sort(byLoad)
      if (holders.some((member) => take(member, plan))) open.delete(plan.id)
    }
  }
  left.push(...open.values())
  for (const plan of left) [...members].sort(byLoad).some((member) => take(member, plan))
}

/** Few tasks first; among equals the order of their ids. */
function byLoad(a: Member, b: Member): number {
  return a.tasks.length - b.tasks.length || compareText(a.id, b.id)
}

function placeStandbys(plans: readonly Plan[], members: readonly Member[], replicas: number): void {
  for (const { id, stateful } of plans) {
    if (!stateful) continue
    const active = members.find(({ tasks }) => tasks.includes(id))
    const taken = new Set([active?.instance])
    for (let copy = 0; copy < replicas; copy++) {
      const free = members.filter(({ instance }) => !taken.has(instance))
      const [best] = free.sort(
        (a, b) =>
          Number(b.copies.has(id) || b.owned.has(id)) - Number(a.copies.has(id) || a.owned.has(id)) ||
          a.standbys.length - b.standbys.length ||
          compareText(a.id, b.id),
      )
      if (best === undefined) break
      taken.add(best.instance)
      best.standbys.push(id)
    }
  }
}
