/**
 * UnregisterBroker (64), version 0: forgets a broker that will not come back (KIP-500). The controller decides.
 */
import { errorMessage } from '@troupe/wire/errors'
import type { UnregisterBrokerRequest, UnregisterBrokerResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askController } from '../controller.ts'

export const gaps: readonly string[] = []

export const unregisterBroker = defineApi<UnregisterBrokerRequest, UnregisterBrokerResponseInput>({
  key: 64,
  minVersion: 0,
  maxVersion: 0,
  gaps,
  handle(request, ctx) {
    askController<UnregisterBrokerResponseInput>(ctx, 'UnregisterBroker', request, 0, {
      answered: (response) => ctx.respond(response),
      refused: (errorCode) => ctx.respond({ errorCode, errorMessage: errorMessage(errorCode) }),
    })
  },
  failure: (_request, errorCode) => ({ errorCode, errorMessage: errorMessage(errorCode) }),
})
