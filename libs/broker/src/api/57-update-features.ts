/**
 * UpdateFeatures (57), versions 0–2: raises or lowers finalised feature levels (KIP-584). The controller decides.
 *
 * - v1 upgrade types and dry run (KIP-778); v2 no results per feature (KIP-1022)
 */
import { errorMessage } from '@troupe/wire/errors'
import type { UpdateFeaturesRequest, UpdateFeaturesResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askController } from '../controller.ts'

export const gaps: readonly string[] = []

export const updateFeatures = defineApi<UpdateFeaturesRequest, UpdateFeaturesResponseInput>({
  key: 57,
  minVersion: 0,
  maxVersion: 2,
  gaps,
  handle(request, ctx) {
    askController<UpdateFeaturesResponseInput>(ctx, 'UpdateFeatures', request, request.timeoutMs, {
      answered: (response) => ctx.respond(ctx.version >= 2 ? { ...response, results: [] } : response),
      refused: (errorCode) => ctx.respond({ errorCode, errorMessage: errorMessage(errorCode) }),
    })
  },
  failure: (_request, errorCode) => ({ errorCode, errorMessage: errorMessage(errorCode) }),
})
