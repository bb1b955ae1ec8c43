/**
 * One step of one actor, in two halves. `compute` is what the actor does: its new state, its timers, what it sends; it
 * depends on nothing but cell, message and time, so it may be remembered. `happen` lets it come about in a world.
 *
 * The rules are those of the production host (libs/runtime, actor-host.ts): whoever waits for an answer gets one, and
 * who passes a question on is no longer answerable for it. What an actor sends is copied on its way, because the sender
 * may go on changing what it sent.
 */
import type { Effect, Failed, Message, ReplyToken } from '@troupe/actor'
import type { Engine } from './engine.ts'
import type { Parcel } from './memory.ts'
import { enqueue, type Delivery } from './turn.ts'
import type { Cell, Flight, SetTimer, World } from './world.ts'

/** What a step comes to. Shared by all worlds in which it is taken, so never changed. */
export interface Outcome {
  cell: Cell
  readonly prepared: readonly Prepared[]
  /** What the actor's own invariants say of the new state, null if all is well. */
  readonly broken: string | null
  /** It threw; nothing else counts then. */
  readonly thrown: { readonly error: unknown } | null
}

/** An effect, and what has been made ready for it. */
interface Prepared {
  readonly effect: Effect
  /** To another node, or separate: put on its way. */
  readonly flight: Flight | null
  /** Within the node and the turn. */
  readonly delivery: Delivery | null
}

export const noOne = -1

/** Lets the actor at `index` take its message; a step that was taken before is remembered, if this world does that. */
export function take(world: World, index: number, parcel: Parcel, timer: SetTimer | null): void {
  const outcome = outcomeOf(world, index, parcel, timer)
  if (outcome.thrown !== null) {
    threw(world, world.own(index), outcome.thrown.error, parcel.message.kind)
    return
  }
  happen(world, outcome.cell, outcome.prepared)
  const { afterStep } = world.engine.spec
  if (afterStep !== undefined) afterStep(world, world.cells[index]!, parcel.message)
  if (outcome.broken !== null) world.fail('actor-invariant', outcome.broken)
}

function outcomeOf(world: World, index: number, parcel: Parcel, timer: SetTimer | null): Outcome {
  const { engine, memory } = world
  const seat = engine.seats[index]!
  const now = seat.nowOf(world, world.cells[index]!, timer === null ? null : timer.name, timer === null ? 0 : timer.at)
  if (memory === null) return compute(world, index, parcel.message, timer, now)
  const key = memory.keyOf(world, index, parcel, timer === null ? '' : timer.name, now)
  const known = key < 0 ? undefined : memory.recall(key)
  if (known !== undefined) {
    world.cells[index] = known.cell
    return known
  }
  const outcome = compute(world, index, engine.copyMessage(parcel.message), timer, now)
  if (key < 0 || outcome.thrown !== null || seat.hasLooked) return outcome
  outcome.cell = memory.share(world, index)
  memory.keep(key, outcome)
  return outcome
}

function compute(world: World, index: number, message: Message, timer: SetTimer | null, now: number): Outcome {
  const { engine } = world
  const cell = world.own(index)
  if (timer !== null) cell.timers = cell.timers.filter(({ name }) => name !== timer.name)
  else noteQuestion(cell, message)
  const seat = engine.seats[index]!
  seat.enter(world, cell, now)
  try {
    seat.definition.step(cell.state, message, seat.env, engine.effects)
  } catch (error) {
    engine.effects.clear()
    return { cell, prepared: [], broken: null, thrown: { error } }
  }
  return prepare(engine, cell)
}

/** Whom the actor now owes an answer, or no longer owes one. */
function noteQuestion(cell: Cell, message: Message): void {
  const { replyTo } = message
  if (replyTo !== undefined) {
    const others = cell.owed.filter(({ token }) => !isSame(token, replyTo))
    others.push({ token: replyTo, kind: message.kind })
    cell.owed = others
  }
  const withdrawn = (message as { token?: ReplyToken }).token
  // "unwatch": the question is taken back and will not be answered.
  if (withdrawn !== undefined && typeof withdrawn === 'object') settle(cell, withdrawn)
}

/** Makes the effects of the step just taken ready, and judges the new state. */
export function prepare(engine: Engine, cell: Cell): Outcome {
  const prepared = engine.effects.take().map((effect) => prepareOne(engine, cell, effect))
  return { cell, prepared, broken: judge(engine, cell), thrown: null }
}

