/**
 * DescribeTopicPartitions (75), version 0: topics page by page, with eligible leader replicas (KIP-966).
 *
 * Topics come by name; a page ends after so many partitions and says where the next one begins.
 * Source: Kafka's DescribeTopicPartitionsRequestHandler.
 */
import type { TopicView } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import type {
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse_CursorInput,
  DescribeTopicPartitionsResponse_DescribeTopicPartitionsResponseTopicInput,
  DescribeTopicPartitionsResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { refuse, type RequestContext } from '../context.ts'
import { isInternalTopic, isLegalTopicName } from '../topic-names.ts'
import { partitionMetadata, TOPIC_OPERATIONS, topicsByName } from '../topic-view.ts'

export const gaps: readonly string[] = ['Authorized operations are all operations, because there is no authorizer.']

type TopicAnswer = DescribeTopicPartitionsResponse_DescribeTopicPartitionsResponseTopicInput

export const describeTopicPartitions = defineApi<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponseInput>({
  key: 75,
  minVersion: 0,
  maxVersion: 0,
  gaps,
  handle(request, ctx) {
    const { cursor } = request
    const names = wantedNames(request, ctx)
    if (cursor && cursor.partitionIndex < 0) refuse(KafkaError.INVALID_REQUEST, 'cursor before the first partition')
    const limit = Math.min(ctx.env.config['max.request.partition.size.limit'], request.responsePartitionLimit)
    let left = Math.max(1, limit)
    const topics: TopicAnswer[] = []
    let nextCursor: DescribeTopicPartitionsResponse_CursorInput | null = null
    for (const name of names) {
      if (left <= 0) {
        nextCursor = { topicName: name, partitionIndex: 0 }
        break
      }
      const topic = ctx.env.cluster.topic(name)
      if (!topic) {
        topics.push(unknownTopic(name))
        continue
      }
      const first = cursor?.topicName === name ? cursor.partitionIndex : 0
      const end = Math.min(first + left, topic.partitions.length)
      topics.push(describe(ctx, topic, first, end))
      left -= Math.max(0, end - first)
      if (end < topic.partitions.length) {
        nextCursor = { topicName: name, partitionIndex: end }
        break
      }
    }
    ctx.respond({ topics, nextCursor })
  },
  failure: (request, errorCode) => ({ topics: request.topics.map(({ name }) => ({ name, errorCode })) }),
})

function wantedNames({ topics, cursor }: DescribeTopicPartitionsRequest, ctx: RequestContext): string[] {
  const from = cursor?.topicName ?? ''
  if (topics.length === 0)
    return topicsByName(ctx.env.cluster)
      .map(({ name }) => name)
      .filter((name) => name >= from)
  const names = [...new Set(topics.map(({ name }) => name))].sort().filter((name) => name >= from)
  if (cursor && !names.includes(from)) refuse(KafkaError.INVALID_REQUEST, 'cursor at a topic that is not asked for')
  return names
}

function unknownTopic(name: string): TopicAnswer {
  return {
    name,
    errorCode: isLegalTopicName(name) ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION : KafkaError.INVALID_TOPIC_EXCEPTION,
    isInternal: isInternalTopic(name),
    topicAuthorizedOperations: TOPIC_OPERATIONS,
  }
}

function describe(ctx: RequestContext, topic: TopicView, first: number, end: number): TopicAnswer {
  const rules = {
    listener: ctx.connection.listener,
    errorUnavailableEndpoints: false,
    errorUnavailableListeners: true,
  }
  return {
    errorCode: KafkaError.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: topic.partitions.slice(first, end).map((view) => ({
      ...partitionMetadata(ctx.env.cluster, view, rules),
      eligibleLeaderReplicas: view.elr,
      lastKnownElr: view.lastKnownElr,
    })),
    topicAuthorizedOperations: TOPIC_OPERATIONS,
  }
}
