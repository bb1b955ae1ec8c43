/** What differs between two images, for a broker that gets a snapshot where it expected the next record. */
import { emptyDelta, touchPartition, type MetadataDelta } from './delta.ts'
import type { MetadataImage } from './image.ts'

export function diffImages(before: MetadataImage, after: MetadataImage): MetadataDelta {
  const delta = emptyDelta()
  for (const topic of before.topicsById.values()) if (!after.topicsById.has(topic.id)) delta.deletedTopics.push(topic)
  for (const topic of after.topicsById.values()) {
    const old = before.topicsById.get(topic.id)
    if (!old) delta.partitions.set(topic.id, new Set())
    topic.partitions.forEach(({ partitionEpoch }, index) => {
      if (old?.partitions[index]?.partitionEpoch !== partitionEpoch) touchPartition(delta, topic.id, index)
    })
  }
  for (const id of new Set([...before.brokers.keys(), ...after.brokers.keys()])) delta.brokers.add(id)
  for (const key of new Set([...before.configTable.keys(), ...after.configTable.keys()])) delta.configs.add(key)
  delta.features = true
  return delta
}

/** Makes `image` the same as `other`, in place: others hold on to it. */
export function become(image: MetadataImage, other: MetadataImage): void {
  image.clear()
  image.offset = other.offset
  image.epoch = other.epoch
  image.timestamp = other.timestamp
  copy(image.brokers, other.brokers)
  copy(image.topicsById, other.topicsById)
  copy(image.topicsByName, other.topicsByName)
  copy(image.configTable, other.configTable)
  copy(image.features, other.features)
  image.producerIds = other.producerIds
  copy(image.others, other.others)
  image.transaction = other.transaction
}

function copy<K, V>(to: Map<K, V>, from: ReadonlyMap<K, V>): void {
  for (const [key, value] of from) to.set(key, value)
}
