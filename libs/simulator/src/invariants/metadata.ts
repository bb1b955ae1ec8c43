/**
 * K6 and K7 of the catalogue, over the metadata images of brokers: pure functions over a ghost, to be called whenever an
 * image has moved on.
 *
 *   K6  the images of two brokers at one offset are equal, whether they came by records, by a snapshot or by both
 *   K7  a broker epoch belongs to one registration, and a broker's epochs grow; partition and leader epochs never fall,
 *       and nothing of a partition changes under the same partition epoch (which is what AlterPartition is compared with)
 *
 * Source: KIP-497, KIP-631; Kafka's ReplicationControlManager, ClusterControlManager.
 */
import type { MetadataImage } from '@troupe/controller/image'
import { imageRecords } from '@troupe/controller/image/snapshot'
import type { Violation } from '../model/contract.ts'

/** Of a partition, what its epochs guard. */
export interface PartitionFacts {
  readonly offset: number
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly isr: readonly number[]
}

export interface MetadataGhost {
  /** By offset: what the image holds there. */
  readonly images: Map<number, string>
  /** By topic id and partition. */
  readonly partitions: Map<string, PartitionFacts>
  /** By broker epoch. */
  readonly registrations: Map<number, { readonly broker: number; readonly incarnationId: string }>
  /** By broker: its latest epoch, and at which offset it was seen. */
  readonly brokers: Map<number, { readonly offset: number; readonly epoch: number }>
}

export const newMetadataGhost = (): MetadataGhost => ({
  images: new Map(),
  partitions: new Map(),
  registrations: new Map(),
  brokers: new Map(),
})

const broken = (invariant: string, detail: string): Violation => ({ invariant, detail })

/** `broker` shows this image now. */
export function afterPublish(ghost: MetadataGhost, broker: number, image: MetadataImage): Violation | null {
  return checkEqual(ghost, broker, image) ?? checkBrokers(ghost, image) ?? checkPartitions(ghost, image)
}

function checkEqual({ images }: MetadataGhost, broker: number, image: MetadataImage): Violation | null {
  const own = imageDigest(image)
  const known = images.get(image.offset)
  if (known === undefined) images.set(image.offset, own)
  else if (known !== own) {
    return broken('K6', `broker ${broker} has another image at ${image.offset}: ${firstDifference(known, own)}`)
  }
  return null
}

/** Independent of how the image came about: the order of records in a snapshot is not part of it. */
export function imageDigest(image: MetadataImage): string {
  const lines = imageRecords(image).map(({ type, value }) => `${type} ${JSON.stringify(value, inOrder)}`)
  return lines.sort().join('\n')
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function firstDifference(one: string, other: string): string {
  const theirs = new Set(one.split('\n'))
  const ours = new Set(other.split('\n'))
  const extra = [...ours].find((line) => !theirs.has(line))
  return extra ?? `lacks ${[...theirs].find((line) => !ours.has(line))}`
}

function checkBrokers({ registrations, brokers }: MetadataGhost, image: MetadataImage): Violation | null {
  const { offset } = image
  for (const { id, epoch, incarnationId } of image.brokers.values()) {
    const registered = registrations.get(epoch)
    if (registered === undefined) registrations.set(epoch, { broker: id, incarnationId })
    else if (registered.broker !== id || registered.incarnationId !== incarnationId) {
      return broken('K7', `broker epoch ${epoch} is given to ${registered.broker} and to ${id}`)
    }
    const before = brokers.get(id)
    if (before !== undefined && before.offset >= offset) continue
    if (before !== undefined && before.epoch > epoch) {
      return broken('K7', `the epoch of broker ${id} falls from ${before.epoch} to ${epoch}`)
    }
    brokers.set(id, { offset, epoch })
  }
  return null
}

function checkPartitions({ partitions }: MetadataGhost, image: MetadataImage): Violation | null {
  for (const topic of image.topics()) {
    for (const { partition, leader, leaderEpoch, partitionEpoch, isr } of topic.partitions) {
      const key = `${topic.id}/${partition}`
      const before = partitions.get(key)
      if (before !== undefined && before.offset >= image.offset) continue
      const now: PartitionFacts = { offset: image.offset, leader, leaderEpoch, partitionEpoch, isr }
      const wrong = before === undefined ? null : whatIsWrong(before, now)
      if (wrong !== null) return broken('K7', `${topic.name}-${partition}: ${wrong}`)
      partitions.set(key, now)
    }
  }
  return null
}

function whatIsWrong(before: PartitionFacts, now: PartitionFacts): string | null {
  if (now.leaderEpoch < before.leaderEpoch)
    return `leader epoch ${before.leaderEpoch} is followed by ${now.leaderEpoch}`
  if (now.partitionEpoch < before.partitionEpoch) {
    return `partition epoch ${before.partitionEpoch} is followed by ${now.partitionEpoch}`
  }
  if (now.leader !== before.leader && now.leader >= 0 && now.leaderEpoch === before.leaderEpoch) {
    return `${before.leader} and ${now.leader} lead in epoch ${now.leaderEpoch}`
  }
  const isSame = now.leader === before.leader && now.isr.join() === before.isr.join()
  return now.partitionEpoch === before.partitionEpoch && !isSame
    ? `changes without a new partition epoch ${now.partitionEpoch}`
    : null
}
