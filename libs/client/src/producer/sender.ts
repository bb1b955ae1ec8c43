/**
 * Batches go out, answers come in.
 *
 * A broker gets a request when one of its partitions has a batch that is full, has lingered, or may be retried; the
 * request then takes the next batch of each of its partitions. A batch that fails with an error that may pass is sent
 * again until `delivery.timeout.ms` is over. Source: Sender, RecordAccumulator (ready, drain, splitAndReenqueue), KIP-91.
 */
import { KafkaError, isRetriable } from '@troupe/wire/errors'
import { BATCH_OVERHEAD, buildBatch, recordSize } from '@troupe/wire/record-batch'
import type { ProduceResponse } from '@troupe/wire/generated/00-produce'
import { zeroUuid } from '@troupe/wire/io'
import { backoff, type ProducerProperties } from '../config.ts'
import { isIndefinite, isInvalidMetadata } from '../errors.ts'
import { clientActorNames, type LeaderHint, type NetworkAnswer, type PartitionMetadata } from '../messages.ts'
import { emptyBatch, needMetadata, removeBatch } from './accumulator.ts'
import { answerDone, answerFailed } from './answers.ts'
import { ask } from './ask.ts'
import { byTopic } from './coordinator-bodies.ts'
import { noteLatency } from './partitioner.ts'
import {
  acknowledged,
  assignSequence,
  canRetry,
  lastSequenceOf,
  markUnresolved,
  mustWait,
  sequenceGivenUp,
} from './sequences.ts'
import {
  isIdempotent,
  isTransactional,
  NEVER,
  type Batch,
  type PartitionState,
  type Problem,
  type ProduceAsk,
  type ProduceItem,
  type ProducerState,
  type Step,
} from './state.ts'
import { batchFailed, isCompleting, problemOf } from './transactions.ts'

const PRODUCE = 0
/** Before transaction version 2; before topic ids. */
const LAST_VERSION = { v1: 11, names: 12 }
const codecs = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

// --- out

export function sendBatches(step: Step): void {
  // A broker may take several requests; each round takes at most one batch of a partition.
  for (;;) {
    const brokers = readyBrokers(step)
    if (brokers.length === 0) return
    for (const broker of brokers) sendTo(step, broker)
  }
}

function readyBrokers(step: Step): number[] {
  const { state, env } = step
  const brokers = new Set<number>()
  for (const partition of state.partitions.values()) {
    const batch = nextBatch(step, partition)
    if (!batch) continue
    const leader = leaderOf(state, partition)
    if (!leader || leader.leader < 0) needMetadata(step)
    else if (sendableAt(state, partition, batch) <= env.now) {
      const takes = mayTakeMore(state, leader.leader)
      noteLatency(step, leader.leader, takes)
      if (takes) brokers.add(leader.leader)
    }
  }
  return [...brokers].sort((a, b) => a - b)
}

function leaderOf({ metadata }: ProducerState, { topic, partition }: PartitionState): PartitionMetadata | undefined {
  return metadata?.topics.get(topic)?.partitions[partition]
}

function mayTakeMore({ config, inFlight }: ProducerState, broker: number): boolean {
  return (inFlight.get(broker) ?? 0) < config['max.in.flight.requests.per.connection']
}

/** The batch that a partition would send next, if nothing holds it back but time. */
function nextBatch(step: Step, partition: PartitionState): Batch | undefined {
  const { state, env } = step
  const batch = partition.batches.find(({ sent }) => !sent)
  if (!batch) return undefined
  if (mustKeepOrder(state, partition)) return undefined
  if (isIdempotent(state) && mustWait(step, partition, batch)) return undefined
  return batch.retryAt > env.now && !leaderChanged(state, partition, batch) ? undefined : batch
}

/** With one request at a time, a partition's order must survive retries even without sequences. */
function mustKeepOrder({ config }: ProducerState, { batches }: PartitionState): boolean {
  return config['max.in.flight.requests.per.connection'] === 1 && batches.some(({ sent }) => sent)
}

function leaderChanged(state: ProducerState, partition: PartitionState, batch: Batch): boolean {
  return batch.attempts > 0 && (leaderOf(state, partition)?.leaderEpoch ?? -1) > batch.leaderEpoch
}

