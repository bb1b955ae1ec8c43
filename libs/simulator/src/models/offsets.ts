/**
 * Committed offsets: the production group coordinator over a production replica, the production transaction coordinator,
 * and two members of a classic group, of which the second comes at any moment and the first hears nothing of it.
 *
 * The first member has joined, and asked where to begin, before exploration starts. Groups, their partition, the front
 * and the output stand on one broker, and their messages among each other take no time, unless `apart` says that the
 * transaction coordinator is elsewhere.
 *
 * | bound         | what it says                                                               |
 * | ------------- | -------------------------------------------------------------------------- |
 * | transactional | 1: members commit in transactions, 0: plainly                              |
 * | records       | of the input                                                               |
 * | members       | 1 or 2                                                                     |
 * | static        | 1: both members have the same group.instance.id                            |
 * | output        | 1: each record makes one of output                                         |
 * | apart         | 1: groups are on b2, transactions on b1; 0: all on b1                      |
 * | sessions      | how often a member is not heard of for too long                            |
 * | sweeps        | how often the transaction coordinator looks for transactions past their timeout |
 * | reloads       | how often the group coordinator is elected again                           |
 */
import type { Message } from '@troupe/actor'
import { groupsActor } from '@troupe/groups/coordinator'
import type { OffsetCommit, TxnOffsetCommit } from '@troupe/groups/messages'
import { replicaActor } from '@troupe/replication/replica'
import { transactionsActor } from '@troupe/transactions/coordinator'
import { checkAcceptedCommit, checkExactlyOnce, checkGroup, checkInstances } from '../invariants/groups.ts'
import { checkTransactions } from '../invariants/transactions.ts'
import type { TransactionsView } from '../invariants/transactions-view.ts'
import {
  actorModel,
  type ActorModel,
  type ActorModelSpec,
  type Cell,
  type CellSpec,
  type Choice,
  type ClassRule,
} from '../model/actor-world.ts'
import type { Bounds, Violation } from '../model/contract.ts'
import { heal } from './healed.ts'
import { GROUPS, memberActor, TXN_FRONT, txnFront, type MemberArgs, type MemberState } from './offsets-member.ts'
import {
  brokerOf,
  checkAcked,
  checkCache,
  CLIENTS,
  groupOf,
  OFFSETS,
  OUTPUT,
  unfinished,
  viewOf,
  witnesses,
  type Groups,
  type OffsetsGhost,
  type OffsetsWorld,
} from './offsets-world.ts'
import { named } from './transactions.ts'
import { detail } from './transactions-world.ts'
import {
  brokerConfig,
  clusterOf,
  COORDINATOR,
  coordinatorCells,
  dataTopic,
  fieldRules,
  idealLogRule,
  partitionUpdate,
  offsetsTopic,
  replicaCell,
  stateTopic,
  times,
  TOPIC,
  topicIds,
  TRANSACTIONS,
} from './transactions-parts.ts'

export const offsetBounds: Bounds = {
  transactional: 0,
  records: 1,
  members: 2,
  static: 0,
  output: 0,
  apart: 0,
  sessions: 0,
  sweeps: 0,
  reloads: 0,
}

function clusterFor(bounds: Bounds) {
  const broker = brokerOf(bounds)
  return clusterOf([stateTopic, offsetsTopic(broker), dataTopic([broker])])
}

function cells(bounds: Bounds): CellSpec<OffsetsGhost>[] {
  const broker = brokerOf(bounds)
  const cluster = clusterFor(bounds)
  const args = Object.freeze({ partition: 0, topicId: topicIds.offsets, topic: '__consumer_offsets' })
  const members = CLIENTS.slice(0, bounds.members).map((node, at): CellSpec<OffsetsGhost> => {
    const memberArgs: MemberArgs = {
      name: `c${at + 1}`,
      instanceId: bounds.static === 1 ? 'i' : null,
      transactional: bounds.transactional === 1,
      records: bounds.records,
      broker,
      withOutput: bounds.output === 1,
    }
    return { node, name: 'member', definition: memberActor, args: Object.freeze(memberArgs), down: true }
  })
  const replicas = [replicaCell<OffsetsGhost>(replicaActor, broker, offsetsTopic(broker), 0, cluster)]
  if (bounds.output === 1) replicas.push(replicaCell(replicaActor, broker, dataTopic([broker]), 0, cluster))
  return [
    ...coordinatorCells<OffsetsGhost>(transactionsActor, cluster),
    ...replicas,
    { node: broker, name: GROUPS, definition: groupsActor, args, ports: () => ({ cluster, config: brokerConfig }) },
    { node: broker, name: TXN_FRONT, definition: txnFront },
    ...members,
  ]
}

function begin(world: OffsetsWorld): void {
  const { bounds } = world
  const broker = brokerOf(bounds)
  const cluster = clusterFor(bounds)
  world.deliver(broker, OFFSETS, partitionUpdate(cluster, '__consumer_offsets', 0))
  if (bounds.output === 1) world.deliver(broker, OUTPUT, partitionUpdate(cluster, TOPIC, 0))
  world.deliver(COORDINATOR, TRANSACTIONS, { kind: 'elected', leaderEpoch: 1 } as Message)
  world.deliver(broker, GROUPS, { kind: 'elected', leaderEpoch: 0 } as Message)
  world.start(CLIENTS[0])
  // The first member comes as far as its first commit.
  for (let count = 0; count < 100 && world.state<MemberState>(CLIENTS[0], 'member')?.phase === 'joining'; count++) {
    const next = model.enabled(world).find(({ type, label }) => type === 'message' || first.test(label))
    if (next === undefined) throw new Error('the first member is stuck')
    model.apply(world, next)
  }
}

