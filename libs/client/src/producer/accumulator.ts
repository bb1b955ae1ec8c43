/**
 * Records become batches: room in `buffer.memory`, `batch.size`, who has to wait, what is given up.
 *
 * Where Java's `send` blocks its thread for metadata or memory, here the message waits in `blocked`, in the order of the
 * sends, for `max.block.ms` at most. Source: KafkaProducer.doSend, RecordAccumulator, BufferPool.
 */
import { KafkaError, errorName } from '@troupe/wire/errors'
import { BATCH_OVERHEAD, recordSizeUpperBound } from '@troupe/wire/record-batch'
import {
  clientActorNames,
  type ProducerRecord,
  type RecordHeader,
  type Send,
  type SendMany,
  type SendManyResult,
  type SendResult,
  type TopicMetadata,
} from '../messages.ts'
import { answerFailed, pass, refuse, refuseAll } from './answers.ts'
import { askPartitioner, countSticky, hasOwnPartitioner, partitionForKey, stickyPartition } from './partitioner.ts'
import {
  hasRoom,
  isIdempotent,
  isOpen,
  partitionOf,
  sizeIn,
  type Batch,
  type BlockedSend,
  type OutgoingRecord,
  type PartitionState,
  type Problem,
  type ProducerState,
  type Step,
} from './state.ts'
import { batchFailed, joinTransaction, refuseSend } from './transactions.ts'

export function onSend(step: Step, send: Send): void {
  enqueue(step, [send], send.replyTo, -1)
}

export function onSendMany(step: Step, { records, replyTo, answer }: SendMany): void {
  const { state } = step
  if (records.length === 0) {
    if (replyTo) step.out.reply(replyTo, { firstError: null, results: [] } satisfies SendManyResult)
    return
  }
  const many = replyTo ? state.nextMany++ : -1
  if (replyTo) {
    const results: SendResult[] | null = answer === 'results' ? [] : null
    const each = answer === 'each'
    state.manys.set(many, { replyTo, each, results, firstError: null, left: records.length })
  }
  enqueue(step, records, null, many)
}

function enqueue(step: Step, records: readonly ProducerRecord[], replyTo: BlockedSend['replyTo'], many: number): void {
  const { state, env } = step
  const deadlineAt = env.now + state.config['max.block.ms']
  const n = state.nextRecord
  const blocked: BlockedSend = { n, records, at: 0, replyTo, many, deadlineAt, waitsFor: 'metadata', chosen: -1 }
  const problem = state.closing
    ? { error: KafkaError.INVALID_REQUEST, detail: 'the producer is closed', usage: true as const }
    : refuseSend(step)
  if (problem) return refuseAll(step, blocked, problem)
  state.nextRecord += records.length
  state.blocked.push(blocked)
}

/** A record of the transaction that will not be in it: nobody may commit the others. */
function lose(step: Step, blocked: BlockedSend, problem: Problem): void {
  if (isIdempotent(step.state)) batchFailed(step, problem)
  refuse(step, blocked, problem)
}

/** Takes in what waits and may go on. Memory is given in the order of the sends. */
export function admit(step: Step): void {
  const { state } = step
  if (state.blocked.length === 0) return
  const still: BlockedSend[] = []
  const held = new Set<string>()
  let memoryGone = false
  for (const blocked of state.blocked) {
    const outcome = admitRecords(step, blocked, memoryGone, held)
    if (outcome === 'done') continue
    blocked.waitsFor = outcome
    still.push(blocked)
    if (outcome === 'memory') memoryGone = true
    // Nobody overtakes the records that wait behind another topic's.
    else for (let at = blocked.at; at < blocked.records.length; at++) held.add(blocked.records[at]!.topic)
  }
  state.blocked = still
}

/** As many as may go; at the deadline those that may not are refused. */
function admitRecords(
  step: Step,
  blocked: BlockedSend,
  memoryGone: boolean,
  held: ReadonlySet<string>,
): 'done' | 'metadata' | 'memory' {
  const { records, deadlineAt } = blocked
  for (; blocked.at < records.length; pass(blocked)) {
    const isHeld = held.size > 0 && held.has(records[blocked.at]!.topic)
    const outcome = isHeld ? 'metadata' : admitOne(step, blocked, memoryGone)
    if (outcome === 'done') continue
    if (deadlineAt > step.env.now) return outcome
    lose(step, blocked, { error: KafkaError.REQUEST_TIMED_OUT, detail: `no ${outcome} within max.block.ms` })
  }
  return 'done'
}

