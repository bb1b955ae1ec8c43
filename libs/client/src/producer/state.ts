/**
 * The state of a producer: batches by partition, sends that wait for room, requests under way, the transaction.
 *
 * A partition has one list of batches in the order of their sequences, sent ones included: a batch that is retried is
 * marked, not moved. So retries cannot change the order, and only what was never sent has no sequence yet (Z16).
 */
import { recordSize } from '@troupe/wire/record-batch'
import type { Env, Outbox, ReplyToken } from '@troupe/actor'
import { producerDefaults, type ProducerProperties } from '../config.ts'
import type {
  BrokerEndpoint,
  GroupMetadata,
  MetadataSnapshot,
  OffsetToCommit,
  ProducerRecord,
  RecordHeader,
  SendManyResult,
  SendResult,
} from '../messages.ts'
import type { Partitioner } from './partitioner.ts'
import type { TransactionPhase } from './transactions.ts'

export interface OutgoingRecord {
  /** Sends are numbered as they come. */
  readonly n: number
  /** Who hears of this record alone. */
  readonly replyTo: ReplyToken | null
  /** The `sendMany` it came with, and its place there; −1: none. */
  readonly many: number
  readonly index: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
  readonly timestamp: number
}

export interface Batch {
  readonly id: number
  records: OutgoingRecord[]
  /** Its bytes before compression, and what it takes of `buffer.memory`. */
  size: number
  readonly memory: number
  readonly createdAt: number
  /** Had no room for a record that came: gets no other, and does not linger. */
  closed: boolean
  sent: boolean
  attempts: number
  /** Retried no earlier, unless the leader changes. */
  retryAt: number
  /** The leader epoch it was last sent under. */
  leaderEpoch: number
  /** −1 until it is sent for the first time. */
  baseSequence: number
  producerId: number
  producerEpoch: number
  /** Has a sequence and is not done: the partition's sequences are reckoned with it (Java's inflightBatchesBySequence). */
  tracked: boolean
  /** Its sequence was given anew after the broker had lost the producer's state. */
  sequenceReset: boolean
  /** Some attempt may have been appended. */
  indefinite: boolean
}

export interface PartitionState {
  readonly key: string
  readonly topic: string
  readonly partition: number
  batches: Batch[]
  producerId: number
  producerEpoch: number
  nextSequence: number
  lastAckedSequence: number
  lastAckedOffset: number
  /** A batch that was sent has been given up: the sequence after it, until it is known whether it was appended. −1: none. */
  unresolved: number
}

/** Records of one message, those from `at` on. The first of them holds the others back. */
export interface BlockedSend {
  /** Of the record at `at`. */
  n: number
  readonly records: readonly ProducerRecord[]
  at: number
  readonly replyTo: ReplyToken | null
  readonly many: number
  readonly deadlineAt: number
  waitsFor: 'metadata' | 'memory'
  /** What the partitioner said of the record at `at`, −1 when it was not asked: it is asked once. */
  chosen: number
}

/** A `sendMany` whose answer is not complete. */
export interface ManySends {
  readonly replyTo: ReplyToken
  /** Records are answered for themselves. */
  readonly each: boolean
  readonly results: SendResult[] | null
  firstError: SendManyResult['firstError']
  left: number
}

export interface TopicQuestion {
  readonly replyTo: ReplyToken
  readonly topic: string
  readonly deadlineAt: number
}

/** When a broker last had something to get, and when it last got something (KIP-794). */
export interface NodeLatency {
  readyAt: number
  drainedAt: number
}

export interface ProduceAsk {
  readonly kind: 'produce'
  readonly broker: number
  readonly items: readonly ProduceItem[]
}

export interface ProduceItem {
  readonly key: string
  readonly topicId: string
  readonly batch: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly records: number
}

/** A request to a coordinator, or the search for one. */
export type TransactionRequest = { readonly retryAt: number; readonly operation: number } & (
  | { readonly type: 'findCoordinator'; readonly of: 'group' | 'transaction'; readonly key: string }
  | { readonly type: 'initProducerId'; readonly bump: boolean }
  | { readonly type: 'addPartitions'; readonly partitions: readonly string[] }
  | { readonly type: 'addOffsets'; readonly offsets: readonly OffsetToCommit[]; readonly group: GroupMetadata }
  | { readonly type: 'commitOffsets'; readonly offsets: readonly OffsetToCommit[]; readonly group: GroupMetadata }
  | { readonly type: 'endTxn'; readonly committed: boolean; readonly v2: boolean }
)

export interface TransactionAsk {
  readonly kind: 'transaction'
  readonly request: TransactionRequest
}

export interface Problem {
  readonly error: number
  readonly detail: string | null
  /** It was the wrong moment to ask. */
  readonly usage?: true
}

export type OperationName = 'initTransactions' | 'sendOffsets' | 'commitTransaction' | 'abortTransaction'

export interface Operation {
  readonly id: number
  readonly name: OperationName
  /** null: nobody (any more); the same call again waits for it. */
  waiting: ReplyToken | null
  deadlineAt: number
  /** null: under way. */
  outcome: (Problem & { readonly severity: 'none' | 'abortable' | 'fatal' }) | null
}