/** When linger.ms is over for this batch; at once when there is a reason not to wait. */
function sendableAt(state: ProducerState, partition: PartitionState, batch: Batch): number {
  const hurry =
    batch.attempts > 0 ||
    batch !== partition.batches.at(-1) ||
    batch.closed ||
    batch.size >= state.config['batch.size'] ||
    state.closing !== null ||
    state.flushes.length > 0 ||
    state.blocked.some(({ waitsFor }) => waitsFor === 'memory') ||
    isCompleting(state.transaction)
  return hurry ? 0 : batch.createdAt + state.config['linger.ms']
}

function sendTo(step: Step, broker: number): void {
  const { state } = step
  const chosen: [PartitionState, Batch][] = []
  let size = 0
  let full = false
  for (const partition of state.partitions.values()) {
    const leader = leaderOf(state, partition)
    const batch = leader?.leader === broker ? nextBatch(step, partition) : undefined
    if (!batch || !leader) continue
    if (chosen.length > 0 && size + batch.size > state.config['max.request.size']) {
      full = true
      break
    }
    size += batch.size
    if (isIdempotent(state)) assignSequence(state, partition, batch)
    batch.sent = true
    batch.leaderEpoch = leader.leaderEpoch
    chosen.push([partition, batch])
  }
  if (size > 0) sendProduce(step, broker, chosen)
  if (!full) return
  // What goes first this time goes last next time, so that nobody starves.
  for (const [partition] of chosen) {
    state.partitions.delete(partition.key)
    state.partitions.set(partition.key, partition)
  }
}

function sendProduce(step: Step, broker: number, chosen: readonly [PartitionState, Batch][]): void {
  const { state } = step
  const { config, transaction } = state
  const items = chosen.map(([partition, batch]): ProduceItem => ({
    key: partition.key,
    topicId: state.metadata?.topics.get(partition.topic)?.id ?? zeroUuid,
    batch: batch.id,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    lastSequence: batch.baseSequence < 0 ? -1 : lastSequenceOf(batch),
    records: batch.records.length,
  }))
  const records = new Map(chosen.map(([{ key }, batch]) => [key, encode(state, batch)]))
  const topicData = byTopic(chosen.map(([partition]) => partition)).map(([name, partitions]) => ({
    name,
    topicId: state.metadata?.topics.get(name)?.id ?? zeroUuid,
    partitionData: partitions.map(({ key, partition }) => ({ index: partition, records: records.get(key)! })),
  }))
  const named = items.some(({ topicId }) => topicId === zeroUuid)
  const before2 = isTransactional(state) && !transaction.v2
  state.inFlight.set(broker, (state.inFlight.get(broker) ?? 0) + 1)
  const timeoutMs = config['request.timeout.ms']
  ask(
    step,
    { kind: 'produce', broker, items },
    {
      to: broker,
      api: PRODUCE,
      body: { transactionalId: config['transactional.id'], acks: config.acks, timeoutMs, topicData },
      ...(before2 ? { maxVersion: LAST_VERSION.v1 } : named ? { maxVersion: LAST_VERSION.names } : {}),
      timeoutMs,
      noResponse: config.acks === 0,
    },
  )
}

/** snappy has no levels. */
function levelOf(config: ProducerProperties, type: ProducerProperties['compression.type']): object {
  return type === 'none' || type === 'snappy' ? {} : { compressionLevel: config[`compression.${type}.level`] }
}

function encode(state: ProducerState, batch: Batch): Uint8Array {
  const { config } = state
  const type = config['compression.type']
  return buildBatch({
    records: batch.records,
    sizeBound: batch.size,
    compression: codecs[type],
    ...levelOf(config, type),
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    isTransactional: isTransactional(state),
  })
}

// --- in

interface Outcome {
  readonly error: number
  readonly detail: string | null
  readonly baseOffset: number
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
}

const silent: Outcome = {
  error: KafkaError.NONE,
  detail: null,
  baseOffset: -1,
  logAppendTimeMs: -1,
  logStartOffset: -1,
}

