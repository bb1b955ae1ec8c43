/**
 * ListTransactions (66), versions 0–2: the transactions that this broker coordinates (KIP-664).
 *
 * - v1 filter by duration (KIP-994); v2 filter by transactional.id pattern (KIP-1152)
 *
 * Every coordinator shard of this broker is asked. One that is loading makes the answer COORDINATOR_LOAD_IN_PROGRESS.
 */
import type { ListTransactions } from '@troupe/transactions/messages'
import { KafkaError } from '@troupe/wire/errors'
import type {
  ListTransactionsRequest,
  ListTransactionsResponse_TransactionStateInput,
  ListTransactionsResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import { askShard, localShards } from '../coordinators.ts'

export const gaps: readonly string[] = []

export const listTransactions = defineApi<ListTransactionsRequest, ListTransactionsResponseInput>({
  key: 66,
  minVersion: 0,
  maxVersion: 2,
  gaps,
  handle(request, ctx) {
    const transactionStates: ListTransactionsResponse_TransactionStateInput[] = []
    const unknown = new Set<string>()
    let errorCode: number = KafkaError.NONE
    const barrier = new Barrier(() => {
      const unknownStateFilters = [...unknown]
      ctx.respond(errorCode === KafkaError.NONE ? { unknownStateFilters, transactionStates } : { errorCode })
    })
    for (const shard of localShards(ctx, 'transactions')) {
      barrier.expect()
      const refused = (error: number): void => {
        if (error !== KafkaError.NOT_COORDINATOR) errorCode = error
        barrier.arrived()
      }
      askShard<ListTransactions, ListTransactionsResponseInput>(
        ctx,
        'transactions',
        shard,
        { kind: 'listTransactions', body: request },
        (response) => {
          if (response.errorCode) return refused(response.errorCode)
          for (const filter of response.unknownStateFilters ?? []) unknown.add(filter)
          transactionStates.push(...(response.transactionStates ?? []))
          barrier.arrived()
        },
        refused,
      )
    }
    barrier.open()
  },
  failure: (_request, errorCode) => ({ errorCode }),
})
