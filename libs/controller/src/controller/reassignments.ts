/**
 * AlterPartitionReassignments and ListPartitionReassignments (KIP-455).
 *
 * A reassignment first makes the replicas the union of old and new; when all that stay are in the ISR (AlterPartition), the
 * rest leaves (`partition-change.ts`). Source: Kafka's ReplicationControlManager, PartitionReassignmentRevert.
 */
import { KafkaError } from '@troupe/wire/errors'
import type {
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsRequest_ReassignablePartition,
  AlterPartitionReassignmentsResponseInput,
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponseInput,
} from '@troupe/wire/messages'
import type { PartitionImage, TopicImage } from '../image/types.ts'
import type { KnownRecord } from '../records.ts'
import { mayElectUnclean } from './cluster.ts'
import { failure, ok, type ApiError, type ControllerState, type DecideEnv, type Decision } from './decision.ts'
import { changePartition } from './partition-change.ts'
import { assignmentError } from './placement.ts'

export function alterReassignments(
  state: ControllerState,
  request: AlterPartitionReassignmentsRequest,
  env: DecideEnv,
): Decision {
  const records: KnownRecord[] = []
  const allowResize = request.allowReplicationFactorChange
  const response: AlterPartitionReassignmentsResponseInput = {
    allowReplicationFactorChange: allowResize,
    errorMessage: null,
    responses: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((wanted) => {
        const error = reassign(state, env, name, wanted, allowResize, records)
        return { partitionIndex: wanted.partitionIndex, errorCode: error.code, errorMessage: error.message }
      }),
    })),
  }
  return { records, response }
}

function reassign(
  state: ControllerState,
  env: DecideEnv,
  name: string,
  wanted: AlterPartitionReassignmentsRequest_ReassignablePartition,
  allowResize: boolean,
  records: KnownRecord[],
): ApiError {
  const topic = state.image.topic(name)
  const partition = topic?.partitions[wanted.partitionIndex]
  if (!topic || !partition) {
    return failure(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, `Unable to find partition ${name}:${wanted.partitionIndex}.`)
  }
  if (wanted.replicas === null) return cancel(state, env, topic, partition, records)
  const invalid = assignmentError(state, wanted.replicas, null)
  if (invalid) return invalid
  const original = partition.replicas.filter((id) => !partition.addingReplicas.includes(id))
  if (!allowResize && wanted.replicas.length !== original.length) {
    return failure(
      KafkaError.INVALID_REPLICATION_FACTOR,
      `The replication factor would change from ${original.length} to ${wanted.replicas.length}.`,
    )
  }
  const record = changePartition(state, env, topic, partition, targetOf(partition, wanted.replicas))
  if (record) records.push(record)
  return ok
}

/** A new reassignment replaces one that is under way. */
function targetOf(
  partition: PartitionImage,
  wanted: readonly number[],
): { replicas: number[]; adding: number[]; removing: number[] } {
  const numerically = (a: number, b: number): number => a - b
  const removing = partition.replicas.filter((id) => !wanted.includes(id)).sort(numerically)
  const adding = wanted.filter((id) => !partition.replicas.includes(id)).sort(numerically)
  return { replicas: [...wanted, ...removing], adding, removing }
}

function cancel(
  state: ControllerState,
  env: DecideEnv,
  topic: TopicImage,
  partition: PartitionImage,
  records: KnownRecord[],
): ApiError {
  const { addingReplicas, removingReplicas } = partition
  if (addingReplicas.length === 0 && removingReplicas.length === 0)
    return failure(KafkaError.NO_REASSIGNMENT_IN_PROGRESS)
  const replicas = partition.replicas.filter((id) => !addingReplicas.includes(id))
  const isr = partition.isr.filter((id) => !addingReplicas.includes(id))
  const unclean = mayElectUnclean(state, env, topic.name)
  if (isr.length === 0) {
    if (!unclean) {
      return failure(
        KafkaError.INVALID_REPLICA_ASSIGNMENT,
        `Without an unclean election the reassignment of ${topic.name}:${partition.partition} can't be reverted.`,
      )
    }
    isr.push(replicas[0]!)
  }
  const record = changePartition(state, env, topic, partition, {
    isr,
    replicas,
    adding: [],
    removing: [],
    election: unclean ? 'unclean' : 'online',
  })
  if (record) records.push(record)
  return ok
}

export function listReassignments(state: ControllerState, request: ListPartitionReassignmentsRequest): Decision {
  const asked =
    request.topics?.map(({ name, partitionIndexes }) => ({ topic: state.image.topic(name), partitionIndexes })) ??
    [...state.image.topicsById.values()].map((topic) => ({
      topic,
      partitionIndexes: topic.partitions.map((_, index) => index),
    }))
  const topics = asked.flatMap(({ topic, partitionIndexes }) => {
    if (!topic) return []
    const partitions = partitionIndexes.flatMap((index) => {
      const partition = topic.partitions[index]
      if (!partition || (partition.addingReplicas.length === 0 && partition.removingReplicas.length === 0)) return []
      return [
        {
          partitionIndex: index,
          replicas: [...partition.replicas],
          addingReplicas: [...partition.addingReplicas],
          removingReplicas: [...partition.removingReplicas],
        },
      ]
    })
    return partitions.length > 0 ? [{ name: topic.name, partitions }] : []
  })
  const response: ListPartitionReassignmentsResponseInput = { errorMessage: null, topics }
  return { records: [], response }
}