export function onProduceAnswer(step: Step, asked: ProduceAsk, answer: NetworkAnswer): void {
  const { state, env, out } = step
  const left = state.inFlight.get(asked.broker)! - 1
  if (left > 0) state.inFlight.set(asked.broker, left)
  else state.inFlight.delete(asked.broker)
  const hints: LeaderHint[] = []
  for (const item of asked.items) complete(step, item, outcomeOf(state, item, answer, hints))
  if (hints.length === 0 || answer.kind !== 'response') return
  const brokers = (answer.body as ProduceResponse).nodeEndpoints
    .filter(({ nodeId }) => nodeId >= 0)
    .map(({ nodeId, host, port, rack }) => ({ id: nodeId, host, port, rack }))
  const network = { ...env.self, actor: clientActorNames.network }
  out.send(network, { kind: 'leaderHints', leaders: hints, brokers } as never)
}

const unanswered = {
  'timed-out': KafkaError.REQUEST_TIMED_OUT,
  disconnected: KafkaError.NETWORK_EXCEPTION,
  malformed: KafkaError.NETWORK_EXCEPTION,
  'no-connection': KafkaError.NETWORK_EXCEPTION,
  'unsupported-version': KafkaError.UNSUPPORTED_VERSION,
  'authentication-failed': KafkaError.SASL_AUTHENTICATION_FAILED,
} as const

const unsent: ReadonlySet<string> = new Set(['no-connection', 'unsupported-version', 'authentication-failed'])

function outcomeOf(
  { partitions }: ProducerState,
  { key, topicId }: ProduceItem,
  answer: NetworkAnswer,
  hints: LeaderHint[],
): Outcome & { readonly neverSent?: boolean } {
  if (answer.kind === 'unanswered') {
    const { reason, error = unanswered[reason], detail = reason } = answer
    return { ...silent, error, detail, neverSent: unsent.has(reason) }
  }
  if (answer.body === null) return silent
  const { topic, partition } = partitions.get(key)!
  const response = (answer.body as ProduceResponse).responses
    .find(({ name, topicId: id }) => (answer.version > LAST_VERSION.names ? id === topicId : name === topic))
    ?.partitionResponses.find(({ index }) => index === partition)
  if (!response) return { ...silent, error: KafkaError.NETWORK_EXCEPTION, detail: 'the partition has no answer' }
  const { leaderId, leaderEpoch } = response.currentLeader
  const elsewhere =
    response.errorCode === KafkaError.NOT_LEADER_OR_FOLLOWER || response.errorCode === KafkaError.FENCED_LEADER_EPOCH
  if (elsewhere && leaderId >= 0 && leaderEpoch >= 0) hints.push({ topic, partition, leader: leaderId, leaderEpoch })
  const { errorCode, errorMessage, baseOffset, logAppendTimeMs, logStartOffset } = response
  return { error: errorCode, detail: errorMessage, baseOffset, logAppendTimeMs, logStartOffset }
}

function complete(step: Step, item: ProduceItem, outcome: Outcome & { readonly neverSent?: boolean }): void {
  const { state } = step
  const { error } = outcome
  const partition = state.partitions.get(item.key)!
  const batch = partition.batches.find(({ id }) => id === item.batch)
  if (batch) {
    batch.sent = false
    if (isIndefinite(error) && !outcome.neverSent) batch.indefinite = true
  }
  if (error === KafkaError.NONE || error === KafkaError.DUPLICATE_SEQUENCE_NUMBER)
    done(step, partition, item, batch, outcome)
  else if (batch) {
    if (error === KafkaError.MESSAGE_TOO_LARGE && batch.records.length > 1) split(step, partition, batch)
    else if (mayRetry(step, partition, batch, outcome)) reenqueue(step, batch)
    else giveUp(step, partition, batch, problemOf(error, outcome.detail), true)
  }
  if (isInvalidMetadata(error)) needMetadata(step)
}

function done(
  step: Step,
  partition: PartitionState,
  item: ProduceItem,
  batch: Batch | undefined,
  outcome: Outcome,
): void {
  const { baseOffset, logAppendTimeMs } = outcome
  // Of an epoch before, it says nothing about the sequences of now.
  const { producerId, producerEpoch } = batch ?? item
  if (item.lastSequence >= 0 && producerId === partition.producerId && producerEpoch === partition.producerEpoch) {
    const last = batch ? lastSequenceOf(batch) : item.lastSequence
    acknowledged(partition, last, baseOffset < 0 ? -1 : baseOffset + item.records - 1)
  }
  // Given up before the answer came.
  if (!batch) return
  removeBatch(step, partition, batch)
  answerDone(step, partition, batch, baseOffset, logAppendTimeMs)
}

