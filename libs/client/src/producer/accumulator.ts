/**
 * Records become batches: room in `buffer.memory`, `batch.size`, who has to wait, what is given up.
 *
 * Where Java's `send` blocks its thread for metadata or memory, here the message waits in `blocked`, in the order of the
 * sends, for `max.block.ms` at most. Source: KafkaProducer.doSend, RecordAccumulator, BufferPool.
 */
import { KafkaError, errorName } from '@troupe/wire/errors'
import { BATCH_OVERHEAD, recordSizeUpperBound } from '@troupe/wire/record-batch'
import { clientActorNames, type Send, type SendResult, type TopicMetadata } from '../messages.ts'
import { countSticky, partitionForKey, stickyPartition } from './partitioner.ts'
import {
  partitionOf,
  type Batch,
  type BlockedSend,
  type OutgoingRecord,
  type PartitionState,
  type Problem,
  type ProducerState,
  type Step,
} from './state.ts'
import { refuseSend, joinTransaction } from './transactions.ts'

const refused = { partition: -1, offset: -1, timestamp: -1, indefinite: false }

export function onSend(step: Step, send: Send): void {
  const { state, env } = step
  const problem = state.closing
    ? { error: KafkaError.INVALID_REQUEST, detail: 'the producer is closed' }
    : refuseSend(step)
  if (problem) return refuse(step, send, problem)
  const deadlineAt = env.now + state.config['max.block.ms']
  state.blocked.push({ n: state.nextRecord++, send, deadlineAt, waitsFor: 'metadata' })
}

function refuse(step: Step, send: Send, { error, detail }: Problem): void {
  const answer: SendResult = { ...refused, error, detail, topic: send.topic, partition: send.partition ?? -1 }
  step.out.reply(send.replyTo, answer)
}

/** Takes in what waits and may go on. Memory is given in the order of the sends. */
export function admit(step: Step): void {
  const { state, env } = step
  if (state.blocked.length === 0) return
  const still: BlockedSend[] = []
  let memoryGone = false
  for (const blocked of state.blocked) {
    const outcome = admitOne(step, blocked, memoryGone)
    if (outcome === 'done') continue
    if (outcome === 'memory') memoryGone = true
    blocked.waitsFor = outcome
    if (blocked.deadlineAt > env.now) still.push(blocked)
    else
      refuse(step, blocked.send, { error: KafkaError.REQUEST_TIMED_OUT, detail: `no ${outcome} within max.block.ms` })
  }
  state.blocked = still
}

function admitOne(step: Step, { n, send }: BlockedSend, memoryGone: boolean): 'done' | 'metadata' | 'memory' {
  const { state, env } = step
  const problem = refuseSend(step, true)
  const topic = problem ? undefined : topicOf(step, send)
  if (problem || typeof topic === 'number') {
    const why = problem ?? { error: topic as number, detail: errorName(topic as number) }
    refuse(step, send, why)
    return 'done'
  }
  if (!topic) return 'metadata'
  const record: OutgoingRecord = {
    n,
    replyTo: send.replyTo,
    key: send.key,
    value: send.value,
    headers: send.headers ?? [],
    timestamp: send.timestamp ?? env.now,
  }
  const size = recordSizeUpperBound(record)
  const limit = Math.min(state.config['max.request.size'], state.config['buffer.memory'])
  if (size + BATCH_OVERHEAD > limit) {
    const detail = `${size + BATCH_OVERHEAD} bytes are over max.request.size or buffer.memory`
    refuse(step, send, { error: KafkaError.MESSAGE_TOO_LARGE, detail })
    return 'done'
  }
  if (memoryGone) return 'memory'
  return append(step, topic, send, record, size) ? 'done' : 'memory'
}

/** The topic's metadata, an error that does not pass, or undefined while it is not known. */
function topicOf(step: Step, { topic: name, partition }: Send): TopicMetadata | number | undefined {
  const { state } = step
  if (!state.topics.has(name)) {
    state.topics.add(name)
    watch(step)
    return undefined
  }
  const topic = state.metadata?.topics.get(name)
  if (!topic) return undefined
  const { error } = topic
  if (error === KafkaError.INVALID_TOPIC_EXCEPTION || error === KafkaError.TOPIC_AUTHORIZATION_FAILED) return error
  if (topic.partitions.length > 0 && (partition === null || partition < topic.partitions.length)) return topic
  needMetadata(step)
  return undefined
}

/** Tells the network which topics this producer writes to. */
export function watch({ state, env, out }: Step): void {
  const network = { ...env.self, actor: clientActorNames.network }
  out.send(network, {
    kind: 'watchMetadata',
    from: env.self,
    topics: [...state.topics],
    allowAutoTopicCreation: true,
  } as never)
}

