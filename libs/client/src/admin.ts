/**
 * The `admin` actor: asks the brokers what `admin/operations.ts` describes.
 *
 * Spawned once per client node, kind `admin`, name `clientActorNames.admin`, args `{ properties }` (`AdminProperties`), on a
 * node that has a `network` actor. A question has items; each is sent where it belongs (any broker, the controller, a
 * leader, a coordinator, each broker), asked for again while its error may pass, and settled on its own. What is left
 * when the time is over is REQUEST_TIMED_OUT. Source: KafkaAdminClient, AdminApiDriver.
 *
 * | message                                     | from        | answered with |
 * | ------------------------------------------- | ----------- | ------------- |
 * | adminCall                                   | application | AdminResult   |
 * | metadataChanged, metadataFailed, reply      | network     | –             |
 * | due                                         | itself      | –             |
 */
import { isFailed, type ActorDefinition, type Env, type Message, type Outbox, type Reply } from '@troupe/actor'
import { KafkaError, errorName } from '@troupe/wire/errors'
import { brokersIn, found, lookupOf, lookupRequest, type LookupKind } from './admin/lookups.ts'
import type { Answer } from './admin/operation.ts'
import { operations } from './admin/operations.ts'
import {
  entriesOf,
  expand,
  operationOf,
  type AdminState,
  type Ask,
  type Entry,
  type Outcome,
  type Task,
} from './admin/tasks.ts'
import { adminDefaults, backoff, type AdminProperties } from './config.ts'
import { isInvalidMetadata } from './errors.ts'
import {
  clientActorNames,
  type AdminCall,
  type AdminMessage,
  type AdminResult,
  type MetadataChanged,
  type MetadataFailed,
  type NetworkAnswer,
  type NetworkRequest,
  type NetworkResponse,
  type Unanswered,
} from './messages.ts'

export type { AdminState }

export interface AdminArgs {
  readonly properties: Partial<AdminProperties>
}

interface Due extends Message {
  readonly kind: 'due'
}

type Received = AdminMessage | MetadataChanged | MetadataFailed | Reply | Due

interface Step {
  readonly state: AdminState
  readonly env: Env
  readonly out: Outbox
}

const NEVER = Number.MAX_SAFE_INTEGER
const NO_METADATA = 'no metadata'

export const adminActor: ActorDefinition<AdminState, Received, Env, AdminArgs> = {
  kind: 'admin',
  start({ properties }, env, out) {
    const config = { ...adminDefaults, ...properties }
    // Which brokers there are, and which of them calls itself the controller; topics are looked up.
    tellNetwork({ env, out }, { kind: 'watchMetadata', from: env.self, topics: [] } as never)
    return { config, tasks: new Map(), nextTask: 0, asks: new Map(), nextAsk: 0, metadata: null, timerAt: NEVER }
  },
  step(state, message, env, out) {
    const step: Step = { state, env, out }
    switch (message.kind) {
      case 'metadataChanged':
        state.metadata = message.metadata
        for (const entry of waiting(state)) entry.retryAt = 0
        break
      case 'metadataFailed':
        for (const entry of waiting(state)) entry.outcome = refused(message.error, message.detail)
        break
      case 'reply':
        onReply(step, message)
        break
      case 'due':
        state.timerAt = NEVER
        break
      case 'adminCall':
        begin(step, message)
    }
    for (const task of state.tasks.values()) proceed(step, task)
    setTimer(step)
  },
}

/** What cannot be sent before the brokers are known by number. */
function* waiting({ tasks }: AdminState): Generator<Entry> {
  for (const { entries } of tasks.values())
    for (const entry of entries.values())
      if (entry.outcome === null && !entry.busy && entry.reason === NO_METADATA) yield entry
}

function tellNetwork({ env, out }: Pick<Step, 'env' | 'out'>, message: Message): void {
  out.send({ ...env.self, actor: clientActorNames.network }, message)
}

function begin({ state, env }: Step, { replyTo, operation, args, timeoutMs }: AdminCall): void {
  const id = state.nextTask++
  const deadlineAt = env.now + (timeoutMs ?? state.config['default.api.timeout.ms'])
  state.tasks.set(id, { id, replyTo, operation, args, deadlineAt, ...entriesOf(operations[operation], args) })
}

