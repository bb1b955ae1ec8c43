/** What the model of offsets looks at in its worlds: the group, its coordinator's offsets, and what its log tells. */
import { actorNames } from '@troupe/actor'
import type { Shard } from '@troupe/coordinator/shard-state'
import { replayBatches } from '@troupe/coordinator/load'
import { decodeRecord } from '@troupe/coordinator/record-codec'
import { groupCoordinator } from '@troupe/groups/coordinator'
import { eachOffset, type Offsets } from '@troupe/groups/offsets'
import { newGroupState, type GroupState } from '@troupe/groups/state'
import { checkAckedCommits, checkReplayed, type GroupView } from '../invariants/groups.ts'
import {
  foldPartition,
  txnBatch,
  type TransactionsView,
  type TxnBatch,
  type TxnPartition,
} from '../invariants/transactions-view.ts'
import type { IdealBatch, IdealLog } from '../model-ports/ideal-log.ts'
import type { World } from '../model/actor-world.ts'
import type { Bounds, Violation } from '../model/contract.ts'
import { GROUPS, INPUT, type MemberState } from './offsets-member.ts'
import { COORDINATOR, TOPIC, topicIds } from './transactions-parts.ts'
import type { StateLog } from './transactions-state.ts'

export interface OffsetsGhost {
  sessions: number
  sweeps: number
  reloads: number
  healing: boolean
  /** Number of the last offset that the coordinator has replayed. */
  sequence: number
  /** The last one that was Stable. */
  generation: number
}

export type OffsetsWorld = World<OffsetsGhost>

export const CLIENTS = [101, 102]
export const brokerOf = (bounds: Bounds): number => (bounds.apart === 1 ? 2 : COORDINATOR)
export const OFFSETS = actorNames.replica(topicIds.offsets, 0)
export const OUTPUT = actorNames.replica(topicIds.data, 0)

export type Groups = Shard<GroupState>

const shardOf = (world: OffsetsWorld): Groups | undefined => world.state<Groups>(brokerOf(world.bounds), GROUPS)

export function groupOf(world: OffsetsWorld): GroupView | null {
  const group = shardOf(world)?.state?.groups.get('g')
  if (group === undefined) return null
  const members = [...group.members.values()].map(({ memberId, groupInstanceId, assignment }) => ({
    memberId,
    instanceId: groupInstanceId,
    owns: assignment.length > 0 ? [`${INPUT}:0`] : [],
  }))
  const { groupId, phase, generation, staticMembers } = group
  return { groupId, phase, generation, members, instances: staticMembers }
}

const decoded = new WeakMap<IdealBatch, TxnBatch | null>()
const decoder = new TextDecoder()

function commitName(key: Uint8Array | null, value: Uint8Array | null): string | null {
  const record = key === null ? null : decodeRecord('group', key, value)
  if (record === null || record.key.type !== 'OffsetCommitKey' || record.value === null) return null
  return (record.value.value as { metadata: string }).metadata
}

function partitionOf(name: string, log: IdealLog, nameOf: typeof commitName): TxnPartition {
  const batches: TxnBatch[] = []
  for (const batch of log.batches) {
    let seen = decoded.get(batch)
    if (seen === undefined) decoded.set(batch, (seen = txnBatch(batch.bytes, nameOf)))
    if (seen !== null) batches.push(seen)
  }
  return { name, batches, highWatermark: log.highWatermark, lastStableOffset: log.lastStableOffset }
}

const valueName: typeof commitName = (_key, value) => (value === null ? null : decoder.decode(value))

export function viewOf(world: OffsetsWorld): TransactionsView {
  const broker = brokerOf(world.bounds)
  const partitions = [partitionOf('__consumer_offsets:0', world.disk<IdealLog>(broker, OFFSETS)!, commitName)]
  if (world.bounds.output === 1)
    partitions.push(partitionOf(`${TOPIC}:0`, world.disk<IdealLog>(broker, OUTPUT)!, valueName))
  const state = world.disk<StateLog>(COORDINATOR, actorNames.replica(topicIds.state, 0))!
  const attempts = CLIENTS.flatMap((node) => world.state<MemberState>(node, 'member')?.attempts ?? [])
  return { partitions, records: state.batches.flatMap(({ records }) => records), attempts, owners: [], told: [] }
}

