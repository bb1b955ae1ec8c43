/**
 * Tiny idempotent and transactional clients of one log, and the ways in which their requests and answers go astray.
 *
 * A client numbers its batches, has at most five in flight, sends again what was not acknowledged, and begins a new epoch
 * when it gives up on one: the rules of Kafka's producer, without its time and its connections. The client itself, with
 * both, is in the models of `@troupe/client`.
 */
import { KafkaError } from '@troupe/wire/errors'
import type { PartitionLog } from '@troupe/log/partition-log'
import { checkAnswer, checkDuplicate, checkOnce, type SentBatch } from '../invariants/idempotence.ts'
import { clientBatch } from './storage-batches.ts'
import type { Verb } from './storage-verbs.ts'
import { isLeft, openLogs, recordAppend, spend, type PartitionWorld, type StorageWorld } from './storage-world.ts'

const IN_FLIGHT = 5

interface ClientBatch {
  readonly sequence: number
  readonly count: number
  isAcknowledged: boolean
}

/** An idempotent client. */
export interface Client {
  readonly producerId: number
  epoch: number
  batches: ClientBatch[]
  /** The broker has told it that it will never take one of its batches. */
  isStuck: boolean
}

/** A transactional producer as the log sees it: data and markers of its coordinators. */
export interface ProducersExtra {
  readonly clients: readonly Client[]
  transactional: { sequence: number; isOpen: boolean }
  /** Whose state the log has forgotten, and where it ended then. */
  readonly forgotten: Map<number, number>
}

export const TRANSACTIONAL_ID = 7

export function newProducers(count: number): ProducersExtra {
  const clients = Array.from({ length: count }, (_, index) => ({
    producerId: index + 1,
    epoch: 0,
    batches: [],
    isStuck: false,
  }))
  return { clients, transactional: { sequence: 0, isOpen: false }, forgotten: new Map() }
}

export const producersOf = (world: StorageWorld): ProducersExtra => world.extra as ProducersExtra

const first = (world: StorageWorld): PartitionWorld | undefined => openLogs(world)[0]

/** What a client may send: anything unacknowledged within its window, and one more. */
function sendable(world: StorageWorld, { batches }: Client): number[] {
  const window = batches.findIndex((batch) => !batch.isAcknowledged)
  const from = window < 0 ? batches.length : window
  const to = Math.min(from + IN_FLIGHT, batches.length + (isLeft(world, 'batches') ? 1 : 0))
  const numbers: number[] = []
  for (let number = from; number < to; number++) if (!batches[number]?.isAcknowledged) numbers.push(number)
  // The next one may overtake those before it only when they came back with an error.
  return numbers
}

/**
 * `send 1#0`, answered; `send 1#0 unheard`, the answer is lost; `send 1#0 refused`, the broker does not know yet that it
 * leads, and writes nothing.
 */
export const send: Verb = {
  name: 'send',
  type: 'client',
  options: (world) =>
    first(world) === undefined || !isLeft(world, 'sends')
      ? []
      : producersOf(world).clients.flatMap((client) =>
          sendable(world, client).flatMap((number) =>
            ['', ' unheard', ' refused'].map((fate) => `${client.producerId}#${number}${fate}`),
          ),
        ),
  apply: (world, option) => {
    spend(world, 'sends')
    const [name, fate] = option.split(' ')
    const [producerId, number] = name.split('#').map(Number)
    const client = producersOf(world).clients.find((each) => each.producerId === producerId) as Client
    const batch = batchNumber(world, client, number)
    if (fate !== 'refused') deliver(world, client, batch, fate !== 'unheard')
  },
}

function batchNumber(world: StorageWorld, client: Client, number: number): ClientBatch {
  const { batches } = client
  if (number === batches.length) {
    const last = batches.at(-1)
    spend(world, 'batches')
    const sequence = last === undefined ? 0 : last.sequence + last.count
    batches.push({ sequence, count: 1, isAcknowledged: false })
  }
  return batches[number]
}