function mayRetry(step: Step, at: PartitionState, batch: Batch, { error, logStartOffset }: Outcome): boolean {
  const { state, env } = step
  if (expiresAt(state, batch) <= env.now || batch.attempts >= state.config.retries) return false
  return isIdempotent(state) ? canRetry(step, at, batch, error, logStartOffset) : isRetriable(error)
}

function reenqueue({ state, env }: Step, batch: Batch): void {
  const { 'retry.backoff.ms': base, 'retry.backoff.max.ms': max } = state.config
  batch.retryAt = env.now + backoff(base, max, batch.attempts++, env.random)
}

/** `refused`: the broker has said so, and its sequence was not used. */
function giveUp(step: Step, partition: PartitionState, batch: Batch, problem: Problem, refused: boolean): void {
  removeBatch(step, partition, batch)
  if (isIdempotent(step.state)) batchFailed(step, problem)
  answerFailed(step, partition, batch, problem)
  if (!isIdempotent(step.state)) return
  const definite = refused && batch.attempts < step.state.config.retries
  sequenceGivenUp(step, partition, batch, problem.error, definite)
}

/** Too large for the broker: its records go in several batches, which keep its place and its sequences. */
function split({ state }: Step, partition: PartitionState, batch: Batch): void {
  const base = batch.records[0]!.timestamp
  const sizes = batch.records.map((record, index) => recordSize(record, record.timestamp - base, index))
  const largest = Math.max(...sizes) + BATCH_OVERHEAD
  const limit = Math.min(state.config['batch.size'], Math.max(largest, Math.floor((batch.size + BATCH_OVERHEAD) / 2)))
  const parts: Batch[] = []
  let sequence = batch.baseSequence
  for (const [index, record] of batch.records.entries()) {
    let part = parts.at(-1)
    if (!part || part.size + sizes[index]! > limit) {
      const { createdAt, producerId, producerEpoch, tracked, indefinite } = batch
      part = { ...emptyBatch(state, 0, createdAt), producerId, producerEpoch, tracked, indefinite }
      part.baseSequence = sequence
      // Never joined by later records.
      part.attempts = batch.attempts + 1
      parts.push(part)
    }
    part.records.push(record)
    part.size += sizes[index]!
    if (sequence >= 0) sequence = (sequence + 1) % 0x8000_0000
  }
  state.memoryUsed -= batch.memory
  partition.batches.splice(partition.batches.indexOf(batch), 1, ...parts)
}

// --- time

function expiresAt({ config }: ProducerState, { createdAt }: Batch): number {
  return createdAt + config['delivery.timeout.ms']
}

/** Gives up what is older than `delivery.timeout.ms`, sent or not. */
export function expireBatches(step: Step): void {
  const { state, env } = step
  for (const partition of state.partitions.values()) {
    for (const batch of partition.batches) {
      if (expiresAt(state, batch) > env.now) break
      const problem = { error: KafkaError.REQUEST_TIMED_OUT, detail: 'not acknowledged within delivery.timeout.ms' }
      giveUp(step, partition, batch, problem, false)
      if (batch.baseSequence >= 0) markUnresolved(partition, batch)
    }
  }
}

/** When a batch has to be sent or given up though nobody says anything. */
export function batchesDueAt(step: Step, sending: boolean): number {
  const { state } = step
  let at = NEVER
  for (const partition of state.partitions.values()) {
    const [first] = partition.batches
    if (!first) continue
    at = Math.min(at, expiresAt(state, first))
    if (!sending) continue
    const next = partition.batches.find(({ sent }) => !sent)
    if (!next) continue
    const leader = leaderOf(state, partition)
    // Held back by something else than time: whatever lifts that is a message.
    if (!leader || leader.leader < 0 || !mayTakeMore(state, leader.leader)) continue
    if (mustKeepOrder(state, partition)) continue
    if (isIdempotent(state) && mustWait(step, partition, next)) continue
    at = Math.min(at, Math.max(next.retryAt, sendableAt(state, partition, next)))
  }
  return at
}
