/**
 * AlterPartitionReassignments (45), versions 0–1: moves replicas to other brokers (KIP-455). The controller decides.
 *
 * - v1 allowReplicationFactorChange (KIP-860)
 */
import type {
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askController } from '../controller.ts'

export const gaps: readonly string[] = []

export const alterPartitionReassignments = defineApi<
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponseInput
>({
  key: 45,
  minVersion: 0,
  maxVersion: 1,
  gaps,
  handle(request, ctx) {
    askController<AlterPartitionReassignmentsResponseInput>(
      ctx,
      'AlterPartitionReassignments',
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
