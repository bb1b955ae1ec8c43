/** What a run of records changed, so that only those who are concerned are told. */
import type { ConfigType, TopicImage } from './types.ts'

export interface MetadataDelta {
  /** Topic id → partitions that changed. */
  readonly partitions: Map<string, Set<number>>
  /** As they were; a topic that was created and deleted in between is among them. */
  readonly deletedTopics: TopicImage[]
  readonly brokers: Set<number>
  /** `type:name`. */
  readonly configs: Set<string>
  features: boolean
}

export function emptyDelta(): MetadataDelta {
  return { partitions: new Map(), deletedTopics: [], brokers: new Set(), configs: new Set(), features: false }
}

export function touchPartition(delta: MetadataDelta, topicId: string, partition: number): void {
  const touched = delta.partitions.get(topicId)
  if (touched) touched.add(partition)
  else delta.partitions.set(topicId, new Set([partition]))
}

export const configKey = (type: ConfigType, name: string): string => `${type}:${name}`
