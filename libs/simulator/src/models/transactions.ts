/**
 * Transactions, end to end: the production coordinator and the production leaders of the data partitions, one or two
 * producers with one transactional.id, and a read_committed reader.
 *
 * On the network every message may overtake every other: a request that was given up arrives whenever it likes, and so
 * does a marker that was sent twice. Time is as in transactions-parts.ts.
 *
 * | bound        | how often                                                                     |
 * | ------------ | ----------------------------------------------------------------------------- |
 * | version      | transaction.version that the producers speak: 1 or 2                           |
 * | transactions | each producer commits                                                          |
 * | partitions   | each transaction writes to                                                     |
 * | producers    | instances with the same transactional.id; the second one starts at any moment  |
 * | retries      | a producer asks again without having had an answer                             |
 * | aborts       | a producer aborts without waiting for its batches                              |
 * | ticks        | the coordinator's clock strikes: markers without an answer are sent again      |
 * | sweeps       | it looks for transactions past their timeout, and all of them are              |
 * | reloads      | it is elected again                                                            |
 * | failures     | an append to its log is refused, or confirmed by an error                      |
 * | fetches      | the reader reads a partition from the start                                    |
 * | elections    | the leader of a partition is elected again                                     |
 * | crashes      | it dies, loses nothing, and is elected again                                  |
 * | followers    | 1: each partition has a follower in its ISR; not with elections and crashes   |
 * | slow         | 1: appends to the coordinator's log take a while to be committed              |
 * | losses       | its coordinator moves to a broker that lacks what is not committed            |
 * | startEpoch   | of the producer id with which the log begins; −1: it begins empty              |
 */
import { actorNames, type Effect, type Message } from '@troupe/actor'
import { encodeRecord } from '@troupe/coordinator/record-codec'
import { replicaActor } from '@troupe/replication/replica'
import { transactionsActor } from '@troupe/transactions/coordinator'
import { recordOf } from '@troupe/transactions/records'
import type { TransactionMetadata } from '@troupe/transactions/transaction-metadata'
import { buildBatch } from '@troupe/wire/record-batch'
import {
  checkAbortedIndex,
  checkCommittedRead,
  checkLastStableOffset,
  checkTransactions,
} from '../invariants/transactions.ts'
import type { TransactionsView } from '../invariants/transactions-view.ts'
import { IdealLog } from '../model-ports/ideal-log.ts'
import {
  actorModel,
  type ActorModel,
  type ActorModelSpec,
  type Cell,
  type CellSpec,
  type ClassRule,
} from '../model/actor-world.ts'
import type { Bounds, Violation } from '../model/contract.ts'
import { heal } from './healed.ts'
import { choices } from './transactions-choices.ts'
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
  times,
  TOPIC,
  topicIds,
  TRANSACTIONS,
} from './transactions-parts.ts'
import { producerActor, stepOf, type ProducerArgs } from './transactions-producer.ts'
import { readerActor, type ReaderState } from './transactions-reader.ts'
import { stateBatch } from './transactions-state.ts'
import {
  CLIENTS,
  detail,
  ID,
  leadersOf,
  partitionsOf,
  READER,
  stateLogOf,
  stateOf,
  strips,
  viewOf,
  witnesses,
  type TransactionsGhost,
  type TransactionsWorld,
} from './transactions-world.ts'

export const transactionBounds: Bounds = {
  version: 2,
  transactions: 1,
  partitions: 1,
  producers: 1,
  retries: 0,
  aborts: 0,
  ticks: 0,
  sweeps: 0,
  reloads: 0,
  failures: 0,
  fetches: 0,
  elections: 0,
  crashes: 0,
  followers: 0,
  slow: 0,
  losses: 0,
  startEpoch: -1,
}

