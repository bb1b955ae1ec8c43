/**
 * AlterPartition: the leader changes the ISR (KIP-497), compared and set by partition epoch (Z07), without fenced brokers
 * (KIP-841, Z08) and without earlier incarnations (KIP-903, Z09). Also completes reassignments and recoveries.
 *
 * Source: Kafka's ReplicationControlManager.alterPartition, validateAlterPartitionData.
 */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  AlterPartitionRequest,
  AlterPartitionRequest_PartitionData,
  AlterPartitionResponseInput,
  AlterPartitionResponse_PartitionDataInput,
} from '@troupe/wire/messages'
import { afterChange } from '../image/replay.ts'
import { RECOVERED, RECOVERING, type PartitionImage, type TopicImage } from '../image/types.ts'
import type { KnownRecord } from '../records.ts'
import { currentBroker, mayElectUnclean } from './cluster.ts'
import type { ControllerState, DecideEnv, Decision } from './decision.ts'
import { changePartition } from './partition-change.ts'

export function alterPartition(state: ControllerState, request: AlterPartitionRequest, env: DecideEnv): Decision {
  if (!currentBroker(state, request.brokerId, request.brokerEpoch)) {
    const response: AlterPartitionResponseInput = { errorCode: KafkaError.STALE_BROKER_EPOCH, topics: [] }
    return { records: [], response }
  }
  const records: KnownRecord[] = []
  const response: AlterPartitionResponseInput = {
    topics: request.topics.map(({ topicId, partitions }) => {
      const topic = state.image.topicById(topicId)
      return {
        topicId,
        partitions: partitions.map((data) =>
          topic
            ? alterOne(state, env, request.brokerId, topic, data, records)
            : { partitionIndex: data.partitionIndex, errorCode: KafkaError.UNKNOWN_TOPIC_ID },
        ),
      }
    }),
  }
  return { records, response }
}

interface Member {
  readonly brokerId: number
  readonly brokerEpoch: number
}

/** v3+ names the epochs of the members; −1: not checked. */
function membersOf({ newIsr, newIsrWithEpochs }: AlterPartitionRequest_PartitionData): readonly Member[] {
  return newIsrWithEpochs.length > 0 ? newIsrWithEpochs : newIsr.map((brokerId) => ({ brokerId, brokerEpoch: -1 }))
}

function alterOne(
  state: ControllerState,
  env: DecideEnv,
  leader: number,
  topic: TopicImage,
  data: AlterPartitionRequest_PartitionData,
  records: KnownRecord[],
): AlterPartitionResponse_PartitionDataInput {
  const { partitionIndex } = data
  const before = topic.partitions[partitionIndex]
  if (!before) return { partitionIndex, errorCode: KafkaError.UNKNOWN_TOPIC_OR_PARTITION }
  const errorCode = alterError(state, env, leader, before, data)
  if (errorCode !== KafkaError.NONE) return { partitionIndex, errorCode }
  const record = changePartition(state, env, topic, before, {
    isr: membersOf(data).map(({ brokerId }) => brokerId),
    leaderRecoveryState: data.leaderRecoveryState,
    election: mayElectUnclean(state, env, topic.name) ? 'unclean' : 'online',
  })
  if (!record) return described(before)
  records.push(record)
  const after = afterChange(before, record.value)
  // The reassignment that this completes has taken the leader away: it learns its successor from the metadata.
  return after.leader === leader ? described(after) : { partitionIndex, errorCode: KafkaError.NEW_LEADER_ELECTED }
}

function described(partition: PartitionImage): AlterPartitionResponse_PartitionDataInput {
  return {
    partitionIndex: partition.partition,
    leaderId: partition.leader,
    leaderEpoch: partition.leaderEpoch,
    isr: [...partition.isr],
    leaderRecoveryState: partition.leaderRecoveryState,
    partitionEpoch: partition.partitionEpoch,
  }
}

function alterError(
  state: ControllerState,
  env: DecideEnv,
  leader: number,
  before: PartitionImage,
  data: AlterPartitionRequest_PartitionData,
): ErrorCode {
  // The leader knows more than we do: we may not be the controller any more.
  if (data.leaderEpoch > before.leaderEpoch || data.partitionEpoch > before.partitionEpoch)
    return KafkaError.NOT_CONTROLLER
  if (data.leaderEpoch < before.leaderEpoch) return KafkaError.FENCED_LEADER_EPOCH
  if (leader !== before.leader) return KafkaError.INVALID_REQUEST
  if (env.safeguards.alterPartitionEpoch && data.partitionEpoch < before.partitionEpoch)
    return KafkaError.INVALID_UPDATE_VERSION
  const members = membersOf(data)
  const ids = members.map(({ brokerId }) => brokerId)
  const valid =
    ids.includes(leader) && new Set(ids).size === ids.length && ids.every((id) => before.replicas.includes(id))
  if (!valid) return KafkaError.INVALID_REQUEST
  const recovering = data.leaderRecoveryState === RECOVERING
  if (recovering && (ids.length > 1 || before.leaderRecoveryState === RECOVERED)) return KafkaError.INVALID_REQUEST
  return members.every((member) => isEligible(state, env, member)) ? KafkaError.NONE : KafkaError.INELIGIBLE_REPLICA
}

function isEligible(state: ControllerState, env: DecideEnv, { brokerId, brokerEpoch }: Member): boolean {
  const broker = state.image.brokers.get(brokerId)
  if (!broker) return false
  if (env.safeguards.controllerRejectsFenced && (broker.fenced || broker.inControlledShutdown)) return false
  return !env.safeguards.alterPartitionBrokerEpoch || brokerEpoch === -1 || brokerEpoch === broker.epoch
}
