/**
 * `consumer-truncation`: the production consumer of `@troupe/client` on the production replicas of one partition, whose
 * leaders are elected uncleanly: a new leader need not have what was read, and writes other records in its place (Z05).
 *
 * A log is known by its last record, its offset and leader epoch: the record before it is always the same one. So a
 * consumer that is told nothing may read only what comes right after what it read last; whatever else it reads, it has
 * skipped something of the log that it reads now (C3), or reads again (C2).
 *
 * Who is elected may lack records, but has none that the leader lacks. Else its log may hold records of an old epoch where
 * the consumer has read newer ones, and OffsetForLeaderEpoch answers as it does for a log whose newer epoch was compacted
 * away: nothing was truncated. Kafka's consumer goes on then, and so does ours.
 *
 * | bound        | what                                                                               |
 * | ------------ | ---------------------------------------------------------------------------------- |
 * | records      | that are written                                                                   |
 * | elections    | each of the broker that does not lead, whatever it has of the leader's log         |
 * | reelections  | 1: or of the one that leads already                                                |
 * | catchUps     | of the broker that does not lead: it truncates and fetches all there is, in one go |
 * | fetchVersion | of the consumer's Fetch; from 12 on it names the epoch of the last record it has   |
 * | seeks        | of the application, to behind a record that it has read, with that record's epoch  |
 */
import type { Effect, Message, Reply } from '@troupe/actor'
import type { ConsumerState, Polled } from '@troupe/client/consumer'
import type { Fetch, PartitionUpdate, Produce } from '@troupe/replication/messages'
import type { ReplicaState } from '@troupe/replication/state'
import { buildBatch } from '@troupe/wire/record-batch'
import { checkPolled, type ReadPlace, type WrittenRecord } from '../invariants/consumer.ts'
import { actorModel, type Cell, type Choice, type Flight, type World } from '../model/actor-world.ts'
import type { Bounds, Violation } from '../model/contract.ts'
import type { IdealLog } from '../model-ports/ideal-log.ts'
import type { IdealStore } from '../model-ports/ideal-store.ts'
import type { PartitionStrip } from '../trace/format.ts'
import { cells, classRules, replicaConfig } from './consumer-truncation-parts.ts'
import { BROKERS, CLIENT, CONSUMER, NETWORK, REPLICA, TOPIC, type Wire } from './consumer-truncation-network.ts'

export interface ConsumerTruncationGhost {
  /** By leader epoch. Replaced, never changed, as is all below. */
  leaders: readonly number[]
  written: readonly WrittenRecord[]
  /** The record that the application has read last; null: it may begin anywhere. */
  last: ReadPlace | null
  /** Indexes of the records that it has read. */
  read: readonly number[]
  seeks: number
  catchUps: number
  /** The follower fetches; nothing else happens until it has everything. */
  isCatchingUp: boolean
  truncations: number
  violation: Violation | null
}

type ConsumerWorld = World<ConsumerTruncationGhost>

const encoder = new TextEncoder()
const partition = { topic: TOPIC, partition: 0 }
/** Nothing times out here. */
const FOREVER = 1_000_000_000

// --- who stands where

const stateOf = (world: ConsumerWorld): ConsumerState => world.state<ConsumerState>(CLIENT, CONSUMER)!

const logOf = (world: ConsumerWorld, node: number): IdealLog | undefined =>
  world.disk<IdealStore>(node, REPLICA)!.files.values().next().value

/** Nobody but the leader may join the ISR: it commits what it has. */
function elect(world: ConsumerWorld, leader: number): void {
  const ghost = world.edit()
  ghost.leaders = [...ghost.leaders, leader]
  ghost.isCatchingUp = false
  const leaderEpoch = ghost.leaders.length - 1
  const update: PartitionUpdate = {
    kind: 'partition',
    view: {
      partition: 0,
      replicas: BROKERS,
      isr: [leader],
      elr: [],
      lastKnownElr: [],
      addingReplicas: [],
      removingReplicas: [],
      leader,
      leaderEpoch,
      partitionEpoch: leaderEpoch,
      leaderRecoveryState: 0,
    },
    config: replicaConfig,
    eligibleBrokers: new Map([[leader, 1]]),
    brokerEpoch: 1,
  }
  for (const node of BROKERS) world.deliver(node, REPLICA, update)
}

function begin(world: ConsumerWorld): void {
  for (const node of BROKERS) {
    const store = world.own(world.cell(node, REPLICA)!.index).disk as IdealStore
    store.safeguards = world.safeguards
  }
  elect(world, BROKERS[0])
  world.deliver(CLIENT, CONSUMER, { kind: 'assign', partitions: [partition] } as Message)
  world.deliver(CLIENT, CONSUMER, { kind: 'seek', ...partition, to: 0 } as Message)
}

// --- what may happen

