/**
 * What happens by time alone: transactions past their timeout are aborted and their producers fenced; transactional.ids
 * that were idle for `transactional.id.expiration.ms` are forgotten (tombstones); markers, parked requests and
 * questions that are due are taken up again.
 *
 * Source: Kafka's TransactionCoordinator.abortTimedOutTransactions,
 * TransactionStateManager.removeExpiredTransactionalIds.
 */
import type { CoordinatorEnv, Decision } from '@troupe/coordinator/contract'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { fence } from './end-transaction.ts'
import type { AbortTimedOut, Continued, TransactionMessage } from './internal-messages.ts'
import { complete, sendDue, startMarkers } from './markers.ts'
import { recordOf, tombstoneOf } from './records.ts'
import { askProducerId, merge, number, refusal, tick, transactionVersion } from './requests.ts'
import type { TransactionShardState } from './shard-state.ts'
import { completed, NEVER_TIMES_OUT, type TransactionMetadata } from './transaction-metadata.ts'
import { isIdle, isPrepared, transactionEdges } from './transaction-state.ts'

type Timers = NonNullable<Decision['timers']>

/** After load: every decided transaction is brought to its end, and the clocks start. */
export function onLoaded(state: TransactionShardState, env: CoordinatorEnv): Decision {
  let decision: Decision = { records: [], timers: [timeoutTimer(env), expirationTimer(env)], atomic: false }
  for (const metadata of state.transactions.values()) {
    if (!isPrepared(metadata.state)) continue
    const sends = startMarkers(state, metadata, env, true)
    const records = state.completions.has(metadata.transactionalId)
      ? []
      : [recordOf(completed(metadata, env.now), transactionVersion(env))]
    decision = merge(decision, { records, sends })
  }
  return { ...merge(decision, { records: [], timers: rearm(state, env) }), atomic: false }
}

export function timeoutSweep(state: TransactionShardState, env: CoordinatorEnv): Decision {
  const atOnce: AbortTimedOut[] = []
  for (const { transactionalId, producerId, producerEpoch, startedAt, ...metadata } of state.transactions.values()) {
    if (metadata.state !== 'ONGOING' || metadata.timeoutMs === NEVER_TIMES_OUT) continue
    if (startedAt + metadata.timeoutMs >= env.now) continue
    atOnce.push({ kind: 'abortTimedOut', transactionalId, producerId, producerEpoch, startedAt })
  }
  return { records: [], timers: [timeoutTimer(env)], atOnce }
}

export function abortTimedOut(
  state: TransactionShardState,
  request: AbortTimedOut & Continued,
  env: CoordinatorEnv,
): Decision {
  const current = state.transactions.get(request.transactionalId)
  // Since the sweep its producer may have ended it, or another have taken over.
  const isSame =
    current?.state === 'ONGOING' &&
    current.producerId === request.producerId &&
    current.producerEpoch === request.producerEpoch &&
    current.startedAt === request.startedAt
  if (!isSame) return { records: [] }
  return fence(state, current, request, env)?.() ?? askProducerId(state, request, env)
}

export function expirationSweep(state: TransactionShardState, env: CoordinatorEnv): Decision {
  const before = env.now - number(env, 'transactional.id.expiration.ms')
  const records = [...state.transactions.values()]
    .filter((metadata) => mayExpire(state, metadata) && metadata.updatedAt <= before)
    .map((metadata) => {
      transactionEdges(metadata.state, 'DEAD')
      return tombstoneOf(metadata.transactionalId)
    })
  return { records, atomic: false, timers: [expirationTimer(env)] }
}

/** Not while anything that is under way could still write a record for it. */
function mayExpire(state: TransactionShardState, { transactionalId, state: at }: TransactionMetadata): boolean {
  return isIdle(at) && !state.parked.has(transactionalId)
}

/** The shared timer: what is due is sent again, who waited long enough is answered. */
export function onTick(state: TransactionShardState, env: CoordinatorEnv): Decision {
  state.tickArmed = false
  let decision: Decision = { records: [], replies: [...letGo(state, env), ...unansweredAsks(state, env)] }
  for (const completion of state.completions.values()) {
    const sends = sendDue(state, completion, env)
    decision = merge(decision, { records: [], sends })
    if (completion.waiting.size > 0) continue
    decision = merge(decision, complete(state, completion, env))
    state.completions.delete(completion.transactionalId)
  }
  return { ...merge(decision, { records: [], timers: rearm(state, env) }), atomic: false }
}

function rearm(state: TransactionShardState, env: CoordinatorEnv): Timers {
  const asksForIds = [...state.asks.values()].some(({ kind }) => kind === 'producerId')
  if (state.completions.size === 0 && state.parked.size === 0 && !asksForIds) return []
  return tick(state, env) ?? []
}

type Replies = NonNullable<Decision['replies']>

function letGo(state: TransactionShardState, env: CoordinatorEnv): Replies {
  const replies: Replies[number][] = []
  for (const [transactionalId, waiting] of state.parked) {
    const rest = waiting.filter(({ deadline }) => deadline > env.now)
    for (const { token, request, deadline } of waiting) {
      if (deadline > env.now) continue
      replies.push({ token, body: refusal(request, KafkaError.CONCURRENT_TRANSACTIONS) })
    }
    if (rest.length === 0) state.parked.delete(transactionalId)
    else state.parked.set(transactionalId, rest)
  }
  return replies
}

function unansweredAsks(state: TransactionShardState, env: CoordinatorEnv): Replies {
  const replies: Replies[number][] = []
  for (const [id, ask] of state.asks) {
    if (ask.kind !== 'producerId' || ask.deadline > env.now) continue
    state.asks.delete(id)
    replies.push(...answerTo(ask.request, KafkaError.COORDINATOR_LOAD_IN_PROGRESS))
  }
  return replies
}

/**
 * A request that failed on its way through another actor. A sweep's own has nobody to tell: the next sweep finds it.
 */
export function answerTo(request: TransactionMessage, error: ErrorCode): Replies {
  return request.replyTo === undefined ? [] : [{ token: request.replyTo, body: refusal(request, error) }]
}

function timeoutTimer(env: CoordinatorEnv): Timers[number] {
  const everyMs = number(env, 'transaction.abort.timed.out.transaction.cleanup.interval.ms')
  return { name: 'timeout-sweep', at: env.now + everyMs, message: { kind: 'timeoutSweep' } }
}

function expirationTimer(env: CoordinatorEnv): Timers[number] {
  const everyMs = number(env, 'transaction.remove.expired.transaction.cleanup.interval.ms')
  return { name: 'expiration-sweep', at: env.now + everyMs, message: { kind: 'expirationSweep' } }
}
