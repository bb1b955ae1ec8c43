/**
 * EndTxn (26), versions 0–5: commits or aborts a transaction.
 *
 * - v2 PRODUCER_FENCED (KIP-588); v4 TRANSACTION_ABORTABLE; v5 the bumped producer id and epoch (KIP-890, TV2)
 */
import type { EndTxn } from '@troupe/transactions/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { EndTxnRequest, EndTxnResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askCoordinator } from '../coordinators.ts'

export const gaps: readonly string[] = []

export const endTxn = defineApi<EndTxnRequest, EndTxnResponseInput>({
  key: 26,
  minVersion: 0,
  maxVersion: 5,
  gaps,
  handle(request, ctx) {
    const refused = (error: ErrorCode): void => ctx.respond(refuse(error, ctx.version))
    if (request.transactionalId === '') return refused(KafkaError.INVALID_REQUEST)
    askCoordinator<EndTxn, EndTxnResponseInput>(
      ctx,
      'transactions',
      request.transactionalId,
      { kind: 'endTxn', body: request, version: ctx.version },
      ({ errorCode, producerId, producerEpoch }) => {
        if (errorCode) refused(errorCode as ErrorCode)
        else ctx.respond(ctx.version >= 5 ? { producerId, producerEpoch } : {})
      },
      refused,
    )
  },
  failure: (_request, error, version) => refuse(error, version),
})

function refuse(error: ErrorCode, version: number): EndTxnResponseInput {
  return { errorCode: error === KafkaError.PRODUCER_FENCED && version < 2 ? KafkaError.INVALID_PRODUCER_EPOCH : error }
}
