/**
 * DeleteTopics (20), versions 1–6.
 *
 * - v3 TOPIC_DELETION_DISABLED; v5 error messages (KIP-599); v6 topics by name or by id (KIP-516)
 *
 * The controller decides. The answer waits until this broker has forgotten the topics, for a short while.
 */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/io'
import type {
  DeleteTopicsRequest,
  DeleteTopicsRequest_DeleteTopicState,
  DeleteTopicsResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { refuse, type RequestContext } from '../context.ts'
import { askController } from '../controller.ts'
import { untilImageShows } from '../image-wait.ts'

export const gaps: readonly string[] = []

const FORGOTTEN_WITHIN_MS = 1_000

export const deleteTopics = defineApi<DeleteTopicsRequest, DeleteTopicsResponseInput>({
  key: 20,
  minVersion: 1,
  maxVersion: 6,
  gaps,
  handle(request, ctx) {
    if (!ctx.env.config['delete.topic.enable']) {
      refuse(
        ctx.version < 3 ? KafkaError.INVALID_REQUEST : KafkaError.TOPIC_DELETION_DISABLED,
        'topic deletion is disabled',
      )
    }
    const body = { ...request, topics: topicsOf(request, ctx.version), topicNames: [] }
    askController<DeleteTopicsResponseInput>(ctx, 'DeleteTopics', body, request.timeoutMs, {
      answered: (response) =>
        untilImageShows(
          ctx,
          FORGOTTEN_WITHIN_MS,
          () => forgotten(ctx, response),
          () => ctx.respond(response),
        ),
      refused: (error) => ctx.respond(refuseAll(request, error, ctx.version)),
    })
  },
  failure: refuseAll,
})

function forgotten(ctx: RequestContext, { responses = [] }: DeleteTopicsResponseInput): boolean {
  const { cluster } = ctx.env
  return responses.every(({ errorCode, name, topicId = zeroUuid }) => {
    if (errorCode) return true
    const topic = topicId !== zeroUuid ? cluster.topicById(topicId) : cluster.topic(name ?? '')
    return topic === undefined
  })
}

function topicsOf(request: DeleteTopicsRequest, version: number): DeleteTopicsRequest_DeleteTopicState[] {
  return version >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: zeroUuid }))
}

function refuseAll(request: DeleteTopicsRequest, errorCode: ErrorCode, version: number): DeleteTopicsResponseInput {
  return { responses: topicsOf(request, version).map(({ name, topicId }) => ({ name, topicId, errorCode })) }
}
