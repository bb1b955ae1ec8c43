/**
 * A tiny transactional producer that speaks to the actors as the front does: InitProducerId, then one record to each
 * partition and a commit, transaction after transaction. Its only freedom is given to it from outside: to abort now, or
 * to ask again because no answer has come (`giveUp`); what it asked before stays on its way.
 *
 * It follows Java's producer where that decides what the brokers see: partitions are added on the way under
 * transaction.version 2 and by AddPartitionsToTxn before; EndTxn's answer names the next epoch; whoever is not told one
 * goes on in the old way. Requests have numbers that say what they are, so that equal worlds look equal.
 */
import {
  isFailed,
  type ActorDefinition,
  type Address,
  type Env,
  type Message,
  type Outbox,
  type Reply,
  type ReplyToken,
} from '@troupe/actor'
import { actorNames } from '@troupe/actor'
import type { Produce, Produced, TransactionCheck } from '@troupe/replication/messages'
import type { AddPartitions, EndTxn, InitProducerId, PartitionsAdded } from '@troupe/transactions/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { buildBatch } from '@troupe/wire/record-batch'
import type { TxnAttempt } from '../invariants/transactions-view.ts'
import { COORDINATOR, TOPIC, topicIds, TRANSACTIONS } from './transactions-parts.ts'

export interface ProducerArgs {
  readonly name: string
  readonly transactionalId: string
  readonly version: number
  readonly transactions: number
  /** Leaders of the partitions. */
  readonly leaders: readonly number[]
}

export type Phase = 'initialising' | 'adding' | 'sending' | 'ending' | 'done' | 'dead'
/** `init`, `add`, `end`, or `p<partition>`. */
export type Step = string

export interface ProducerState {
  readonly args: ProducerArgs
  phase: Phase
  version: number
  producerId: number
  producerEpoch: number
  transaction: number
  /** Replaced, never changed: worlds share it. */
  attempts: readonly TxnAttempt[]
  sequences: number[]
  /** Steps without an answer, with the number of the question that counts. */
  readonly waiting: Map<Step, number>
  /** Steps that are to be asked again, by timer. */
  readonly refused: Set<Step>
  /** Was something given up that may still arrive? Then the sequence has a hole, if the epoch stays. */
  abandoned: boolean
}

export interface Act extends Message {
  readonly kind: 'abort' | 'giveUp' | 'again'
  readonly step?: Step
}

const coordinator: Address = { broker: COORDINATOR, actor: TRANSACTIONS }
const encoder = new TextEncoder()

export const producerActor: ActorDefinition<ProducerState, Act | Reply, Env, ProducerArgs> = {
  kind: 'producer',
  start(args, env, out) {
    const state: ProducerState = {
      args,
      phase: 'initialising',
      version: args.version,
      producerId: -1,
      producerEpoch: -1,
      transaction: 0,
      attempts: [],
      sequences: args.leaders.map(() => 0),
      waiting: new Map(),
      refused: new Set(),
      abandoned: false,
    }
    ask(state, 'init', env, out)
    return state
  },
  step(state, message, env, out) {
    switch (message.kind) {
      case 'reply':
        return onReply(state, message as Reply, env, out)
      case 'abort':
        if (state.phase === 'adding' || state.phase === 'sending') end(state, 'abort', env, out)
        return
      case 'giveUp':
      case 'again':
        if (!state.waiting.has(message.step!) && !state.refused.delete(message.step!)) return
        return ask(state, message.step!, env, out, message.kind === 'giveUp')
    }
  },
}

/** Numbers say what is asked, in which transaction, and how often it was given up. */
const steps = ['init', 'add', 'end', 'p0', 'p1', 'p2']
const TRIES = 16

export function stepOf(id: number): Step {
  return steps[(Math.floor(id / TRIES) - 1) % steps.length]
}

