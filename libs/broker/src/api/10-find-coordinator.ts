/**
 * FindCoordinator (10), versions 0–6: which broker coordinates a group or a transactional.id.
 *
 * - v1 key types (KIP-98); v4 several keys at once (KIP-699); v5 no new fields; v6 share groups (KIP-932)
 *
 * The first to ask for a coordinator makes its internal topic. The answer waits until the topic has leaders, for a short
 * while; Kafka answers COORDINATOR_NOT_AVAILABLE at once and lets the client try again.
 */
import { KafkaError, errorMessage, type ErrorCode } from '@troupe/wire/errors'
import type { FindCoordinatorRequest, FindCoordinatorResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import type { RequestContext } from '../context.ts'
import { seatOf, type CoordinatorKind } from '../coordinators.ts'
import { aliveEndpoint } from '../endpoints.ts'
import { createAndAwait } from '../internal-topics.ts'
import { OFFSETS_TOPIC, TRANSACTION_TOPIC } from '../topic-names.ts'

export const gaps: readonly string[] = ['Share groups are not there yet: key type 2 is refused with INVALID_REQUEST.']

const KINDS: readonly { kind: CoordinatorKind; topic: string }[] = [
  { kind: 'groups', topic: OFFSETS_TOPIC },
  { kind: 'transactions', topic: TRANSACTION_TOPIC },
]

interface Found {
  readonly errorCode: ErrorCode
  readonly errorMessage: string | null
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

export const findCoordinator = defineApi<FindCoordinatorRequest, FindCoordinatorResponseInput>({
  key: 10,
  minVersion: 0,
  maxVersion: 6,
  gaps,
  handle(request, ctx) {
    const sought = KINDS[request.keyType]
    if (!sought) return ctx.respond(refuseAll(request, KafkaError.INVALID_REQUEST, ctx.version))
    const { kind, topic } = sought
    const find = (): void => {
      if (ctx.version < 4) return ctx.respond(locate(ctx, kind, request.key))
      const coordinators = request.coordinatorKeys.map((key) => ({ key, ...locate(ctx, kind, key) }))
      ctx.respond({ coordinators })
    }
    if (ctx.env.cluster.topic(topic)) find()
    else createAndAwait(ctx, [topic], find)
  },
  failure: refuseAll,
})

function locate(ctx: RequestContext, kind: CoordinatorKind, key: string): Found {
  const seat = seatOf(ctx, kind, key)
  const endpoint = seat && aliveEndpoint(ctx.env.cluster, seat.leader, ctx.connection.listener)
  if (!endpoint) return nobody(KafkaError.COORDINATOR_NOT_AVAILABLE)
  const { nodeId, host, port } = endpoint
  // Kafka says NONE in words, and nothing at all for each of several keys.
  return { errorCode: KafkaError.NONE, errorMessage: ctx.version < 4 ? 'NONE' : '', nodeId, host, port }
}

function nobody(errorCode: ErrorCode): Found {
  return { errorCode, errorMessage: errorMessage(errorCode), nodeId: -1, host: '', port: -1 }
}

function refuseAll(request: FindCoordinatorRequest, error: ErrorCode, version: number): FindCoordinatorResponseInput {
  if (version < 4) return nobody(error)
  return { coordinators: request.coordinatorKeys.map((key) => ({ key, ...nobody(error) })) }
}
