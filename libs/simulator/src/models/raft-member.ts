/**
 * One member of the metadata quorum as a cell of a model: the production Raft core (libs/controller/src/raft) without the
 * controller above it, which neither votes nor counts.
 *
 * The controller's own appends are a `propose` from a client. Everything else is the core's: `startRaft`, `stepRaft`,
 * `onRaftReply` behind the messages that production brings it.
 */
import { actorNames, type ActorDefinition, type Env, type Message, type Outbox, type Reply } from '@troupe/actor'
import { append } from '@troupe/controller/raft/leading'
import { checkRaft, type Raft, type RaftConfig } from '@troupe/controller/raft/state'
import { onRaftReply, startRaft, stepRaft, type RaftMessage } from '@troupe/controller/raft/step'
import { encodeEntries } from '@troupe/controller/records'
import { isControl, iterateRecords, readControlRecord } from '@troupe/wire/record-batch'
import type { QuorumLogView, QuorumMember } from '../invariants/raft.ts'
import type { CellSpec, ClassRule, FieldRules, World } from '../model/actor-world.ts'
import type { PartitionStrip } from '../trace/format.ts'
import { IdealQuorumStore, type QuorumBatch } from '../model-ports/ideal-quorum-store.ts'

export const MEMBER = actorNames.controller

/** A record for the log; its number makes it unlike all others. Ignored by who does not lead. */
export interface Propose extends Message {
  readonly kind: 'propose'
  readonly number: number
}

interface MemberEnv extends Env {
  readonly quorum: IdealQuorumStore
}

const raftMember: ActorDefinition<Raft, RaftMessage | Propose | Reply, MemberEnv, RaftConfig> = {
  kind: 'raft',
  start(config, env, out) {
    env.quorum.restart()
    return startRaft(config, env.quorum, env, out)
  },
  step(raft, message, env, out) {
    if (message.kind === 'reply') onRaftReply(raft, message as Reply, env, out)
    else if (message.kind === 'propose') propose(raft, message as Propose, env, out)
    else stepRaft(raft, message as RaftMessage, env, out)
  },
  invariants: checkRaft,
}

function propose(raft: Raft, { number }: Propose, env: Env, out: Outbox): void {
  if (raft.phase !== 'leader') return
  const record = { type: 'ProducerIdsRecord', value: { brokerId: 1, brokerEpoch: 1, nextProducerId: number } }
  append({ raft, env, out }, encodeEntries([record], raft.store.endOffset, raft.epoch, env.now))
}

/** All members have the same directory id, so that they stay interchangeable. */
const DIRECTORY = 'directory'

export function memberCell<Ghost>(config: RaftConfig): CellSpec<Ghost> {
  return {
    node: config.self,
    name: MEMBER,
    definition: raftMember,
    args: Object.freeze({ ...config, voters: Object.freeze([...config.voters]) }),
    disk: () => new IdealQuorumStore('cluster', DIRECTORY),
    ports: (view) => ({
      get quorum() {
        return view.disk
      },
    }),
    powerLoss: (disk) => (disk as IdealQuorumStore).powerLoss(),
  }
}

export const raftFields: Readonly<Record<string, FieldRules>> = {
  raft: {
    constant: ['config'],
    // The disk is hashed for itself; nothing that only timers look at matters where time stands still.
    omit: [
      'config',
      'store',
      'nextId',
      'since',
      'lastFetchMs',
      'lastCaughtUpMs',
      'untilMs',
      'directoryId',
      'clusterId',
    ],
    ids: ['asks{}'],
    nodes: ['leaderId', 'votedId', 'to', 'granted{}', 'refused{}', 'progress{}', 'replica'],
  },
  messages: {
    omit: [
      'clusterId',
      'directoryId',
      'replicaDirectoryId',
      'voterDirectoryId',
      'candidateDirectoryId',
      'leaderEndpoints',
    ],
    nodes: ['replica', 'replicaId', 'voterId', 'leader', 'leaderId', 'preferredSuccessors', 'candidateId'],
  },
  disk: { constant: ['batches', 'snapshots'], nodes: ['leaderId', 'votedId', 'leader', 'granting'] },
}

interface BatchView {
  readonly epoch: number
  readonly leader: number
  readonly granting: readonly number[]
  readonly crc: number
}

/** Batches never change: what is in them is read once. */
const views = new WeakMap<QuorumBatch, BatchView>()

/** Leader changes by whom they name, so that they are renamed with the members; records by their bytes. */
function viewOf(batch: QuorumBatch): BatchView {
  let view = views.get(batch)
  if (view === undefined) views.set(batch, (view = readBatch(batch)))
  return view
}

