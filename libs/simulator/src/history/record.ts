/**
 * Writes a history while clients run: `invoke` before a client is asked, `complete` when it has answered.
 *
 * An answer that leaves open whether the broker acted is `info`, never `fail`: a timeout, a lost connection, and also
 * NOT_LEADER_OR_FOLLOWER, which a deposed leader gives for what it had already appended and which may survive
 * (KAFKA-13574).
 */
import { KafkaError } from '@troupe/wire/errors'
import type { History, HistoryOperation } from './format.ts'

/** An operation without what the recorder adds. */
export type Invocation = HistoryOperation extends infer O
  ? O extends HistoryOperation
    ? Omit<O, 'index' | 'time' | 'type'>
    : never
  : never

/**
 * What the answer says about the effect of a produce, a commit or the end of a transaction. `retried`: an earlier
 * attempt of the same request has not been answered, so that a refusal of this one says nothing about that one.
 */
export function outcome(error: number, retried: boolean): 'ok' | 'fail' | 'info' {
  if (error === KafkaError.NONE) return 'ok'
  return definite.has(error) && !retried ? 'fail' : 'info'
}

/** Errors that the broker gives before it has appended anything. */
const definite = new Set<number>([
  KafkaError.OFFSET_OUT_OF_RANGE,
  KafkaError.CORRUPT_MESSAGE,
  KafkaError.MESSAGE_TOO_LARGE,
  KafkaError.RECORD_LIST_TOO_LARGE,
  KafkaError.INVALID_TOPIC_EXCEPTION,
  KafkaError.NOT_ENOUGH_REPLICAS,
  KafkaError.INVALID_REQUIRED_ACKS,
  KafkaError.TOPIC_AUTHORIZATION_FAILED,
  KafkaError.GROUP_AUTHORIZATION_FAILED,
  KafkaError.CLUSTER_AUTHORIZATION_FAILED,
  KafkaError.INVALID_TIMESTAMP,
  KafkaError.INVALID_RECORD,
  KafkaError.ILLEGAL_GENERATION,
  KafkaError.UNKNOWN_MEMBER_ID,
  KafkaError.REBALANCE_IN_PROGRESS,
  KafkaError.INVALID_PRODUCER_EPOCH,
  KafkaError.PRODUCER_FENCED,
  KafkaError.FENCED_INSTANCE_ID,
  KafkaError.TRANSACTION_ABORTABLE,
])

export class HistoryRecorder {
  readonly #operations: HistoryOperation[] = []

  invoke(time: number, invocation: Invocation): void {
    this.#operations.push({ ...invocation, index: this.#operations.length, time, type: 'invoke' } as HistoryOperation)
  }

  complete(time: number, type: 'ok' | 'fail' | 'info', completion: Invocation): void {
    this.#operations.push({ ...completion, index: this.#operations.length, time, type } as HistoryOperation)
  }

  get history(): History {
    return this.#operations
  }
}
