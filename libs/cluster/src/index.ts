/** Public entry of the embedded cluster: `@troupe/cluster`. */
export { Cluster, type FailingRequests } from './cluster.ts'
export type { NewTopicOptions } from './create-topic.ts'
export { StartFailed } from './embedded-brokers.ts'
export type { EmbeddedOptions } from './options.ts'
export {
  QuestionFailed,
  type GroupState,
  type OpenTransaction,
  type PartitionState,
  type ReplicaOffsets,
  type StableOffset,
  type TopicPartition,
} from './questions.ts'
export { BrokerUnreachable } from './requests.ts'
export { TimedOut, until, type UntilOptions } from './until.ts'