/** Asks for what is neither settled nor under way, or ends the question. */
function proceed(step: Step, task: Task): void {
  const { env } = step
  if (task.deadlineAt <= env.now) return giveUp(step, task)
  const open = [...task.entries.values()].filter(({ outcome }) => outcome === null)
  if (open.length === 0) return finish(step, task)
  const lookups = new Map<LookupKind, Entry[]>()
  const requests = new Map<string, { to: NetworkRequest['to']; entries: Entry[] }>()
  for (const entry of open) {
    if (entry.busy || entry.retryAt > env.now) continue
    const lookup = task.expanded ? lookupOf(entry.route) : 'brokers'
    if (lookup && !entry.target) {
      const group = lookups.get(lookup)
      if (group) group.push(entry)
      else lookups.set(lookup, [entry])
      continue
    }
    const to = entry.target ?? destination(step, entry)
    if (to === null) continue
    const apart = operationOf(task).apart?.(entry.item) ?? ''
    const key = `${typeof to === 'object' ? to.id : to} ${apart}`
    const group = requests.get(key)
    if (group) group.entries.push(entry)
    else requests.set(key, { to, entries: [entry] })
  }
  for (const [kind, entries] of lookups) lookUp(step, task, kind, entries)
  for (const { to, entries } of requests.values()) request(step, task, to, entries)
}

/** Brokers are known by number as soon as there is metadata; a number that is not there may come. */
function destination(step: Step, entry: Entry): NetworkRequest['to'] | null {
  const { route } = entry
  const { metadata } = step.state
  if (typeof route === 'object' || route === 'any') return 'any'
  if (metadata === null) {
    tellNetwork(step, { kind: 'refreshMetadata' })
    postpone(step, entry, NO_METADATA)
    return null
  }
  if (route === 'controller' || metadata.brokers.some(({ id }) => id === route)) return route
  tellNetwork(step, { kind: 'refreshMetadata' })
  postpone(step, entry, `there is no broker ${route}`)
  return null
}

function lookUp(step: Step, task: Task, kind: LookupKind, entries: readonly Entry[]): void {
  const routes = entries.map(({ route }) => route)
  send(step, task, kind, entries, { to: 'any', ...lookupRequest(kind, routes) })
}

function request(step: Step, task: Task, to: NetworkRequest['to'], entries: readonly Entry[]): void {
  const operation = operationOf(task)
  const items = entries.map(({ item }) => item)
  const asked = entries.map(({ item, value, next }) => ({ item, value, next }))
  const api = typeof operation.api === 'number' ? operation.api : operation.api(task.args)
  const { body, ...versions } = operation.request(items, task.args, timeLeft(step, task), asked)
  send(step, task, null, entries, { to, api, body, ...versions })
}

function timeLeft({ state, env }: Step, task: Task): number {
  return Math.min(state.config['request.timeout.ms'], task.deadlineAt - env.now)
}

function send(
  step: Step,
  task: Task,
  lookup: LookupKind | null,
  entries: readonly Entry[],
  what: Omit<NetworkRequest, 'kind' | 'replyTo' | 'timeoutMs'>,
): void {
  const { state, env } = step
  const id = state.nextAsk++
  state.asks.set(id, { task: task.id, keys: entries.map(({ key }) => key), lookup })
  for (const entry of entries) entry.busy = true
  tellNetwork(step, {
    kind: 'request',
    replyTo: { ...env.self, id },
    timeoutMs: timeLeft(step, task),
    ...what,
  } as NetworkRequest)
}

function onReply(step: Step, { id, body }: Reply): void {
  const { state } = step
  const ask = state.asks.get(id)
  state.asks.delete(id)
  const task = ask && state.tasks.get(ask.task)
  if (!ask || !task) return
  const entries = ask.keys.map((key) => task.entries.get(key)!)
  for (const entry of entries) entry.busy = false
  const answer = isFailed(body) ? null : (body as NetworkAnswer)
  if (answer?.kind !== 'response') return onNothing(step, task, ask, entries, answer)
  if (ask.lookup === 'brokers') return expand(task, brokersIn(answer.body as never))
  if (ask.lookup) return onFound(step, task, ask.lookup, entries, answer.body)
  onResponse(step, task, entries, answer)
}

