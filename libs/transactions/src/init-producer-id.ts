/**
 * InitProducerId v0–6 with a transactional.id: a producer instance takes the id over, or bumps its own epoch (KIP-360).
 *
 * | state               | what happens                                                                            |
 * | ------------------- | --------------------------------------------------------------------------------------- |
 * | unknown             | new producer id, epoch 0                                                                |
 * | EMPTY, COMPLETE_*   | next epoch; new producer id with epoch 0 when the epochs are used up; retries recognised |
 * | ONGOING             | abort and fence the owner, then as COMPLETE_ABORT                                       |
 * | PREPARE_*           | wait for COMPLETE_*                                                                     |
 *
 * Source: Kafka's TransactionCoordinator.handleInitProducerId; KIP-360, KIP-588, KIP-890, KIP-939.
 */
import type { CoordinatorEnv, Decision } from '@troupe/coordinator/contract'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { fence } from './end-transaction.ts'
import type { Continued } from './internal-messages.ts'
import type { InitProducerId } from './messages.ts'
import { recordOf } from './records.ts'
import { askProducerId, fencedError, merge, number, park, refuse, transactionVersion } from './requests.ts'
import type { TransactionShardState } from './shard-state.ts'
import {
  created,
  initialised,
  isEpochExhausted,
  NEVER_TIMES_OUT,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  rotated,
  type TransactionMetadata,
} from './transaction-metadata.ts'
import { isPrepared } from './transaction-state.ts'

type Request = InitProducerId & Continued

export function initProducerId(state: TransactionShardState, request: Request, env: CoordinatorEnv): Decision {
  const invalid = validate(request, env)
  if (invalid !== null) return refuse(request, invalid)
  const transactionalId = request.body.transactionalId!
  const current = state.transactions.get(transactionalId)
  if (current === undefined) {
    if (request.newProducerId === undefined) return askProducerId(state, request, env)
    return bumpEpoch(created(transactionalId, request.newProducerId, timeoutOf(request), env.now), request, env)
  }
  if (isPrepared(current.state)) return park(state, transactionalId, request, env)
  if (!mayOwn(current, request)) return refuse(request, fencedError(request.version, 4))
  if (current.state === 'ONGOING') return abortFirst(state, current, request, env)
  if (!isEpochExhausted(current.producerEpoch)) return bumpEpoch(current, request, env)
  return rotate(state, current, request, env)
}

function validate({ body }: Request, env: CoordinatorEnv): ErrorCode | null {
  if (!body.transactionalId) return KafkaError.INVALID_REQUEST
  // Both or neither: a half-named owner can't be checked.
  if ((body.producerId === NO_PRODUCER_ID) !== (body.producerEpoch === NO_PRODUCER_EPOCH)) {
    return KafkaError.INVALID_REQUEST
  }
  if (body.enable2Pc && env.config['transaction.two.phase.commit.enable'] !== true) {
    return KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  }
  // As Kafka 4.3: the protocol has the field, the coordinator does not keep prepared transactions (KAFKA-20739).
  if (body.keepPreparedTxn) return KafkaError.UNSUPPORTED_VERSION
  if (body.enable2Pc) return null
  const { transactionTimeoutMs } = body
  const inRange = transactionTimeoutMs > 0 && transactionTimeoutMs <= number(env, 'transaction.max.timeout.ms')
  return inRange ? null : KafkaError.INVALID_TRANSACTION_TIMEOUT
}

function timeoutOf({ body }: Request): number {
  return body.enable2Pc ? NEVER_TIMES_OUT : body.transactionTimeoutMs
}

function namesOwner({ body }: Request): boolean {
  return body.producerId !== NO_PRODUCER_ID
}

/** A producer that names its id must be the owner, or the owner before a rotation whose answer got lost. */
function mayOwn(current: TransactionMetadata, request: Request): boolean {
  const { producerId, producerEpoch } = request.body
  if (!namesOwner(request) || producerId === current.producerId) return true
  return producerId === current.previousProducerId && isEpochExhausted(producerEpoch)
}

function bumpEpoch(current: TransactionMetadata, request: Request, env: CoordinatorEnv): Decision {
  const expected = request.body.producerEpoch
  const epoch = current.producerEpoch
  if (!namesOwner(request)) return initialise(current, epoch + 1, NO_PRODUCER_EPOCH, request, env)
  if (epoch === NO_PRODUCER_EPOCH || expected === epoch) return initialise(current, epoch + 1, epoch, request, env)
  // A retry: nobody else initialised since, for that would have cleared the last epoch.
  if (expected === current.lastProducerEpoch) return initialise(current, epoch, expected, request, env)
  return refuse(request, fencedError(request.version, 4))
}

function rotate(
  state: TransactionShardState,
  current: TransactionMetadata,
  request: Request,
  env: CoordinatorEnv,
): Decision {
  const { producerEpoch } = request.body
  if (namesOwner(request) && producerEpoch !== current.producerEpoch) {
    // Deliberate difference: Kafka answers UNKNOWN_SERVER_ERROR here, to the retry of the last bump as to a zombie.
    if (producerEpoch !== current.lastProducerEpoch) return refuse(request, fencedError(request.version, 4))
    return initialise(current, current.producerEpoch, current.lastProducerEpoch, request, env)
  }
  if (request.newProducerId === undefined) return askProducerId(state, request, env)
  const next = rotated(current, request.newProducerId, namesOwner(request), timeoutOf(request), env.now)
  return answer(next, env)
}

function abortFirst(
  state: TransactionShardState,
  current: TransactionMetadata,
  request: Request,
  env: CoordinatorEnv,
): Decision {
  const fencing = fence(state, current, request, env)
  if (fencing === null) return askProducerId(state, request, env)
  // Parked before the fence is carried out: should there be no marker to wait for, the fence releases it at once.
  const waiting = park(state, current.transactionalId, request, env)
  return merge(waiting, fencing())
}

function initialise(
  current: TransactionMetadata,
  epoch: number,
  lastEpoch: number,
  request: Request,
  env: CoordinatorEnv,
): Decision {
  return answer(initialised(current, epoch, lastEpoch, timeoutOf(request), env.now), env)
}

function answer(next: TransactionMetadata, env: CoordinatorEnv): Decision {
  return {
    records: [recordOf(next, transactionVersion(env))],
    response: { errorCode: KafkaError.NONE, producerId: next.producerId, producerEpoch: next.producerEpoch },
  }
}
