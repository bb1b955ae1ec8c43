/**
 * The metadata quorum in virtual time, first in first out: where it must make progress, and can be made to fail at it.
 *
 * One choice, `advance`, lets a tick pass: timers fire when they are due, messages arrive at once, those that cross a cut
 * are lost. Between ticks a voter is cut off from the other voters, or the cut is healed. Liveness is judged at the end of
 * each tick, by what may take how long:
 *
 *   L1  a member that is connected learns of the leader's high watermark within `PATIENCE_MS`, however busy the log is
 *   L2  a leader that is connected to a majority all the time stays leader; and when nothing was cut or healed for
 *       `PATIENCE_MS`, a majority that is connected has a leader, whom all members follow who can reach that majority
 *
 * Bounds: `voters`, `observers` (never cut off), `ticks`, `cuts` (voters that are cut off, one after the other), `busy` (1:
 * a record is written per longest wait of a fetch).
 *
 * Begins with a leader that has been one for a while. Source: KIP-996, KAFKA-15489, KAFKA-13959.
 */
import type { ActorDefinition, Env, Message } from '@troupe/actor'
import type { Raft, RaftConfig } from '@troupe/controller/raft/state'
import { afterStep, newQuorumGhost, type QuorumGhost } from '../invariants/raft.ts'
import { actorModel, type Cell, type Choice, type World } from '../model/actor-world.ts'
import type { Bounds, Violation } from '../model/contract.ts'
import { fire } from '../model/turn.ts'
import { MEMBER, memberCell, memberView, quorumStrips, raftFields, settle, storeRule } from './raft-member.ts'

const TICK_MS = 100
const MAX_WAIT_MS = 100
/** Three fetch timeouts and an election. */
const PATIENCE_MS = 1500
const BUSY_PATIENCE_MS = 500
const WRITER = 101

interface Reign {
  readonly leader: number
  readonly epoch: number
  readonly since: number
}

export interface TimedGhost {
  readonly quorum: QuorumGhost
  ticks: number
  cuts: number
  /** The voter that is cut off from the other voters; −1: none. */
  cutOff: number
  /** Of the last cut or healing. */
  disturbedAt: number
  /** Who leads the latest epoch, since when it has been connected to a majority. */
  reign: Reign | null
  /** Since when a member has not known the leader's high watermark. */
  readonly behind: Map<number, number>
  /** When which timer fires: two worlds that differ in nothing else have different futures. */
  timers: readonly number[]
  violation: Violation | null
}

type TimedWorld = World<TimedGhost>

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i)
const votersOf = ({ voters }: Bounds): number[] => range(1, voters!)
const membersOf = ({ voters, observers }: Bounds): number[] => range(1, voters! + observers!)

/** Everyone is a little slower than the one before, so that their chances, which are the same, mean different moments. */
function configOf(self: number, bounds: Bounds): RaftConfig {
  return {
    self,
    voters: votersOf(bounds),
    electionTimeoutMs: 100 + 37 * self,
    fetchTimeoutMs: 300 + 23 * self,
    fetchMaxWaitMs: MAX_WAIT_MS,
    backoffMs: 10 + 7 * self,
    fetchMaxBytes: 1 << 20,
  }
}

/** Writes a record per longest wait: what keeps the log of a busy controller moving. */
const writer: ActorDefinition<{ written: number; members: readonly number[] }, Message, Env, readonly number[]> = {
  kind: 'writer',
  start(members, env, out) {
    out.setTimer('record', env.now + MAX_WAIT_MS, { kind: 'record' })
    return { written: 0, members }
  },
  step(state, _message, env, out) {
    out.setTimer('record', env.now + MAX_WAIT_MS, { kind: 'record' })
    const number = ++state.written
    for (const broker of state.members) out.send({ broker, actor: MEMBER }, { kind: 'propose', number } as Message)
  },
}

const raftOf = (world: TimedWorld, node: number): Raft => world.state<Raft>(node, MEMBER)!

function isCut({ ghost, bounds }: TimedWorld, from: number, to: number): boolean {
  const isVoter = (node: number): boolean => node <= bounds.voters!
  return from !== to && isVoter(from) && isVoter(to) && (from === ghost.cutOff || to === ghost.cutOff)
}

