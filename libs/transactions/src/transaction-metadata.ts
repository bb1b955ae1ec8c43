/**
 * What the coordinator knows of one transactional.id, and how each step makes the next version of it.
 *
 * Values are never changed in place: a step gives the metadata that its record will carry, and replaying that record
 * makes it current. `previousProducerId` is therefore always the id before the last step, as in Kafka's log.
 *
 * Source: Kafka's TransactionMetadata; KIP-360 (epoch bump by the client), KIP-890 (one epoch per transaction).
 */
import { isIdle, transactionEdges, type TransactionState } from './transaction-state.ts'

export const NO_PRODUCER_ID = -1
export const NO_PRODUCER_EPOCH = -1
export const NO_TIMESTAMP = -1
/** Timeout of a transaction under two-phase commit (KIP-939): the coordinator never aborts it by itself. */
export const NEVER_TIMES_OUT = 0x7fffffff
const MAX_EPOCH = 32767

/** 2: every end of a transaction bumps the producer epoch (KIP-890). 0 stands for everything before. */
export type ClientTransactionVersion = 0 | 2

export interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

export interface TransactionMetadata {
  readonly transactionalId: string
  readonly producerId: number
  readonly previousProducerId: number
  /** The id the producer goes on with once the markers are written, when its epochs are used up; −1: the same. */
  readonly nextProducerId: number
  readonly producerEpoch: number
  /** Recognises the retry of an epoch bump. Not in the log: a retry across coordinators is fenced, as in Kafka. */
  readonly lastProducerEpoch: number
  readonly timeoutMs: number
  readonly state: TransactionState
  readonly topics: readonly TopicPartitions[]
  readonly startedAt: number
  readonly updatedAt: number
  readonly clientVersion: number
}

/** A transactional.id is first seen: epoch −1, so that the first bump gives epoch 0. */
export function created(
  transactionalId: string,
  producerId: number,
  timeoutMs: number,
  now: number,
): TransactionMetadata {
  return {
    transactionalId,
    producerId,
    previousProducerId: NO_PRODUCER_ID,
    nextProducerId: NO_PRODUCER_ID,
    producerEpoch: NO_PRODUCER_EPOCH,
    lastProducerEpoch: NO_PRODUCER_EPOCH,
    timeoutMs,
    state: 'EMPTY',
    topics: [],
    startedAt: NO_TIMESTAMP,
    updatedAt: now,
    clientVersion: 0,
  }
}

function move(
  from: TransactionMetadata,
  state: TransactionState,
  change: Partial<TransactionMetadata>,
): TransactionMetadata {
  return { ...from, previousProducerId: from.producerId, ...change, state: transactionEdges(from.state, state) }
}

/** 32767 is kept for the coordinator: it must always be able to fence one more time. */
export function isEpochExhausted(epoch: number): boolean {
  return epoch >= MAX_EPOCH - 1
}

/** InitProducerId between transactions. `lastProducerEpoch` −1: the bump was not asked for by the current owner. */
export function initialised(
  from: TransactionMetadata,
  producerEpoch: number,
  lastProducerEpoch: number,
  timeoutMs: number,
  now: number,
): TransactionMetadata {
  return move(from, 'EMPTY', {
    producerEpoch,
    lastProducerEpoch,
    timeoutMs,
    topics: [],
    startedAt: NO_TIMESTAMP,
    updatedAt: now,
  })
}

/** InitProducerId when the epochs of the producer id are used up. */
export function rotated(
  from: TransactionMetadata,
  producerId: number,
  keepLastEpoch: boolean,
  timeoutMs: number,
  now: number,
): TransactionMetadata {
  const lastProducerEpoch = keepLastEpoch ? from.producerEpoch : NO_PRODUCER_EPOCH
  return { ...initialised(from, 0, lastProducerEpoch, timeoutMs, now), producerId }
}

export function withPartitions(
  from: TransactionMetadata,
  added: readonly TopicPartitions[],
  clientVersion: ClientTransactionVersion,
  now: number,
): TransactionMetadata {
  return move(from, 'ONGOING', {
    topics: mergePartitions(from.topics, added),
    startedAt: isIdle(from.state) ? now : from.startedAt,
    updatedAt: now,
    clientVersion,
  })
}

/** The end of a transaction, or of an empty one (KIP-890), at the request of its producer. */
export function prepared(
  from: TransactionMetadata,
  state: 'PREPARE_COMMIT' | 'PREPARE_ABORT',
  clientVersion: ClientTransactionVersion,
  nextProducerId: number,
  now: number,
): TransactionMetadata {
  const startedAt = isIdle(from.state) ? now : from.startedAt
  const bump = clientVersion === 2
  return move(from, state, {
    producerEpoch: bump ? Math.min(from.producerEpoch + 1, MAX_EPOCH) : from.producerEpoch,
    lastProducerEpoch: bump ? from.producerEpoch : from.lastProducerEpoch,
    nextProducerId,
    startedAt,
    updatedAt: now,
    clientVersion,
  })
}

/**
 * The coordinator ends a transaction by itself (timeout, new producer instance) and fences its producer by an epoch
 * that no client is told. Under transaction.version 2 the abort itself is that bump: bumping twice would burn epochs
 * (Z25).
 */
export function fenced(
  from: TransactionMetadata,
  clientVersion: ClientTransactionVersion,
  nextProducerId: number,
  now: number,
  bumpOnce: boolean,
): TransactionMetadata {
  const fencing = move(from, 'PREPARE_EPOCH_FENCE', {})
  if (clientVersion === 2) {
    const aborting = prepared(fencing, 'PREPARE_ABORT', 2, nextProducerId, now)
    return bumpOnce ? aborting : { ...aborting, producerEpoch: from.producerEpoch + 2 }
  }
  const bumped = {
    ...fencing,
    producerEpoch: Math.min(from.producerEpoch + 1, MAX_EPOCH),
    lastProducerEpoch: NO_PRODUCER_EPOCH,
  }
  return prepared(bumped, 'PREPARE_ABORT', 0, NO_PRODUCER_ID, now)
}

/** All markers are written. */
export function completed(from: TransactionMetadata, now: number): TransactionMetadata {
  const rotate = from.clientVersion === 2 && from.nextProducerId !== NO_PRODUCER_ID
  return move(from, from.state === 'PREPARE_COMMIT' ? 'COMPLETE_COMMIT' : 'COMPLETE_ABORT', {
    producerId: rotate ? from.nextProducerId : from.producerId,
    producerEpoch: rotate ? 0 : from.producerEpoch,
    nextProducerId: NO_PRODUCER_ID,
    topics: [],
    updatedAt: now,
  })
}

export function containsPartition(metadata: TransactionMetadata, topic: string, partition: number): boolean {
  return metadata.topics.some((entry) => entry.topic === topic && entry.partitions.includes(partition))
}

export function containsAll(metadata: TransactionMetadata, topics: readonly TopicPartitions[]): boolean {
  return topics.every(({ topic, partitions }) => partitions.every((p) => containsPartition(metadata, topic, p)))
}

function mergePartitions(
  have: readonly TopicPartitions[],
  added: readonly TopicPartitions[],
): readonly TopicPartitions[] {
  const merged = new Map(have.map(({ topic, partitions }) => [topic, partitions]))
  for (const { topic, partitions } of added) {
    merged.set(topic, [...new Set([...(merged.get(topic) ?? []), ...partitions])])
  }
  return Array.from(merged, ([topic, partitions]) => ({ topic, partitions }))
}
