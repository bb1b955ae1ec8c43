/** ElectLeaders: preferred and unclean elections on request. Source: KIP-460; Kafka's ReplicationControlManager.electLeaders. */
import { KafkaError } from '@troupe/wire/errors'
import type {
  ElectLeadersRequest,
  ElectLeadersResponseInput,
  ElectLeadersResponse_PartitionResultInput,
} from '@troupe/wire/messages'
import { NO_LEADER } from '../image/types.ts'
import type { KnownRecord } from '../records.ts'
import { failure, ok, type ApiError, type ControllerState, type DecideEnv, type Decision } from './decision.ts'
import { changePartition } from './partition-change.ts'

const PREFERRED = 0
const UNCLEAN = 1

export function electLeaders(state: ControllerState, request: ElectLeadersRequest, env: DecideEnv): Decision {
  const records: KnownRecord[] = []
  if (request.electionType !== PREFERRED && request.electionType !== UNCLEAN) {
    const response: ElectLeadersResponseInput = { errorCode: KafkaError.INVALID_REQUEST, replicaElectionResults: [] }
    return { records, response }
  }
  const everything = request.topicPartitions === null
  const asked =
    request.topicPartitions ??
    [...state.image.topicsById.values()].map(({ name, partitions }) => ({
      topic: name,
      partitions: partitions.map((_, index) => index),
    }))
  const response: ElectLeadersResponseInput = {
    replicaElectionResults: asked.map(({ topic, partitions }) => {
      const partitionResult: ElectLeadersResponse_PartitionResultInput[] = []
      for (const partitionId of partitions) {
        const error = electLeader(state, env, topic, partitionId, request.electionType, records)
        // Asked for all, those that need none are left out.
        if (everything && error.code === KafkaError.ELECTION_NOT_NEEDED) continue
        partitionResult.push({ partitionId, errorCode: error.code, errorMessage: error.message })
      }
      return { topic, partitionResult }
    }),
  }
  return { records, response }
}

function electLeader(
  state: ControllerState,
  env: DecideEnv,
  name: string,
  partitionId: number,
  electionType: number,
  records: KnownRecord[],
): ApiError {
  const topic = state.image.topic(name)
  const partition = topic?.partitions[partitionId]
  if (!topic || !partition)
    return failure(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, `No such partition as ${name}-${partitionId}`)
  const needed =
    electionType === PREFERRED ? partition.leader !== partition.replicas[0] : partition.leader === NO_LEADER
  if (!needed) return failure(KafkaError.ELECTION_NOT_NEEDED)
  const record = changePartition(state, env, topic, partition, {
    election: electionType === PREFERRED ? 'preferred' : 'unclean',
  })
  const elected = record?.value.leader !== undefined && record.value.leader >= 0
  if (record) records.push(record)
  if (elected) return ok
  return failure(
    electionType === PREFERRED ? KafkaError.PREFERRED_LEADER_NOT_AVAILABLE : KafkaError.ELIGIBLE_LEADERS_NOT_AVAILABLE,
  )
}
