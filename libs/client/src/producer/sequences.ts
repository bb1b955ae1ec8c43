/**
 * Sequence numbers: which batch gets which, what an error about them means, when they begin anew.
 *
 * Sequences of a partition count its records within one producer epoch. They begin anew only with a new epoch
 * (KIP-360): the same numbers of the same epoch for other records would be taken for what is there already, or let a
 * record that is there in a second time. Source: TransactionManager, TxnPartitionMap, TxnPartitionEntry.
 */
import { KafkaError, isRetriable } from '@troupe/wire/errors'
import { NO_ID, isTransactional, type Batch, type PartitionState, type ProducerState, type Step } from './state.ts'
import { abortableError, become, enqueue, requireEpochBump } from './transactions.ts'

const LAST_EPOCH = 32_767
const SEQUENCES = 0x8000_0000

export function addToSequence(sequence: number, records: number): number {
  return (sequence + records) % SEQUENCES
}

export function lastSequenceOf(batch: Batch): number {
  return addToSequence(batch.baseSequence, batch.records.length - 1)
}

function hasTracked({ batches }: PartitionState): boolean {
  return batches.some(({ tracked }) => tracked)
}

function isStale({ transaction }: ProducerState, partition: PartitionState): boolean {
  return partition.producerId !== transaction.producerId || partition.producerEpoch !== transaction.producerEpoch
}

/**
 * The leader may have no state of this producer yet, and then takes any sequence for its first: a second batch must not
 * come before the first one, as it would when that was refused by a leader that was only just becoming one
 * (KAFKA-14359). From transaction version 2 on the broker sees to it (KIP-890). Java lets the second one go.
 */
function isUnheardOf({ state, env }: Step, { lastAckedSequence }: PartitionState): boolean {
  if (!env.safeguards.firstBatchAlone || lastAckedSequence >= 0) return false
  return !isTransactional(state) || !state.transaction.v2
}

/** Whether the partition's next batch has to stay for the sake of sequences. */
export function mustWait(step: Step, partition: PartitionState, batch: Batch): boolean {
  const { state } = step
  const { transaction } = state
  if (transaction.phase === 'FATAL_ERROR' || transaction.producerId === NO_ID) return true
  if (isTransactional(state) && !transaction.partitions.has(partition.key)) return true
  if (batch.baseSequence < 0) {
    // Batches of the epoch before are still out; or one was given up, and may or may not have got its sequence.
    if (partition.unresolved >= 0) return true
    return hasTracked(partition) && (isStale(state, partition) || isUnheardOf(step, partition))
  }
  // A retry goes out alone, the oldest first, until all are settled.
  const first = partition.batches.find(({ tracked }) => tracked)
  return first !== undefined && first !== batch
}

/** Gives a batch its sequence, once and for all. */
export function assignSequence({ transaction }: ProducerState, partition: PartitionState, batch: Batch): void {
  if (batch.baseSequence >= 0) return
  if (isStale({ transaction } as ProducerState, partition) && !hasTracked(partition)) {
    partition.producerId = transaction.producerId
    partition.producerEpoch = transaction.producerEpoch
    partition.nextSequence = 0
    partition.lastAckedSequence = -1
  }
  batch.producerId = transaction.producerId
  batch.producerEpoch = transaction.producerEpoch
  batch.baseSequence = partition.nextSequence
  batch.tracked = true
  partition.nextSequence = addToSequence(partition.nextSequence, batch.records.length)
}

/** What is out gets sequences from 0 under the current id and epoch. */
function startAtBeginning(state: ProducerState, partition: PartitionState): void {
  const { producerId, producerEpoch } = state.transaction
  let sequence = 0
  for (const batch of partition.batches) {
    if (!batch.tracked) continue
    batch.producerId = producerId
    batch.producerEpoch = producerEpoch
    batch.baseSequence = sequence
    batch.sequenceReset = true
    sequence += batch.records.length
  }
  partition.producerId = producerId
  partition.producerEpoch = producerEpoch
  partition.nextSequence = sequence
  partition.lastAckedSequence = -1
}

/** After the transaction's epoch has changed. */
export function resetAllSequences(state: ProducerState): void {
  for (const partition of state.partitions.values()) forget(partition)
}

function forget(partition: PartitionState): void {
  for (const batch of partition.batches) batch.tracked = false
  partition.producerId = NO_ID
  partition.producerEpoch = NO_ID
  partition.nextSequence = 0
  partition.lastAckedSequence = -1
  partition.lastAckedOffset = -1
  partition.unresolved = -1
}

/** A batch was appended, even one that has been given up since. */
export function acknowledged(partition: PartitionState, lastSequence: number, lastOffset: number): void {
  if (lastSequence > partition.lastAckedSequence) partition.lastAckedSequence = lastSequence
  if (lastOffset > partition.lastAckedOffset) partition.lastAckedOffset = lastOffset
}

function isNext(partition: PartitionState, sequence: number): boolean {
  return sequence - partition.lastAckedSequence === 1
}

