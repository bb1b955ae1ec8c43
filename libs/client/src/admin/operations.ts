/** The table of the admin's operations, by the name that a message says. */
import {
  anyRequest,
  describeCluster,
  describeFeatures,
  describeQuorum,
  unregisterBroker,
  updateFeatures,
} from './cluster.ts'
import { describeConfigs, incrementalAlterConfigs } from './configs.ts'
import { alterGroupOffsets, deleteGroupOffsets, listGroupOffsets } from './group-offsets.ts'
import {
  deleteGroups,
  describeClassicGroups,
  describeConsumerProtocolGroups,
  listGroups,
  removeMembers,
} from './groups.ts'
import { abortTransaction, deleteRecords, describeProducers, listOffsets } from './partitions.ts'
import {
  alterPartitionReassignments,
  alterReplicaLogDirs,
  describeLogDirs,
  electLeaders,
  listPartitionReassignments,
} from './placement.ts'
import {
  createPartitions,
  createTopics,
  deleteTopics,
  describeTopics,
  describeTopicsById,
  listTopics,
} from './topics.ts'
import { describeTransactions, fenceProducers, listTransactions } from './transactions.ts'

export const operations = {
  createTopics,
  deleteTopics,
  createPartitions,
  describeTopics,
  describeTopicsById,
  listTopics,
  describeConfigs,
  incrementalAlterConfigs,
  listOffsets,
  deleteRecords,
  describeProducers,
  abortTransaction,
  listGroups,
  describeClassicGroups,
  describeConsumerProtocolGroups,
  deleteGroups,
  removeMembers,
  listGroupOffsets,
  alterGroupOffsets,
  deleteGroupOffsets,
  listTransactions,
  describeTransactions,
  fenceProducers,
  describeCluster,
  describeFeatures,
  updateFeatures,
  describeQuorum,
  unregisterBroker,
  alterPartitionReassignments,
  listPartitionReassignments,
  electLeaders,
  describeLogDirs,
  alterReplicaLogDirs,
  anyRequest,
}

export type OperationName = keyof typeof operations
export type Operations = typeof operations