export interface TransactionState {
  phase: TransactionPhase
  lastError: Problem | null
  producerId: number
  producerEpoch: number
  /** KIP-890 part 2: the brokers have `transaction.version` 2. */
  v2: boolean
  featuresEpoch: number
  /** The coordinator has heard of this transaction. */
  started: boolean
  epochBumpRequired: boolean
  /** Keys of partitions whose sequences begin anew with the next epoch. */
  partitionsToRewrite: Set<string>
  newPartitions: Set<string>
  pendingPartitions: Set<string>
  partitions: Set<string>
  requests: TransactionRequest[]
  inFlight: boolean
  coordinator: BrokerEndpoint | null
  groupCoordinator: BrokerEndpoint | null
  operation: Operation | null
  nextOperation: number
}

export interface ProducerState {
  readonly config: ProducerProperties
  /** The application's own. A function: a state that has one cannot be cloned. */
  readonly partitioner: Partitioner | null
  partitions: Map<string, PartitionState>
  /** The same, by topic and number: each record looks for its own. */
  byTopic: Map<string, PartitionState[]>
  /** By topic: the partition that records without a key go to, and how much it got. */
  sticky: Map<string, { readonly partition: number; produced: number }>
  /** By topic: whose turn it is (`roundrobin`). */
  turns: Map<string, number>
  /** By broker; kept only with `partitioner.availability.timeout.ms`. */
  latencies: Map<number, NodeLatency>
  blocked: BlockedSend[]
  manys: Map<number, ManySends>
  nextMany: number
  topicQuestions: TopicQuestion[]
  memoryUsed: number
  nextRecord: number
  nextBatch: number
  metadata: MetadataSnapshot | null
  topics: Set<string>
  /** The snapshot after which a refresh was asked for. */
  refreshAsked: number
  asks: Map<number, ProduceAsk | TransactionAsk>
  nextAsk: number
  /** Produce requests under way, by broker. */
  inFlight: Map<number, number>
  flushes: { readonly replyTo: ReplyToken; readonly upTo: number }[]
  closing: { readonly replyTo: ReplyToken; readonly deadlineAt: number } | null
  stopped: boolean
  transaction: TransactionState
  timerAt: number
}

export interface Step {
  readonly state: ProducerState
  readonly env: Env
  readonly out: Outbox
}

export const NEVER = Number.MAX_SAFE_INTEGER
export const NO_ID = -1

export function newProducerState(
  properties: Partial<ProducerProperties>,
  partitioner: Partitioner | null = null,
): ProducerState {
  return {
    config: { ...producerDefaults, ...properties },
    partitioner,
    partitions: new Map(),
    byTopic: new Map(),
    sticky: new Map(),
    turns: new Map(),
    latencies: new Map(),
    blocked: [],
    manys: new Map(),
    nextMany: 0,
    topicQuestions: [],
    memoryUsed: 0,
    nextRecord: 0,
    nextBatch: 0,
    metadata: null,
    topics: new Set(),
    refreshAsked: -1,
    asks: new Map(),
    nextAsk: 0,
    inFlight: new Map(),
    flushes: [],
    closing: null,
    stopped: false,
    transaction: {
      phase: 'UNINITIALIZED',
      lastError: null,
      producerId: NO_ID,
      producerEpoch: NO_ID,
      v2: false,
      featuresEpoch: -1,
      started: false,
      epochBumpRequired: false,
      partitionsToRewrite: new Set(),
      newPartitions: new Set(),
      pendingPartitions: new Set(),
      partitions: new Set(),
      requests: [],
      inFlight: false,
      coordinator: null,
      groupCoordinator: null,
      operation: null,
      nextOperation: 0,
    },
    timerAt: NEVER,
  }
}

export function isTransactional({ config }: ProducerState): boolean {
  return config['transactional.id'] !== null
}

/** Whether there are producer ids and sequences at all. */
export function isIdempotent(state: ProducerState): boolean {
  return state.config['enable.idempotence'] || isTransactional(state)
}

export function partitionOf(state: ProducerState, topic: string, partition: number): PartitionState {
  return state.byTopic.get(topic)?.[partition] ?? newPartition(state, topic, partition)
}

function newPartition({ partitions, byTopic }: ProducerState, topic: string, partition: number): PartitionState {
  const made: PartitionState = {
    key: `${topic}-${partition}`,
    topic,
    partition,
    batches: [],
    producerId: NO_ID,
    producerEpoch: NO_ID,
    nextSequence: 0,
    lastAckedSequence: -1,
    lastAckedOffset: -1,
    unresolved: -1,
  }
  partitions.set(made.key, made)
  const ofTopic = byTopic.get(topic) ?? []
  ofTopic[partition] = made
  byTopic.set(topic, ofTopic)
  return made
}

/** May get records: it was never sent, and had room for all that came. */
export function isOpen({ closed, sent, attempts, baseSequence }: Batch): boolean {
  return !closed && !sent && attempts === 0 && baseSequence < 0
}

/** The bytes of a record as the batch's next. `bound`: see `recordSize`. */
export function sizeIn({ records }: Batch, record: OutgoingRecord, bound?: number): number {
  const since = records.length === 0 ? 0 : record.timestamp - records[0]!.timestamp
  return recordSize(record, since, records.length, bound)
}

export function hasRoom(batch: Batch, record: OutgoingRecord, bound?: number): boolean {
  return batch.size + sizeIn(batch, record, bound) <= batch.memory
}

/** Something sent is not yet acknowledged or given up. */
export function hasIncomplete(state: ProducerState): boolean {
  if (state.blocked.length > 0) return true
  for (const { batches } of state.partitions.values()) if (batches.length > 0) return true
  return false
}
