/**
 * OffsetDelete (47), version 0, never flexible: forgets a group's offsets of some partitions (KIP-496).
 *
 * Partitions that the metadata does not know are answered here; the others go to the group's coordinator.
 */
import type { OffsetDelete } from '@troupe/groups/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/io'
import type {
  OffsetDeleteRequest,
  OffsetDeleteRequest_OffsetDeleteRequestTopic,
  OffsetDeleteResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import type { RequestContext } from '../context.ts'
import { askCoordinator, clientOf } from '../coordinators.ts'
import { TopicAnswers } from '../topic-answers.ts'

export const gaps: readonly string[] = []

export const offsetDelete = defineApi<OffsetDeleteRequest, OffsetDeleteResponseInput>({
  key: 47,
  minVersion: 0,
  maxVersion: 0,
  gaps,
  handle(request, ctx) {
    const answers = new TopicAnswers()
    const topics = knownPartitions(request, ctx, answers)
    const refused = (errorCode: ErrorCode): void => ctx.respond({ errorCode })
    if (request.groupId === '') return refused(KafkaError.INVALID_GROUP_ID)
    if (topics.length === 0) return ctx.respond({ topics: answers.list() })
    askCoordinator<OffsetDelete, OffsetDeleteResponseInput>(
      ctx,
      'groups',
      request.groupId,
      { kind: 'offsetDelete', body: { ...request, topics }, version: ctx.version, client: clientOf(ctx) },
      (response) => {
        if (response.errorCode) return ctx.respond({ errorCode: response.errorCode })
        for (const { name = '', partitions } of response.topics ?? []) {
          for (const { partitionIndex = 0, errorCode = 0 } of partitions ?? []) {
            answers.add(name, zeroUuid, partitionIndex, errorCode)
          }
        }
        ctx.respond({ topics: answers.list() })
      },
      refused,
    )
  },
  failure: (_request, errorCode) => ({ errorCode }),
})

function knownPartitions(
  request: OffsetDeleteRequest,
  ctx: RequestContext,
  answers: TopicAnswers,
): OffsetDeleteRequest_OffsetDeleteRequestTopic[] {
  const known: OffsetDeleteRequest_OffsetDeleteRequestTopic[] = []
  for (const { name, partitions } of request.topics) {
    const topic = ctx.env.cluster.topic(name)
    const there = partitions.filter(({ partitionIndex }) => topic?.partitions[partitionIndex])
    for (const { partitionIndex } of partitions) {
      if (topic?.partitions[partitionIndex]) continue
      answers.add(name, zeroUuid, partitionIndex, KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
    }
    if (there.length > 0) known.push({ name, partitions: there })
  }
  return known
}
