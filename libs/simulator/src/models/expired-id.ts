/**
 * `expired-id`: two instances of an application with one transactional.id, each with the production producer of
 * `@troupe/client`, the production transaction coordinator and the production leader of their output (Z20).
 *
 * Each reads an input, which is the first that has no committed output, and some time later makes the output of it. The
 * second one fences the first, which is not harmed: its input is not its own any more. But a week passes in which nothing
 * happens, the coordinator forgets the transactional.id, and with it whom it has fenced. T7: one output for each input.
 *
 * | bound  | how many                                                        |
 * | ------ | --------------------------------------------------------------- |
 * | inputs | there are                                                       |
 * | weeks  | pass while nothing is on its way; more than the id has to expire |
 */
import type { Message } from '@troupe/actor'
import { producerActor } from '@troupe/client/producer'
import { replicaActor } from '@troupe/replication/replica'
import { transactionsActor } from '@troupe/transactions/coordinator'
import { checkExactlyOnce } from '../invariants/groups.ts'
import { foldPartition, type TxnPartition } from '../invariants/transactions-view.ts'
import type { IdealLog } from '../model-ports/ideal-log.ts'
import { actorModel, type Cell, type CellSpec, type Choice, type ClassRule, type World } from '../model/actor-world.ts'
import type { Bounds } from '../model/contract.ts'
import {
  application,
  APPLICATION,
  ID,
  LEADER,
  NETWORK,
  PRODUCER,
  REPLICA,
  wire,
  type ApplicationState,
} from './expired-id-client.ts'
import {
  clusterOf,
  COORDINATOR,
  coordinatorCells,
  dataTopic,
  fieldRules,
  idealLogRule,
  partitionUpdate,
  replicaCell,
  stateTopic,
  TOPIC,
  TRANSACTIONS,
} from './transactions-parts.ts'
import type { StateLog } from './transactions-state.ts'
import { batchesOf, detail, STATE_REPLICA } from './transactions-world.ts'

export interface ExpiredIdGhost {
  weeks: number
  sweeps: number
}

type ExpiredIdWorld = World<ExpiredIdGhost>

const CLIENTS = [101, 102]
/** `transactional.id.expiration.ms` and the hour until the next sweep are over. */
const A_WEEK_AND_MORE_MS = 8 * 86_400_000
/** Nothing times out at a client, and what it tries again it tries again at once. */
const FOREVER = 1_000_000_000_000
const properties = {
  'transactional.id': ID,
  'linger.ms': 0,
  'retry.backoff.ms': 0,
  'retry.backoff.max.ms': 0,
  'delivery.timeout.ms': FOREVER,
  'max.block.ms': FOREVER,
}

const data = dataTopic([LEADER])
const cluster = clusterOf([stateTopic, data])

function cells(): CellSpec<ExpiredIdGhost>[] {
  return [
    ...coordinatorCells<ExpiredIdGhost>(transactionsActor, cluster),
    replicaCell<ExpiredIdGhost>(replicaActor, LEADER, data, 0, cluster),
    ...CLIENTS.flatMap((node, at): CellSpec<ExpiredIdGhost>[] => [
      { node, name: NETWORK, definition: wire, down: true },
      { node, name: PRODUCER, definition: producerActor, args: { properties }, down: true },
      { node, name: APPLICATION, definition: application, args: { name: `c${at + 1}` }, down: true },
    ]),
  ]
}

function begin(world: ExpiredIdWorld): void {
  world.deliver(LEADER, REPLICA, partitionUpdate(cluster, TOPIC, 0))
  world.deliver(COORDINATOR, TRANSACTIONS, { kind: 'elected', leaderEpoch: 1 } as Message)
  world.start(CLIENTS[0])
}

const applicationOf = (world: ExpiredIdWorld, node: number): ApplicationState | undefined =>
  world.state(node, APPLICATION)

function outputOf(world: ExpiredIdWorld): TxnPartition {
  const log = world.disk<IdealLog>(LEADER, REPLICA)!
  const { highWatermark, lastStableOffset } = log
  return { name: `${TOPIC}:0`, batches: batchesOf(log), highWatermark, lastStableOffset }
}

