/**
 * AddOffsetsToTxn (25), versions 0–4: a transaction is going to commit offsets of a group (KIP-98, TV1).
 *
 * - v2 PRODUCER_FENCED (KIP-588); v4 TRANSACTION_ABORTABLE (KIP-890)
 */
import type { AddOffsets } from '@troupe/transactions/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { AddOffsetsToTxnRequest, AddOffsetsToTxnResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askCoordinator } from '../coordinators.ts'

export const gaps: readonly string[] = []

export const addOffsetsToTxn = defineApi<AddOffsetsToTxnRequest, AddOffsetsToTxnResponseInput>({
  key: 25,
  minVersion: 0,
  maxVersion: 4,
  gaps,
  handle(request, ctx) {
    const refused = (error: ErrorCode): void => ctx.respond(answer(error, ctx.version))
    if (request.transactionalId === '') return refused(KafkaError.INVALID_REQUEST)
    askCoordinator<AddOffsets, AddOffsetsToTxnResponseInput>(
      ctx,
      'transactions',
      request.transactionalId,
      { kind: 'addOffsets', body: request, version: ctx.version },
      ({ errorCode }) => ctx.respond(answer((errorCode ?? KafkaError.NONE) as ErrorCode, ctx.version)),
      refused,
    )
  },
  failure: (_request, error, version) => answer(error, version),
})

function answer(error: ErrorCode, version: number): AddOffsetsToTxnResponseInput {
  return { errorCode: error === KafkaError.PRODUCER_FENCED && version < 2 ? KafkaError.INVALID_PRODUCER_EPOCH : error }
}