function choices(bounds: Bounds): Choice<ConsumerTruncationGhost>[] {
  return all(bounds).map((choice) => ({ ...choice, enabled: (world) => !isBusy(world) && choice.enabled(world) }))
}

function all({ records, elections, seeks, catchUps }: Bounds): Choice<ConsumerTruncationGhost>[] {
  return [
    ...BROKERS.map((node): Choice<ConsumerTruncationGhost> => ({
      label: `elect b${node}`,
      type: 'fault',
      enabled: (world) => world.ghost.leaders.length <= elections && mayLead(world, node),
      apply: (world) => elect(world, node),
    })),
    {
      label: 'produce',
      type: 'client',
      enabled: ({ ghost }) => ghost.written.length < records,
      apply: produce,
    },
    {
      label: 'the follower catches up',
      type: 'fault',
      enabled: ({ ghost, flights }) => ghost.catchUps < catchUps && !ghost.isCatchingUp && flights.some(isReplication),
      apply(world) {
        const ghost = world.edit()
        ghost.catchUps++
        ghost.isCatchingUp = true
      },
    },
    {
      label: 'c1 hears who leads',
      type: 'client',
      enabled: (world) => world.state<Wire>(CLIENT, NETWORK)!.leaderEpoch < world.ghost.leaders.length - 1,
      apply(world) {
        const { leaders } = world.ghost
        const learn = { kind: 'learn', leader: leaders.at(-1)!, leaderEpoch: leaders.length - 1 }
        world.deliver(CLIENT, NETWORK, learn as Message)
      },
    },
    {
      label: 'c1 polls',
      type: 'client',
      enabled: (world) => stateOf(world).poll === null,
      apply: (world) =>
        world.deliver(CLIENT, CONSUMER, {
          kind: 'poll',
          replyTo: { broker: CLIENT, actor: 'application', id: 0 },
          timeoutMs: FOREVER,
        } as Message),
    },
    ...(seeks === 0 ? [] : Array.from({ length: records }, (_, at) => seekBehind(at, seeks))),
  ]
}

/** Who has nothing that the leader lacks. */
function mayLead(world: ConsumerWorld, node: number): boolean {
  if (node === world.ghost.leaders.at(-1)) return world.bounds.reelections === 1
  const last = logOf(world, node)?.batches.at(-1)
  return (
    last === undefined ||
    logOf(world, world.ghost.leaders.at(-1)!)!.batches.some(({ digest }) => digest === last.digest)
  )
}

function produce(world: ConsumerWorld): void {
  const { leaders, written } = world.ghost
  const leader = leaders.at(-1)!
  const log = logOf(world, leader)!
  const value = `r${written.length + 1}`
  const before = log.batches.at(-1)?.epoch ?? -1
  const ghost = world.edit()
  ghost.isCatchingUp = false
  ghost.written = [...written, { value, offset: log.logEndOffset, epoch: leaders.length - 1, before }]
  const produced: Produce = {
    kind: 'produce',
    replyTo: { broker: leader, actor: 'nobody', id: 0 },
    records: buildBatch({ records: [{ key: null, value: encoder.encode(value), timestamp: 0 }] }),
    acks: 1,
    timeoutMs: FOREVER,
    transaction: null,
  }
  world.deliver(leader, REPLICA, produced)
}

const seekBehind = (at: number, limit: number): Choice<ConsumerTruncationGhost> => ({
  label: `c1 seeks behind r${at + 1}`,
  type: 'client',
  enabled: ({ ghost }) => ghost.seeks < limit && ghost.read.includes(at),
  apply(world) {
    const ghost = world.edit()
    const { offset, epoch } = ghost.written[at]
    ghost.seeks++
    ghost.last = { offset, epoch }
    world.deliver(CLIENT, CONSUMER, { kind: 'seek', ...partition, to: offset + 1, leaderEpoch: epoch } as Message)
  },
})

// --- what must hold

function onEffect(world: ConsumerWorld, { node, name }: Cell, effect: Effect): void {
  if (node !== CLIENT || name !== CONSUMER) return
  // A position that no log has any more: `auto.offset.reset` decides, and everybody may know.
  if (effect.kind === 'trace' && effect.event === 'offset-out-of-range') world.edit().last = null
  if (effect.kind === 'reply' && effect.token.actor === 'application') onPolled(world, effect.body as Polled)
}

function onPolled(world: ConsumerWorld, polled: Polled): void {
  if (polled.records.length === 0 && polled.truncations.length === 0) return
  const ghost = world.edit()
  const { last, read, violation } = checkPolled(ghost.written, ghost.last, polled)
  ghost.last = last
  ghost.read = [...new Set([...ghost.read, ...read])].sort((a, b) => a - b)
  ghost.truncations += polled.truncations.length
  ghost.violation ??= violation
}

