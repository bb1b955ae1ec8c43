/**
 * SyncGroup (14), versions 0–5: the leader of a classic group hands in the assignment, every member gets its part.
 *
 * - v3 static members (KIP-345); v5 protocol type and name (KIP-559)
 */
import type { SyncGroup } from '@troupe/groups/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { SyncGroupRequest, SyncGroupResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askCoordinator, clientOf } from '../coordinators.ts'

export const gaps: readonly string[] = []

export const syncGroup = defineApi<SyncGroupRequest, SyncGroupResponseInput>({
  key: 14,
  minVersion: 0,
  maxVersion: 5,
  gaps,
  handle(request, ctx) {
    const refused = (errorCode: ErrorCode): void => ctx.respond({ errorCode })
    // KIP-559: both are mandatory from v5 on (SyncGroupRequest.areMandatoryProtocolTypeAndNamePresent).
    if (ctx.version >= 5 && (request.protocolType === null || request.protocolName === null)) {
      return refused(KafkaError.INCONSISTENT_GROUP_PROTOCOL)
    }
    if (request.groupId === '') return refused(KafkaError.INVALID_GROUP_ID)
    const assignments = request.assignments.map(({ memberId, assignment }) => ({
      memberId,
      assignment: assignment.slice(),
    }))
    askCoordinator<SyncGroup, SyncGroupResponseInput>(
      ctx,
      'groups',
      request.groupId,
      { kind: 'syncGroup', body: { ...request, assignments }, version: ctx.version, client: clientOf(ctx) },
      (response) => ctx.respond(response),
      refused,
    )
  },
  failure: (_request, errorCode) => ({ errorCode }),
})
