/** What the metadata image holds beyond what `ClusterView` shows: what the controller and a snapshot need. */
import type { BrokerView, PartitionView, TopicView } from '@troupe/actor'

export interface PartitionImage extends PartitionView {
  /** Log directory of each replica, in the order of `replicas`. */
  readonly directories: readonly string[]
}

export interface TopicImage extends TopicView {
  readonly partitions: PartitionImage[]
}

export interface FeatureRange {
  readonly name: string
  readonly minSupportedVersion: number
  readonly maxSupportedVersion: number
}

export interface BrokerImage extends BrokerView {
  readonly features: readonly FeatureRange[]
  readonly logDirs: readonly string[]
  readonly cordonedLogDirs: readonly string[]
}

export type ConfigType = 'topic' | 'broker' | 'group' | 'client-metrics'

/** Kafka's ConfigResource.Type ids. */
export const resourceTypes: { readonly [Type in ConfigType]: number } = {
  topic: 2,
  broker: 4,
  'client-metrics': 16,
  group: 32,
}

export function configTypeOf(resourceType: number): ConfigType | undefined {
  return (Object.keys(resourceTypes) as ConfigType[]).find((type) => resourceTypes[type] === resourceType)
}

export const NO_LEADER = -1
/** PartitionChangeRecord's "the leader stays". */
export const LEADER_UNCHANGED = -2
export const RECOVERED = 0
export const RECOVERING = 1

/** DirectoryId.UNASSIGNED: the broker has not said yet where the replica lies. */
export const UNASSIGNED_DIRECTORY = 'AAAAAAAAAAAAAAAAAAAAAA'

const INTERNAL_TOPICS = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state'])
export const isInternalTopic = (name: string): boolean => INTERNAL_TOPICS.has(name)