function ask(state: ProducerState, step: Step, { self }: Env, out: Outbox, anew = false): void {
  const first = (state.transaction * steps.length + steps.indexOf(step) + 1) * TRIES
  const id = anew ? (state.waiting.get(step) ?? first) + 1 : (state.waiting.get(step) ?? first)
  state.waiting.set(step, id)
  const replyTo: ReplyToken = { ...self, id }
  const { transactionalId, leaders } = state.args
  const { producerId, producerEpoch } = state
  switch (step) {
    case 'init':
      return out.send(coordinator, initProducerId(state, replyTo))
    case 'add': {
      const topics = [{ name: TOPIC, partitions: leaders.map((_, partition) => partition) }]
      const owner = { transactionalId, producerId, producerEpoch }
      const add: AddPartitions = { kind: 'addPartitions', replyTo, ...owner, verifyOnly: false, version: 3, topics }
      return out.send(coordinator, add)
    }
    case 'end': {
      const committed = state.attempts.at(-1)!.asked === 'commit'
      const body = { transactionalId, producerId, producerEpoch, committed } as EndTxn['body']
      const message: EndTxn = { kind: 'endTxn', replyTo, body, version: state.version === 2 ? 5 : 4 }
      return out.send(coordinator, message)
    }
    default:
      return produce(state, Number(step.slice(1)), replyTo, out)
  }
}

function initProducerId(state: ProducerState, replyTo: ReplyToken): InitProducerId {
  const body = {
    transactionalId: state.args.transactionalId,
    transactionTimeoutMs: 1,
    // Later on it names what it has, so that it is fenced if that is not the newest (KIP-360).
    producerId: state.producerId,
    producerEpoch: state.producerEpoch,
    enable2Pc: false,
    keepPreparedTxn: false,
  } as InitProducerId['body']
  return { kind: 'initProducerId', replyTo, body, version: 5, clientHost: '' }
}

const valueOf = ({ args, transaction }: ProducerState, partition: number): string =>
  `${args.name}.${transaction}.p${partition}`

function produce(state: ProducerState, partition: number, replyTo: ReplyToken, out: Outbox): void {
  const { args, producerId, producerEpoch, sequences } = state
  const records = buildBatch({
    records: [{ key: null, value: encoder.encode(valueOf(state, partition)), timestamp: 0 }],
    producerId,
    producerEpoch,
    baseSequence: sequences[partition],
    isTransactional: true,
  })
  const transaction: TransactionCheck = {
    transactionalId: args.transactionalId,
    coordinator,
    addPartition: state.version === 2,
    supportsAbortable: true,
  }
  const to = { broker: args.leaders[partition], actor: actorNames.replica(topicIds.data, partition) }
  const message: Produce = { kind: 'produce', replyTo, records, acks: -1, timeoutMs: 30_000, transaction }
  out.send(to, message)
}

function onReply(state: ProducerState, { id, body }: Reply, env: Env, out: Outbox): void {
  const step = [...state.waiting].find(([, asked]) => asked === id)?.[0]
  if (step === undefined) return // given up
  state.waiting.delete(step)
  const error = isFailed(body) ? KafkaError.NETWORK_EXCEPTION : errorOf(step, body)
  if (retriable.has(error)) {
    state.refused.add(step)
    return out.setTimer(`again ${step}`, env.now, { kind: 'again', step } satisfies Act as Message)
  }
  if (step === 'init') return onInit(state, error, body as Given, env, out)
  if (step === 'end') return onEnded(state, error, body as Given, env, out)
  if (error !== KafkaError.NONE) return onRefused(state, error, env, out)
  if (step === 'add') return sendAll(state, env, out)
  const partition = Number(step.slice(1))
  state.sequences[partition]++
  state.attempts = withLast(state.attempts, ({ acked }) => ({ acked: [...acked, valueOf(state, partition)] }))
  if (state.waiting.size === 0 && state.refused.size === 0) end(state, 'commit', env, out)
}

