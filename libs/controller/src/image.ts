/** The metadata image: see image/image.ts. */
export { MetadataImage } from './image/image.ts'
export { configKey, emptyDelta, type MetadataDelta } from './image/delta.ts'
export type { BrokerImage, ConfigType, FeatureRange, PartitionImage, TopicImage } from './image/types.ts'
export { encodeSnapshot, imageRecords, snapshotId } from './image/snapshot.ts'