/** What was done is not known while a marker is on its way; as with offsets that are not stable (KIP-447). */
const isUndecided = (world: ExpiredIdWorld): boolean => foldPartition(outputOf(world)).open.size > 0

/** The first input without a committed output. */
function nextInput(world: ExpiredIdWorld): number {
  const done = [...foldPartition(outputOf(world)).fates].filter(([, fate]) => fate === 'committed')
  return 1 + Math.max(0, ...done.map(([value]) => Number(value.slice(value.lastIndexOf('.') + 2))))
}

function choices({ inputs, weeks }: Bounds): Choice<ExpiredIdGhost>[] {
  return [
    ...CLIENTS.flatMap((node, at): Choice<ExpiredIdGhost>[] => [
      {
        label: `c${at + 1} reads an input`,
        type: 'client',
        enabled: (world) => {
          const state = applicationOf(world, node)
          if (state?.phase !== 'idle' || state.input > 0 || isUndecided(world)) return false
          return nextInput(world) <= inputs
        },
        apply: (world) => world.deliver(node, APPLICATION, { kind: 'takeInput', input: nextInput(world) } as Message),
      },
      {
        label: `c${at + 1} makes its output`,
        type: 'client',
        enabled: (world) => {
          const state = applicationOf(world, node)
          return state?.phase === 'idle' && state.input > 0
        },
        apply: (world) => world.deliver(node, APPLICATION, { kind: 'process' }),
      },
    ]),
    {
      label: 'c2 starts',
      type: 'client',
      enabled: (world) => !world.isUp(CLIENTS[1]),
      apply: (world) => world.start(CLIENTS[1]),
    },
    {
      label: 'a week passes',
      type: 'timer',
      enabled: ({ ghost, flights }) => ghost.weeks < weeks && flights.length === 0,
      apply(world) {
        world.edit().weeks++
        world.now += A_WEEK_AND_MORE_MS
      },
    },
  ]
}

/** Time stands still but for the weeks, so no other clock strikes. */
function mayFire({ ghost }: ExpiredIdWorld, _cell: Cell, timer: string): boolean {
  return timer === 'expiration-sweep' && ghost.sweeps < ghost.weeks
}

const recordsOf = (world: ExpiredIdWorld) =>
  world.disk<StateLog>(COORDINATOR, STATE_REPLICA)!.batches.flatMap(({ records }) => records)

function witnesses(world: ExpiredIdWorld): string[] {
  const names: string[] = []
  const note = (name: string, holds: boolean): void => void (holds && names.push(name))
  const states = CLIENTS.map((node) => applicationOf(world, node))
  const records = recordsOf(world)
  note(
    'the id expired',
    records.some(({ state }) => state === 'DEAD'),
  )
  note(
    'an application ended',
    states.some((state) => state?.phase === 'dead'),
  )
  note('after the id expired an application ended', names.length === 2)
  note('an output is committed', nextInput(world) > 1)
  return names
}

export const expiredIdModel = actorModel<ExpiredIdGhost>({
  name: 'expired-id',
  title: 'Two producers with one transactional.id, and a coordinator that forgets it',
  defaultBounds: { inputs: 1, weeks: 1 },
  cells,
  ghost: () => ({ weeks: 0, sweeps: 0 }),
  begin,
  choices,
  random: 0,
  mayFire,
  fired: (world) => void world.edit().sweeps++,
  check: (world) => checkExactlyOnce([outputOf(world)]),
  witnesses,
  fields: {
    ...fieldRules,
    replica: { ...fieldRules.replica, ids: [...fieldRules.replica.ids!, 'guard', 'guards.number'] },
    producer: {
      constant: ['config', 'metadata'],
      omit: ['createdAt', 'timestamp', 'attempts', 'nextAsk', 'nextOperation', 'nextBatch', 'nextRecord'],
      ids: ['asks{}'],
    },
    wire: { omit: ['next'], ids: ['waiting{}'] },
    messages: { constant: ['metadata', 'records'] },
  },
  classes: [idealLogRule as ClassRule<never>],
  detail,
})
