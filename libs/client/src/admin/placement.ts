/** Where replicas are: reassignments, elections of leaders, log directories. */
import { KafkaError } from '@troupe/wire/errors'
import type { AlterPartitionReassignmentsResponse } from '@troupe/wire/generated/45-alter-partition-reassignments'
import type { AlterReplicaLogDirsResponse } from '@troupe/wire/generated/34-alter-replica-log-dirs'
import type {
  DescribeLogDirsResponse,
  DescribeLogDirsResponse_DescribeLogDirsResult,
} from '@troupe/wire/generated/35-describe-log-dirs'
import type { ElectLeadersResponse } from '@troupe/wire/generated/43-elect-leaders'
import type { ListPartitionReassignmentsResponse } from '@troupe/wire/generated/46-list-partition-reassignments'
import { byTopic } from '../producer/coordinator-bodies.ts'
import type { TopicPartition } from '../consumer/topic-partition.ts'
import { answer, everyKey, keyOfPartition, never, passesAtController } from './answers.ts'
import { defineOperation, type Answer } from './operation.ts'

export interface Reassignment extends TopicPartition {
  /** Where it shall be; null cancels what is under way. */
  readonly replicas: readonly number[] | null
}

export interface AlterReassignmentsArgs {
  readonly partitions: readonly Reassignment[]
  /** Default true (KIP-860). */
  readonly allowReplicationFactorChange?: boolean
}

export const alterPartitionReassignments = defineOperation({
  api: 45,
  items: ({ partitions }: AlterReassignmentsArgs) => partitions,
  keyOf: keyOfPartition,
  route: () => 'controller',
  request: (items, { allowReplicationFactorChange = true }, timeoutMs) => ({
    body: {
      timeoutMs,
      ...(allowReplicationFactorChange ? {} : { allowReplicationFactorChange }),
      topics: byTopic(items).map(([name, list]) => ({
        name,
        partitions: list.map(({ partition, replicas }) => ({ partitionIndex: partition, replicas })),
      })),
    },
  }),
  read({ errorCode, errorMessage, responses }: AlterPartitionReassignmentsResponse, items): Answer<undefined>[] {
    if (errorCode !== KafkaError.NONE) return everyKey(items.map(keyOfPartition), errorCode, errorMessage)
    return responses.flatMap(({ name, partitions }) =>
      partitions.map((partition) => {
        const key = keyOfPartition({ topic: name, partition: partition.partitionIndex })
        return answer(key, undefined, partition.errorCode, partition.errorMessage)
      }),
    )
  },
  repeat: passesAtController,
})

export interface OngoingReassignment extends TopicPartition {
  readonly replicas: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
}

const ALL = 'all'

export const listPartitionReassignments = defineOperation({
  api: 46,
  items: (_args: { readonly partitions?: readonly TopicPartition[] }) => [ALL],
  keyOf: (key) => key,
  route: () => 'controller',
  request: (_items, { partitions }, timeoutMs) => ({
    body: {
      timeoutMs,
      topics: partitions
        ? byTopic(partitions).map(([name, list]) => ({ name, partitionIndexes: list.map((item) => item.partition) }))
        : null,
    },
  }),
  read: ({ errorCode, errorMessage, topics }: ListPartitionReassignmentsResponse) => {
    const value = topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, replicas, addingReplicas, removingReplicas }): OngoingReassignment => ({
        topic: name,
        partition: partitionIndex,
        replicas,
        addingReplicas,
        removingReplicas,
      })),
    )
    return [answer(ALL, value, errorCode, errorMessage)]
  },
  repeat: passesAtController,
})

/** `unclean`: also a replica that was not in sync; records may be lost. */
export type ElectionType = 'preferred' | 'unclean'

/** ELECTION_NOT_NEEDED and others stand beside the partition, as they do in Java's ElectLeadersResult. */
export interface Election extends TopicPartition {
  readonly error: number
  readonly detail: string | null
}

