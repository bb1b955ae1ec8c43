/**
 * The metadata quorum under crashes, lost messages and elections at any moment: production Raft cores over ideal disks.
 *
 * Begins with `b1` leading epoch 1, everything known to everyone. From there a client proposes records, members crash with
 * or without what they had not synced, messages are lost, and election timers fire whenever they are set. Timers that only
 * repeat a question fire when the question is lost for good. Time stands still: what depends on it (check-quorum, waits of
 * fetches) is the business of `raft-timed`.
 *
 * Bounds: `voters` (b1…), `observers` (behind them), `elections` (timers that fire), `records`, `crashes` (each with its
 * restart), `losses` (messages), `fetchBatches` (batches an answer may carry).
 */
import type { RaftConfig } from '@troupe/controller/raft/state'
import type { Raft } from '@troupe/controller/raft/state'
import {
  afterStep,
  afterStop,
  forgetPast,
  logsMatch,
  newQuorumGhost,
  quorumWitnesses,
  type QuorumGhost,
} from '../invariants/raft.ts'
import { actorModel, type Cell, type Choice, type Flight, type World } from '../model/actor-world.ts'
import type { Bounds, Violation } from '../model/contract.ts'
import type { IdealQuorumStore } from '../model-ports/ideal-quorum-store.ts'
import {
  logView,
  MEMBER,
  memberCell,
  memberView,
  messageDetail,
  quorumStrips,
  raftFields,
  settle,
  storeRule,
} from './raft-member.ts'

export interface RaftGhost {
  readonly quorum: QuorumGhost
  elections: number
  records: number
  crashes: number
  losses: number
}

const membersOf = ({ voters, observers }: Bounds): number[] =>
  Array.from({ length: voters! + observers! }, (_, i) => i + 1)
export const votersOf = ({ voters }: Bounds): number[] => Array.from({ length: voters! }, (_, i) => i + 1)

/** A batch of one small record takes less than this, two do not. */
const ONE_BATCH = 120

function configOf(self: number, bounds: Bounds): RaftConfig {
  return {
    self,
    voters: votersOf(bounds),
    electionTimeoutMs: 100,
    fetchTimeoutMs: 300,
    fetchMaxWaitMs: 100,
    backoffMs: 10,
    fetchMaxBytes: bounds.fetchBatches! * ONE_BATCH,
  }
}

type RaftWorld = World<RaftGhost>

const raftOf = (world: World<RaftGhost>, node: number): Raft | undefined => world.state<Raft>(node, MEMBER)

/** b1 is elected and everyone knows that its first record is committed. */
function begin(world: RaftWorld): void {
  world.deliver(1, MEMBER, { kind: 'raftTimer', timer: 'election' } as never)
  settle(world)
  Object.assign(world.edit(), { elections: 0, records: 0, crashes: 0, losses: 0 })
}

function choices(bounds: Bounds): Choice<RaftGhost>[] {
  const members = membersOf(bounds)
  return [
    ...members.map((node): Choice<RaftGhost> => ({
      label: `propose b${node}`,
      type: 'client',
      node: `b${node}`,
      enabled: (world) => world.ghost.records < bounds.records! && raftOf(world, node)?.phase === 'leader',
      apply(world) {
        const number = ++world.edit().records
        world.deliver(node, MEMBER, { kind: 'propose', number } as never)
      },
    })),
    ...members.flatMap((node) => [crash(node, 'powerLoss', bounds), crash(node, 'kill', bounds)]),
    ...members.map((node): Choice<RaftGhost> => ({
      label: `start b${node}`,
      type: 'fault',
      node: `b${node}`,
      enabled: (world) => !world.isUp(node),
      apply: (world) => world.start(node),
    })),
  ]
}

/** A kill differs from a power loss only when something is not synced. */
function crash(node: number, how: 'kill' | 'powerLoss', bounds: Bounds): Choice<RaftGhost> {
  return {
    label: `${how === 'kill' ? 'kill' : 'power loss'} b${node}`,
    type: 'fault',
    node: `b${node}`,
    enabled: (world) =>
      world.isUp(node) && world.ghost.crashes < bounds.crashes! && (how === 'powerLoss' || hasUnsynced(world, node)),
    apply(world) {
      const ghost = world.edit()
      ghost.crashes++
      afterStop(ghost.quorum, node)
      world.crash(node, how)
    },
  }
}