function cells(bounds: Bounds): CellSpec<TransactionsGhost>[] {
  const leaders = leadersOf(bounds)
  const data = dataTopic(leaders, bounds.followers === 1)
  const cluster = clusterOf([stateTopic, data])
  const producers = CLIENTS.slice(0, bounds.producers).map((node, at): CellSpec<TransactionsGhost> => {
    const { version, transactions } = bounds
    const args: ProducerArgs = { name: `c${at + 1}`, transactionalId: ID, version, transactions, leaders }
    return { node, name: 'producer', definition: producerActor, args: Object.freeze(args), down: true }
  })
  const reader: CellSpec<TransactionsGhost>[] =
    bounds.fetches > 0 ? [{ node: READER, name: 'reader', definition: readerActor }] : []
  return [
    ...coordinatorCells<TransactionsGhost>(transactionsActor, cluster, bounds.slow === 1),
    ...data.partitions.flatMap(({ replicas }, partition) =>
      replicas.map((node) => replicaCell<TransactionsGhost>(replicaActor, node, data, partition, cluster)),
    ),
    ...producers,
    ...reader,
  ]
}

function begin(world: TransactionsWorld): void {
  const { bounds } = world
  const data = dataTopic(leadersOf(bounds), bounds.followers === 1)
  const cluster = clusterOf([stateTopic, data])
  data.partitions.forEach(({ replicas }, partition) => {
    for (const node of replicas) {
      world.deliver(node, actorNames.replica(topicIds.data, partition), partitionUpdate(cluster, TOPIC, partition))
    }
  })
  if (bounds.startEpoch >= 0) startLog(world, bounds.startEpoch)
  world.deliver(COORDINATOR, TRANSACTIONS, { kind: 'elected', leaderEpoch: 1 } as Message)
  world.start(CLIENTS[0])
}

function startLog(world: TransactionsWorld, epoch: number): void {
  const log = stateLogOf(world, true)
  log.batches = [firstState(epoch)]
  log.committed = 1
}

/** A log that compaction has left one record of. */
function firstState(producerEpoch: number) {
  const metadata: TransactionMetadata = {
    transactionalId: ID,
    producerId: 500,
    previousProducerId: -1,
    nextProducerId: -1,
    producerEpoch,
    lastProducerEpoch: -1,
    timeoutMs: 1,
    state: 'EMPTY',
    topics: [],
    startedAt: -1,
    updatedAt: times.message,
    clientVersion: 0,
  }
  return stateBatch(buildBatch({ records: [{ ...encodeRecord(recordOf(metadata, 2)), timestamp: times.message }] }), 0)
}

const neverFire = new Set(['isr', 'expiration-sweep', 'commit-timeout', 'flush'])
/** What helps only against loss, and there is none. */
const inNeed = new Set(['expiry', 'fetch', 'propagate'])

function mayFire(world: TransactionsWorld, _cell: unknown, timer: string): boolean {
  if (neverFire.has(timer)) return false
  const { ghost, bounds } = world
  if (timer === 'tick') return ghost.healing || ghost.ticks < bounds.ticks
  if (timer === 'timeout-sweep') return ghost.healing || ghost.sweeps < bounds.sweeps
  return !inNeed.has(timer) || ghost.healing
}

function fired(world: TransactionsWorld, _cell: unknown, timer: string): void {
  if (world.ghost.healing) return
  if (timer === 'tick') world.edit().ticks++
  if (timer === 'timeout-sweep') world.edit().sweeps++
}

/** Answers to producers name ids and epochs; an InitProducerId's answer makes an owner. */
function onEffect(world: TransactionsWorld, cell: { readonly name: string }, effect: Effect): void {
  if (cell.name !== TRANSACTIONS || effect.kind !== 'reply') return
  const { producerId = -1, producerEpoch = -1 } = (effect.body ?? {}) as { producerId?: number; producerEpoch?: number }
  if (producerId < 0 || producerEpoch < 0) return
  const { told } = world.ghost
  if (told.some((each) => each.producerId === producerId && each.producerEpoch === producerEpoch)) return
  const ghost = world.edit()
  ghost.told = [...told, { producerId, producerEpoch }]
  if (stepOf(effect.token.id) !== 'init') return
  const ends: Record<string, number> = {}
  for (const { name, batches } of partitionsOf(world)) ends[name] = (batches.at(-1)?.offset ?? -1) + 1
  ghost.owners = [...ghost.owners, { transactionalId: ID, producerId, producerEpoch, ends }]
}

function check(world: TransactionsWorld): Violation | null {
  const view = viewOf(world)
  return checkTransactions(view) ?? checkStable(view) ?? checkReads(world, view) ?? checkEnds(world, view)
}

function checkStable({ partitions }: TransactionsView): Violation | null {
  for (const partition of partitions) {
    const violation = checkLastStableOffset(partition)
    if (violation !== null) return violation
  }
  return null
}

