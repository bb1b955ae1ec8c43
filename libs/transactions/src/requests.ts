/** Answers, refusals and the ways in which a request can wait. */
import { actorNames } from '@troupe/actor'
import type { CoordinatorEnv, Decision } from '@troupe/coordinator/contract'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { TransactionMessage } from './internal-messages.ts'
import type { NextProducerId, PartitionsAdded } from './messages.ts'
import type { TransactionShardState } from './shard-state.ts'
import {
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  type ClientTransactionVersion,
  type TopicPartitions,
  type TransactionMetadata,
} from './transaction-metadata.ts'

export const TICK_MS = 50
const PRODUCER_ID_TIMEOUT_MS = 2000

export function number(env: CoordinatorEnv, property: string): number {
  return env.config[property] as number
}

/** The cluster's finalised `transaction.version`: 0 before any. */
export function transactionVersion(env: CoordinatorEnv): number {
  return env.cluster.features.get('transaction.version') ?? 0
}

/** For what the coordinator ends by itself, without a client's version to go by. */
export function serverVersion(env: CoordinatorEnv): ClientTransactionVersion {
  return transactionVersion(env) >= 2 ? 2 : 0
}

/** Clients of before KIP-588 know PRODUCER_FENCED under its older name. */
export function fencedError(version: number, since: number): ErrorCode {
  return version >= since ? KafkaError.PRODUCER_FENCED : KafkaError.INVALID_PRODUCER_EPOCH
}

export function partitionsResult(topics: readonly TopicPartitions[], error: ErrorCode): PartitionsAdded {
  const partitionErrors = topics.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition, error })),
  )
  return { error, partitionErrors }
}

export function topicsOf(topics: readonly { name: string; partitions: readonly number[] }[]): TopicPartitions[] {
  return topics.map(({ name, partitions }) => ({ topic: name, partitions }))
}

/** The answer of each API that says nothing but `error`; undefined for what is not answered. */
export function refusal(request: TransactionMessage, error: ErrorCode): unknown {
  switch (request.kind) {
    case 'initProducerId':
      return { errorCode: error, producerId: NO_PRODUCER_ID, producerEpoch: NO_PRODUCER_EPOCH }
    case 'addPartitions':
      return partitionsResult(topicsOf(request.topics), error)
    case 'addOffsets':
      return { errorCode: error }
    case 'endTxn':
      return { errorCode: error, producerId: NO_PRODUCER_ID, producerEpoch: NO_PRODUCER_EPOCH }
    case 'describeTransactions':
      return {
        transactionStates: request.body.transactionalIds.map((id) => ({ transactionalId: id, errorCode: error })),
      }
    case 'listTransactions':
      return { errorCode: error }
    default:
      return undefined
  }
}

export function refuse(request: TransactionMessage, error: ErrorCode): Decision {
  return { records: [], response: refusal(request, error) }
}

/**
 * Waits until the transaction completes, or answers CONCURRENT_TRANSACTIONS after a moment.
 *
 * Deliberate difference: Kafka answers CONCURRENT_TRANSACTIONS at once, and the client (or the partition leader) backs
 * off for 20–100 ms although the markers are usually written within one. The wait is bounded by the very setting that
 * bounds the leader's retries in Kafka, `add.partitions.to.txn.retry.backoff.max.ms`; 0 gives Kafka's behaviour.
 */
export function park(
  state: TransactionShardState,
  transactionalId: string,
  request: TransactionMessage,
  env: CoordinatorEnv,
): Decision {
  if (request.replyTo === undefined) return { records: [] }
  const since = request.parkedSince ?? env.now
  const deadline = since + number(env, 'add.partitions.to.txn.retry.backoff.max.ms')
  if (deadline <= env.now) return refuse(request, KafkaError.CONCURRENT_TRANSACTIONS)
  const parked = { request: { ...request, parkedSince: since }, token: request.replyTo, deadline }
  const others = state.parked.get(transactionalId)
  if (others === undefined) state.parked.set(transactionalId, [parked])
  else others.push(parked)
  return { records: [], timers: tick(state, env) }
}

/**
 * A commit of the current epoch before anything was added to its transaction. Java's producer can send it ahead of the
 * transaction's first records: its sender looks for unsent batches, and only then takes the lock under which the
 * application may meanwhile have sent and committed (KAFKA-20785). Kafka refuses, and the producer is lost. Here it is
 * told once to try again, which it does after all records; who has none to send is refused then.
 */
export function refuseEarlyCommit(
  state: TransactionShardState,
  { transactionalId, producerEpoch }: TransactionMetadata,
  request: TransactionMessage,
): Decision {
  if (state.earlyCommits.get(transactionalId) === producerEpoch) {
    state.earlyCommits.delete(transactionalId)
    return refuse(request, KafkaError.INVALID_TXN_STATE)
  }
  state.earlyCommits.set(transactionalId, producerEpoch)
  return refuse(request, KafkaError.CONCURRENT_TRANSACTIONS)
}

/** The requests that waited for this transaction, to be decided again. */
export function release(state: TransactionShardState, transactionalId: string): TransactionMessage[] {
  const waiting = state.parked.get(transactionalId) ?? []
  state.parked.delete(transactionalId)
  return waiting.map(({ request }) => request)
}

/** Both decisions as one. At most one of them answers the request. */
export function merge(a: Decision, b: Decision): Decision {
  return {
    records: [...a.records, ...b.records],
    response: a.response ?? b.response,
    replies: [...(a.replies ?? []), ...(b.replies ?? [])],
    sends: [...(a.sends ?? []), ...(b.sends ?? [])],
    atOnce: [...(a.atOnce ?? []), ...(b.atOnce ?? [])],
    timers: [...(a.timers ?? []), ...(b.timers ?? [])],
  }
}

/** The timer that everything under way shares; none when it runs already. */
export function tick(state: TransactionShardState, env: CoordinatorEnv): Decision['timers'] {
  if (state.tickArmed) return []
  state.tickArmed = true
  return [{ name: 'tick', at: env.now + TICK_MS, message: { kind: 'tick' } }]
}

/** `request` is decided again when the id is there: a producer id is an answer, so it takes two messages. */
export function askProducerId(
  state: TransactionShardState,
  request: TransactionMessage,
  env: CoordinatorEnv,
): Decision {
  const id = ++state.lastAskId
  state.asks.set(id, { kind: 'producerId', request, deadline: env.now + PRODUCER_ID_TIMEOUT_MS })
  const message: NextProducerId = { kind: 'nextProducerId', replyTo: { ...env.self, id } }
  const to = { broker: env.self.broker, actor: actorNames.producerIds }
  return { records: [], sends: [{ to, message }], timers: tick(state, env) }
}