/** Voters that this member reaches, itself included if it is one. */
const reached = (world: TimedWorld, node: number): number[] =>
  votersOf(world.bounds).filter((voter) => !isCut(world, node, voter))

const hasMajority = (world: TimedWorld, node: number): boolean => reached(world, node).length > world.bounds.voters! / 2

/** Lets a tick pass. */
function advance(world: TimedWorld): void {
  const until = world.now + TICK_MS
  const isLost = (from: number, to: number): boolean => isCut(world, from, to)
  for (;;) {
    settle(world, isLost)
    const due = nextTimer(world)
    if (due === null || due.at > until || world.failure !== null) break
    world.now = Math.max(world.now, due.at)
    fire(world as World, due.cell.index, due.name)
  }
  world.now = until
  const ghost = world.edit()
  ghost.ticks++
  ghost.timers = world.cells.flatMap(({ timers }) => timers.map(({ at }) => at))
  ghost.violation = judge(world, ghost)
}

/** Ties go to the first cell: the writer. */
function nextTimer(world: TimedWorld): { cell: Cell; name: string; at: number } | null {
  let next: { cell: Cell; name: string; at: number } | null = null
  for (const cell of world.cells) {
    for (const { name, at } of cell.timers) if (next === null || at < next.at) next = { cell, name, at }
  }
  return next
}

function judge(world: TimedWorld, ghost: TimedGhost): Violation | null {
  const leader = latestLeader(world)
  return judgeReign(world, ghost, leader) ?? judgeFollowing(world, ghost, leader) ?? judgeBehind(world, ghost, leader)
}

function latestLeader(world: TimedWorld): Raft | null {
  let leader: Raft | null = null
  for (const node of votersOf(world.bounds)) {
    const raft = raftOf(world, node)
    if (raft.phase === 'leader' && raft.epoch > (leader?.epoch ?? -1)) leader = raft
  }
  return leader
}

/** L2: not deposed without a fault. */
function judgeReign(world: TimedWorld, ghost: TimedGhost, leader: Raft | null): Violation | null {
  const before = ghost.reign
  const isConnected = leader !== null && hasMajority(world, leader.config.self)
  const goesOn = before !== null && leader?.config.self === before.leader && leader.epoch === before.epoch
  if (!isConnected) ghost.reign = null
  else if (!goesOn) ghost.reign = { leader: leader.config.self, epoch: leader.epoch, since: world.now }
  if (before === null || goesOn || world.now - before.since < PATIENCE_MS) return null
  const others = reached(world, before.leader).join(', ')
  return {
    invariant: 'L2',
    detail: `b${before.leader} is deposed in epoch ${before.epoch}, although it reached ${others}`,
  }
}

/** L2: there is a leader, and all follow it who can. */
function judgeFollowing(world: TimedWorld, ghost: TimedGhost, leader: Raft | null): Violation | null {
  if (world.now - ghost.disturbedAt < PATIENCE_MS) return null
  if (leader === null || !hasMajority(world, leader.config.self)) {
    return { invariant: 'L2', detail: `nobody has led a majority for ${world.now - ghost.disturbedAt} ms` }
  }
  for (const node of membersOf(world.bounds)) {
    const { epoch, leaderId } = raftOf(world, node)
    if (!hasMajority(world, node) || (epoch === leader.epoch && leaderId === leader.config.self)) continue
    const detail = `b${node} follows b${leaderId} of epoch ${epoch}, while b${leader.config.self} leads epoch ${leader.epoch}`
    return { invariant: 'L2', detail }
  }
  return null
}

/** L1: metadata converges. */
function judgeBehind(world: TimedWorld, { behind, disturbedAt }: TimedGhost, leader: Raft | null): Violation | null {
  if (world.now - disturbedAt < PATIENCE_MS) behind.clear()
  for (const node of membersOf(world.bounds)) {
    const { highWatermark } = raftOf(world, node)
    const isConnected = leader !== null && !isCut(world, node, leader.config.self)
    if (!isConnected || highWatermark >= leader.highWatermark) {
      behind.delete(node)
      continue
    }
    const since = behind.get(node) ?? world.now
    behind.set(node, since)
    if (world.now - since < BUSY_PATIENCE_MS) continue
    const detail = `b${node} has been behind the leader's high watermark for ${world.now - since} ms`
    return { invariant: 'L1', detail: `${detail}: ${highWatermark} < ${leader.highWatermark}` }
  }
  return null
}