/** The last stable offset never falls. */
function afterStep(world: TransactionsWorld, { node, disk }: Cell): void {
  if (!(disk instanceof IdealLog)) return
  const { lastStableOffset } = disk
  const before = world.ghost.stable[node] ?? 0
  if (lastStableOffset < before) world.fail('T3', `the last stable offset falls from ${before} to ${lastStableOffset}`)
  else if (lastStableOffset > before) world.edit().stable = { ...world.ghost.stable, [node]: lastStableOffset }
}

function checkReads(world: TransactionsWorld, { partitions }: TransactionsView): Violation | null {
  const reader = world.state<ReaderState>(READER, 'reader')
  for (const { partition, read } of reader?.reads ?? []) {
    const violation = checkCommittedRead(partitions[partition], read) ?? checkAbortedIndex(partitions[partition], read)
    if (violation !== null) return violation
  }
  return null
}

/** L5, where nothing is on its way: what has not ended by itself must end in a healed world. */
function checkEnds(world: TransactionsWorld, view: TransactionsView): Violation | null {
  if (world.flights.length > 0 || world.ghost.healing || unfinished(world, view) === null) return null
  const healed = world.clone()
  healed.edit().healing = true
  const isDone = (): boolean => unfinished(healed, viewOf(healed)) === null
  if (!heal(transactionsModel, healed, isDone))
    return { invariant: 'L5', detail: 'the healed world does not come to rest' }
  if (healed.failure !== null) return healed.failure
  const rest = unfinished(healed, viewOf(healed))
  return rest === null ? null : { invariant: 'L5', detail: rest }
}

function unfinished(world: TransactionsWorld, { partitions, records }: TransactionsView): string | null {
  const last = records.at(-1)
  if (last !== undefined && (last.state === 'ONGOING' || last.state.startsWith('PREPARE'))) {
    return `${ID} stays ${last.state} at epoch ${last.producerEpoch} of ${last.producerId}`
  }
  const open = partitions.find((partition) => partition.lastStableOffset < partition.highWatermark)
  if (open !== undefined) return `the last stable offset of ${open.name} stays at ${open.lastStableOffset}`
  for (const node of CLIENTS) {
    const state = stateOf(world, node)
    if (state === undefined || state.phase === 'done' || state.phase === 'dead') continue
    return `${state.args.name} stays ${state.phase}`
  }
  return null
}

function now(_world: TransactionsWorld, _cell: unknown, timer: string | null): number {
  if (timer === null) return times.message
  return timer === 'timeout-sweep' ? times.sweep : times.timer
}

const spec: ActorModelSpec<TransactionsGhost> = {
  name: 'transactions',
  title: 'A transaction coordinator, the leaders of its partitions, producers and a reader',
  defaultBounds: transactionBounds,
  cells,
  ghost: () => ({
    retries: 0,
    aborts: 0,
    ticks: 0,
    sweeps: 0,
    reloads: 0,
    failures: 0,
    fetches: 0,
    elections: 0,
    crashes: 0,
    losses: 0,
    healing: false,
    owners: [],
    told: [],
    stable: {},
    leaderEpochs: {},
  }),
  begin,
  choices,
  now,
  mayFire,
  fired,
  lane: () => null,
  // The second half of a fetch that was split, where that safeguard is off.
  isSeparate: (_node, _actor, message) => message.kind === 'fetch',
  onEffect,
  afterStep,
  check,
  witnesses,
  // Guards stay within their replica here.
  fields: {
    ...fieldRules,
    replica: { ...fieldRules.replica, ids: [...fieldRules.replica.ids!, 'guard', 'guards.number'] },
  },
  classes: [idealLogRule as ClassRule<never>],
  strips,
  detail,
}

const model = actorModel(spec)

/** An actor's own rule that names an entry of the catalogue is that entry. */
export function named(violation: Violation | null): Violation | null {
  const id = violation === null ? null : /\b([A-Z]\d+): /.exec(violation.detail)?.[1]
  return violation?.invariant === 'actor-invariant' && id ? { ...violation, invariant: id } : violation
}

export const transactionsModel: ActorModel<TransactionsGhost> = {
  ...model,
  check: (world) => named(model.check(world)),
}
