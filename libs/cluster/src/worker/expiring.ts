/**
 * The transaction coordinator, which can be told that a transactional.id's time is over: the real state machine decides
 * what `transaction.timeout.ms` and `transactional.id.expiration.ms` would have made it decide, for this id alone.
 */
import type { Message, ReplyToken } from '@troupe/actor'
import { coordinatorShard, type Coordinator, type CoordinatorEnv, type Decision } from '@troupe/coordinator'
import { transactionCoordinator, type TransactionShardState } from '@troupe/transactions'
import type { ErrorCode } from '@troupe/wire/errors'
import type { ExpireAnswer } from '../faults.ts'

export interface ExpireProducer extends Message {
  readonly kind: 'expireProducer'
  readonly replyTo: ReplyToken
  readonly transactionalId: string
}

type Request = Parameters<typeof transactionCoordinator.decide>[1] | ExpireProducer

const expiring: Coordinator<TransactionShardState, Request> = {
  ...transactionCoordinator,
  decide: (state, request, env) =>
    request.kind === 'expireProducer'
      ? expire(state, request, env)
      : transactionCoordinator.decide(state, request, env),
  refuse: (request, error: ErrorCode) =>
    request.kind === 'expireProducer' ? { error } : transactionCoordinator.refuse(request, error),
  isRead: (request) => request.kind !== 'expireProducer' && transactionCoordinator.isRead(request),
}

export const expiringTransactionsActor = coordinatorShard(expiring)

function expire(state: TransactionShardState, { transactionalId }: ExpireProducer, env: CoordinatorEnv): Decision {
  const metadata = state.transactions.get(transactionalId)
  const answer = (outcome: ExpireAnswer['outcome']): ExpireAnswer => ({ error: 0, outcome })
  if (metadata === undefined) return { records: [], response: answer('unknown') }
  if (metadata.state === 'ONGOING') {
    const { producerId, producerEpoch, startedAt } = metadata
    const abort = { kind: 'abortTimedOut', transactionalId, producerId, producerEpoch, startedAt } as const
    return { records: [], response: answer('aborted'), atOnce: [abort] }
  }
  const expirationMs = env.config['transactional.id.expiration.ms'] as number
  const { records } = transactionCoordinator.decide(
    { ...state, transactions: new Map([[transactionalId, metadata]]) },
    { kind: 'expirationSweep' },
    { ...env, now: metadata.updatedAt + expirationMs },
  )
  // Its markers are on their way: not idle yet, so nothing has expired.
  return { records, response: answer(records.length === 0 ? 'unknown' : 'forgotten') }
}
