/**
 * Which partition a record goes to: by the hash of its key; without a key, one partition for a batch's worth of bytes,
 * then another (KIP-480, KIP-794). Source: Utils.murmur2, BuiltInPartitioner.
 */
import type { TopicMetadata } from '../messages.ts'
import type { PartitionState, Step } from './state.ts'

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

/** The partition for the next record without a key. */
export function stickyPartition(step: Step, topic: TopicMetadata): number {
  const { state } = step
  const current = state.sticky.get(topic.name)
  if (current && current.partition < topic.partitions.length) {
    const batch = state.config['batch.size']
    const { produced } = current
    // It changes between batches, so that none leaves half full; twice the size is enough in any case.
    const between = allSent(state.partitions.get(`${topic.name}-${current.partition}`))
    if (produced < batch || (produced < 2 * batch && !between)) return current.partition
  }
  const partition = nextPartition(step, topic)
  state.sticky.set(topic.name, { partition, produced: 0 })
  return partition
}

export function countSticky({ state }: Step, topic: string, bytes: number): void {
  const { partition, produced } = state.sticky.get(topic)!
  state.sticky.set(topic, { partition, produced: produced + bytes })
}

function allSent(partition: PartitionState | undefined): boolean {
  return !partition || partition.batches.every((batch) => batch.sent || batch.attempts > 0)
}

/** By chance; a partition with a longer queue less often, if so configured. */
function nextPartition({ state, env }: Step, topic: TopicMetadata): number {
  const chance = env.random() & 0x7fffffff
  const available = topic.partitions.filter(({ leader }) => leader >= 0)
  if (available.length === 0) return chance % topic.partitions.length
  if (!state.config['partitioner.adaptive.partitioning.enable']) return available[chance % available.length]!.partition
  const queues = available.map(({ partition }) => queued(state.partitions.get(`${topic.name}-${partition}`)))
  const most = Math.max(...queues) + 1
  const total = queues.reduce((sum, length) => sum + most - length, 0)
  let left = chance % total
  for (const [index, length] of queues.entries()) {
    left -= most - length
    if (left < 0) return available[index]!.partition
  }
  return available[0]!.partition
}

function queued(partition: PartitionState | undefined): number {
  return partition?.batches.filter(({ sent }) => !sent).length ?? 0
}
