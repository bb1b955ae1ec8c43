/**
 * Who is to be asked: brokers of the cluster, leaders of partitions, coordinators of groups and transactions.
 *
 * Asked for anew in every question, as in Java: an admin asks rarely, and what it knew may be old. Sources:
 * PartitionLeaderStrategy, CoordinatorStrategy, AllBrokersStrategy.
 */
import { KafkaError, errorName } from '@troupe/wire/errors'
import type { FindCoordinatorResponse } from '@troupe/wire/generated/10-find-coordinator'
import type { MetadataResponse } from '@troupe/wire/generated/03-metadata'
import type { BrokerEndpoint, NetworkRequest } from '../messages.ts'
import type { Route } from './operation.ts'
import { passesAtCoordinator } from './answers.ts'

/** What can be asked for in one request. */
export type LookupKind = 'brokers' | 'leaders' | 'group' | 'transaction'

/** `broker` null with error 0: nobody knows yet. */
export interface Found {
  readonly broker: BrokerEndpoint | null
  /** For good; 0: none. */
  readonly error: number
  /** Why there is no broker yet. */
  readonly reason: string | null
}

const METADATA = 3
const FIND_COORDINATOR = 10
/** From here on FindCoordinator takes a list of keys. */
const KEYS = 4
const keyTypes = { group: 0, transaction: 1 } as const

export function lookupOf(route: Route): LookupKind | null {
  if (typeof route !== 'object') return null
  return 'leader' in route ? 'leaders' : route.coordinator
}

type LookupRequest = Pick<NetworkRequest, 'api' | 'body' | 'minVersion'>

export function lookupRequest(kind: LookupKind, routes: readonly Route[]): LookupRequest {
  if (kind === 'brokers') return { api: METADATA, body: { topics: [], allowAutoTopicCreation: false } }
  if (kind === 'leaders') {
    const names = new Set(routes.map((route) => (route as Leader).leader.topic))
    const topics = [...names].map((name) => ({ name }))
    return { api: METADATA, body: { topics, allowAutoTopicCreation: false } }
  }
  const coordinatorKeys = [...new Set(routes.map((route) => (route as Coordinator).of))]
  return { api: FIND_COORDINATOR, body: { keyType: keyTypes[kind], coordinatorKeys }, minVersion: KEYS }
}

type Leader = Extract<Route, { leader: unknown }>
type Coordinator = Extract<Route, { coordinator: unknown }>

export function brokersIn({ brokers }: MetadataResponse): BrokerEndpoint[] {
  return brokers.map(({ nodeId, host, port, rack }) => ({ id: nodeId, host, port, rack })).sort((a, b) => a.id - b.id)
}

/** A function from route to broker. */
export function found(kind: LookupKind, response: unknown): (route: Route) => Found {
  return kind === 'leaders' ? leadersIn(response as MetadataResponse) : coordinatorsIn(response as never)
}

/** Of what Metadata says about a topic, only these may pass; Source: PartitionLeaderStrategy. */
const topicMayPass: ReadonlySet<number> = new Set([
  KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
  KafkaError.LEADER_NOT_AVAILABLE,
  KafkaError.BROKER_NOT_AVAILABLE,
])
const partitionMayPass: ReadonlySet<number> = new Set([
  KafkaError.NOT_LEADER_OR_FOLLOWER,
  KafkaError.REPLICA_NOT_AVAILABLE,
  KafkaError.LEADER_NOT_AVAILABLE,
  KafkaError.BROKER_NOT_AVAILABLE,
  KafkaError.KAFKA_STORAGE_ERROR,
])

function leadersIn(response: MetadataResponse): (route: Route) => Found {
  const brokers = new Map(brokersIn(response).map((broker) => [broker.id, broker]))
  const topics = new Map(response.topics.map((topic) => [topic.name, topic]))
  return (route) => {
    const { leader: wanted } = route as Leader
    const topic = topics.get(wanted.topic)
    const topicError = topic?.errorCode ?? KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    if (topicError !== KafkaError.NONE) return refused(topicError, topicMayPass.has(topicError))
    const partition = topic!.partitions.find(({ partitionIndex }) => partitionIndex === wanted.partition)
    if (!partition) return refused(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, true)
    const { errorCode } = partition
    if (errorCode !== KafkaError.NONE) return refused(errorCode, partitionMayPass.has(errorCode))
    const broker = brokers.get(partition.leaderId)
    return broker ? { broker, error: 0, reason: null } : refused(KafkaError.LEADER_NOT_AVAILABLE, true)
  }
}

function coordinatorsIn({ coordinators }: FindCoordinatorResponse): (route: Route) => Found {
  const byKey = new Map(coordinators.map((coordinator) => [coordinator.key, coordinator]))
  return (route) => {
    const named = byKey.get((route as Coordinator).of)
    const error = named?.errorCode ?? KafkaError.COORDINATOR_NOT_AVAILABLE
    if (!named || error !== KafkaError.NONE) return refused(error, passesAtCoordinator(error))
    const { nodeId, host, port } = named
    return { broker: { id: nodeId, host, port, rack: null }, error: 0, reason: null }
  }
}

function refused(error: number, mayPass: boolean): Found {
  return { broker: null, error: mayPass ? KafkaError.NONE : error, reason: errorName(error) }
}