function hasUnsynced(world: RaftWorld, node: number): boolean {
  const disk = world.disk<IdealQuorumStore>(node, MEMBER)!
  return disk.endOffset > disk.syncedOffset || disk.election !== disk.syncedElection
}

function mayFire(world: RaftWorld, { node, state }: Cell, timer: string): boolean {
  const raft = state as Raft
  switch (timer) {
    case 'raft-election':
      return world.ghost.elections < world.bounds.elections!
    case 'raft-request':
      return isFetchLost(world, raft)
    case 'raft-begin':
      return (
        !world.flights.some(({ from, title }) => from === node && title === 'beginQuorumEpoch') &&
        isUnheard(world, raft)
      )
    case 'raft-fetch':
      return true
    default:
      return false
  }
}

/** Nothing of the fetch is under way, and nobody holds it: it would never be answered. */
function isFetchLost(world: RaftWorld, { config: { self }, asks }: Raft): boolean {
  const id = [...asks].find(([, { kind }]) => kind === 'fetch')?.[0]
  if (id === undefined) return false
  const isOnItsWay = world.flights.some(
    ({ from, to, title }) =>
      (from === self && title === 'quorumFetch') || (to === self && title.startsWith('quorumFetch')),
  )
  return !isOnItsWay && !world.cells.some(({ state }) => isParked(state as Raft | undefined, self, id))
}

function isParked(raft: Raft | undefined, fetcher: number, id: number): boolean {
  const parked = raft?.leadership?.progress.get(fetcher)?.parked
  return parked?.replyTo.id === id
}

/** Some running voter has not heard that this member leads. */
function isUnheard(world: RaftWorld, { config, epoch }: Raft): boolean {
  return config.voters.some((id) => (raftOf(world, id)?.epoch ?? epoch) < epoch)
}

function fired(world: RaftWorld, _cell: Cell, timer: string): void {
  if (timer === 'raft-election') world.edit().elections++
}

function observeStep(world: RaftWorld, cell: Cell): void {
  const ghost = world.edit().quorum
  const violation = afterStep(ghost, memberView(cell.state as Raft))
  if (violation !== null) world.fail(violation.invariant, violation.detail)
  forgetPast(ghost, (id) => durableEpoch(world, id), votersOf(world.bounds))
}

const durableEpoch = (world: RaftWorld, node: number): number =>
  world.disk<IdealQuorumStore>(node, MEMBER)!.syncedElection?.epoch ?? 0

function check(world: RaftWorld): Violation | null {
  return logsMatch(world.cells.map(({ node, disk }) => ({ id: node, log: logView(disk as IdealQuorumStore) })))
}

export const raftModel = actorModel<RaftGhost>({
  name: 'raft',
  title: 'Metadata quorum: crashes, lost messages, elections at any moment',
  defaultBounds: { voters: 3, observers: 0, elections: 2, records: 1, crashes: 1, losses: 0, fetchBatches: 1 },
  cells: (bounds) => membersOf(bounds).map((node) => memberCell(configOf(node, bounds))),
  ghost: () => ({ quorum: newQuorumGhost(), elections: 0, records: 0, crashes: 0, losses: 0 }),
  begin,
  choices,
  random: 0,
  // An append is synced behind whatever else has come: a crash may fall between.
  isSeparate: (_node, _actor, message) => message.kind === 'raftFlush',
  mayFire,
  fired,
  mayLose: (world: RaftWorld, flight: Flight) => flight.from !== flight.to && world.ghost.losses < world.bounds.losses!,
  lost: (world) => void world.edit().losses++,
  afterStep: observeStep,
  check,
  witnesses: (world) =>
    quorumWitnesses(
      world.ghost.quorum,
      world.cells.flatMap(({ state }) => (state === undefined ? [] : [memberView(state as Raft)])),
    ),
  fields: {
    ...raftFields,
    // What was seen last is what is there; of what is committed, epoch and offset tell the batch (K2).
    ghost: {
      omit: ['seen', 'crc', 'nextOffset', 'directoryId'],
      nodes: ['leader', 'voter', 'candidate'],
      unordered: ['votes', 'leaders'],
    },
  },
  classes: [storeRule as never],
  symmetry: (bounds) => [votersOf(bounds), membersOf(bounds).slice(bounds.voters)],
  detail: messageDetail,
  strips: quorumStrips,
})
