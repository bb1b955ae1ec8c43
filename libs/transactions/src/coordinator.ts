/**
 * Transaction coordinator of one `__transaction_state` partition: who owns a transactional.id (producer id and epoch),
 * which partitions take part in its transaction, and how that ends, in all of them alike.
 *
 * State of one transactional.id: `transactionEdges` in transaction-state.ts
 * Records:                       TransactionLogValue, the whole state after each step, by transactional.id
 *
 * | request                                    | file                 |
 * | ------------------------------------------ | -------------------- |
 * | initProducerId                             | init-producer-id.ts  |
 * | addPartitions, addOffsets                  | add-partitions.ts    |
 * | endTxn                                     | end-transaction.ts   |
 * | describeTransactions, listTransactions     | queries.ts           |
 * | reply (markers)                            | markers.ts           |
 * | tick, timeoutSweep, expirationSweep        | sweeps.ts            |
 *
 * Decisions are made on the newest state, committed or not; the shard holds what they say until it is committed. That
 * takes the place of Kafka's pending states, and of the CONCURRENT_TRANSACTIONS that a client gets while one is
 * pending.
 *
 * Source: Kafka's TransactionCoordinator, TransactionStateManager, TransactionMetadata; KIP-98, KIP-360, KIP-890.
 */
import { isFailed, type Reply } from '@troupe/actor'
import { coordinatorShard, type Coordinator, type CoordinatorEnv, type Decision } from '@troupe/coordinator'
import { KafkaError } from '@troupe/wire/errors'
import { addOffsets, addPartitions } from './add-partitions.ts'
import { endTxn } from './end-transaction.ts'
import { initProducerId } from './init-producer-id.ts'
import type { TransactionMessage } from './internal-messages.ts'
import { onMarkerReply } from './markers.ts'
import type { ProducerIdGiven } from './messages.ts'
import { describeTransactions, listTransactions } from './queries.ts'
import { refusal } from './requests.ts'
import { invariants, newShardState, replay, type TransactionShardState } from './shard-state.ts'
import { abortTimedOut, answerTo, expirationSweep, onLoaded, onTick, timeoutSweep } from './sweeps.ts'

export const transactionCoordinator: Coordinator<TransactionShardState, TransactionMessage> = {
  kind: 'transactions',
  create: newShardState,
  decide,
  replay,
  onLoaded,
  refuse: refusal,
  isRead: (request) =>
    request.kind === 'describeTransactions' ||
    request.kind === 'listTransactions' ||
    (request.kind === 'addPartitions' && request.verifyOnly),
  invariants,
}

/** The actor `transactions:<partition>`. */
export const transactionsActor = coordinatorShard(transactionCoordinator)

function decide(state: TransactionShardState, request: TransactionMessage, env: CoordinatorEnv): Decision {
  switch (request.kind) {
    case 'initProducerId':
      return initProducerId(state, request, env)
    case 'addPartitions':
      return addPartitions(state, request, env)
    case 'addOffsets':
      return addOffsets(state, request, env)
    case 'endTxn':
      return endTxn(state, request, env)
    case 'describeTransactions':
      return { records: [], response: describeTransactions(state, request) }
    case 'listTransactions':
      return { records: [], response: listTransactions(state, request, env) }
    case 'tick':
      return onTick(state, env)
    case 'timeoutSweep':
      return timeoutSweep(state, env)
    case 'abortTimedOut':
      return abortTimedOut(state, request, env)
    case 'expirationSweep':
      return expirationSweep(state, env)
    case 'reply':
      return onReply(state, request, env)
  }
}

function onReply(state: TransactionShardState, reply: Reply, env: CoordinatorEnv): Decision {
  const ask = state.asks.get(reply.id)
  if (ask === undefined) return { records: [] } // answered too late
  if (ask.kind === 'marker') return onMarkerReply(state, reply.id, ask, reply.body, env)
  state.asks.delete(reply.id)
  const given = reply.body as ProducerIdGiven
  if (isFailed(given)) return { records: [], replies: answerTo(ask.request, KafkaError.COORDINATOR_LOAD_IN_PROGRESS) }
  if (given.error !== KafkaError.NONE) return { records: [], replies: answerTo(ask.request, given.error) }
  const again: TransactionMessage = { ...ask.request, newProducerId: given.producerId }
  return { records: [], atOnce: [again] }
}
