/**
 * Topics as Metadata and DescribeTopicPartitions show them. Source: Kafka's KRaftMetadataCache.
 */
import type { ClusterView, PartitionView, TopicView } from '@troupe/actor'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { aliveEndpoint } from './endpoints.ts'

/** Kafka's value for "not asked for". */
export const NO_OPERATIONS = -2147483648

/** Bits of the operations (READ 3 … ALTER_CONFIGS 11) that anybody may do while there is no authorizer. */
export const TOPIC_OPERATIONS = bits([3, 4, 5, 6, 7, 8, 10, 11])
export const CLUSTER_OPERATIONS = bits([5, 7, 8, 9, 10, 11, 12])
export const GROUP_OPERATIONS = bits([3, 6, 8, 10, 11])

function bits(operations: number[]): number {
  return operations.reduce((all, operation) => all | (1 << operation), 0)
}

export interface ListenerRules {
  readonly listener: string
  /** Metadata v0: a replica whose endpoint is unknown is left out and is an error. */
  readonly errorUnavailableEndpoints: boolean
  /** Metadata v6+: LISTENER_NOT_FOUND rather than LEADER_NOT_AVAILABLE. */
  readonly errorUnavailableListeners: boolean
}

export interface PartitionMetadata {
  errorCode: ErrorCode
  partitionIndex: number
  leaderId: number
  leaderEpoch: number
  replicaNodes: readonly number[]
  isrNodes: readonly number[]
  offlineReplicas: readonly number[]
}

export function partitionMetadata(cluster: ClusterView, view: PartitionView, rules: ListenerRules): PartitionMetadata {
  const reachable = (id: number): boolean => aliveEndpoint(cluster, id, rules.listener) !== null
  const replicaNodes = rules.errorUnavailableEndpoints ? view.replicas.filter(reachable) : view.replicas
  const isrNodes = rules.errorUnavailableEndpoints ? view.isr.filter(reachable) : view.isr
  const shared = {
    partitionIndex: view.partition,
    leaderEpoch: view.leaderEpoch,
    replicaNodes,
    isrNodes,
    offlineReplicas: view.replicas.filter((id) => !reachable(id)),
  }
  if (view.leader < 0 || !reachable(view.leader)) {
    const broker = cluster.brokers.get(view.leader)
    const noListener = broker !== undefined && !broker.fenced && rules.errorUnavailableListeners
    const errorCode = noListener ? KafkaError.LISTENER_NOT_FOUND : KafkaError.LEADER_NOT_AVAILABLE
    return { ...shared, errorCode, leaderId: -1 }
  }
  const incomplete = replicaNodes.length < view.replicas.length || isrNodes.length < view.isr.length
  return {
    ...shared,
    errorCode: incomplete ? KafkaError.REPLICA_NOT_AVAILABLE : KafkaError.NONE,
    leaderId: view.leader,
  }
}

/** By name, as Kafka's responses list them. */
export function topicsByName(cluster: ClusterView): TopicView[] {
  return [...cluster.topics()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}
