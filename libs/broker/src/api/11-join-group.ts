/**
 * JoinGroup (11), versions 0–9: a member enters a classic group and waits for the next generation.
 *
 * - v1 rebalance timeout (KIP-62); v4 the member id comes from the coordinator (KIP-394); v5 static members (KIP-345)
 * - v7 protocol type in the answer (KIP-559); v8 reason (KIP-800); v9 skipAssignment (KIP-814)
 */
import type { JoinGroup } from '@troupe/groups/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { JoinGroupRequest, JoinGroupResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askCoordinator, clientOf } from '../coordinators.ts'

export const gaps: readonly string[] = []

export const joinGroup = defineApi<JoinGroupRequest, JoinGroupResponseInput>({
  key: 11,
  minVersion: 0,
  maxVersion: 9,
  gaps,
  handle(request, ctx) {
    const refused = (error: ErrorCode): void => ctx.respond(refuse(request, error, ctx.version))
    if (request.groupId === '') return refused(KafkaError.INVALID_GROUP_ID)
    // The coordinator keeps what members say of themselves; the frame's memory is not theirs.
    const protocols = request.protocols.map(({ name, metadata }) => ({ name, metadata: metadata.slice() }))
    askCoordinator<JoinGroup, JoinGroupResponseInput>(
      ctx,
      'groups',
      request.groupId,
      { kind: 'joinGroup', body: { ...request, protocols }, version: ctx.version, client: clientOf(ctx) },
      (response) => ctx.respond(fit(response, ctx.version)),
      refused,
    )
  },
  failure: refuse,
})

/** Before v7 the protocol name cannot be null (JoinGroupResponse). */
function fit(response: JoinGroupResponseInput, version: number): JoinGroupResponseInput {
  const { protocolName } = response
  return { ...response, protocolName: version < 7 ? (protocolName ?? '') : protocolName === '' ? null : protocolName }
}

function refuse(request: JoinGroupRequest, errorCode: ErrorCode, version: number): JoinGroupResponseInput {
  return fit({ errorCode, generationId: -1, protocolName: null, leader: '', memberId: request.memberId }, version)
}