function bumpFor({ state }: Step, partition: PartitionState): void {
  state.transaction.epochBumpRequired = true
  state.transaction.partitionsToRewrite.add(partition.key)
}

/** The broker has lost the state of this producer: begin at sequence 0, in a new epoch. */
function startAnew(step: Step, partition: PartitionState): void {
  if (step.env.safeguards.resetSequencesOnlyWithNewEpoch) return bumpFor(step, partition)
  startAtBeginning(step.state, partition)
}

/** Whether an answer with `error` may be followed by sending the batch again. Readies the sequences for it. */
export function canRetry(step: Step, at: PartitionState, batch: Batch, error: number, logStartOffset: number): boolean {
  const transactional = isTransactional(step.state)
  if (error === KafkaError.UNKNOWN_PRODUCER_ID) {
    // The replica has moved away meanwhile; or the sequences were set to 0 since this request was sent.
    if (logStartOffset === -1 || batch.sequenceReset) return true
    if (at.lastAckedOffset < logStartOffset) {
      // All that was acknowledged has been deleted: nothing is there that the batch could repeat.
      if (transactional) startAtBeginning(step.state, at)
      else startAnew(step, at)
      return true
    }
    if (!transactional) startAnew(step, at)
    return !transactional
  }
  if (error === KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER) {
    const unresolved = at.unresolved >= 0
    // Not its turn: a batch before it has failed and comes first.
    if (!unresolved && (batch.sequenceReset || !isNext(at, batch.baseSequence))) return true
    if (transactional) return false
    if (!unresolved || batch.baseSequence === at.unresolved) bumpFor(step, at)
    return true
  }
  return isRetriable(error)
}

/** A batch was given up: what becomes of the sequences behind it. `definite`: the broker has refused it. */
export function sequenceGivenUp(
  step: Step,
  partition: PartitionState,
  batch: Batch,
  error: number,
  definite: boolean,
): void {
  if (!batch.tracked && batch.baseSequence < 0) return
  batch.tracked = false
  const transactional = isTransactional(step.state)
  if (step.state.transaction.phase === 'FATAL_ERROR') return
  if (error === KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER && !transactional) bumpFor(step, partition)
  else if (error === KafkaError.UNKNOWN_PRODUCER_ID) forget(partition)
  else if (definite && !transactional) bumpFor(step, partition)
  else if (definite) closeGap(partition, batch)
}

/** A refused batch never got its sequence: those behind it move up, though they are out (they will be refused, too). */
function closeGap(partition: PartitionState, failed: Batch): void {
  partition.nextSequence -= failed.records.length
  for (const batch of partition.batches)
    if (batch.tracked && batch.baseSequence > failed.baseSequence) {
      batch.baseSequence -= failed.records.length
      batch.sequenceReset = true
    }
}

/** A sent batch is given up without an answer. */
export function markUnresolved(partition: PartitionState, batch: Batch): void {
  const next = addToSequence(batch.baseSequence, batch.records.length)
  partition.unresolved = Math.max(partition.unresolved, next)
}

/** When nothing is out any more: was everything that was given up appended after all? */
export function resolveSequences(step: Step): void {
  const { state } = step
  for (const partition of state.partitions.values()) {
    if (partition.unresolved < 0 || hasTracked(partition)) continue
    partition.unresolved = -1
    if (isNext(partition, partition.nextSequence)) continue
    if (!isTransactional(state)) {
      bumpFor(step, partition)
      continue
    }
    requireEpochBump(step)
    const detail = 'records were given up after they had been sent; abort the transaction to go on'
    abortableError(step, { error: KafkaError.REQUEST_TIMED_OUT, detail })
  }
}

/** For a producer without transactions: raises the epoch by itself; asks for an id when it has none. */
export function bumpIdempotentEpoch(step: Step): void {
  const { state } = step
  const { transaction } = state
  if (transaction.epochBumpRequired && transaction.producerId !== NO_ID) {
    transaction.epochBumpRequired = false
    if (transaction.producerEpoch === LAST_EPOCH) {
      transaction.producerId = NO_ID
      transaction.producerEpoch = NO_ID
      become(transaction, 'UNINITIALIZED')
    } else {
      transaction.producerEpoch++
      rewriteSequences(state)
    }
  }
  if (transaction.phase !== 'UNINITIALIZED') return
  become(transaction, 'INITIALIZING')
  enqueue(transaction, { type: 'initProducerId', bump: false, retryAt: 0, operation: -1 })
}

/** With a new epoch: sequences of the partitions that made it necessary. The others change when nothing of theirs is out. */
export function rewriteSequences(state: ProducerState): void {
  const { partitionsToRewrite } = state.transaction
  for (const key of partitionsToRewrite) {
    const partition = state.partitions.get(key)!
    startAtBeginning(state, partition)
    partition.unresolved = -1
  }
  partitionsToRewrite.clear()
}
