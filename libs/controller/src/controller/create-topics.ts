/** CreateTopics. Source: Kafka's ReplicationControlManager.createTopics; response configs since v5 (KIP-525). */
import { definitions, resolveTopicConfig, synonymOf, validateTopicConfig, type TopicConfig } from '@troupe/config'
import { KafkaError } from '@troupe/wire/errors'
import type {
  CreateTopicsRequest,
  CreateTopicsRequest_CreatableTopic,
  CreateTopicsResponseInput,
  CreateTopicsResponse_CreatableTopicConfigsInput,
  CreateTopicsResponse_CreatableTopicResultInput,
} from '@troupe/wire/messages'
import { partitionRecord } from '../image/snapshot.ts'
import { RECOVERED, resourceTypes, UNASSIGNED_DIRECTORY, type PartitionImage } from '../image/types.ts'
import { MAX_RECORDS_PER_OPERATION, type KnownRecord } from '../records.ts'
import { clusterConfig, isActive } from './cluster.ts'
import { failure, isFailure, type ApiError, type ControllerState, type DecideEnv, type Decision } from './decision.ts'
import { assignmentError, placeReplicas } from './placement.ts'
import { collisionError, topicNameError } from './topic-names.ts'
import { randomUuid } from './uuid.ts'

type Result = CreateTopicsResponse_CreatableTopicResultInput

export function createTopics(state: ControllerState, request: CreateTopicsRequest, env: DecideEnv): Decision {
  const records: KnownRecord[] = []
  const names = request.topics.map(({ name }) => name)
  // A repeated name is answered once.
  const distinct = request.topics.filter(({ name }, index) => names.indexOf(name) === index)
  const topics = distinct.map((topic): Result => {
    const created =
      names.indexOf(topic.name) === names.lastIndexOf(topic.name)
        ? createTopic(state, topic, env)
        : failure(KafkaError.INVALID_REQUEST, 'Duplicate topic name.')
    if (isFailure(created)) return { name: topic.name, errorCode: created.code, errorMessage: created.message }
    if (records.length + created.records.length > MAX_RECORDS_PER_OPERATION) {
      return {
        name: topic.name,
        errorCode: KafkaError.POLICY_VIOLATION,
        errorMessage: 'Too many partitions in one request.',
      }
    }
    records.push(...created.records)
    return created.result
  })
  const response: CreateTopicsResponseInput = { topics }
  return { records: request.validateOnly ? [] : records, response }
}

interface Created {
  readonly records: KnownRecord[]
  readonly result: Result
}

