/**
 * InitProducerId (22), versions 0–5, and 6 with `unstable.api.versions.enable`: a producer's id and epoch.
 *
 * - v3 the producer names the id and epoch it has (KIP-360); v4 PRODUCER_FENCED (KIP-588); v5 TRANSACTION_ABORTABLE (KIP-890)
 * - v6 two-phase commit (KIP-939), marked unstable in Kafka 4.3
 *
 * Without a transactional.id the id comes from this broker's block of producer ids, at epoch 0.
 */
import type { InitProducerId } from '@troupe/transactions/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { InitProducerIdRequest, InitProducerIdResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import type { RequestContext } from '../context.ts'
import { askCoordinator, clientOf } from '../coordinators.ts'
import { askProducerId } from '../producer-ids.ts'

export const gaps: readonly string[] = [
  'keepPreparedTxn (KIP-939) is answered with UNSUPPORTED_VERSION, as Kafka 4.3 does.',
]

export const initProducerId = defineApi<InitProducerIdRequest, InitProducerIdResponseInput>({
  key: 22,
  minVersion: 0,
  maxVersion: 6,
  gaps,
  handle(request, ctx) {
    const { transactionalId, producerId, producerEpoch } = request
    const refused = (error: ErrorCode): void => ctx.respond(refuse(error, ctx.version))
    if ((producerId === -1) !== (producerEpoch === -1)) return refused(KafkaError.INVALID_REQUEST)
    if (request.keepPreparedTxn) return refused(KafkaError.UNSUPPORTED_VERSION)
    if (transactionalId === null) return idempotent(ctx, refused)
    if (transactionalId === '') return refused(KafkaError.INVALID_REQUEST)
    askCoordinator<InitProducerId, InitProducerIdResponseInput>(
      ctx,
      'transactions',
      transactionalId,
      { kind: 'initProducerId', body: request, version: ctx.version, clientHost: clientOf(ctx).clientHost },
      (response) => {
        if (response.errorCode) refused(response.errorCode as ErrorCode)
        else ctx.respond(response)
      },
      refused,
    )
  },
  failure: (_request, error, version) => refuse(error, version),
})

function idempotent(ctx: RequestContext<InitProducerIdResponseInput>, refused: (error: ErrorCode) => void): void {
  askProducerId(ctx, ({ error, producerId }) => {
    if (error === KafkaError.NONE) ctx.respond({ producerId, producerEpoch: 0 })
    else refused(error)
  })
}

/** Clients before KIP-588 know fencing as INVALID_PRODUCER_EPOCH. */
function refuse(error: ErrorCode, version: number): InitProducerIdResponseInput {
  const errorCode = error === KafkaError.PRODUCER_FENCED && version < 4 ? KafkaError.INVALID_PRODUCER_EPOCH : error
  return { errorCode, producerId: -1, producerEpoch: -1 }
}
