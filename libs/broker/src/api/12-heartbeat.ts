/**
 * Heartbeat (12), versions 0–4: a member of a classic group is alive; the answer says when to join again.
 *
 * - v3 static members (KIP-345)
 */
import type { Heartbeat } from '@troupe/groups/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { HeartbeatRequest, HeartbeatResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askCoordinator, clientOf } from '../coordinators.ts'

export const gaps: readonly string[] = []

export const heartbeat = defineApi<HeartbeatRequest, HeartbeatResponseInput>({
  key: 12,
  minVersion: 0,
  maxVersion: 4,
  gaps,
  handle(request, ctx) {
    const refused = (errorCode: ErrorCode): void => ctx.respond({ errorCode })
    if (request.groupId === '') return refused(KafkaError.INVALID_GROUP_ID)
    askCoordinator<Heartbeat, HeartbeatResponseInput>(
      ctx,
      'groups',
      request.groupId,
      { kind: 'heartbeat', body: request, version: ctx.version, client: clientOf(ctx) },
      (response) => ctx.respond(response),
      refused,
    )
  },
  failure: (_request, errorCode) => ({ errorCode }),
})