function createTopic(
  state: ControllerState,
  topic: CreateTopicsRequest_CreatableTopic,
  env: DecideEnv,
): Created | ApiError {
  const { name } = topic
  if (name === '__cluster_metadata') return failure(KafkaError.INVALID_REQUEST, `Topic ${name} can't be created.`)
  const nameError = topicNameError(name)
  if (nameError) return nameError
  if (state.image.topic(name)) return failure(KafkaError.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`)
  const collision = collisionError(state.image, name)
  if (collision) return collision
  const nulls = topic.configs.filter(({ value }) => value === null).map((config) => config.name)
  if (nulls.length > 0) return failure(KafkaError.INVALID_CONFIG, `A topic config can't be null: ${nulls.join(', ')}`)
  const overrides = new Map(topic.configs.map((config) => [config.name, config.value!]))
  const configError = validateTopicConfig(overrides)
  if (configError) return failure(KafkaError.INVALID_CONFIG, configError)
  const assignments = assign(state, topic, env)
  if (isFailure(assignments)) return assignments
  const partitions = newPartitions(state, assignments as number[][], 0)
  if (isFailure(partitions)) {
    return topic.assignments.length > 0
      ? partitions
      : failure(KafkaError.INVALID_REPLICATION_FACTOR, partitions.message)
  }
  return created(state, env, name, overrides, partitions as PartitionImage[])
}

/** Replicas by partition, chosen or as the request says. */
function assign(
  state: ControllerState,
  topic: CreateTopicsRequest_CreatableTopic,
  env: DecideEnv,
): number[][] | ApiError {
  const { numPartitions, replicationFactor, assignments } = topic
  if (assignments.length > 0) return manualAssignment(state, topic)
  if (replicationFactor < -1 || replicationFactor === 0) {
    return failure(
      KafkaError.INVALID_REPLICATION_FACTOR,
      'The replication factor must be above 0, or -1 for the default.',
    )
  }
  if (numPartitions < -1 || numPartitions === 0) {
    return failure(KafkaError.INVALID_PARTITIONS, 'The number of partitions must be above 0, or -1 for the default.')
  }
  const config = clusterConfig(state, env)
  const partitions = numPartitions === -1 ? config['num.partitions'] : numPartitions
  if (partitions > MAX_RECORDS_PER_OPERATION)
    return failure(KafkaError.POLICY_VIOLATION, 'Too many partitions in one request.')
  return placeReplicas(
    state,
    env,
    partitions,
    replicationFactor === -1 ? config['default.replication.factor'] : replicationFactor,
  )
}

function manualAssignment(state: ControllerState, topic: CreateTopicsRequest_CreatableTopic): number[][] | ApiError {
  if (topic.replicationFactor !== -1) {
    return failure(KafkaError.INVALID_REQUEST, 'With a manual assignment the replication factor must be -1.')
  }
  if (topic.numPartitions !== -1)
    return failure(KafkaError.INVALID_REQUEST, 'With a manual assignment numPartitions must be -1.')
  const assigned: number[][] = []
  let replicationFactor: number | null = null
  for (const { partitionIndex, brokerIds } of topic.assignments) {
    if (assigned[partitionIndex]) {
      return failure(KafkaError.INVALID_REPLICA_ASSIGNMENT, `Partition ${partitionIndex} is assigned twice.`)
    }
    const error = assignmentError(state, brokerIds, replicationFactor)
    if (error) return error
    replicationFactor = brokerIds.length
    assigned[partitionIndex] = brokerIds
  }
  const count = topic.assignments.length
  if (assigned.length !== count) {
    return failure(KafkaError.INVALID_REPLICA_ASSIGNMENT, 'Partitions must be numbered from 0 without gaps.')
  }
  return assigned
}

/** New partitions numbered from `first`; their ISR are the active replicas, the first of them leads. */
export function newPartitions(
  state: ControllerState,
  assignments: readonly (readonly number[])[],
  first: number,
): PartitionImage[] | ApiError {
  const partitions: PartitionImage[] = []
  for (const [index, replicas] of assignments.entries()) {
    const isr = replicas.filter((id) => isActive(state, id))
    if (isr.length === 0) {
      return failure(KafkaError.INVALID_REPLICA_ASSIGNMENT, `No broker of partition ${first + index} is active.`)
    }
    partitions.push({
      partition: first + index,
      replicas,
      isr,
      elr: [],
      lastKnownElr: [],
      addingReplicas: [],
      removingReplicas: [],
      leader: isr[0]!,
      leaderEpoch: 0,
      partitionEpoch: 0,
      leaderRecoveryState: RECOVERED,
      directories: replicas.map((id) => directoryOf(state, id)),
    })
  }
  return partitions
}

/** A broker with one log directory leaves no choice. */
function directoryOf(state: ControllerState, brokerId: number): string {
  const directories = state.image.brokers.get(brokerId)?.logDirs ?? []
  return directories.length === 1 ? directories[0]! : UNASSIGNED_DIRECTORY
}

function created(
  state: ControllerState,
  env: DecideEnv,
  name: string,
  overrides: ReadonlyMap<string, string>,
  partitions: readonly PartitionImage[],
): Created {
  const topicId = randomUuid(env)
  const records: KnownRecord[] = [{ type: 'TopicRecord', value: { name, topicId } }]
  for (const [config, value] of overrides) {
    records.push({
      type: 'ConfigRecord',
      value: { resourceType: resourceTypes.topic, resourceName: name, name: config, value },
    })
  }
  for (const partition of partitions) records.push(partitionRecord(topicId, partition) as KnownRecord)
  return {
    records,
    result: {
      name,
      topicId,
      errorMessage: null,
      numPartitions: partitions.length,
      replicationFactor: partitions[0]!.replicas.length,
      configs: describeConfigs(state, env, overrides),
    },
  }
}

/** DescribeConfigsResponse.ConfigSource. */
const sources = { topic: 1, dynamicDefaultBroker: 3, staticBroker: 4, default: 5 } as const

function describeConfigs(
  state: ControllerState,
  env: DecideEnv,
  overrides: ReadonlyMap<string, string>,
): CreateTopicsResponse_CreatableTopicConfigsInput[] {
  const broker = clusterConfig(state, env)
  const values = resolveTopicConfig(broker, overrides)
  const dynamic = state.image.configs('broker', '')
  const shown = [...definitions.topic.keys()].filter((name) => !name.startsWith('internal.'))
  return shown.sort().map((name) => {
    const synonym = synonymOf(name, broker)?.property
    let configSource: number = sources.default
    if (overrides.has(name)) configSource = sources.topic
    else if (synonym && dynamic.has(synonym)) configSource = sources.dynamicDefaultBroker
    else if (synonym && env.config.given.has(synonym)) configSource = sources.staticBroker
    // The text of a default that no number holds exactly: Long.MAX_VALUE.
    const preset = configSource === sources.default ? definitions.topic.get(name)!.default : null
    const inForce = textOf(values[name as keyof TopicConfig])
    const value = overrides.get(name) ?? (Number(preset) > Number.MAX_SAFE_INTEGER ? preset : inForce)
    return { name, value, configSource }
  })
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null
  return Array.isArray(value) ? value.join(',') : String(value)
}
