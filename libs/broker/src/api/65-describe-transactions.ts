/**
 * DescribeTransactions (65), version 0: state and partitions of transactions (KIP-664).
 */
import type { DescribeTransactions } from '@troupe/transactions/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  DescribeTransactionsRequest,
  DescribeTransactionsResponse_TransactionStateInput,
  DescribeTransactionsResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import { askShard, byLocalShard } from '../coordinators.ts'

export const gaps: readonly string[] = []

type State = DescribeTransactionsResponse_TransactionStateInput

export const describeTransactions = defineApi<DescribeTransactionsRequest, DescribeTransactionsResponseInput>({
  key: 65,
  minVersion: 0,
  maxVersion: 0,
  gaps,
  handle(request, ctx) {
    const ids = request.transactionalIds
    const states = new Map<string, State>()
    const barrier = new Barrier(() =>
      ctx.respond({ transactionStates: ids.map((id) => states.get(id) ?? refused(id, KafkaError.NOT_COORDINATOR)) }),
    )
    for (const [shard, transactionalIds] of byLocalShard(ctx, 'transactions', new Set(ids))) {
      if (shard < 0) continue
      barrier.expect()
      const settle = (given: readonly State[]): void => {
        for (const state of given) states.set(state.transactionalId ?? '', state)
        barrier.arrived()
      }
      askShard<DescribeTransactions, DescribeTransactionsResponseInput>(
        ctx,
        'transactions',
        shard,
        { kind: 'describeTransactions', body: { transactionalIds } },
        (response) => settle(response.transactionStates ?? []),
        (error) => settle(transactionalIds.map((id) => refused(id, error))),
      )
    }
    barrier.open()
  },
  failure: (request, error) => ({ transactionStates: request.transactionalIds.map((id) => refused(id, error)) }),
})

function refused(transactionalId: string, errorCode: ErrorCode): State {
  return { transactionalId, errorCode }
}