export interface ElectLeadersArgs {
  readonly type: ElectionType
  /** Default: every partition that needs it. */
  readonly partitions?: readonly TopicPartition[]
}

export const electLeaders = defineOperation({
  api: 43,
  items: (_args: ElectLeadersArgs) => [ALL],
  keyOf: (key) => key,
  route: () => 'controller',
  request: (_items, { type, partitions }, timeoutMs) => ({
    body: {
      electionType: type === 'unclean' ? 1 : 0,
      topicPartitions: partitions
        ? byTopic(partitions).map(([topic, list]) => ({ topic, partitions: list.map((item) => item.partition) }))
        : null,
      timeoutMs,
    },
    ...(type === 'unclean' ? { minVersion: 1 } : {}),
  }),
  read: ({ errorCode, replicaElectionResults }: ElectLeadersResponse) => {
    const value = replicaElectionResults.flatMap(({ topic, partitionResult }) =>
      partitionResult.map(({ partitionId, errorCode: error, errorMessage }): Election => {
        const { detail } = answer('', null, error, errorMessage)
        return { topic, partition: partitionId, error, detail }
      }),
    )
    return [answer(ALL, value, errorCode)]
  },
  repeat: passesAtController,
})

export interface LogDirectory {
  readonly path: string
  /** A Kafka error: KAFKA_STORAGE_ERROR of a directory that has failed. 0: none. */
  readonly error: number
  readonly replicas: readonly LogDirectoryReplica[]
  /** −1: not known. */
  readonly totalBytes: number
  readonly usableBytes: number
}

export interface LogDirectoryReplica extends TopicPartition {
  readonly sizeInBytes: number
  readonly offsetLag: number
  /** On its way here from another directory of the same broker. */
  readonly future: boolean
}

export interface DescribeLogDirsArgs {
  readonly brokers: readonly number[]
  /** Default: all. */
  readonly partitions?: readonly TopicPartition[]
}

export const describeLogDirs = defineOperation({
  api: 35,
  items: ({ brokers }: DescribeLogDirsArgs) => brokers,
  keyOf: String,
  route: (broker) => broker,
  request: (_items, { partitions }) => ({
    body: {
      topics: partitions
        ? byTopic(partitions).map(([topic, list]) => ({ topic, partitions: list.map((item) => item.partition) }))
        : null,
    },
  }),
  read: ({ errorCode, results }: DescribeLogDirsResponse, [broker]) => [
    answer(String(broker), results.map(directory), errorCode),
  ],
  repeat: never,
})

function directory(result: DescribeLogDirsResponse_DescribeLogDirsResult): LogDirectory {
  return {
    path: result.logDir,
    error: result.errorCode,
    replicas: result.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, partitionSize, offsetLag, isFutureKey }) => ({
        topic: name,
        partition: partitionIndex,
        sizeInBytes: partitionSize,
        offsetLag,
        future: isFutureKey,
      })),
    ),
    totalBytes: result.totalBytes,
    usableBytes: result.usableBytes,
  }
}

export interface ReplicaMove extends TopicPartition {
  readonly broker: number
  readonly path: string
}

export const alterReplicaLogDirs = defineOperation({
  api: 34,
  items: ({ replicas }: { readonly replicas: readonly ReplicaMove[] }) => replicas,
  keyOf: ({ broker, ...partition }) => `${keyOfPartition(partition)}@${broker}`,
  route: ({ broker }) => broker,
  request: (items) => ({
    body: {
      dirs: [...new Set(items.map(({ path }) => path))].map((path) => ({
        path,
        topics: byTopic(items.filter((item) => item.path === path)).map(([name, list]) => ({
          name,
          partitions: list.map(({ partition }) => partition),
        })),
      })),
    },
  }),
  read: ({ results }: AlterReplicaLogDirsResponse, _items, _args, { broker }) =>
    results.flatMap(({ topicName, partitions }) =>
      partitions.map(({ partitionIndex, errorCode }) =>
        answer(`${topicName}-${partitionIndex}@${broker}`, undefined, errorCode),
      ),
    ),
  repeat: never,
})
