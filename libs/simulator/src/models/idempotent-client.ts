/**
 * `idempotent-client`: the production producer of `@troupe/client` and the production leader of one partition, and between
 * them connections that break (Z16, Z17, Z18 as applications meet them).
 *
 * The broker may not know yet that it leads when the first requests arrive; records are deleted while answers are lost.
 * What was sent on a connection that broke may still arrive, before or after what is sent on the next one. Only the
 * client's `network` actor is a stub: a request of the producer becomes the message that the front would make of it.
 *
 * Bounds: `records` that are sent, a batch each unless they wait together, `disconnects`, `deletions`, `late` (1: the
 * leader learns of its election at any moment), `anyFirst` (1: the leader is as Kafka 4.3's, which takes any sequence for
 * a producer's first).
 */
import type { Effect, Message, Reply } from '@troupe/actor'
import type { SendResult } from '@troupe/client/messages'
import { producerActor } from '@troupe/client/producer'
import { resolveBrokerConfig } from '@troupe/config'
import { replicaActor } from '@troupe/replication/replica'
import type { PartitionUpdate, Produce, ReplicaArgs } from '@troupe/replication/messages'
import type { ReplicaState } from '@troupe/replication/state'
import { KafkaError } from '@troupe/wire/errors'
import { iterateRecords } from '@troupe/wire/record-batch'
import { checkOnce, checkSequences } from '../invariants/idempotence.ts'
import { actorModel, type Cell, type CellSpec, type Choice, type ClassRule, type World } from '../model/actor-world.ts'
import type { Bounds, Violation } from '../model/contract.ts'
import { IdealLog, type IdealBatch } from '../model-ports/ideal-log.ts'
import { IdealStore } from '../model-ports/ideal-store.ts'
import {
  BROKER,
  CLIENT,
  NETWORK,
  PER_CONNECTION,
  PRODUCER,
  REPLICA,
  TOPIC,
  TOPIC_ID,
  wire,
  type Wire,
} from './idempotent-client-network.ts'
import { replicaConfigOf } from './replica-config.ts'

/** Back-offs pass; the delivery timeout does not. */
const PATIENCE_MS = 60_000

export interface IdempotentClientGhost {
  sent: number
  disconnects: number
  deletions: number
  /** Everything that was ever appended; also what was deleted since. */
  appended: readonly IdealBatch[]
  /** By number of the record, from 1: its offset, or −1 − error. */
  answers: Readonly<Record<number, number>>
  violation: Violation | null
}

type ClientWorld = World<IdempotentClientGhost>

const decoder = new TextDecoder()
const encoder = new TextEncoder()

// --- who stands where

const { config: brokerConfig } = resolveBrokerConfig(new Map())

/** One object in all worlds. */
const replicaConfig = replicaConfigOf(false)

function cells(): CellSpec<IdempotentClientGhost>[] {
  const args: ReplicaArgs = { topic: TOPIC, topicId: TOPIC_ID, partition: 0, config: replicaConfig }
  return [
    {
      node: BROKER,
      name: REPLICA,
      definition: replicaActor,
      args,
      disk: () => new IdealStore('ZGlyZWN0b3J5LWlkLTAwMQ'),
      ports: (view) => ({
        get logs() {
          return view.disk
        },
        cluster: {},
        config: brokerConfig,
      }),
    },
    { node: CLIENT, name: NETWORK, definition: wire },
    {
      node: CLIENT,
      name: PRODUCER,
      definition: producerActor,
      args: {
        properties: { 'linger.ms': 0, 'batch.size': 1, 'delivery.timeout.ms': 10_000_000, 'retry.backoff.max.ms': 100 },
      },
    },
  ]
}

const logOf = (world: ClientWorld): IdealLog =>
  world.disk<IdealStore>(BROKER, REPLICA)!.files.values().next().value as IdealLog

const isLeader = (world: ClientWorld): boolean => world.state<ReplicaState>(BROKER, REPLICA)?.role === 'leader'

