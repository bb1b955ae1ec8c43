/** What the model of transactions looks at in its worlds: logs, producers, the reader; and how they are shown. */
import { actorNames, type Message, type Reply } from '@troupe/actor'
import {
  foldPartition,
  txnBatch,
  type TransactionsView,
  type TxnBatch,
  type TxnOwner,
  type TxnPartition,
} from '../invariants/transactions-view.ts'
import type { IdealBatch, IdealLog } from '../model-ports/ideal-log.ts'
import type { World } from '../model/actor-world.ts'
import type { Bounds } from '../model/contract.ts'
import type { PartitionStrip } from '../trace/format.ts'
import { COORDINATOR, TOPIC, topicIds } from './transactions-parts.ts'
import type { StateLog } from './transactions-state.ts'
import type { ProducerState } from './transactions-producer.ts'
import type { ReaderState } from './transactions-reader.ts'

export interface TransactionsGhost {
  retries: number
  aborts: number
  ticks: number
  sweeps: number
  reloads: number
  failures: number
  fetches: number
  elections: number
  crashes: number
  losses: number
  /** No more perturbations: what is under way comes to its end. */
  healing: boolean
  /** Replaced, never changed, as is all below. */
  owners: readonly TxnOwner[]
  told: readonly { readonly producerId: number; readonly producerEpoch: number }[]
  /** By node: the last stable offset it has shown. */
  stable: Readonly<Record<number, number>>
  /** By node; 0 at first. */
  leaderEpochs: Readonly<Record<number, number>>
}

export type TransactionsWorld = World<TransactionsGhost>

export const ID = 'T'
export const READER = 109
export const CLIENTS = [101, 102]
/** Of the data partitions. */
export const leadersOf = (bounds: Bounds): number[] => Array.from({ length: bounds.partitions }, (_, at) => at + 2)

export const STATE_REPLICA = actorNames.replica(topicIds.state, 0)

export function stateLogOf(world: TransactionsWorld, toChange = false): StateLog {
  const cell = world.cell(COORDINATOR, STATE_REPLICA)!
  return (toChange ? world.own(cell.index) : cell).disk as StateLog
}

export const stateOf = (world: TransactionsWorld, node: number): ProducerState | undefined =>
  world.state(node, 'producer')
export const isOpen = (state: ProducerState | undefined): boolean =>
  state?.phase === 'sending' || state?.phase === 'adding'

const decoded = new WeakMap<IdealBatch, TxnBatch | null>()
const views = new WeakMap<readonly IdealBatch[], readonly TxnBatch[]>()
const decoder = new TextDecoder()

export function logOfPartition(world: TransactionsWorld, partition: number): IdealLog {
  return world.disk<IdealLog>(partition + 2, actorNames.replica(topicIds.data, partition))!
}

export function batchesOf(log: IdealLog): readonly TxnBatch[] {
  const known = views.get(log.batches)
  if (known !== undefined && known.length === log.batches.length) return known
  const batches: TxnBatch[] = []
  for (const batch of log.batches) {
    let seen = decoded.get(batch)
    if (seen === undefined) {
      seen = txnBatch(batch.bytes, (_key, value) => (value === null ? null : decoder.decode(value)))
      decoded.set(batch, seen)
    }
    if (seen !== null) batches.push(seen)
  }
  views.set(log.batches, batches)
  return batches
}

export function partitionsOf(world: TransactionsWorld): TxnPartition[] {
  return leadersOf(world.bounds).map((_, partition) => {
    const log = logOfPartition(world, partition)
    const { highWatermark, lastStableOffset } = log
    return { name: `${TOPIC}:${partition}`, batches: batchesOf(log), highWatermark, lastStableOffset }
  })
}

export function viewOf(world: TransactionsWorld): TransactionsView {
  const { owners, told } = world.ghost
  return {
    partitions: partitionsOf(world),
    records: stateLogOf(world).batches.flatMap(({ records }) => records),
    attempts: CLIENTS.flatMap((node) => stateOf(world, node)?.attempts ?? []),
    owners,
    told,
  }
}

export function witnesses(world: TransactionsWorld): string[] {
  const { partitions, records, attempts } = viewOf(world)
  const found: string[] = []
  const note = (name: string, holds: boolean): void => void (holds && found.push(name))
  note(
    'a transaction is committed',
    records.some(({ state }) => state === 'COMPLETE_COMMIT'),
  )
  note(
    'a transaction is aborted',
    records.some(({ state }) => state === 'COMPLETE_ABORT'),
  )
  note('one partition is marked, the other is open', isHalfMarked(partitions))
  note(
    'the last stable offset waits',
    partitions.some((each) => each.lastStableOffset < each.highWatermark),
  )
  note('a marker waits to be replicated', partitions.some(isMarkerAhead))
  note(
    'a producer is fenced',
    CLIENTS.some((node) => stateOf(world, node)?.phase === 'dead'),
  )
  note(
    'a producer knows of its commit',
    attempts.some(({ told }) => told === 'commit'),
  )
  note('the producer id is rotated', new Set(records.map(({ producerId }) => producerId)).size > 1)
  note(
    'a marker is on its way twice',
    world.flights.filter(({ message }) => message.kind === 'writeTxnMarker').length > partitions.length,
  )
  note('a second owner', world.ghost.owners.length > 1)
  const reads = world.state<ReaderState>(READER, 'reader')?.reads ?? []
  note(
    'a read names an aborted transaction',
    reads.some(({ read }) => read.aborted.length > 0),
  )
  note(
    'a committed record is read',
    reads.some(({ read }) => read.batches.some(({ values }) => values.length > 0)),
  )
  return found
}

function isMarkerAhead(partition: TxnPartition): boolean {
  return foldPartition(partition).ended.some(({ marker }) => marker.offset >= partition.highWatermark)
}

function isHalfMarked(partitions: readonly TxnPartition[]): boolean {
  const folds = partitions.map(foldPartition)
  return folds.some(({ open }) => open.size > 0) && folds.some(({ ended, open }) => ended.length > 0 && open.size === 0)
}

export function strips(world: TransactionsWorld): PartitionStrip[] {
  return leadersOf(world.bounds).map((broker, partition) => {
    const { logEndOffset, highWatermark, lastStableOffset } = logOfPartition(world, partition)
    const leaderEpoch = world.ghost.leaderEpochs[broker] ?? 0
    const replica = { broker, up: true, role: 'leader', leaderEpoch, logEndOffset, highWatermark, lastStableOffset }
    const leads = { leader: broker, leaderEpoch, partitionEpoch: leaderEpoch, isr: [broker] }
    return { partition: `${TOPIC}-${partition}`, ...leads, replicas: [replica] }
  })
}

/** What is said about producers and epochs, and nothing else. */
export function detail(message: Message): string {
  const body = (message as { body?: object }).body
  const fields = { ...message, ...(message.kind === 'reply' ? ((message as Reply).body as object) : body) } as Record<
    string,
    unknown
  >
  const names = [
    'producerId',
    'producerEpoch',
    'committed',
    'commit',
    'coordinatorEpoch',
    'verifyOnly',
    'error',
    'errorCode',
    'baseOffset',
  ]
  return names
    .filter((name) => fields[name] !== undefined)
    .map((name) => `${name}=${String(fields[name])}`)
    .join(' ')
}
