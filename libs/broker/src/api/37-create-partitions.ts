/**
 * CreatePartitions (37), versions 0–3: more partitions for a topic (KIP-195).
 *
 * The controller decides. The answer waits until this broker knows the new partitions, for a short while.
 */
import type { CreatePartitionsRequest, CreatePartitionsResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askController } from '../controller.ts'
import { untilImageShows } from '../image-wait.ts'

export const gaps: readonly string[] = []

const KNOWN_WITHIN_MS = 1_000

export const createPartitions = defineApi<CreatePartitionsRequest, CreatePartitionsResponseInput>({
  key: 37,
  minVersion: 0,
  maxVersion: 3,
  gaps,
  handle(request, ctx) {
    askController<CreatePartitionsResponseInput>(ctx, 'CreatePartitions', request, request.timeoutMs, {
      answered(response) {
        const failed = new Set((response.results ?? []).filter(({ errorCode }) => errorCode).map(({ name }) => name))
        const known = (): boolean =>
          request.validateOnly ||
          request.topics.every(
            ({ name, count }) => failed.has(name) || (ctx.env.cluster.topic(name)?.partitions.length ?? count) >= count,
          )
        untilImageShows(ctx, KNOWN_WITHIN_MS, known, () => ctx.respond(response))
      },
      refused: (error) => ctx.respond(createPartitions.failure(request, error, ctx.version)!),
    })
  },
  failure: (request, errorCode) => ({ results: request.topics.map(({ name }) => ({ name, errorCode })) }),
})