/** The actor's own rules. */
function judge(engine: Engine, cell: Cell): string | null {
  const { definition } = engine.seats[cell.index]!
  try {
    definition.invariants?.(cell.state)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function prepareOne(engine: Engine, cell: Cell, effect: Effect): Prepared {
  const nothing = { effect, flight: null, delivery: null }
  switch (effect.kind) {
    case 'send': {
      const { to, message } = effect
      // Whoever passes a question on is no longer answerable for it.
      if (message.replyTo !== undefined) settle(cell, message.replyTo)
      const copy = engine.copyMessage(message, to.broker !== cell.node)
      return addressed(engine, cell, effect, to.broker, to.actor, copy, noOne, message.kind)
    }
    case 'reply': {
      const { token, body } = effect
      const question = settle(cell, token)
      const title = question === null ? 'reply' : `${question}'s answer`
      const message = { kind: 'reply', id: token.id, body } as Message
      const copy = engine.copyMessage(message, token.broker !== cell.node)
      return addressed(engine, cell, effect, token.broker, token.actor, copy, token.incarnation ?? noOne, title)
    }
    case 'setTimer': {
      const { name, at, message } = effect
      const others = cell.timers.filter((set) => set.name !== name)
      others.push({ name, at, message: engine.copyMessage(message), key: -1 })
      cell.timers = others
      return nothing
    }
    case 'cancelTimer':
      cell.timers = cell.timers.filter(({ name }) => name !== effect.name)
      return nothing
    default:
      return nothing
  }
}

function addressed(
  engine: Engine,
  { node: from }: Cell,
  effect: Effect,
  node: number,
  actor: string,
  message: Message,
  incarnation: number,
  title: string,
): Prepared {
  if (node !== from || engine.isSeparate(node, actor, message)) {
    return { effect, flight: engine.flight(from, node, actor, message, incarnation, title), delivery: null }
  }
  return { effect, flight: null, delivery: { node, actor, message, incarnation, from, title, key: -1 } }
}

/** What a step has done to its world. */
export function happen(world: World, cell: Cell, prepared: readonly Prepared[]): void {
  const { engine } = world
  const { onEffect } = engine.spec
  for (let at = 0; at < prepared.length; at++) {
    const { effect, flight, delivery } = prepared[at]!
    if (onEffect !== undefined) onEffect(world, world.cells[cell.index]!, effect)
    if (delivery !== null) enqueue(delivery)
    else if (flight !== null) launch(world, flight)
    else if (effect.kind === 'spawn') engine.spawn(world, cell.node, effect.name, effect.actorKind, effect.args)
    else if (effect.kind === 'stop') engine.stopCell(world, cell.node, effect.name)
  }
}

function launch(world: World, flight: Flight): void {
  const { from, to, message } = flight
  if (from === to || world.isUp(to)) world.flights.push(flight)
  else if (message.replyTo !== undefined) failLater(world, to, message.replyTo, 'broker-down', message.kind)
}

/** An actor threw: what it owed is answered with `Failed`, its timers are dropped, and it begins anew, where the model
 * wants that. */
function threw(world: World, cell: Cell, error: unknown, during: string): void {
  const { engine } = world
  if (engine.spec.onThrow !== 'restart') {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    world.fail('actor-threw', `${cell.name} on ${engine.nodeName(cell.node)}, during ${during}: ${text}`)
    return
  }
  cell.running = false
  cell.state = undefined
  cell.timers = []
  const { owed } = cell
  cell.owed = []
  for (const { token, kind } of owed) failLater(world, cell.node, token, 'actor-crashed', kind)
  startCell(world, cell)
}

/** What it sends waits for the turn: whom it is for may start next. */
export function startCell(world: World, cell: Cell): void {
  const { engine } = world
  const seat = engine.seats[cell.index]!
  cell.incarnation++
  cell.draws = 0
  seat.enter(world, cell, seat.nowOf(world, cell, null, 0))
  try {
    cell.state = seat.definition.start(cell.args, seat.env, engine.effects)
  } catch (error) {
    engine.effects.clear()
    world.fail('actor-threw', `${cell.name} on ${engine.nodeName(cell.node)}, during start: ${String(error)}`)
    return
  }
  cell.running = true
  const { prepared, broken } = prepare(engine, cell)
  if (broken !== null) world.fail('actor-invariant', broken)
  happen(world, cell, prepared)
}

/** Nobody will answer: the asker is told so, in a turn of its own. */
export function failLater(world: World, from: number, token: ReplyToken, reason: Failed['reason'], kind: string): void {
  const body: Failed = { kind: 'failed', reason }
  const message = { kind: 'reply', id: token.id, body } as Message
  if (!world.isUp(token.broker)) return
  world.engine.launch(world, from, token.broker, token.actor, message, token.incarnation ?? noOne, `${kind}'s failure`)
}

/** The question is off the actor's list; returns its kind. */
function settle(cell: Cell, token: ReplyToken): string | null {
  const found = cell.owed.find((owed) => isSame(owed.token, token))
  if (found === undefined) return null
  cell.owed = cell.owed.filter((owed) => owed !== found)
  return found.kind
}

function isSame(one: ReplyToken, other: ReplyToken): boolean {
  return (
    one.id === other.id &&
    one.broker === other.broker &&
    one.actor === other.actor &&
    (one.incarnation ?? noOne) === (other.incarnation ?? noOne)
  )
}