function deliver(world: StorageWorld, client: Client, batch: ClientBatch, isHeard: boolean): void {
  const each = first(world) as PartitionWorld
  const { producerId, epoch: producerEpoch } = client
  const sent: SentBatch = { producerId, producerEpoch, baseSequence: batch.sequence, count: batch.count }
  const values = Array.from(
    { length: batch.count },
    (_, index) => `${producerId}.${producerEpoch}.${batch.sequence + index}`,
  )
  const records = clientBatch(values, world.now, { producerId, producerEpoch, baseSequence: batch.sequence })
  const { leaderEpoch } = each
  const result = recordAppend(world, each, records, (log) =>
    log.append({ records: records.slice(), now: world.now, leaderEpoch, origin: 'client' }),
  )
  if (result.duplicate) world.seen.add('answered as a duplicate')
  const written = each.ghost.written
  const isForgotten = producersOf(world).forgotten.has(producerId)
  world.violation ??=
    checkDuplicate(written, sent, result) ??
    (isForgotten ? null : (checkOnce(written) ?? checkAnswer(written, sent, result.error)))
  if (!isHeard) return
  if (result.error === KafkaError.NONE) batch.isAcknowledged = true
  else if (isHopeless(each, client, batch)) client.isStuck = true
}

/** The broker wants a later sequence than this one, which it does not have: it will never take it. */
function isHopeless({ log }: PartitionWorld, { producerId, epoch }: Client, batch: ClientBatch): boolean {
  const known = (log as PartitionLog).producers().find((view) => view.producerId === producerId)
  return known !== undefined && known.producerEpoch === epoch && known.lastSequence >= batch.sequence
}

/** Someone deletes the oldest records. */
export const deleteRecords: Verb = {
  name: 'delete-records',
  type: 'client',
  options: (world) => {
    const log = first(world)?.log
    return log && isLeft(world, 'deletions') && log.logStartOffset < log.highWatermark ? [`${log.highWatermark}`] : []
  },
  apply: (world, option) => {
    spend(world, 'deletions')
    first(world)?.log?.advanceLogStart(Number(option))
    world.seen.add('the log start moved')
  },
}

/** Clients give up what is unanswered for too long, and begin a new epoch. Their patience ends before the log's does. */
export const passTime: Verb = {
  name: 'advance-time',
  type: 'timer',
  options: (world) => (isLeft(world, 'advances') ? [''] : []),
  apply: (world) => {
    spend(world, 'advances')
    world.now += 600
    for (const client of producersOf(world).clients) {
      if (!client.isStuck && client.batches.every((batch) => batch.isAcknowledged)) continue
      beginEpoch(client)
    }
  },
}

export function beginEpoch(client: Client): void {
  client.epoch += 1
  client.batches = []
  client.isStuck = false
}

export const expire: Verb = {
  name: 'expire-producers',
  type: 'timer',
  options: (world) => (first(world) !== undefined && world.now > 1000 ? [''] : []),
  apply: (world) => {
    const log = first(world)?.log as PartitionLog
    const before = log.producers().map((view) => view.producerId)
    log.expireProducers(world.now)
    const left = new Set(log.producers().map((view) => view.producerId))
    for (const id of before) if (!left.has(id)) producersOf(world).forgotten.set(id, log.logEndOffset)
    if (left.size < before.length) world.seen.add('a producer expired')
  },
}

export const begin: Verb = {
  name: 'begin',
  type: 'client',
  options: (world) =>
    first(world) !== undefined && isLeft(world, 'transactions') && !producersOf(world).transactional.isOpen ? [''] : [],
  apply: (world) => {
    spend(world, 'transactions')
    const each = first(world) as PartitionWorld
    const { transactional } = producersOf(world)
    const { leaderEpoch } = each
    const records = clientBatch([`t${transactional.sequence}`], world.now, {
      producerId: TRANSACTIONAL_ID,
      producerEpoch: 0,
      baseSequence: transactional.sequence,
      isTransactional: true,
    })
    const result = recordAppend(world, each, records, (log) =>
      log.append({
        records: records.slice(),
        now: world.now,
        leaderEpoch,
        origin: 'client',
        transactionVerified: true,
      }),
    )
    if (result.error !== KafkaError.NONE) return
    transactional.sequence += 1
    transactional.isOpen = true
  },
}

/** Of the coordinator, or of the one before it, whose marker was on its way for long. */
export const mark: Verb = {
  name: 'marker',
  type: 'message',
  options: (world) => (first(world) !== undefined && isLeft(world, 'markers') ? ['1', '2'] : []),
  apply: (world, option) => {
    spend(world, 'markers')
    const each = first(world) as PartitionWorld
    const result = recordAppend(world, each, new Uint8Array(0), (log) =>
      log.appendEndTxnMarker({
        producerId: TRANSACTIONAL_ID,
        producerEpoch: 0,
        coordinatorEpoch: Number(option),
        commit: true,
        transactionVersion: 1,
        leaderEpoch: each.leaderEpoch,
        now: world.now,
      }),
    )
    if (result.error === KafkaError.NONE) producersOf(world).transactional.isOpen = false
    else world.seen.add('an old coordinator was fenced')
  },
}