interface Given {
  readonly producerId: number
  readonly producerEpoch: number
}

function errorOf(step: Step, body: unknown): ErrorCode {
  if (step === 'init' || step === 'end') return (body as { errorCode: ErrorCode }).errorCode
  return (body as PartitionsAdded | Produced).error
}

const retriable: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  KafkaError.CONCURRENT_TRANSACTIONS,
  KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
  KafkaError.COORDINATOR_NOT_AVAILABLE,
  KafkaError.NOT_COORDINATOR,
  KafkaError.NETWORK_EXCEPTION,
  KafkaError.NOT_ENOUGH_REPLICAS,
  KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  KafkaError.NOT_LEADER_OR_FOLLOWER,
  KafkaError.REQUEST_TIMED_OUT,
])

function onInit(state: ProducerState, error: ErrorCode, given: Given, env: Env, out: Outbox): void {
  if (error !== KafkaError.NONE) return die(state)
  adopt(state, given)
  begin(state, env, out)
}

/** The attempts, with a change to the one under way. */
export function withLast(
  attempts: readonly TxnAttempt[],
  change: (attempt: TxnAttempt) => Partial<TxnAttempt>,
): readonly TxnAttempt[] {
  const last = attempts.at(-1)!
  return [...attempts.slice(0, -1), { ...last, ...change(last) }]
}

function adopt(state: ProducerState, { producerId, producerEpoch }: Given): void {
  if (producerId === state.producerId && producerEpoch === state.producerEpoch) return
  state.producerId = producerId
  state.producerEpoch = producerEpoch
  state.sequences = state.sequences.map(() => 0)
  state.abandoned = false
}

function begin(state: ProducerState, env: Env, out: Outbox): void {
  if (state.transaction === state.args.transactions) {
    state.phase = 'done'
    return
  }
  state.transaction++
  const id = `${state.args.name}.${state.transaction}`
  state.attempts = [...state.attempts, { id, asked: null, told: null, acked: [] }]
  if (state.version === 2) return sendAll(state, env, out)
  state.phase = 'adding'
  ask(state, 'add', env, out)
}

function sendAll(state: ProducerState, env: Env, out: Outbox): void {
  state.phase = 'sending'
  for (let partition = 0; partition < state.args.leaders.length; partition++) ask(state, `p${partition}`, env, out)
}

function end(state: ProducerState, asked: 'commit' | 'abort', env: Env, out: Outbox): void {
  state.abandoned = state.waiting.size > 0 || state.refused.size > 0
  state.waiting.clear()
  for (const step of state.refused) out.cancelTimer(`again ${step}`)
  state.refused.clear()
  state.phase = 'ending'
  state.attempts = withLast(state.attempts, () => ({ asked }))
  ask(state, 'end', env, out)
}

function onEnded(state: ProducerState, error: ErrorCode, given: Given, env: Env, out: Outbox): void {
  if (error !== KafkaError.NONE) return die(state)
  state.attempts = withLast(state.attempts, (attempt) => ({ told: attempt.asked }))
  // Nobody who is not told a new epoch may rely on there being one.
  if (given.producerId < 0) state.version = 1
  else adopt(state, given)
  if (!state.abandoned) return begin(state, env, out)
  // KIP-360: an unanswered batch has left its sequence in doubt, and only a new epoch begins a new one.
  state.phase = 'initialising'
  ask(state, 'init', env, out)
}

/** A batch that cannot be sent: the transaction is over. */
function onRefused(state: ProducerState, error: ErrorCode, env: Env, out: Outbox): void {
  if (error === KafkaError.PRODUCER_FENCED || error === KafkaError.INVALID_PRODUCER_ID_MAPPING) return die(state)
  if (state.phase === 'sending' || state.phase === 'adding') end(state, 'abort', env, out)
}

function die(state: ProducerState): void {
  state.phase = 'dead'
  state.waiting.clear()
  state.refused.clear()
}