/** Nobody knows whether it took effect; like Java, we ask again, and look again whom to ask. */
function onNothing(step: Step, task: Task, ask: Ask, entries: readonly Entry[], unanswered: Unanswered | null): void {
  const reason = unanswered?.reason
  for (const entry of entries) {
    if (reason === 'unsupported-version') {
      const detail = `the broker does not know a version of this request that can carry ${task.operation}`
      entry.outcome = refused(KafkaError.UNSUPPORTED_VERSION, detail)
    } else if (reason === 'authentication-failed') {
      const { error = KafkaError.SASL_AUTHENTICATION_FAILED, detail = errorName(error) } = unanswered!
      entry.outcome = refused(error, detail)
    } else {
      if (ask.lookup === null && lookupOf(entry.route)) entry.target = null
      postpone(step, entry, reason ?? 'the client ended')
    }
  }
}

function refused(error: number, detail: string | null): Outcome {
  return { error, detail, value: null }
}

function onFound(step: Step, task: Task, kind: LookupKind, entries: readonly Entry[], body: unknown): void {
  const brokerOf = found(kind, body)
  for (const entry of entries) {
    const { broker, error, reason } = brokerOf(entry.route)
    if (error !== KafkaError.NONE) entry.outcome = refused(error, reason)
    else if (broker) entry.target = broker
    else postpone(step, entry, reason)
  }
}

function onResponse(step: Step, task: Task, entries: readonly Entry[], response: NetworkResponse): void {
  const operation = operationOf(task)
  const items = entries.map(({ item }) => item)
  const asked = entries.map(({ item, value, next }) => ({ item, value, next }))
  const context = { broker: response.broker, version: response.version, asked }
  const answers = new Map<string, Answer>()
  for (const answer of operation.read(response.body, items, task.args, context)) answers.set(answer.key, answer)
  const pages = [...answers.values()].some(({ next }) => next !== undefined)
  for (const entry of entries) {
    const answer = answers.get(entry.key)
    if (answer) onAnswer(step, task, entry, answer)
    // Behind the page that was full; else the broker has forgotten it.
    else if (!pages) postpone(step, entry, 'no answer in the response')
  }
}

function onAnswer(step: Step, task: Task, entry: Entry, { error, detail, value, next }: Answer): void {
  if (error !== KafkaError.NONE && operationOf(task).repeat(error, task.args)) {
    // Somebody else leads or coordinates by now; one that is still loading is the right one.
    if (lookupOf(entry.route) && error !== KafkaError.COORDINATOR_LOAD_IN_PROGRESS) entry.target = null
    if (error === KafkaError.NOT_CONTROLLER || isInvalidMetadata(error)) tellNetwork(step, { kind: 'refreshMetadata' })
    return postpone(step, entry, detail ?? errorName(error))
  }
  entry.value = value
  entry.next = next
  if (next === undefined) entry.outcome = { error, detail, value }
}

function postpone({ state, env }: Step, entry: Entry, reason: string | null): void {
  const { 'retry.backoff.ms': base, 'retry.backoff.max.ms': max } = state.config
  entry.retryAt = env.now + backoff(base, max, entry.attempts++, env.random)
  entry.reason = reason
}

function giveUp(step: Step, task: Task): void {
  for (const entry of task.entries.values()) {
    const detail = `no answer in time${entry.reason ? `; the last one: ${entry.reason}` : ''}`
    entry.outcome ??= refused(KafkaError.REQUEST_TIMED_OUT, detail)
  }
  finish(step, task)
}

function finish({ state, out }: Step, task: Task): void {
  const items = [...task.entries.values()].map(({ key, outcome }) => ({ key, ...outcome! }))
  out.reply(task.replyTo, { items } satisfies AdminResult)
  state.tasks.delete(task.id)
}

function setTimer({ state, env, out }: Step): void {
  let at = NEVER
  for (const { deadlineAt, entries } of state.tasks.values()) {
    at = Math.min(at, deadlineAt)
    for (const { outcome, busy, retryAt } of entries.values())
      if (outcome === null && !busy && retryAt > env.now) at = Math.min(at, retryAt)
  }
  if (at === state.timerAt) return
  state.timerAt = at
  if (at === NEVER) out.cancelTimer('due')
  else out.setTimer('due', at, { kind: 'due' })
}
