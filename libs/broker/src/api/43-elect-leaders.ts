/**
 * ElectLeaders (43), versions 0–2: preferred elections, and unclean ones from v1 on (KIP-460). The controller decides.
 */
import type { ElectLeadersRequest, ElectLeadersResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askController } from '../controller.ts'

export const gaps: readonly string[] = [
  'The answer does not wait until the elected leaders are at work, only until the election is committed.',
]

export const electLeaders = defineApi<ElectLeadersRequest, ElectLeadersResponseInput>({
  key: 43,
  minVersion: 0,
  maxVersion: 2,
  gaps,
  handle(request, ctx) {
    askController<ElectLeadersResponseInput>(ctx, 'ElectLeaders', request, request.timeoutMs, {
      // v0 has no top-level error (ElectLeadersResponse).
      answered: (response) => ctx.respond(ctx.version === 0 ? { ...response, errorCode: 0 } : response),
      refused: (error) => ctx.respond(electLeaders.failure(request, error, ctx.version)!),
    })
  },
  failure: (request, errorCode, version) => ({
    errorCode: version === 0 ? 0 : errorCode,
    replicaElectionResults: (request.topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode })),
    })),
  }),
})