/** G6, where nothing is on its way to the log or from there. */
export function checkCache(world: OffsetsWorld): Violation | null {
  const shard = shardOf(world)
  const applies = world.flights.some(({ message }) => message.kind === 'applyMarker')
  if (shard?.phase !== 'active' || shard.queue.length > 0 || shard.open !== null || applies) return null
  return checkReplayed(offsetsView(shard.state!.offsets), replayedOffsets(world))
}

const replays = new WeakMap<readonly IdealBatch[], { readonly length: number; readonly view: Map<string, number> }>()

function replayedOffsets(world: OffsetsWorld): Map<string, number> {
  const { batches } = world.disk<IdealLog>(brokerOf(world.bounds), OFFSETS)!
  const known = replays.get(batches)
  if (known?.length === batches.length) return known.view
  const state = newGroupState(0)
  for (const { bytes } of batches) {
    replayBatches(bytes, 'group', {
      record: (record, producer) => groupCoordinator.replay(state, record, producer),
      endTxn: (id, epoch, commit) => groupCoordinator.replayEndTxn!(state, id, epoch, commit),
    })
  }
  const view = offsetsView(state.offsets)
  replays.set(batches, { length: batches.length, view })
  return view
}

function offsetsView({ committed, pending }: Offsets): Map<string, number> {
  const view = new Map<string, number>()
  for (const [group, offsets] of committed) {
    for (const [topic, partition, { offset }] of eachOffset(offsets)) view.set(`${group}/${topic}:${partition}`, offset)
  }
  for (const [group, producers] of pending) {
    for (const [producer, offsets] of producers) {
      for (const [topic, partition, { offset }] of eachOffset(offsets)) {
        view.set(`${group}/${topic}:${partition}?${producer}`, offset)
      }
    }
  }
  return view
}

export function checkAcked(world: OffsetsWorld): Violation | null {
  const acked = CLIENTS.flatMap((node) => world.state<MemberState>(node, 'member')?.acked ?? [])
  if (acked.length === 0) return null
  const logged = new Set<string>()
  for (const { bytes } of world.disk<IdealLog>(brokerOf(world.bounds), OFFSETS)!.batches) {
    replayBatches(bytes, 'group', {
      record: ({ value }) => void logged.add((value?.value as { metadata?: string } | undefined)?.metadata ?? ''),
      endTxn: () => {},
    })
  }
  return checkAckedCommits(acked, logged)
}

/** What has not come to its end, in words; null: nothing. */
export function unfinished(world: OffsetsWorld, { partitions, records }: TransactionsView): string | null {
  for (const { transactionalId: id, state } of records) {
    const last = records.findLast(({ transactionalId }) => transactionalId === id)
    if (last?.state === state && (state === 'ONGOING' || state.startsWith('PREPARE')))
      return `transaction ${id} stays ${state}`
  }
  const open = partitions.find(({ lastStableOffset, highWatermark }) => lastStableOffset < highWatermark)
  if (open !== undefined) return `the last stable offset of ${open.name} stays at ${open.lastStableOffset}`
  for (const node of CLIENTS) {
    const state = world.state<MemberState>(node, 'member')
    if (state !== undefined && state.phase !== 'done' && state.phase !== 'dead')
      return `${state.args.name} stays ${state.phase}`
  }
  return null
}

export function witnesses(world: OffsetsWorld): string[] {
  const found: string[] = []
  const note = (name: string, holds: boolean): void => void (holds && found.push(name))
  const members = CLIENTS.flatMap((node) => world.state<MemberState>(node, 'member') ?? [])
  const folds = viewOf(world).partitions.map(foldPartition)
  note('a second generation', (groupOf(world)?.generation ?? 0) > 1)
  note(
    'a zombie is fenced',
    members.some(({ phase }) => phase === 'dead'),
  )
  note(
    'a plain commit is acknowledged',
    members.some(({ acked }) => acked.length > 0),
  )
  note(
    'an offset is undecided',
    folds.some(({ open }) => open.size > 0),
  )
  note(
    'offsets are committed in a transaction',
    folds.some(({ fates }) => [...fates.values()].includes('committed')),
  )
  note(
    'a member waits for a stable offset',
    members.some(({ refused }) => refused.has('fetch')),
  )
  note(
    'a static member came back',
    world.bounds.static === 1 && members.length > 1 && members.every(({ memberId }) => memberId !== ''),
  )
  return found
}