function lead(world: ClientWorld): void {
  const update: PartitionUpdate = {
    kind: 'partition',
    view: {
      partition: 0,
      replicas: [BROKER],
      isr: [BROKER],
      elr: [],
      lastKnownElr: [],
      addingReplicas: [],
      removingReplicas: [],
      leader: BROKER,
      leaderEpoch: 0,
      partitionEpoch: 0,
      leaderRecoveryState: 0,
    },
    config: replicaConfig,
    eligibleBrokers: new Map([[BROKER, 1]]),
    brokerEpoch: 1,
  }
  world.deliver(BROKER, REPLICA, update)
}

// --- what may happen

function choices({ records, disconnects, deletions, late }: Bounds): Choice<IdempotentClientGhost>[] {
  return [
    {
      label: 'send c1',
      type: 'client',
      enabled: (world) => world.ghost.sent < records!,
      apply(world) {
        const id = ++world.edit().sent
        const value = encoder.encode(`r${id}`)
        const replyTo = { broker: CLIENT, actor: 'application', id }
        world.deliver(CLIENT, PRODUCER, {
          kind: 'send',
          replyTo,
          topic: TOPIC,
          partition: 0,
          key: null,
          value,
        } as Message)
      },
    },
    {
      label: 'disconnect c1',
      type: 'fault',
      enabled: (world) =>
        world.ghost.disconnects < disconnects! && world.state<Wire>(CLIENT, NETWORK)!.waiting.size > 0,
      apply(world) {
        world.edit().disconnects++
        world.deliver(CLIENT, NETWORK, { kind: 'disconnect' })
      },
    },
    {
      label: 'delete records b1',
      type: 'client',
      enabled: (world) =>
        world.ghost.deletions < deletions! &&
        isLeader(world) &&
        logOf(world).logStartOffset < logOf(world).highWatermark,
      apply(world) {
        world.edit().deletions++
        const store = world.own(world.cell(BROKER, REPLICA)!.index).disk as IdealStore
        const [log] = store.files.values()
        log!.advanceLogStart(log!.highWatermark)
      },
    },
    { label: 'lead b1', type: 'fault', enabled: (world) => late === 1 && !isLeader(world), apply: lead },
  ]
}

/** Requests of a connection keep their order, and so do their answers. */
function lane(_from: number, _to: number, _actor: string, message: Message): string {
  const id = message.kind === 'reply' ? (message as Reply).id : ((message as Produce).replyTo?.id ?? 0)
  return String(Math.floor(id / PER_CONNECTION))
}

// --- what must hold

function onEffect(world: ClientWorld, { node }: Cell, effect: Effect): void {
  if (node !== CLIENT || effect.kind !== 'reply' || effect.token.actor !== 'application') return
  const { error, offset, indefinite } = effect.body as SendResult
  const { id } = effect.token
  const ghost = world.edit()
  ghost.answers = { ...ghost.answers, [id]: error === KafkaError.NONE ? offset : -1 - error }
  const copies = copiesOf(ghost.appended, id)
  if (error === KafkaError.NONE ? copies.length !== 1 : copies.length > 0 && !indefinite) {
    ghost.violation ??= broken('I3', `r${id} is answered ${error}, with ${copies.length} copies`)
  } else if (error === KafkaError.NONE && copies[0] !== offset) {
    ghost.violation ??= broken('I5', `r${id} is told ${offset}, it is at ${copies[0]}`)
  }
}

const broken = (invariant: string, detail: string): Violation => ({ invariant, detail })

function valuesOf(batch: IdealBatch): string[] {
  return Array.from(iterateRecords(batch.bytes, 0), ({ value }) => decoder.decode(value!))
}

const copiesOf = (appended: readonly IdealBatch[], id: number): number[] =>
  appended.flatMap((batch) =>
    valuesOf(batch).flatMap((value, index) => (value === `r${id}` ? [batch.baseOffset + index] : [])),
  )

function afterStep(world: ClientWorld, { node }: Cell): void {
  if (node !== BROKER) return
  const { batches } = logOf(world)
  const { appended } = world.ghost
  const end = appended.at(-1)?.lastOffset ?? -1
  const fresh = batches.filter((batch) => batch.baseOffset > end)
  if (fresh.length > 0) world.edit().appended = [...appended, ...fresh]
}