function choices(bounds: Bounds): Choice<TimedGhost>[] {
  const set = (world: TimedWorld, cutOff: number): void => {
    const ghost = world.edit()
    ghost.cutOff = cutOff
    ghost.disturbedAt = world.now
    if (ghost.reign !== null && !hasMajority(world, ghost.reign.leader)) ghost.reign = null
  }
  return [
    {
      label: 'advance',
      type: 'timer',
      enabled: ({ ghost }) => ghost.ticks < bounds.ticks!,
      apply: (world) => quietly(world, () => advance(world)),
    },
    ...votersOf(bounds).map((node): Choice<TimedGhost> => ({
      label: `cut off b${node}`,
      type: 'fault',
      enabled: ({ ghost }) => ghost.cutOff < 0 && ghost.cuts < bounds.cuts!,
      apply(world) {
        set(world, node)
        world.edit().cuts++
      },
    })),
    { label: 'heal', type: 'fault', enabled: ({ ghost }) => ghost.cutOff >= 0, apply: (world) => set(world, -1) },
  ]
}

/** A tick is one line of a trace: what its many messages have changed is in the strips. */
function quietly(world: TimedWorld, run: () => void): void {
  const { engine } = world
  const { observer } = engine
  engine.observer = null
  run()
  engine.observer = observer
  const detail = `${world.now - START} ms`
  world.report({ type: 'timer', node: 'net', actor: '', from: '', kind: `advance ${TICK_MS} ms`, detail })
}

const START = 1_000_000

/** A leader that has been one for longer than it takes to be called stable. */
function begin(world: TimedWorld): void {
  for (let tick = 0; tick < 40 && !isStable(world); tick++) advance(world)
  const ghost = world.edit()
  ghost.ticks = 0
  // Long ago: judged from now on.
  ghost.disturbedAt = world.now - PATIENCE_MS
  ghost.behind.clear()
  ghost.violation = null
}

const isStable = ({ ghost, now }: TimedWorld): boolean => ghost.reign !== null && now - ghost.reign.since >= PATIENCE_MS

const model = actorModel<TimedGhost>({
  name: 'raft-timed',
  title: 'Metadata quorum in virtual time: cuts and healing, a busy log',
  defaultBounds: { voters: 3, observers: 1, ticks: 40, cuts: 1, busy: 0 },
  cells: (bounds) => [
    ...(bounds.busy! > 0 ? [{ node: WRITER, name: 'writer', definition: writer, args: membersOf(bounds) }] : []),
    ...membersOf(bounds).map((node) => memberCell<TimedGhost>(configOf(node, bounds))),
  ],
  ghost: () => ({
    quorum: newQuorumGhost(),
    ticks: 0,
    cuts: 0,
    cutOff: -1,
    disturbedAt: START,
    reign: null,
    behind: new Map(),
    timers: [],
    violation: null,
  }),
  begin,
  choices,
  // All of it happens within `advance`.
  mayFire: () => false,
  mayDeliver: () => false,
  afterStep(world: TimedWorld, cell: Cell) {
    if (cell.name !== MEMBER) return
    const violation = afterStep(world.edit().quorum, memberView(cell.state as Raft))
    if (violation !== null) world.fail(violation.invariant, violation.detail)
  },
  check: ({ ghost }) => ghost.violation,
  witnesses(world) {
    const names: string[] = []
    const { cutOff, reign, cuts } = world.ghost
    if (cutOff >= 0 && raftOf(world, cutOff).phase === 'leader') names.push('L2: a leader is cut off')
    if (reign !== null && cuts > 0 && reign.epoch > 1) names.push('L2: another leader')
    if (cuts > 0 && cutOff < 0) names.push('L2: healed')
    if (world.cells.some(({ state }) => (state as Partial<Raft>).highWatermark! > 5)) names.push('L1: a busy log')
    return names
  },
  // Time is what this model is about: nothing is folded but the numbers of requests.
  fields: {
    ...raftFields,
    raft: { ...raftFields.raft, omit: ['config', 'store', 'nextId', 'directoryId', 'clusterId'] },
  },
  classes: [storeRule as never],
  strips: quorumStrips,
})

/** Time never comes back, so no step is like an earlier one: nothing is worth remembering. */
export const raftTimedModel: typeof model = { ...model, remember: undefined }
