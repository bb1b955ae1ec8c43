/**
 * OffsetCommit (8), versions 2–10: a group's progress.
 *
 * - v5 no retention time (KIP-211); v6 leader epoch (KIP-320); v7 static members (KIP-345)
 * - v9 member epochs (KIP-848); v10 topic ids (KIP-516)
 *
 * Partitions that the metadata does not know are answered here; the others go to the group's coordinator.
 */
import type { OffsetCommit } from '@troupe/groups/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/io'
import type {
  OffsetCommitRequest,
  OffsetCommitRequest_OffsetCommitRequestTopic,
  OffsetCommitResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import type { RequestContext } from '../context.ts'
import { askCoordinator, clientOf } from '../coordinators.ts'
import { findTopic } from '../partition-access.ts'
import { TopicAnswers } from '../topic-answers.ts'

export const gaps: readonly string[] = []

export const offsetCommit = defineApi<OffsetCommitRequest, OffsetCommitResponseInput>({
  key: 8,
  minVersion: 2,
  maxVersion: 10,
  gaps,
  handle(request, ctx) {
    const answers = new TopicAnswers()
    const topics = knownPartitions(request, ctx, answers)
    const respond = (): void => ctx.respond({ topics: answers.list() })
    if (topics.length === 0) return respond()
    const refused = (error: ErrorCode): void => {
      for (const { name, topicId, partitions } of topics) {
        for (const { partitionIndex } of partitions) answers.add(name, topicId, partitionIndex, error)
      }
      respond()
    }
    askCoordinator<OffsetCommit, OffsetCommitResponseInput>(
      ctx,
      'groups',
      request.groupId,
      { kind: 'offsetCommit', body: { ...request, topics }, version: ctx.version, client: clientOf(ctx) },
      (response) => {
        const ids = new Map(topics.map(({ name, topicId }) => [name, topicId]))
        for (const { name = '', partitions } of response.topics ?? []) {
          for (const { partitionIndex = 0, errorCode = 0 } of partitions ?? []) {
            answers.add(name, ids.get(name) ?? zeroUuid, partitionIndex, errorCode)
          }
        }
        respond()
      },
      refused,
    )
  },
  failure: (request, errorCode) => ({
    topics: request.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }),
})

/** What the coordinator is asked, by name; errors of the rest go to `answers`. */
function knownPartitions(
  request: OffsetCommitRequest,
  ctx: RequestContext,
  answers: TopicAnswers,
): OffsetCommitRequest_OffsetCommitRequestTopic[] {
  const known: OffsetCommitRequest_OffsetCommitRequestTopic[] = []
  for (const asked of request.topics) {
    const topic = findTopic(ctx, asked.name, asked.topicId, ctx.version >= 10)
    const partitions = []
    for (const partition of asked.partitions) {
      const error =
        typeof topic === 'number'
          ? topic
          : topic.partitions[partition.partitionIndex]
            ? KafkaError.NONE
            : KafkaError.UNKNOWN_TOPIC_OR_PARTITION
      if (error === KafkaError.NONE) partitions.push(partition)
      else answers.add(asked.name, asked.topicId, partition.partitionIndex, error)
    }
    if (typeof topic !== 'number' && partitions.length > 0) {
      known.push({ name: topic.name, topicId: asked.topicId, partitions })
    }
  }
  return known
}
