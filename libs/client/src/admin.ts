/**
 * The `admin` actor: topics, configurations, deletions, and any single request of the protocol.
 *
 * Spawned once per client node, kind `admin`, name `clientActorNames.admin`, args `{ properties }` (`AdminProperties`), on a
 * node that has a `network` actor. Every question is one or more requests that are repeated until they succeed, fail for
 * good or the time is over; what has succeeded is not asked again. Source: KafkaAdminClient.
 *
 * | message                                     | from        | answered with |
 * | ------------------------------------------- | ----------- | ------------- |
 * | createTopics, deleteTopics                  | application | AdminResult   |
 * | deleteRecords, alterConfigs                 | application | AdminResult   |
 * | describeCluster, adminRequest               | application | AdminResult   |
 * | metadataChanged, reply                      | network     | –             |
 * | due                                         | itself      | –             |
 */
import {
  isFailed,
  type ActorDefinition,
  type Env,
  type Message,
  type Outbox,
  type Reply,
  type ReplyToken,
} from '@troupe/actor'
import { KafkaError, errorName, isRetriable } from '@troupe/wire/errors'
import { describeAttempt, outcomes, type Item, type Outcome } from './admin/requests.ts'
import { adminDefaults, backoff, type AdminProperties } from './config.ts'
import { isInvalidMetadata } from './errors.ts'
import {
  clientActorNames,
  type AdminMessage,
  type AdminResult,
  type MetadataChanged,
  type MetadataSnapshot,
  type NetworkAnswer,
  type NetworkRequest,
} from './messages.ts'

export interface AdminArgs {
  readonly properties: Partial<AdminProperties>
}

/** One question under way. Its items are settled one by one. */
interface Task {
  readonly id: number
  readonly replyTo: ReplyToken
  readonly message: AdminMessage
  readonly deadlineAt: number
  items: (Item & { outcome: Outcome | null })[]
  /** Requests that are out. */
  asked: number
  attempts: number
  retryAt: number
  body: unknown
}

export interface AdminState {
  readonly config: AdminProperties
  tasks: Map<number, Task>
  nextTask: number
  asks: Map<number, { readonly task: number; readonly items: readonly string[] }>
  nextAsk: number
  metadata: MetadataSnapshot | null
  timerAt: number
}

interface Due extends Message {
  readonly kind: 'due'
}

type Received = AdminMessage | MetadataChanged | Reply | Due

interface Step {
  readonly state: AdminState
  readonly env: Env
  readonly out: Outbox
}

const NEVER = Number.MAX_SAFE_INTEGER

export const adminActor: ActorDefinition<AdminState, Received, Env, AdminArgs> = {
  kind: 'admin',
  start({ properties }, env, out) {
    const state: AdminState = {
      config: { ...adminDefaults, ...properties },
      tasks: new Map(),
      nextTask: 0,
      asks: new Map(),
      nextAsk: 0,
      metadata: null,
      timerAt: NEVER,
    }
    watch({ state, env, out })
    return state
  },
  step(state, message, env, out) {
    const step: Step = { state, env, out }
    switch (message.kind) {
      case 'metadataChanged':
        state.metadata = message.metadata
        break
      case 'reply':
        onReply(step, message)
        break
      case 'due':
        state.timerAt = NEVER
        break
      default:
        begin(step, message)
    }
    for (const task of state.tasks.values()) proceed(step, task)
    setTimer(step)
  },
}

/** The brokers, and the topics whose leaders have to be known. */
function watch({ state, env, out }: Step): void {
  const topics = new Set<string>()
  for (const { items } of state.tasks.values())
    for (const { leaderOf } of items) if (leaderOf) topics.add(leaderOf.topic)
  const network = { ...env.self, actor: clientActorNames.network }
  out.send(network, { kind: 'watchMetadata', from: env.self, topics: [...topics].sort() } as never)
}

function begin(step: Step, message: AdminMessage): void {
  const { state, env } = step
  const id = state.nextTask++
  const task: Task = {
    id,
    replyTo: message.replyTo,
    message,
    deadlineAt: env.now + (message.timeoutMs ?? state.config['default.api.timeout.ms']),
    items: itemsOf(message).map((item) => ({ ...item, outcome: null })),
    asked: 0,
    attempts: 0,
    retryAt: 0,
    body: null,
  }
  state.tasks.set(id, task)
  if (task.items.some(({ leaderOf }) => leaderOf)) watch(step)
}

/** What a question is about; each gets an error of its own. */
function itemsOf(message: AdminMessage): Item[] {
  switch (message.kind) {
    case 'createTopics':
      return message.topics.map(({ name }) => ({ name, leaderOf: null }))
    case 'deleteTopics':
      return message.topics.map((name) => ({ name, leaderOf: null }))
    case 'deleteRecords':
      return message.offsets.map(({ topic, partition }) => ({
        name: `${topic}-${partition}`,
        leaderOf: { topic, partition },
      }))
    case 'alterConfigs':
      return [{ name: message.name, leaderOf: null }]
    default:
      return [{ name: message.kind, leaderOf: null }]
  }
}

