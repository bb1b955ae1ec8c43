/**
 * ListPartitionReassignments (46), version 0: replicas on the move (KIP-455). The controller answers.
 */
import type { ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askController } from '../controller.ts'

export const gaps: readonly string[] = []

export const listPartitionReassignments = defineApi<
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponseInput
>({
  key: 46,
  minVersion: 0,
  maxVersion: 0,
  gaps,
  handle(request, ctx) {
    askController<ListPartitionReassignmentsResponseInput>(
      ctx,
      'ListPartitionReassignments',
      request,
      request.timeoutMs,
      {
        answered: (response) => ctx.respond(response),
        refused: (errorCode) => ctx.respond({ errorCode }),
      },
    )
  },
  failure: (_request, errorCode) => ({ errorCode }),
})
