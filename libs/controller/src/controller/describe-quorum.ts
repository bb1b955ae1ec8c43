/** DescribeQuorum: how far every voter and observer of the metadata log is. Source: KIP-595, KIP-836. */
import { KafkaError } from '@troupe/wire/errors'
import type { DescribeQuorumRequest, DescribeQuorumResponseInput } from '@troupe/wire/messages'
import type { MetadataImage } from '../image/image.ts'
import { METADATA_TOPIC } from '../raft/messages.ts'
import type { Raft } from '../raft/state.ts'

export function describeQuorum(
  raft: Raft,
  image: MetadataImage,
  request: DescribeQuorumRequest,
  now: number,
): DescribeQuorumResponseInput {
  const { voters } = raft.config
  const states = [...(raft.leadership?.progress ?? [])].map(([replicaId, progress]) => {
    const self = replicaId === raft.config.self
    return {
      replicaId,
      replicaDirectoryId: progress.directoryId,
      logEndOffset: self ? raft.store.endOffset : progress.endOffset,
      lastFetchTimestamp: self ? now : progress.lastFetchMs,
      lastCaughtUpTimestamp: self ? now : progress.lastCaughtUpMs,
    }
  })
  return {
    errorMessage: null,
    topics: request.topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) =>
        topicName === METADATA_TOPIC && partitionIndex === 0
          ? {
              partitionIndex,
              errorMessage: null,
              leaderId: raft.leaderId,
              leaderEpoch: raft.epoch,
              highWatermark: raft.highWatermark,
              currentVoters: states.filter(({ replicaId }) => voters.includes(replicaId)),
              observers: states.filter(({ replicaId }) => !voters.includes(replicaId)),
            }
          : {
              partitionIndex,
              errorCode: KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
              leaderId: -1,
              leaderEpoch: -1,
              highWatermark: -1,
              currentVoters: [],
              observers: [],
            },
      ),
    })),
    nodes: states.map(({ replicaId }) => ({
      nodeId: replicaId,
      listeners: (image.brokers.get(replicaId)?.listeners ?? []).map(({ name, host, port }) => ({ name, host, port })),
    })),
  }
}