/** Asks for what is not settled, or ends the question. */
function proceed(step: Step, task: Task): void {
  const { env, state } = step
  if (task.deadlineAt <= env.now) {
    for (const item of task.items) item.outcome ??= { error: KafkaError.REQUEST_TIMED_OUT, detail: 'no answer in time' }
    return finish(step, task)
  }
  if (task.asked > 0 || task.retryAt > env.now) return
  const left = task.items.filter(({ outcome }) => outcome === null)
  if (left.length === 0) return finish(step, task)
  for (const [to, items] of byDestination(step, task.message, left)) send(step, task, to, items)
  if (task.asked > 0) return
  // No leader is known yet.
  step.out.send({ ...env.self, actor: clientActorNames.network }, { kind: 'refreshMetadata' })
  postpone(state.config, env, task)
}

function byDestination({ state }: Step, message: AdminMessage, items: Item[]): Map<NetworkRequest['to'], Item[]> {
  const to = new Map<NetworkRequest['to'], Item[]>()
  for (const item of items) {
    const broker = item.leaderOf
      ? state.metadata?.topics.get(item.leaderOf.topic)?.partitions[item.leaderOf.partition]?.leader
      : destination(message)
    if (broker === undefined || (typeof broker === 'number' && broker < 0)) continue
    const list = to.get(broker)
    if (list) list.push(item)
    else to.set(broker, [item])
  }
  return to
}

/** In KRaft any broker forwards to the controller; a broker's own configuration is asked for there. */
function destination(message: AdminMessage): NetworkRequest['to'] {
  if (message.kind === 'adminRequest') return message.to
  if (message.kind === 'alterConfigs' && message.type === 'broker' && message.name !== '') return Number(message.name)
  return 'any'
}

function send({ state, env, out }: Step, task: Task, to: NetworkRequest['to'], items: Item[]): void {
  const id = state.nextAsk++
  const names = items.map(({ name }) => name)
  const timeoutMs = Math.min(state.config['request.timeout.ms'], task.deadlineAt - env.now)
  state.asks.set(id, { task: task.id, items: names })
  task.asked++
  const request: NetworkRequest = {
    kind: 'request',
    replyTo: { ...env.self, id },
    to,
    timeoutMs,
    ...describeAttempt(task.message, new Set(names), timeoutMs),
  }
  out.send({ ...env.self, actor: clientActorNames.network }, request)
}

function onReply(step: Step, { id, body }: Reply): void {
  const { state } = step
  const asked = state.asks.get(id)
  state.asks.delete(id)
  const task = asked && state.tasks.get(asked.task)
  if (!asked || !task) return
  task.asked--
  const answer = isFailed(body) ? null : (body as NetworkAnswer)
  const results =
    answer?.kind === 'response' ? outcomes(task.message, answer.body as never) : new Map<string, Outcome>()
  if (answer?.kind === 'response') task.body = answer.body
  let again = false
  for (const item of task.items) {
    if (!asked.items.includes(item.name)) continue
    const outcome = results.get(item.name) ?? lost(answer)
    if (mayRepeat(task.message, outcome.error)) {
      again = true
      if (isInvalidMetadata(outcome.error))
        step.out.send({ ...step.env.self, actor: clientActorNames.network }, { kind: 'refreshMetadata' })
    } else item.outcome = outcome
  }
  if (again) postpone(state.config, step.env, task)
}

function lost(answer: NetworkAnswer | null): Outcome {
  const unsupported = answer?.kind === 'unanswered' && answer.reason === 'unsupported-version'
  const error = unsupported ? KafkaError.UNSUPPORTED_VERSION : KafkaError.NETWORK_EXCEPTION
  return { error, detail: errorName(error) }
}

/** As Java: a topic that is not there is an answer, not a reason to ask again, except for the leader of its records. */
function mayRepeat(message: AdminMessage, error: number): boolean {
  if (error === KafkaError.UNKNOWN_TOPIC_OR_PARTITION) return message.kind === 'deleteRecords'
  return isRetriable(error)
}

function postpone(config: AdminProperties, env: Env, task: Task): void {
  const pause = backoff(config['retry.backoff.ms'], config['retry.backoff.max.ms'], task.attempts, env.random)
  task.attempts++
  task.retryAt = env.now + pause
}

function finish(step: Step, task: Task): void {
  const items = task.items.map(({ name, outcome }) => ({ name, ...outcome! }))
  const failed = items.find(({ error }) => error !== KafkaError.NONE)
  const result: AdminResult = {
    error: failed?.error ?? KafkaError.NONE,
    detail: failed?.detail ?? null,
    items,
    body: task.body,
  }
  step.out.reply(task.replyTo, result)
  step.state.tasks.delete(task.id)
  if (task.items.some(({ leaderOf }) => leaderOf)) watch(step)
}

function setTimer({ state, env, out }: Step): void {
  let at = NEVER
  for (const { deadlineAt, retryAt, asked } of state.tasks.values()) {
    at = Math.min(at, deadlineAt)
    if (asked === 0 && retryAt > env.now) at = Math.min(at, retryAt)
  }
  if (at === state.timerAt) return
  state.timerAt = at
  if (at === NEVER) out.cancelTimer('due')
  else out.setTimer('due', at, { kind: 'due' })
}
