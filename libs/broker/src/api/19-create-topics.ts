/**
 * CreateTopics (19), versions 2–7: topics with partitions by count or by assignment.
 *
 * - v4 −1 for the broker's defaults (KIP-464); v5 the topic's configuration in the answer (KIP-525); v7 topic id (KIP-516)
 *
 * The controller decides. The answer waits until this broker knows the topics, for a short while; Kafka may answer
 * before, and the client's next request then finds nothing.
 */
import { KafkaError } from '@troupe/wire/errors'
import type { CreateTopicsRequest, CreateTopicsResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askController } from '../controller.ts'
import { untilImageShows } from '../image-wait.ts'

export const gaps: readonly string[] = ['create.topic.policy.class.name is not there: Java classes cannot be loaded.']

const KNOWN_WITHIN_MS = 1_000

export const createTopics = defineApi<CreateTopicsRequest, CreateTopicsResponseInput>({
  key: 19,
  minVersion: 2,
  maxVersion: 7,
  gaps,
  handle(request, ctx) {
    askController<CreateTopicsResponseInput>(ctx, 'CreateTopics', request, request.timeoutMs, {
      answered(response) {
        const created = (response.topics ?? []).filter(({ errorCode }) => !errorCode).map(({ name = '' }) => name)
        const known = (): boolean =>
          request.validateOnly ||
          created.every((name) => {
            const topic = ctx.env.cluster.topic(name)
            return topic !== undefined && topic.partitions.some(({ leader }) => leader >= 0)
          })
        untilImageShows(ctx, KNOWN_WITHIN_MS, known, () => ctx.respond(fit(response, ctx.version)))
      },
      refused: (error) => ctx.respond(createTopics.failure(request, error, ctx.version)!),
    })
  },
  failure: (request, errorCode) => ({ topics: request.topics.map(({ name }) => ({ name, errorCode })) }),
})

function fit(response: CreateTopicsResponseInput, version: number): CreateTopicsResponseInput {
  if (version >= 5) return response
  return {
    topics: (response.topics ?? []).map(({ name, errorCode = KafkaError.NONE, errorMessage }) => ({
      name,
      errorCode,
      errorMessage,
    })),
  }
}
