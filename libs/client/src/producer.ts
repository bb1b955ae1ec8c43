/**
 * The `producer` actor: idempotent and transactional, as the Java client's KafkaProducer and Sender.
 *
 * Spawned once per producer, kind `producer`, name `clientActorNames.producer(name)`, args `{ properties }`
 * (`ProducerProperties`, Kafka's names and defaults), on a node that has a `network` actor. It ends itself after `close`.
 *
 * | message                                          | from        | answered with                               |
 * | ------------------------------------------------ | ----------- | ------------------------------------------- |
 * | send                                             | application | SendResult, when acknowledged or given up   |
 * | sendMany                                         | application | SendManyResult, when all of them are        |
 * | partitionsFor                                    | application | TopicAnswer                                 |
 * | flush                                            | application | OperationResult                             |
 * | initTransactions, beginTransaction               | application | OperationResult                             |
 * | sendOffsets, commitTransaction, abortTransaction | application | OperationResult                             |
 * | close                                            | application | OperationResult; then the actor stops       |
 * | metadataChanged, metadataFailed                  | network     | –                                           |
 * | reply                                            | network     | –                                           |
 * | due                                              | itself      | linger, back-off, delivery and other limits |
 *
 * After every message the same things are looked at in the same order (`advance`): what is too old, what waits for room,
 * what the transaction needs, what can be sent.
 */
import { isFailed, type ActorDefinition, type Message, type Reply } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import type { ProducerProperties } from './config.ts'
import {
  clientActorNames,
  type CloseProducer,
  type MetadataChanged,
  type MetadataFailed,
  type NetworkAnswer,
  type ProducerMessage,
} from './messages.ts'
import { abortBatches, admit, answerFlushes, onSend, onSendMany, watch } from './producer/accumulator.ts'
import { isKnownPartitioner, type Partitioner } from './producer/partitioner.ts'
import { onTransactionAnswer, runTransactions } from './producer/coordinator-requests.ts'
import { answerTopics, onMetadataFailed, onPartitionsFor } from './producer/topics.ts'
import { batchesDueAt, expireBatches, onProduceAnswer, sendBatches } from './producer/sender.ts'
import { hasIncomplete, NEVER, newProducerState, type ProducerState, type Step } from './producer/state.ts'
import {
  abortForClose,
  fatalError,
  isOngoing,
  onAbortTransaction,
  onBeginTransaction,
  onCommitTransaction,
  onInitTransactions,
  onSendOffsets,
  settle,
} from './producer/transactions.ts'

export type { Partitioner } from './producer/partitioner.ts'

export interface ProducerArgs {
  readonly properties: Partial<ProducerProperties>
  /** Instead of what `partitioner.class` names. */
  readonly partitioner?: Partitioner
}

interface Due extends Message {
  readonly kind: 'due'
}

type Received = ProducerMessage | MetadataChanged | MetadataFailed | Reply | Due

export const producerActor: ActorDefinition<ProducerState, Received, Step['env'], ProducerArgs> = {
  kind: 'producer',
  start({ properties, partitioner = null }, env, out) {
    const state = newProducerState(properties, partitioner)
    if (!isKnownPartitioner(state.config))
      throw new RangeError(`partitioner.class ${state.config['partitioner.class']}`)
    watch({ state, env, out })
    return state
  },
  step(state, message, env, out) {
    if (state.stopped) return
    const step: Step = { state, env, out }
    dispatch(step, message)
    const sending = advance(step)
    setTimer(step, sending)
  },
}

