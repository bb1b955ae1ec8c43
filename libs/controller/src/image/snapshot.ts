/**
 * The image as records, and as a snapshot file in Kafka's form: SnapshotHeader, batches of records, SnapshotFooter.
 *
 * The order matters to whoever replays it: features, then brokers, then topics with their partitions, then configs.
 * Source: KIP-630; Kafka's MetadataImage.write, RecordsSnapshotWriter.
 */
import { buildControlBatch } from '@troupe/wire/record-batch'
import { encodeEntries, type MetadataEntry } from '../records.ts'
import type { OffsetAndEpoch } from '../quorum-store.ts'
import type { MetadataImage } from './image.ts'
import { resourceTypes, type BrokerImage, type ConfigType, type PartitionImage, type TopicImage } from './types.ts'

const RECORDS_PER_BATCH = 1000

export function imageRecords(image: MetadataImage): MetadataEntry[] {
  const entries: MetadataEntry[] = []
  // metadata.version first: it says how to read the rest.
  const names = [...image.features.keys()].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  for (const name of names) {
    entries.push({ type: 'FeatureLevelRecord', value: { name, featureLevel: image.features.get(name)! } })
  }
  for (const broker of image.brokers.values()) entries.push(brokerRecord(broker))
  for (const topic of image.topicsById.values()) entries.push(...topicRecords(topic))
  for (const [key, values] of image.configTable) {
    const split = key.indexOf(':')
    const resourceType = resourceTypes[key.slice(0, split) as ConfigType]
    for (const [name, value] of values) {
      entries.push({ type: 'ConfigRecord', value: { resourceType, resourceName: key.slice(split + 1), name, value } })
    }
  }
  if (image.producerIds.nextProducerId > 0) entries.push({ type: 'ProducerIdsRecord', value: { ...image.producerIds } })
  entries.push(...image.others.values())
  return entries
}

const rank = (feature: string): number => (feature === 'metadata.version' ? 0 : 1)

function brokerRecord(broker: BrokerImage): MetadataEntry {
  return {
    type: 'RegisterBrokerRecord',
    value: {
      brokerId: broker.id,
      incarnationId: broker.incarnationId,
      brokerEpoch: broker.epoch,
      endPoints: broker.listeners,
      features: broker.features,
      rack: broker.rack,
      fenced: broker.fenced,
      inControlledShutdown: broker.inControlledShutdown,
      logDirs: broker.logDirs,
      cordonedLogDirs: broker.cordonedLogDirs.length > 0 ? broker.cordonedLogDirs : null,
    },
  }
}

function topicRecords(topic: TopicImage): MetadataEntry[] {
  return [
    { type: 'TopicRecord', value: { name: topic.name, topicId: topic.id } },
    ...topic.partitions.map((partition) => partitionRecord(topic.id, partition)),
  ]
}

export function partitionRecord(topicId: string, partition: PartitionImage): MetadataEntry {
  const { elr, lastKnownElr } = partition
  return {
    type: 'PartitionRecord',
    value: {
      partitionId: partition.partition,
      topicId,
      replicas: partition.replicas,
      isr: partition.isr,
      removingReplicas: partition.removingReplicas,
      addingReplicas: partition.addingReplicas,
      leader: partition.leader,
      leaderRecoveryState: partition.leaderRecoveryState,
      leaderEpoch: partition.leaderEpoch,
      partitionEpoch: partition.partitionEpoch,
      directories: partition.directories,
      eligibleLeaderReplicas: elr.length > 0 ? elr : null,
      lastKnownElr: lastKnownElr.length > 0 ? lastKnownElr : null,
    },
  }
}

/** What a snapshot at the image's offset is called: its end is exclusive. */
export const snapshotId = (image: MetadataImage): OffsetAndEpoch => ({ offset: image.offset + 1, epoch: image.epoch })

export function encodeSnapshot(image: MetadataImage): Uint8Array {
  const { epoch, timestamp } = image
  const partitionLeaderEpoch = epoch
  const parts = [
    buildControlBatch({
      baseOffset: 0,
      partitionLeaderEpoch,
      timestamp,
      records: [{ type: 'snapshotHeader', message: { version: 0, lastContainedLogTimestamp: timestamp } }],
    }),
  ]
  const entries = imageRecords(image)
  let offset = 1
  for (let at = 0; at < entries.length; at += RECORDS_PER_BATCH) {
    const batch = entries.slice(at, at + RECORDS_PER_BATCH)
    parts.push(encodeEntries(batch, offset, epoch, timestamp))
    offset += batch.length
  }
  parts.push(
    buildControlBatch({
      baseOffset: offset,
      partitionLeaderEpoch,
      timestamp,
      records: [{ type: 'snapshotFooter', message: { version: 0 } }],
    }),
  )
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
