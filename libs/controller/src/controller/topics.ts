/** DeleteTopics and CreatePartitions. Source: Kafka's ReplicationControlManager, ControllerApis. */
import { KafkaError } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/uuid'
import type {
  CreatePartitionsRequest,
  CreatePartitionsRequest_CreatePartitionsTopic,
  CreatePartitionsResponseInput,
  DeleteTopicsRequest,
  DeleteTopicsRequest_DeleteTopicState,
  DeleteTopicsResponseInput,
} from '@troupe/wire/messages'
import { partitionRecord } from '../image/snapshot.ts'
import type { PartitionImage, TopicImage } from '../image/types.ts'
import { MAX_RECORDS_PER_OPERATION, type KnownRecord } from '../records.ts'
import { clusterConfig } from './cluster.ts'
import {
  failure,
  isFailure,
  ok,
  type ApiError,
  type ControllerState,
  type DecideEnv,
  type Decision,
} from './decision.ts'
import { newPartitions } from './create-topics.ts'
import { assignmentError, placeReplicas } from './placement.ts'

export function deleteTopics(state: ControllerState, request: DeleteTopicsRequest, env: DecideEnv): Decision {
  const records: KnownRecord[] = []
  // v6 asks by `topics` (name or id), earlier ones by `topicNames`.
  const all = [...request.topics, ...request.topicNames.map((name) => ({ name, topicId: zeroUuid }))]
  // A topic that is asked for twice, in whatever way, is refused once and not deleted.
  const identity = (one: (typeof all)[number]): string => {
    if (one.topicId === zeroUuid) return one.name ?? ''
    return one.name === null ? (state.image.topicById(one.topicId)?.name ?? one.topicId) : `${one.name} ${one.topicId}`
  }
  const times = new Map<string, number>()
  for (const one of all) times.set(identity(one), (times.get(identity(one)) ?? 0) + 1)
  const asked = all.filter((one, index) => all.findIndex((other) => identity(other) === identity(one)) === index)
  const response: DeleteTopicsResponseInput = {
    responses: asked.map((one) => {
      const found = topicToDelete(state, env, one)
      const repeated = times.get(identity(one))! > 1
      const error = repeated ? failure(KafkaError.INVALID_REQUEST, 'Duplicate topic.') : isFailure(found) ? found : ok
      if (isFailure(error))
        return { name: one.name, topicId: one.topicId, errorCode: error.code, errorMessage: error.message }
      const topic = found as TopicImage
      records.push({ type: 'RemoveTopicRecord', value: { topicId: topic.id } })
      return { name: topic.name, topicId: topic.id }
    }),
  }
  return { records, response }
}

function topicToDelete(
  state: ControllerState,
  env: DecideEnv,
  { name, topicId }: Pick<DeleteTopicsRequest_DeleteTopicState, 'name' | 'topicId'>,
): TopicImage | ApiError {
  if (!clusterConfig(state, env)['delete.topic.enable']) return failure(KafkaError.TOPIC_DELETION_DISABLED)
  if (name !== null && topicId !== zeroUuid)
    return failure(KafkaError.INVALID_REQUEST, 'A topic is named or identified, not both.')
  if (name === null && topicId === zeroUuid)
    return failure(KafkaError.INVALID_REQUEST, 'Neither topic name nor id was given.')
  if (name !== null) return state.image.topic(name) ?? failure(KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  return state.image.topicById(topicId) ?? failure(KafkaError.UNKNOWN_TOPIC_ID)
}

export function createPartitions(state: ControllerState, request: CreatePartitionsRequest, env: DecideEnv): Decision {
  const records: KnownRecord[] = []
  const names = request.topics.map(({ name }) => name)
  // A repeated name is answered once.
  const distinct = request.topics.filter(({ name }, index) => names.indexOf(name) === index)
  const response: CreatePartitionsResponseInput = {
    results: distinct.map((topic) => {
      const unique = names.indexOf(topic.name) === names.lastIndexOf(topic.name)
      const added = unique
        ? addPartitions(state, env, topic)
        : failure(KafkaError.INVALID_REQUEST, 'Duplicate topic name.')
      if (isFailure(added)) return { name: topic.name, errorCode: added.code, errorMessage: added.message }
      records.push(...(added as KnownRecord[]))
      return { name: topic.name, errorMessage: null }
    }),
  }
  return { records: request.validateOnly ? [] : records, response }
}

function addPartitions(
  state: ControllerState,
  env: DecideEnv,
  request: CreatePartitionsRequest_CreatePartitionsTopic,
): KnownRecord[] | ApiError {
  const topic = state.image.topic(request.name)
  if (!topic) return { code: KafkaError.UNKNOWN_TOPIC_OR_PARTITION, message: null }
  const existing = topic.partitions.length
  const added = request.count - existing
  if (added === 0) return failure(KafkaError.INVALID_PARTITIONS, `Topic already has ${existing} partition(s).`)
  if (added < 0) {
    return failure(
      KafkaError.INVALID_PARTITIONS,
      `Topic ${topic.name} has ${existing} partition(s); ${request.count} is fewer.`,
    )
  }
  if (added > MAX_RECORDS_PER_OPERATION)
    return failure(KafkaError.POLICY_VIOLATION, 'Too many partitions in one request.')
  const replicationFactor = topic.partitions[0]!.replicas.length
  const assignments = request.assignments
    ? manual(
        state,
        request.assignments.map(({ brokerIds }) => brokerIds),
        added,
        replicationFactor,
      )
    : placeReplicas(state, env, added, replicationFactor)
  if (isFailure(assignments)) return assignments
  const partitions = newPartitions(state, assignments as number[][], existing)
  if (isFailure(partitions)) return partitions
  return (partitions as PartitionImage[]).map((partition) => partitionRecord(topic.id, partition) as KnownRecord)
}

function manual(
  state: ControllerState,
  assignments: readonly number[][],
  added: number,
  replicationFactor: number,
): readonly number[][] | ApiError {
  if (assignments.length !== added) {
    return failure(
      KafkaError.INVALID_REPLICA_ASSIGNMENT,
      `The request adds ${added} partition(s) and assigns ${assignments.length}.`,
    )
  }
  for (const replicas of assignments) {
    const error = assignmentError(state, replicas, replicationFactor)
    if (error) return error
  }
  return assignments
}
