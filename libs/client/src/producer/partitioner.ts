/**
 * Which partition a record goes to: by the hash of its key; without a key, one partition for a batch's worth of bytes,
 * then another (KIP-480, KIP-794). Or as `partitioner.class` or the application says. Source: Utils.murmur2,
 * BuiltInPartitioner, RoundRobinPartitioner.
 */
import { KafkaError } from '@troupe/wire/errors'
import type { ProducerProperties } from '../config.ts'
import type { ProducerRecord, TopicMetadata } from '../messages.ts'
import {
  hasRoom,
  isOpen,
  type OutgoingRecord,
  type PartitionState,
  type Problem,
  type ProducerState,
  type Step,
} from './state.ts'

/** The application's own: a pure function. `available`: the partitions that have a leader, in order. */
export type Partitioner = (
  topic: string,
  key: Uint8Array | null,
  value: Uint8Array | null,
  partitionCount: number,
  available: readonly number[],
) => number

const roundRobin: ReadonlySet<string> = new Set([
  'roundrobin',
  'org.apache.kafka.clients.producer.RoundRobinPartitioner',
])

/** Whether `partitioner.class` names one that is known here. */
export function isKnownPartitioner({
  'partitioner.class': name,
}: Pick<ProducerProperties, 'partitioner.class'>): boolean {
  return name === null || roundRobin.has(name)
}

export function hasOwnPartitioner({ config, partitioner }: ProducerState): boolean {
  return partitioner !== null || config['partitioner.class'] !== null
}

/** Asked once for each record, with a key or without. */
export function askPartitioner({ state }: Step, topic: TopicMetadata, record: ProducerRecord): number | Problem {
  const count = topic.partitions.length
  const available = withLeader(topic)
  if (state.partitioner === null) {
    const turn = state.turns.get(topic.name) ?? 0
    state.turns.set(topic.name, (turn + 1) % 0x8000_0000)
    return available.length > 0 ? available[turn % available.length]! : turn % count
  }
  try {
    const chosen = state.partitioner(topic.name, record.key, record.value, count, available)
    if (Number.isInteger(chosen) && chosen >= 0 && chosen < count) return chosen
    return { error: KafkaError.INVALID_PARTITIONS, detail: `the partitioner said ${chosen} of ${count} partitions` }
  } catch (error) {
    return { error: KafkaError.UNKNOWN_SERVER_ERROR, detail: `the partitioner threw: ${(error as Error).message}` }
  }
}

/** Metadata never changes, so what is reckoned from it need not be reckoned again. */
const leading = new WeakMap<TopicMetadata, readonly number[]>()

function withLeader(topic: TopicMetadata): readonly number[] {
  let known = leading.get(topic)
  if (known === undefined) {
    known = topic.partitions.filter(({ leader }) => leader >= 0).map(({ partition }) => partition)
    leading.set(topic, known)
  }
  return known
}

const SEED = 0x9747b28c
const M = 0x5bd1e995

/** 32 bits, signed, as Java has them. */
export function murmur2(data: Uint8Array): number {
  const length = data.length
  let h = SEED ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let k = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)
    k = Math.imul(k, M)
    k ^= k >>> 24
    h = Math.imul(h, M) ^ Math.imul(k, M)
  }
  const rest = length - at
  if (rest === 3) h ^= data[at + 2]! << 16
  if (rest >= 2) h ^= data[at + 1]! << 8
  if (rest >= 1) h = Math.imul(h ^ data[at]!, M)
  h ^= h >>> 13
  h = Math.imul(h, M)
  return h ^ (h >>> 15)
}

export function partitionForKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

/**
 * The partition for a record without a key. It changes when `batch.size` bytes
 * have gone there and a batch ends, so that none leaves half full; twice the size is enough in any case.
 */
export function stickyPartition(step: Step, topic: TopicMetadata, record: OutgoingRecord): number {
  const { state } = step
  const current = state.sticky.get(topic.name)
  if (current && current.partition < topic.partitions.length) {
    const size = state.config['batch.size']
    const { partition, produced } = current
    if (produced < size) return partition
    const last = state.partitions.get(`${topic.name}-${partition}`)?.batches.at(-1)
    if (produced < 2 * size && last && isOpen(last) && hasRoom(last, record)) return partition
  }
  const partition = nextPartition(step, topic)
  state.sticky.set(topic.name, { partition, produced: 0 })
  return partition
}

export function countSticky({ state }: Step, topic: string, bytes: number): void {
  state.sticky.get(topic)!.produced += bytes
}

/** By chance; a partition with a longer queue less often, if so configured. */
function nextPartition({ state, env }: Step, topic: TopicMetadata): number {
  const chance = env.random() & 0x7fffffff
  const available = topic.partitions.filter(({ leader }) => leader >= 0)
  if (available.length === 0) return chance % topic.partitions.length
  if (!state.config['partitioner.adaptive.partitioning.enable']) return available[chance % available.length]!.partition
  const answering = available.filter(({ leader }) => !isSlow(state, leader))
  if (answering.length === 0) return available[chance % available.length]!.partition
  const queues = answering.map(({ partition }) => queued(state.partitions.get(`${topic.name}-${partition}`)))
  const most = Math.max(...queues) + 1
  const total = queues.reduce((sum, length) => sum + most - length, 0)
  let left = chance % total
  for (const [index, length] of queues.entries()) {
    left -= most - length
    if (left < 0) return answering[index]!.partition
  }
  return answering[0]!.partition
}

function queued(partition: PartitionState | undefined): number {
  return partition?.batches.filter(({ sent }) => !sent).length ?? 0
}

/** A broker that had something to get for `partitioner.availability.timeout.ms`, and could not take it. */
function isSlow({ config, latencies }: ProducerState, broker: number): boolean {
  const limit = config['partitioner.availability.timeout.ms']
  const latency = limit > 0 ? latencies.get(broker) : undefined
  return latency !== undefined && latency.readyAt - latency.drainedAt > limit
}

/** A broker has batches waiting; `drained`: and gets them. Source: RecordAccumulator.updateNodeLatencyStats. */
export function noteLatency({ state, env }: Step, broker: number, drained: boolean): void {
  if (state.config['partitioner.availability.timeout.ms'] <= 0) return
  const known = state.latencies.get(broker)
  if (known === undefined) state.latencies.set(broker, { readyAt: env.now, drainedAt: env.now })
  else {
    known.readyAt = env.now
    if (drained) known.drainedAt = env.now
  }
}