/** Every world begins with the same first batch: who voted for it only keeps apart members that are alike. */
function readBatch({ baseOffset, epoch, crc, bytes }: QuorumBatch): BatchView {
  const control = isControl(bytes, 0) ? readControlRecord([...iterateRecords(bytes, 0)][0]) : null
  if (control?.type !== 'leaderChange') return { epoch, leader: -1, granting: [], crc }
  const { leaderId, grantingVoters } = control.message
  return {
    epoch,
    leader: leaderId,
    granting: baseOffset === 0 ? [] : grantingVoters.map(({ voterId }) => voterId),
    crc: 0,
  }
}

export const storeRule: ClassRule<IdealQuorumStore> = {
  type: IdealQuorumStore,
  clone: (store) => store.clone(),
  view: ({ batches, syncedOffset, election, syncedElection }) => ({
    log: batches.map(viewOf),
    unsynced: (batches.at(-1)?.nextOffset ?? 0) - syncedOffset,
    election,
    // Nearly always the same object, and then not worth hashing twice.
    lost: election === syncedElection ? null : syncedElection,
  }),
}

/** The log in plain sight. */
export function logView(store: IdealQuorumStore): QuorumLogView {
  return {
    startOffset: store.startOffset,
    endOffset: store.endOffset,
    batches: (from, to) =>
      store.batches.filter(({ baseOffset, nextOffset }) => nextOffset > from && nextOffset <= to && baseOffset < to),
  }
}

export function memberView({ config, phase, epoch, votedId, highWatermark, store }: Raft): QuorumMember {
  const { self: id, voters } = config
  const log = logView(store as IdealQuorumStore)
  return { id, isVoter: voters.includes(id), phase, epoch, votedId, directoryId: DIRECTORY, highWatermark, log }
}

/** Delivers all that is on its way, first in first out, and what that brings. */
export function settle<Ghost>(world: World<Ghost>, isLost?: (from: number, to: number) => boolean): void {
  while (world.flights.length > 0 && world.failure === null) {
    const [{ from, to, actor, message }, ...rest] = world.flights
    world.flights = rest
    if (!isLost?.(from, to)) world.deliver(to, actor, message)
  }
}

/** The quorum as one partition, `metadata`, led by whoever leads the latest epoch. */
export function quorumStrips<Ghost>(world: World<Ghost>): PartitionStrip[] {
  const members = world.cells.filter(({ name }) => name === MEMBER)
  const replicas = members.map(({ node, state, disk, running }) => {
    const raft = state as Raft | undefined
    return {
      broker: node,
      up: running,
      role: raft?.phase ?? 'none',
      leaderEpoch: raft?.epoch ?? -1,
      logEndOffset: (disk as IdealQuorumStore).endOffset,
      highWatermark: raft?.highWatermark ?? -1,
      lastStableOffset: raft?.highWatermark ?? -1,
    }
  })
  const leaders = replicas.filter(({ role }) => role === 'leader').sort((a, b) => b.leaderEpoch - a.leaderEpoch)
  const { broker = -1, leaderEpoch = -1 } = leaders[0] ?? {}
  const isr = leaders.length === 0 ? [] : [...world.state<Raft>(broker, MEMBER)!.config.voters]
  return [{ partition: 'metadata', leader: broker, leaderEpoch, partitionEpoch: -1, isr, replicas }]
}

/** A few plain fields of a message, for traces. */
export function messageDetail(message: Message): string {
  const { body, offset, epoch, highWatermark, id } = message as Message & Record<string, any>
  if (message.kind === 'quorumFetch') return `epoch=${epoch} offset=${offset} hw=${highWatermark}`
  if (message.kind === 'reply') return answerDetail(body ?? {}, id)
  const part = body?.topics?.[0]?.partitions?.[0]
  if (part === undefined) return ''
  if (message.kind !== 'vote') return `epoch=${part.leaderEpoch} leader=${part.leaderId}`
  const kind = part.preVote ? 'pre-vote' : 'vote'
  return `${kind} epoch=${part.replicaEpoch} last=${part.lastOffsetEpoch}/${part.lastOffset}`
}

// The answers to all questions of the quorum.
// oxlint-disable-next-line no-explicit-any
function answerDetail(body: Record<string, any>, _id: number): string {
  const part = body.topics?.[0]?.partitions?.[0]
  if (part !== undefined) {
    const granted = part.voteGranted === undefined ? '' : part.voteGranted ? 'granted ' : 'refused '
    return `${granted}epoch=${part.leaderEpoch} leader=${part.leaderId}`
  }
  if (body.kind === 'failed') return String(body.reason)
  const records = body.records ? `records=${(body.records as Uint8Array).length}B ` : ''
  const diverging = body.divergingEpoch
    ? `diverging=${body.divergingEpoch.epoch}/${body.divergingEpoch.endOffset} `
    : ''
  return `${records}${diverging}epoch=${body.epoch} hw=${body.highWatermark}`
}