function admitOne(step: Step, blocked: BlockedSend, memoryGone: boolean): 'done' | 'metadata' | 'memory' {
  const { state, env } = step
  const { n, records, at, replyTo, many } = blocked
  const send = records[at]!
  const problem = refuseSend(step, true)
  const topic = problem ? undefined : topicOf(step, send)
  if (problem) {
    refuse(step, blocked, problem)
    return 'done'
  }
  if (typeof topic === 'number') {
    lose(step, blocked, { error: topic, detail: errorName(topic) })
    return 'done'
  }
  if (!topic) return 'metadata'
  const record: OutgoingRecord = {
    n,
    replyTo,
    many,
    index: at,
    key: send.key,
    value: send.value,
    headers: send.headers ?? NO_HEADERS,
    timestamp: send.timestamp ?? env.now,
  }
  const size = recordSizeUpperBound(record)
  const limit = Math.min(state.config['max.request.size'], state.config['buffer.memory'])
  if (size + BATCH_OVERHEAD > limit) {
    const detail = `${size + BATCH_OVERHEAD} bytes are over max.request.size or buffer.memory`
    lose(step, blocked, { error: KafkaError.MESSAGE_TOO_LARGE, detail })
    return 'done'
  }
  if (memoryGone) return 'memory'
  const choice = choose(step, topic, send, blocked)
  if (typeof choice === 'object') {
    lose(step, blocked, choice)
    return 'done'
  }
  return append(step, topic, choice, record, size) ? 'done' : 'memory'
}

const NO_HEADERS: readonly RecordHeader[] = []
/** The sticky partition is chosen with the batch: a full one may end its time. */
const STICKY = -1

function choose(step: Step, topic: TopicMetadata, send: ProducerRecord, blocked: BlockedSend): number | Problem {
  if (send.partition !== null) return send.partition
  if (hasOwnPartitioner(step.state)) {
    if (blocked.chosen < 0) {
      const chosen = askPartitioner(step, topic, send)
      if (typeof chosen === 'object') return chosen
      blocked.chosen = chosen
    }
    return blocked.chosen
  }
  if (send.key === null || step.state.config['partitioner.ignore.keys']) return STICKY
  return partitionForKey(send.key, topic.partitions.length)
}

/** The topic's metadata, an error that does not pass, or undefined while it is not known. */
export function topicOf(
  step: Step,
  { topic: name, partition }: Pick<ProducerRecord, 'topic' | 'partition'>,
): TopicMetadata | number | undefined {
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

/** `bound`: of the record's size. False: no memory for another batch. */
function append(step: Step, topic: TopicMetadata, choice: number, record: OutgoingRecord, bound: number): boolean {
  const { state } = step
  const index = choice === STICKY ? stickyPartition(step, topic, record) : choice
  const partition = partitionOf(state, topic.name, index)
  const batch = roomIn(partition, record, bound) ?? newBatch(step, partition, bound)
  if (!batch) return false
  const before = batch.records.length === 0 ? 0 : batch.size
  batch.size += sizeIn(batch, record, bound)
  batch.records.push(record)
  if (choice === STICKY) countSticky(step, topic.name, batch.size - before)
  joinTransaction(step, partition)
  return true
}

/** Closes the last batch when there is none. */
function roomIn({ batches }: PartitionState, record: OutgoingRecord, bound: number): Batch | undefined {
  const last = batches.at(-1)
  if (!last || !isOpen(last)) return undefined
  if (hasRoom(last, record, bound)) return last
  last.closed = true
  return undefined
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
    closed: false,
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

/** Gives up batches: all, or those that were never sent. */
export function abortBatches(step: Step, problem: Problem, which: 'all' | 'unsent'): void {
  for (const partition of step.state.partitions.values()) {
    for (const batch of partition.batches) {
      if (which === 'unsent' && (batch.sent || batch.baseSequence >= 0)) continue
      removeBatch(step, partition, batch)
      answerFailed(step, partition, batch, problem)
    }
  }
  for (const blocked of step.state.blocked) refuseAll(step, blocked, problem)
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