/** What the first member's beginning takes beside messages. */
const first = /timer (load-again|again|join)/

function choices(bounds: Bounds): Choice<OffsetsGhost>[] {
  const broker = brokerOf(bounds)
  const second: Choice<OffsetsGhost> = {
    label: 'c2 joins',
    type: 'client',
    enabled: (world) => !world.isUp(CLIENTS[1]) && !world.ghost.healing,
    apply: (world) => world.start(CLIENTS[1]),
  }
  const reload: Choice<OffsetsGhost> = {
    label: `b${broker} is elected again`,
    type: 'fault',
    enabled: (world) => world.ghost.reloads < bounds.reloads && !world.ghost.healing,
    apply: (world) => {
      const leaderEpoch = ++world.edit().reloads
      const update = partitionUpdate(clusterFor(bounds), '__consumer_offsets', 0)
      const view = { ...update.view, leaderEpoch, partitionEpoch: leaderEpoch }
      world.deliver(broker, OFFSETS, { ...update, view } as Message)
      world.deliver(broker, GROUPS, { kind: 'elected', leaderEpoch } as Message)
    },
  }
  return bounds.members > 1 ? [second, reload] : [reload]
}

function mayFire({ ghost, bounds }: OffsetsWorld, _cell: unknown, timer: string): boolean {
  if (timer.startsWith('join/') || timer.startsWith('again') || timer.startsWith('verification')) return true
  if (timer.startsWith('session/')) return ghost.sessions < bounds.sessions
  if (timer === 'timeout-sweep') return ghost.healing || ghost.sweeps < bounds.sweeps
  return timer === 'load-again' || (ghost.healing && (timer === 'tick' || timer === 'expiry'))
}

function fired(world: OffsetsWorld, _cell: unknown, timer: string): void {
  if (world.ghost.healing) return
  if (timer.startsWith('session/')) world.edit().sessions++
  if (timer === 'timeout-sweep') world.edit().sweeps++
}

/** Who commits what is seen as the coordinator replays it: only then is it certain that it was accepted. */
function afterStep(world: OffsetsWorld, cell: Cell, message: Message): void {
  if (cell.name !== GROUPS) return
  const shard = cell.state as Groups
  const group = groupOf(world)
  const { ghost } = world
  const violation = group === null || shard.phase !== 'active' ? null : checkGroup(group, ghost.generation)
  if (violation !== null) world.fail(violation.invariant, violation.detail)
  if (group?.phase === 'Stable' && group.generation !== ghost.generation) world.edit().generation = group.generation
  const sequence = shard.state?.offsets.sequence ?? 0
  if (sequence === ghost.sequence) return
  const accepted = sequence > ghost.sequence
  world.edit().sequence = sequence
  if (!accepted || group === null) return
  const from = commitFrom(message)
  const wrong = from === null ? null : checkAcceptedCommit(group, from)
  if (wrong !== null) world.fail(wrong.invariant, wrong.detail)
}

function commitFrom(message: Message) {
  if (message.kind === 'offsetCommit') {
    const {
      memberId,
      groupInstanceId: instanceId,
      generationIdOrMemberEpoch: generation,
    } = (message as OffsetCommit).body
    return { memberId, instanceId, generation }
  }
  if (message.kind !== 'txnOffsetCommit') return null
  const { memberId, groupInstanceId: instanceId, generationId: generation } = (message as TxnOffsetCommit).body
  return { memberId, instanceId, generation }
}

function check(world: OffsetsWorld): Violation | null {
  const view = viewOf(world)
  const group = groupOf(world)
  return (
    checkTransactions(view) ??
    checkExactlyOnce(view.partitions) ??
    (group === null ? null : checkInstances(group)) ??
    checkCache(world) ??
    checkAcked(world) ??
    checkEnds(world, view)
  )
}

function checkEnds(world: OffsetsWorld, view: TransactionsView): Violation | null {
  if (world.flights.length > 0 || world.ghost.healing || unfinished(world, view) === null) return null
  const healed = world.clone()
  healed.edit().healing = true
  const isDone = (): boolean => unfinished(healed, viewOf(healed)) === null
  if (!heal(model, healed, isDone)) return { invariant: 'L5', detail: 'the healed world does not come to rest' }
  if (healed.failure !== null) return healed.failure
  const rest = unfinished(healed, viewOf(healed))
  return rest === null ? null : { invariant: rest.startsWith('c') ? 'L6' : 'L5', detail: rest }
}

const spec: ActorModelSpec<OffsetsGhost> = {
  name: 'offsets',
  title: 'A group coordinator, a transaction coordinator and two members of a group',
  defaultBounds: offsetBounds,
  cells,
  ghost: () => ({ sessions: 0, sweeps: 0, reloads: 0, healing: false, sequence: 0, generation: 0 }),
  begin,
  choices,
  now: (_world, _cell, timer) =>
    timer === null ? times.message : timer === 'timeout-sweep' ? times.sweep : times.timer,
  mayFire,
  fired,
  lane: () => null,
  isSeparate: (_node, _actor, message) => message.kind === 'applyMarker',
  afterStep,
  check,
  witnesses,
  fields: { ...fieldRules, 'txn-front': { omit: ['lastId'], ids: ['asked{}'] } },
  classes: [idealLogRule as ClassRule<never>],
  detail,
}

const model = actorModel(spec)
export const offsetsModel: ActorModel<OffsetsGhost> = { ...model, check: (world) => named(model.check(world)) }
