/**
 * DeleteRecords (21), versions 0–2: moves the start of a partition's log (KIP-107).
 *
 * Offset −1 is the high watermark. Records of internal topics are not for clients to delete.
 */
import { isFailed, type TopicView } from '@troupe/actor'
import type { DeleteRecords, RecordsDeleted } from '@troupe/replication/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  DeleteRecordsRequest,
  DeleteRecordsResponse_DeleteRecordsPartitionResultInput,
  DeleteRecordsResponseInput,
} from '@troupe/wire/messages'
import { resolveTopicConfig } from '@troupe/config'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import { replicaOn, type RequestContext } from '../context.ts'
import { findTopic, leaderError, replicaFailure } from '../partition-access.ts'
import { isInternalTopic } from '../topic-names.ts'

export const gaps: readonly string[] = []

type Answer = DeleteRecordsResponse_DeleteRecordsPartitionResultInput

export const deleteRecords = defineApi<DeleteRecordsRequest, DeleteRecordsResponseInput>({
  key: 21,
  minVersion: 0,
  maxVersion: 2,
  gaps,
  handle(request, ctx) {
    const answers = request.topics.map((): Answer[] => [])
    const barrier = new Barrier(() =>
      ctx.respond({ topics: request.topics.map(({ name }, t) => ({ name, partitions: answers[t] })) }),
    )
    request.topics.forEach(({ name, partitions }, t) => {
      const topic = findTopic(ctx, name, '', false)
      partitions.forEach(({ partitionIndex, offset }, p) => {
        const error = typeof topic === 'number' ? topic : refusal(ctx, topic, partitionIndex)
        if (error !== KafkaError.NONE || typeof topic === 'number') {
          answers[t][p] = refused(partitionIndex, error)
          return
        }
        barrier.expect()
        ctx.ask<DeleteRecords, RecordsDeleted>(
          replicaOn(ctx.self, topic.id, partitionIndex),
          { kind: 'deleteRecords', offset, timeoutMs: request.timeoutMs },
          (body) => {
            answers[t][p] = isFailed(body)
              ? refused(partitionIndex, replicaFailure(body))
              : { partitionIndex, errorCode: body.error, lowWatermark: body.lowWatermark }
            barrier.arrived()
          },
        )
      })
    })
    barrier.open()
  },
  failure: (request, error) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => refused(partitionIndex, error)),
    })),
  }),
})

function refusal(ctx: RequestContext, topic: TopicView, partition: number): ErrorCode {
  const error = leaderError(ctx, topic, partition)
  if (error !== KafkaError.NONE) return error
  if (isInternalTopic(topic.name)) return KafkaError.INVALID_TOPIC_EXCEPTION
  const policies = resolveTopicConfig(ctx.env.config, ctx.env.cluster.configs('topic', topic.name))['cleanup.policy']
  // A topic that is only compacted keeps the latest value of every key (Partition.deleteRecordsOnLeader).
  return policies.includes('compact') && !policies.includes('delete') ? KafkaError.POLICY_VIOLATION : KafkaError.NONE
}

function refused(partitionIndex: number, errorCode: ErrorCode): Answer {
  return { partitionIndex, errorCode, lowWatermark: -1 }
}
