/**
 * `__transaction_state` as an ideal log: it never loses what it has confirmed. It can refuse an append, it can leave its
 * coordinator in doubt about one, and it can take its time to commit; that is all that a coordinator sees of a
 * replicated log.
 */
import type { ActorDefinition, Env, Message, Outbox, ReplyToken } from '@troupe/actor'
import { decodeRecord } from '@troupe/coordinator/record-codec'
import type { Appended, AwaitCommitted, CoordinatorAppend, LogRead, ReadLog } from '@troupe/replication/messages'
import { stateOfId } from '@troupe/transactions/transaction-state'
import { KafkaError } from '@troupe/wire/errors'
import { iterateRecords, nextOffset, setBaseOffset } from '@troupe/wire/record-batch'
import type { TxnRecord } from '../invariants/transactions-view.ts'

/** One batch of `__transaction_state`. Never changed. */
export interface StateBatch {
  readonly bytes: Uint8Array
  readonly nextOffset: number
  readonly records: readonly TxnRecord[]
}

export interface StateLog {
  batches: readonly StateBatch[]
  /** The high watermark. */
  committed: number
  /** What becomes of the next append. */
  next: 'written' | 'refused' | 'in doubt'
}

export const newStateLog = (): StateLog => ({ batches: [], committed: 0, next: 'written' })

export const endOf = ({ batches }: StateLog): number => batches.at(-1)?.nextOffset ?? 0

export interface StateReplica {
  /** Appends take a while to be committed. */
  readonly isSlow: boolean
  /** Who is answered when `offset` is committed; replaced, never changed. */
  waiting: readonly { readonly token: ReplyToken; readonly offset: number; readonly body: unknown }[]
}

interface Committed extends Message {
  readonly kind: 'committed'
}

type StateEnv = Env & { log: StateLog }
type StateRequest = CoordinatorAppend | ReadLog | AwaitCommitted | Committed

/** The local replica of `__transaction_state-0`, as far as its coordinator talks to it. */
export const stateReplica: ActorDefinition<StateReplica, StateRequest, StateEnv, { readonly isSlow: boolean }> = {
  kind: 'state-replica',
  start: ({ isSlow }) => ({ isSlow, waiting: [] }),
  step(state, message, env, out) {
    const { log } = env
    switch (message.kind) {
      case 'append':
        return append(state, message, env, out)
      case 'readLog': {
        const bytes = Uint8Array.from(log.batches.flatMap((batch) => [...batch.bytes]))
        const end = endOf(log)
        return out.reply(message.replyTo, {
          error: KafkaError.NONE,
          records: bytes.length === 0 ? null : bytes,
          nextOffset: end,
          logEndOffset: end,
          highWatermark: log.committed,
        } satisfies LogRead)
      }
      case 'awaitCommitted': {
        const { replyTo: token, offset } = message
        return answerWhenCommitted(state, { token, offset, body: { error: KafkaError.NONE } }, env, out)
      }
      case 'committed': {
        log.committed = endOf(log)
        for (const { token, body } of state.waiting) out.reply(token, body)
        state.waiting = []
      }
    }
  },
}

function append(state: StateReplica, { records, replyTo }: CoordinatorAppend, env: StateEnv, out: Outbox): void {
  const { log } = env
  const { next } = log
  const baseOffset = endOf(log)
  log.next = 'written'
  if (next === 'refused') {
    const error = KafkaError.NOT_ENOUGH_REPLICAS
    return out.reply(replyTo, { error, baseOffset: -1, nextOffset: -1 } satisfies Appended)
  }
  log.batches = [...log.batches, stateBatch(records, baseOffset)]
  const offset = endOf(log)
  const error = next === 'written' ? KafkaError.NONE : KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND
  const body: Appended = { error, baseOffset, nextOffset: offset }
  answerWhenCommitted(state, { token: replyTo, offset, body }, env, out)
}

function answerWhenCommitted(
  state: StateReplica,
  waiter: StateReplica['waiting'][number],
  { log, now }: StateEnv,
  out: Outbox,
): void {
  if (!state.isSlow) log.committed = endOf(log)
  if (waiter.offset <= log.committed) return out.reply(waiter.token, waiter.body)
  state.waiting = [...state.waiting, waiter]
  out.setTimer('commit', now, { kind: 'committed' })
}

export function stateBatch(records: Uint8Array, offset: number): StateBatch {
  const bytes = records.slice()
  setBaseOffset(bytes, 0, offset)
  return Object.freeze({ bytes, nextOffset: nextOffset(bytes, 0), records: Object.freeze(recordsOf(bytes)) })
}

function recordsOf(bytes: Uint8Array): TxnRecord[] {
  const found: TxnRecord[] = []
  for (const { key, value } of iterateRecords(bytes, 0)) {
    const record = key === null ? null : decodeRecord('transaction', key, value)
    if (record === null) continue
    const { transactionalId } = record.key.value as { transactionalId: string }
    const fields = record.value?.value as StateFields | undefined
    found.push({
      transactionalId,
      state: fields === undefined ? 'DEAD' : (stateOfId(fields.transactionStatus) ?? 'unknown'),
      producerId: fields?.producerId ?? -1,
      producerEpoch: fields?.producerEpoch ?? -1,
      partitions: (fields?.transactionPartitions ?? []).flatMap(({ topic: name, partitionIds }) =>
        partitionIds.map((partition) => `${name}:${partition}`),
      ),
      clientVersion: fields?.clientTransactionVersion ?? 0,
    })
  }
  return found
}

interface StateFields {
  readonly transactionStatus: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly transactionPartitions: readonly { readonly topic: string; readonly partitionIds: readonly number[] }[] | null
  readonly clientTransactionVersion: number
}
