/**
 * LeaveGroup (13), versions 0–5: members leave a classic group at once.
 *
 * - v3 several members, static ones by instance id (KIP-345); v5 reason (KIP-800)
 */
import type { LeaveGroup } from '@troupe/groups/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { LeaveGroupRequest, LeaveGroupResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askCoordinator, clientOf } from '../coordinators.ts'

export const gaps: readonly string[] = []

export const leaveGroup = defineApi<LeaveGroupRequest, LeaveGroupResponseInput>({
  key: 13,
  minVersion: 0,
  maxVersion: 5,
  gaps,
  handle(request, ctx) {
    const refused = (errorCode: ErrorCode): void => ctx.respond({ errorCode })
    if (request.groupId === '') return refused(KafkaError.INVALID_GROUP_ID)
    askCoordinator<LeaveGroup, LeaveGroupResponseInput>(
      ctx,
      'groups',
      request.groupId,
      { kind: 'leaveGroup', body: severalMembers(request, ctx.version), version: ctx.version, client: clientOf(ctx) },
      (response) => ctx.respond(fit(response, ctx.version)),
      refused,
    )
  },
  failure: (_request, errorCode) => ({ errorCode }),
})

/** Before v3 a request is of one member; the coordinator knows only the general form. */
function severalMembers(request: LeaveGroupRequest, version: number): LeaveGroupRequest {
  if (version >= 3) return request
  return { ...request, members: [{ memberId: request.memberId, groupInstanceId: null, reason: null }] }
}

function fit(response: LeaveGroupResponseInput, version: number): LeaveGroupResponseInput {
  if (version >= 3) return response
  const own = response.members?.[0]?.errorCode ?? KafkaError.NONE
  return { errorCode: response.errorCode || own }
}
