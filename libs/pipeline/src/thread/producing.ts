/** The thread's producer: its life, and the records that go through it. A transaction begins with what comes first. */
import { KafkaError, errorName } from '@troupe/wire/errors'
import type { OperationResult, SendManyResult } from '@troupe/client/messages'
import type { OutputRecord } from '../engine/contract.ts'
import { ask, failureOf, forget, names } from './ask.ts'
import { isExactlyOnce } from './config.ts'
import { fail } from './failing.ts'
import { recover } from './recovery.ts'
import type { Step } from './state.ts'

/** No more is processed while so many records are not acknowledged. */
const UNACKNOWLEDGED_MAX = 20_000

export function startProducer(step: Step): void {
  const { state, out } = step
  const { args, config } = state
  const { topology, instance, index } = args
  const transactional = {
    'transactional.id': `${topology.applicationId}-${instance}-${index}`,
    'transaction.timeout.ms': args.producer?.['transaction.timeout.ms'] ?? 10_000,
  }
  const properties = { 'linger.ms': 100, ...args.producer, ...(isExactlyOnce(config) ? transactional : {}) }
  out.spawn(names.producer(step), 'producer', { properties })
  state.producer = { phase: 'ready', openedAt: 0, unacknowledged: 0 }
  if (isExactlyOnce(config)) initTransactions(step)
}

/** A new one under the same transactional.id: what the old one has left open ends, whoever still speaks for it is fenced. */
export function replaceProducer(step: Step): void {
  step.out.stop(names.producer(step))
  forgetProducer(step)
  startProducer(step)
}

export function forgetProducer(step: Step): void {
  forget(step, 'init', 'begin', 'flush', 'sendOffsets', 'commitTransaction', 'abortTransaction', 'send')
  step.state.producer.unacknowledged = 0
}

function initTransactions(step: Step): void {
  step.state.producer.phase = 'initializing'
  ask(step, names.producer(step), { kind: 'initTransactions' }, { kind: 'init' })
}

export function onInitialized(step: Step, result: OperationResult | null): void {
  const { state } = step
  if (result === null) return replaceProducer(step)
  if (result.severity === 'none') state.producer.phase = 'ready'
  else if (result.severity === 'timed-out') initTransactions(step)
  else if (result.error === KafkaError.PRODUCER_FENCED) replaceProducer(step)
  else fail(step, failureOf(errorName(result.error), `initTransactions: ${result.detail}`))
}

export function mayProduce({ state }: Step): boolean {
  const { phase, unacknowledged } = state.producer
  return (phase === 'ready' || phase === 'open') && unacknowledged < UNACKNOWLEDGED_MAX
}

/** Under exactly_once_v2, before anything that belongs to a transaction. */
export function openTransaction(step: Step): void {
  const { state, env } = step
  if (!isExactlyOnce(state.config) || state.producer.phase === 'open') return
  state.producer.phase = 'open'
  state.producer.openedAt = env.now
  ask(step, names.producer(step), { kind: 'beginTransaction' }, { kind: 'begin' })
}

export function onBegun(step: Step, result: OperationResult | null): void {
  if (result?.severity === 'none') return
  onProducerTrouble(step, result)
}

export function produce(step: Step, records: readonly OutputRecord[]): void {
  if (records.length === 0) return
  const { state } = step
  openTransaction(step)
  state.producer.unacknowledged += records.length
  state.metrics.sent += records.length
  const message = { kind: 'sendMany', records, answer: 'firstError' }
  ask(step, names.producer(step), message, { kind: 'send', count: records.length })
}

/**
 * A record that was not acknowledged. In a transaction the abort comes by itself; it is asked for now, because nothing
 * after it can be committed.
 */
export function onSent(step: Step, count: number, result: SendManyResult | null): void {
  const { state } = step
  state.producer.unacknowledged -= count
  if (result !== null && result.firstError === null) return
  const first = result?.firstError ?? null
  if (first !== null && permanent.has(first.error)) {
    const message = `a record for ${first.topic} cannot be written: ${errorName(first.error)}: ${first.detail}`
    return fail(step, failureOf('StreamsException', message))
  }
  const detail = first === null ? 'producer failed' : `${errorName(first.error)}: ${first.detail}`
  recover(step, { cause: 'aborted', detail, replaceProducer: first === null || isFatal(first.error) })
}

/** The same record would fail again. */
const permanent: ReadonlySet<number> = new Set([
  KafkaError.MESSAGE_TOO_LARGE,
  KafkaError.RECORD_LIST_TOO_LARGE,
  KafkaError.INVALID_RECORD,
  KafkaError.INVALID_TIMESTAMP,
  KafkaError.INVALID_TOPIC_EXCEPTION,
  KafkaError.TOPIC_AUTHORIZATION_FAILED,
  KafkaError.CLUSTER_AUTHORIZATION_FAILED,
  KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  KafkaError.POLICY_VIOLATION,
])

function isFatal(error: number): boolean {
  return fatal.has(error)
}

/** The producer has been replaced by another, or its transaction was ended by the coordinator. */
const fatal: ReadonlySet<number> = new Set([
  KafkaError.PRODUCER_FENCED,
  KafkaError.INVALID_PRODUCER_EPOCH,
  KafkaError.INVALID_PRODUCER_ID_MAPPING,
  KafkaError.UNSUPPORTED_VERSION,
])

/** The group has given the tasks to somebody else. */
const migrated: ReadonlySet<number> = new Set([
  KafkaError.ILLEGAL_GENERATION,
  KafkaError.UNKNOWN_MEMBER_ID,
  KafkaError.FENCED_INSTANCE_ID,
  KafkaError.STALE_MEMBER_EPOCH,
])

export function isMigration(error: number): boolean {
  return migrated.has(error)
}

/** An operation of the transaction has failed. null: the producer has crashed. */
export function onProducerTrouble(step: Step, result: OperationResult | null, unknown = false): void {
  if (result !== null && permanent.has(result.error)) {
    return fail(step, failureOf(errorName(result.error), result.detail ?? errorName(result.error)))
  }
  const detail = result === null ? 'producer failed' : `${errorName(result.error)}: ${result.detail}`
  const gone = result !== null && isMigration(result.error)
  const lost = result === null || result.severity !== 'abortable'
  // Fenced: somebody else may have its tasks as well (TaskMigratedException).
  const fenced = result?.error === KafkaError.PRODUCER_FENCED || result?.error === KafkaError.INVALID_PRODUCER_EPOCH
  const isGone = gone || (lost && fenced)
  recover(step, { cause: isGone ? 'migrated' : 'aborted', detail, replaceProducer: lost, rejoin: isGone, unknown })
}