const isReplication = ({ from, to }: Flight): boolean => from < CLIENT && to < CLIENT

const isBusy = ({ ghost, flights }: ConsumerWorld): boolean => ghost.isCatchingUp && flights.some(isReplication)

/** A fetch that finds nothing waits on its way, instead of at its broker. */
function mayDeliver(world: ConsumerWorld, flight: Flight): boolean {
  const { to, message } = flight
  if (isReplication(flight)) return world.ghost.isCatchingUp
  if (isBusy(world)) return false
  if (message.kind !== 'fetch') return true
  const { offset, currentLeaderEpoch } = message as Fetch
  const { role, leaderEpoch } = world.state<ReplicaState>(to, REPLICA)!
  if (role !== 'leader' || (currentLeaderEpoch >= 0 && currentLeaderEpoch !== leaderEpoch)) return true
  return offset !== logOf(world, to)!.highWatermark
}

function witnesses({ ghost }: ConsumerWorld): string[] {
  const names: string[] = []
  const epochs = new Set(ghost.read.map((at) => ghost.written[at].epoch))
  if (epochs.size > 1) names.push('records of two epochs are read')
  if (ghost.truncations > 0) names.push('a truncation is told')
  const taken = ghost.written.filter(({ offset }, at) =>
    ghost.written.some((other, n) => n > at && other.offset === offset),
  )
  if (taken.length > 0) names.push('an offset is written twice')
  return names
}

// --- how it is copied, compared and shown

function strips(world: ConsumerWorld): PartitionStrip[] {
  const { leaders } = world.ghost
  const leader = leaders.at(-1)!
  const leaderEpoch = leaders.length - 1
  const replicas = BROKERS.map((broker) => {
    const state = world.state<ReplicaState>(broker, REPLICA)
    const log = logOf(world, broker)
    return {
      broker,
      up: true,
      role: state?.role ?? 'none',
      leaderEpoch: state?.leaderEpoch ?? -1,
      logEndOffset: log?.logEndOffset ?? 0,
      highWatermark: log?.highWatermark ?? 0,
      lastStableOffset: log?.lastStableOffset ?? 0,
    }
  })
  return [{ partition: `${TOPIC}-0`, leader, leaderEpoch, partitionEpoch: leaderEpoch, isr: [leader], replicas }]
}

const shown = ['error', 'offset', 'currentLeaderEpoch', 'lastFetchedEpoch', 'leaderEpoch', 'endOffset', 'highWatermark']

function detail(message: Message): string {
  const fields = (message.kind === 'reply' ? (message as Reply).body : message) as Readonly<Record<string, unknown>>
  return shown
    .filter((name) => typeof fields?.[name] === 'number')
    .map((name) => `${name}=${String(fields[name])}`)
    .join(' ')
}

export const consumerTruncationBounds: Bounds = {
  records: 3,
  elections: 1,
  reelections: 0,
  catchUps: 0,
  fetchVersion: 17,
  seeks: 0,
}

export const consumerTruncationModel = actorModel<ConsumerTruncationGhost>({
  name: 'consumer-truncation',
  title: 'A consumer, and a partition that loses records in unclean elections',
  defaultBounds: consumerTruncationBounds,
  cells,
  ghost: () => ({
    leaders: [],
    written: [],
    last: null,
    read: [],
    seeks: 0,
    catchUps: 0,
    isCatchingUp: false,
    truncations: 0,
    violation: null,
  }),
  begin,
  choices,
  random: 0,
  mayFire: () => false,
  mayDeliver,
  onEffect,
  check: ({ ghost }) => ghost.violation,
  witnesses,
  fields: {
    replica: {
      omit: [
        'log',
        'nextId',
        'timerAt',
        'dueAt',
        'deadline',
        'expiryTimerAt',
        'flushTimerAt',
        'propagateTimerAt',
        'lastFetchTimeMs',
        'lastFetchLeaderLogEndOffset',
        'attempts',
        'backoffMs',
        'waitMs',
        'seenHighWatermark',
        'seenLastStableOffset',
        'answer',
        'token',
        'logStartOffset',
        'sentLogStartOffset',
        'request',
        'flushResult',
      ],
      constant: ['config', 'eligibleBrokers'],
      ids: ['inFlight.id', 'requestId'],
    },
    wire: { omit: ['next'], ids: ['waiting{}'] },
    consumer: {
      omit: ['nextId', 'failures', 'wakeAt', 'autoCommitAt'],
      constant: ['config', 'metadata'],
      ids: ['asked{}', 'partitions.asked'],
    },
    messages: { constant: ['config', 'metadata', 'eligibleBrokers', 'records'], omit: ['maxWaitMs', 'maxBytes'] },
    ghost: { constant: ['leaders', 'written', 'last', 'read'] },
  },
  classes: classRules,
  strips,
  detail,
})