/** Asks for newer metadata, once per snapshot. */
export function needMetadata({ state, env, out }: Step): void {
  const version = state.metadata?.version ?? 0
  if (state.refreshAsked === version) return
  state.refreshAsked = version
  out.send({ ...env.self, actor: clientActorNames.network }, { kind: 'refreshMetadata' })
}

/** False: no memory for another batch. */
function append(step: Step, topic: TopicMetadata, send: Send, record: OutgoingRecord, size: number): boolean {
  const { state } = step
  const byKey = record.key !== null && !state.config['partitioner.ignore.keys']
  const index =
    send.partition ?? (byKey ? partitionForKey(record.key!, topic.partitions.length) : stickyPartition(step, topic))
  const partition = partitionOf(state, topic.name, index)
  const batch = roomIn(state, partition, size) ?? newBatch(step, partition, size)
  if (!batch) return false
  batch.records.push(record)
  batch.size += size
  if (send.partition === null && !byKey) countSticky(step, topic.name, size)
  joinTransaction(step, partition)
  return true
}

function roomIn(state: ProducerState, { batches }: PartitionState, size: number): Batch | undefined {
  const last = batches.at(-1)
  if (!last || last.sent || last.attempts > 0 || last.baseSequence >= 0) return undefined
  return last.size + size <= state.config['batch.size'] ? last : undefined
}

function newBatch({ state, env }: Step, partition: PartitionState, size: number): Batch | undefined {
  const memory = Math.max(state.config['batch.size'], size + BATCH_OVERHEAD)
  // One batch always fits: a small buffer.memory is a limit of one at a time.
  if (state.memoryUsed > 0 && state.memoryUsed + memory > state.config['buffer.memory']) return undefined
  state.memoryUsed += memory
  const batch = emptyBatch(state, memory, env.now)
  partition.batches.push(batch)
  return batch
}

export function emptyBatch(state: ProducerState, memory: number, createdAt: number): Batch {
  return {
    id: state.nextBatch++,
    records: [],
    size: BATCH_OVERHEAD,
    memory,
    createdAt,
    sent: false,
    attempts: 0,
    retryAt: 0,
    leaderEpoch: -1,
    baseSequence: -1,
    producerId: -1,
    producerEpoch: -1,
    tracked: false,
    sequenceReset: false,
    indefinite: false,
  }
}

/** Takes a batch out; its memory is free for others. */
export function removeBatch({ state }: Step, partition: PartitionState, batch: Batch): void {
  partition.batches = partition.batches.filter((other) => other !== batch)
  state.memoryUsed -= batch.memory
}

/** Answers every record of a batch that failed. */
export function answerFailed(step: Step, partition: PartitionState, batch: Batch, problem: Problem): void {
  const { topic, partition: index } = partition
  const indefinite = batch.indefinite || batch.sent
  for (const { replyTo, timestamp } of batch.records) {
    const answer: SendResult = { ...problem, topic, partition: index, offset: -1, timestamp, indefinite }
    step.out.reply(replyTo, answer)
  }
}

/** Answers every record of a batch that is in the log from `baseOffset` on. */
export function answerDone(step: Step, at: PartitionState, batch: Batch, baseOffset: number, appendTime: number): void {
  for (const [index, record] of batch.records.entries()) {
    const answer: SendResult = {
      error: KafkaError.NONE,
      detail: null,
      topic: at.topic,
      partition: at.partition,
      offset: baseOffset < 0 ? -1 : baseOffset + index,
      timestamp: appendTime >= 0 ? appendTime : record.timestamp,
      indefinite: false,
    }
    step.out.reply(record.replyTo, answer)
  }
}

/** Gives up batches: all, or those that were never sent. */
export function abortBatches(step: Step, problem: Problem, which: 'all' | 'unsent'): void {
  for (const partition of step.state.partitions.values()) {
    for (const batch of partition.batches) {
      if (which === 'unsent' && (batch.sent || batch.baseSequence >= 0)) continue
      removeBatch(step, partition, batch)
      answerFailed(step, partition, batch, problem)
    }
  }
  for (const { send } of step.state.blocked) refuse(step, send, problem)
  step.state.blocked = []
}

/** Flushes whose records are all answered for. */
export function answerFlushes({ state, out }: Step): void {
  if (state.flushes.length === 0) return
  let oldest = state.nextRecord
  for (const { n } of state.blocked) oldest = Math.min(oldest, n)
  for (const { batches } of state.partitions.values())
    for (const { records } of batches) oldest = Math.min(oldest, records[0]!.n)
  state.flushes = state.flushes.filter(({ replyTo, upTo }) => {
    if (oldest < upTo) return true
    out.reply(replyTo, { error: KafkaError.NONE, detail: null, severity: 'none' })
    return false
  })
}