/** The first copy of a record decides its place; a client that keeps its order is promised it. */
function check({ ghost: { appended, violation } }: ClientWorld): Violation | null {
  if (violation !== null) return violation
  const seen = new Map<string, number>()
  let last = ''
  for (const batch of appended) {
    for (const value of valuesOf(batch)) {
      const before = seen.get(value)
      if (before !== undefined) return broken('I1', `${value} is at ${before} and again at ${batch.baseOffset}`)
      if (value < last) return broken('A3', `${value} at ${batch.baseOffset} comes after ${last}`)
      seen.set(value, batch.baseOffset)
      last = value
    }
  }
  return checkOnce(appended) ?? checkSequences(appended)
}

function witnesses({ ghost, cells: all }: ClientWorld): string[] {
  const names: string[] = []
  const producer = all.find(({ name }) => name === PRODUCER)?.state as {
    partitions: Map<string, { producerEpoch: number }>
  }
  for (const { producerEpoch } of producer.partitions.values())
    if (producerEpoch > 0) names.push('a new producer epoch')
  if (ghost.disconnects > 0 && Object.values(ghost.answers).some((answer) => answer >= 0))
    names.push('a retry was answered')
  if (ghost.deletions > 0) names.push('records were deleted')
  return names
}

const logRule: ClassRule<IdealLog> = {
  type: IdealLog,
  clone: (log) => log.clone(),
  view: (log) => [
    log.logStartOffset,
    log.logEndOffset,
    log.highWatermark,
    log.batches.map(({ digest }) => digest),
    log.producers(),
  ],
}

const storeRule: ClassRule<IdealStore> = {
  type: IdealStore,
  clone(store, copy) {
    const twin = new IdealStore(store.directoryId, store.safeguards)
    for (const [key, log] of store.files) twin.files.set(key, copy(log))
    for (const key of store.opened) twin.opened.add(key)
    return twin
  },
  view: ({ files }) => [...files.values()],
}

export const idempotentClientModel = actorModel<IdempotentClientGhost>({
  name: 'idempotent-client',
  title: 'An idempotent producer and its leader, with connections that break',
  defaultBounds: { records: 3, disconnects: 1, deletions: 0, late: 0 },
  cells,
  ghost: () => ({ sent: 0, disconnects: 0, deletions: 0, appended: [], answers: {}, violation: null }),
  begin(world) {
    const store = world.own(world.cell(BROKER, REPLICA)!.index).disk as IdealStore
    const { safeguards, bounds } = world
    const own = bounds.anyFirst === 1 ? { ...safeguards, requireZeroFirstSequence: false } : safeguards
    store.safeguards = own
    for (const log of store.files.values()) log.safeguards = own
    if (world.bounds.late !== 1) lead(world)
  },
  choices,
  random: 0,
  now: (world, cell, timer, at) => (cell.node === CLIENT && timer === 'due' ? Math.max(at, world.now) : world.now),
  lane,
  mayFire: (world, { node }, timer) => {
    if (node !== CLIENT || timer !== 'due') return false
    const { timerAt } = world.state<{ timerAt: number }>(CLIENT, PRODUCER)!
    return timerAt < world.now + PATIENCE_MS
  },
  onEffect,
  afterStep,
  check,
  witnesses,
  fields: {
    replica: {
      omit: [
        'nextId',
        'timerAt',
        'dueAt',
        'deadline',
        'expiryTimerAt',
        'flushTimerAt',
        'lastFetchTimeMs',
        'propagateTimerAt',
      ],
      constant: ['config'],
      nodes: ['id'],
    },
    // How often it was tried decides the back-off only, and that stands in retryAt.
    producer: {
      constant: ['config', 'metadata'],
      omit: ['createdAt', 'timestamp', 'attempts', 'nextAsk'],
      ids: ['asks{}'],
    },
    wire: { omit: ['next'], ids: ['waiting{}'] },
    messages: { constant: ['config', 'metadata', 'bytes'] },
    ghost: { constant: ['appended'] },
  },
  classes: [logRule, storeRule] as unknown as readonly ClassRule<never>[],
})
