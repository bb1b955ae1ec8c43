/** What an application says to its Admin, and what it hears. */
export type {
  AnyRequest,
  BrokerDescription,
  ClusterDescription,
  FeatureMetadata,
  FeatureRange,
  FeatureUpdate,
  QuorumDescription,
  QuorumNode,
  QuorumReplica,
} from '../admin/cluster.ts'
export type { ConfigAlteration, ConfigChange, ConfigEntry, ConfigResource, ConfigSource } from '../admin/configs.ts'
export type { CommittedOffset, GroupOffsetsQuestion, NewGroupOffset } from '../admin/group-offsets.ts'
export type { GroupDescription, GroupListing, GroupMember, MemberToRemove } from '../admin/groups.ts'
export type {
  DeletedRecords,
  HangingTransaction,
  ListedOffset,
  OffsetQuestion,
  OffsetSpec,
  PartitionProducers,
  ProducerState,
  RecordsToDelete,
} from '../admin/partitions.ts'
export type {
  ElectionType,
  LogDirectory,
  LogDirectoryReplica,
  OngoingReassignment,
  Reassignment,
  ReplicaMove,
} from '../admin/placement.ts'
export type {
  CreatedTopic,
  CreatedTopicConfig,
  NewPartitions,
  NewTopic,
  PartitionDescription,
  TopicDescription,
  TopicListing,
  TopicRef,
} from '../admin/topics.ts'
export type {
  FencedProducer,
  ListTransactionsArgs,
  TransactionDescription,
  TransactionListing,
} from '../admin/transactions.ts'
export type { DescribeGroupsOptions, ListGroupsOptions, RemoveMembersOptions } from './admin-groups.ts'