function dispatch(step: Step, message: Received): void {
  const { state } = step
  switch (message.kind) {
    case 'send':
      return onSend(step, message)
    case 'sendMany':
      return onSendMany(step, message)
    case 'partitionsFor':
      return onPartitionsFor(step, message)
    case 'flush':
      state.flushes.push({ replyTo: message.replyTo, upTo: state.nextRecord })
      return
    case 'initTransactions':
      return onInitTransactions(step, message.replyTo)
    case 'beginTransaction':
      return onBeginTransaction(step, message.replyTo)
    case 'sendOffsets':
      return onSendOffsets(step, message)
    case 'commitTransaction':
      return onCommitTransaction(step, message.replyTo)
    case 'abortTransaction':
      return onAbortTransaction(step, message.replyTo)
    case 'close':
      return onClose(step, message)
    case 'metadataChanged':
      state.metadata = message.metadata
      return
    case 'metadataFailed':
      return onMetadataFailed(step, message)
    case 'reply':
      return onReply(step, message)
    case 'due':
      state.timerAt = NEVER
  }
}

function onReply(step: Step, { id, body }: Reply): void {
  const { state } = step
  const asked = state.asks.get(id)
  if (!asked) return
  state.asks.delete(id)
  // The network actor has crashed: nobody knows what became of the request.
  const answer: NetworkAnswer = isFailed(body)
    ? { kind: 'unanswered', reason: 'disconnected', broker: -1 }
    : (body as NetworkAnswer)
  if (asked.kind === 'produce') onProduceAnswer(step, asked, answer)
  else onTransactionAnswer(step, asked.request, answer)
}

/** True: batches go out; false: they wait for a coordinator's answer. */
function advance(step: Step): boolean {
  expireBatches(step)
  admit(step)
  const sending = runTransactions(step)
  if (sending) {
    // What was aborted has left room.
    admit(step)
    sendBatches(step)
  }
  settle(step)
  answerFlushes(step)
  answerTopics(step)
  finishClosing(step)
  return sending
}

function onClose(step: Step, { replyTo, timeoutMs }: CloseProducer): void {
  step.state.closing ??= { replyTo, deadlineAt: step.env.now + timeoutMs }
}

/** Everything sent is settled, then an open transaction is aborted; at the deadline all that is left is given up. */
function finishClosing(step: Step): void {
  const { state, env, out } = step
  if (!state.closing) return
  const { replyTo, deadlineAt } = state.closing
  if (deadlineAt > env.now) {
    if (hasIncomplete(state)) return
    if (isOngoing(state.transaction)) {
      abortForClose(step)
      runTransactions(step)
    }
    // Nobody needs the producer id that is still being asked for.
    if (isOngoing(state.transaction)) return
  }
  const closed = { error: KafkaError.OPERATION_NOT_ATTEMPTED, detail: 'the producer was closed' }
  fatalError(step, closed)
  abortBatches(step, closed, 'all')
  answerFlushes(step)
  answerTopics(step, closed)
  state.stopped = true
  const network = { ...env.self, actor: clientActorNames.network }
  out.send(network, { kind: 'unwatchMetadata', from: env.self } as never)
  out.send(network, { kind: 'closeChannel', channel: env.self.actor } as never)
  out.reply(replyTo, { error: KafkaError.NONE, detail: null, severity: 'none' })
  out.stop(env.self.actor)
}

function setTimer(step: Step, sending: boolean): void {
  const { state, out } = step
  const at = state.stopped ? NEVER : dueAt(step, sending)
  // A timer that is too early looks again; most batches are acknowledged long before they expire.
  if (at === state.timerAt || (at > state.timerAt && at !== NEVER)) return
  state.timerAt = at
  if (at === NEVER) out.cancelTimer('due')
  else out.setTimer('due', at, { kind: 'due' })
}

function dueAt(step: Step, sending: boolean): number {
  const { state, env } = step
  const { transaction } = state
  let at = batchesDueAt(step, sending)
  for (const { deadlineAt } of state.topicQuestions) at = Math.min(at, deadlineAt)
  for (const { deadlineAt } of state.blocked) at = Math.min(at, deadlineAt)
  const [request] = transaction.requests
  if (request && !transaction.inFlight && request.retryAt > env.now) at = Math.min(at, request.retryAt)
  if (transaction.operation?.waiting) at = Math.min(at, transaction.operation.deadlineAt)
  if (state.closing) at = Math.min(at, state.closing.deadlineAt)
  return at
}
