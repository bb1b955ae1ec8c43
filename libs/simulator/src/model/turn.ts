/**
 * One turn of a node: a message is delivered, and everything that it causes on that node, first in first out.
 *
 * The rules are those of the production host (libs/runtime, actor-host.ts): effects happen after the step, in order;
 * whoever waits for an answer gets one; an answer to a question of an earlier life is dropped. What an actor sends is
 * copied on its way, because the sender may go on changing what it sent.
 */
import type { Effect, Failed, Message, Outbox, ReplyToken } from '@troupe/actor'
import type { TraceEvent } from '../trace/format.ts'
import { startCell } from './faults.ts'
import type { Cell, World } from './world.ts'

export type Delivered = Omit<TraceEvent, 'index' | 'at' | 'strips' | 'choice'>

interface Delivery {
  readonly node: number
  readonly actor: string
  readonly message: Message
  readonly incarnation: number
  readonly from: number
  readonly title: string
}

/** More deliveries within one turn than this are taken for an endless loop. */
const turnLimit = 10_000
const noOne = -1

/** Where effects go while a step runs. One step runs at a time. */
export class Effects implements Outbox {
  readonly list: Effect[] = []

  send(to: { readonly broker: number; readonly actor: string }, message: Message): void {
    this.list.push({ kind: 'send', to, message })
  }

  reply(token: ReplyToken, body: unknown): void {
    this.list.push({ kind: 'reply', token, body })
  }

  setTimer(name: string, at: number, message: Message): void {
    this.list.push({ kind: 'setTimer', name, at, message })
  }

  cancelTimer(name: string): void {
    this.list.push({ kind: 'cancelTimer', name })
  }

  spawn(name: string, actorKind: string, args: unknown): void {
    this.list.push({ kind: 'spawn', name, actorKind, args })
  }

  stop(name: string): void {
    this.list.push({ kind: 'stop', name })
  }

  trace(event: string, fields: Record<string, unknown>): void {
    this.list.push({ kind: 'trace', event, fields })
  }
}

/** What waits within the running turn. One turn runs at a time; a model's hook may start one within another. */
let queue: Delivery[] = []
let isRunning = false

export function deliverFromOutside(world: World, node: number, actor: string, message: Message): void {
  enqueue({ node, actor, message, incarnation: noOne, from: noOne, title: message.kind })
  runTurn(world)
}

export function enqueue(delivery: Delivery): void {
  queue.push(delivery)
}

export function runTurn(world: World): void {
  if (isRunning) return
  isRunning = true
  try {
    for (let at = 0; at < queue.length && world.failure === null; at++) {
      if (at === turnLimit) world.fail('endless-turn', `${turnLimit} deliveries within one turn`)
      else process(world, queue[at]!)
    }
  } finally {
    isRunning = false
    if (queue.length > 0) queue = []
  }
}

function process(world: World, { node, actor, message, incarnation, from, title }: Delivery): void {
  const { engine } = world
  const index = engine.indexOf(node, actor)
  if (index < 0 || !world.cells[index]!.running) {
    if (message.replyTo !== undefined) failLater(world, node, message.replyTo, 'no-such-actor', message.kind)
    return
  }
  if (incarnation !== noOne && incarnation !== world.cells[index]!.incarnation) return
  const cell = world.own(index)
  if (message.replyTo !== undefined) {
    cell.owed = [
      ...cell.owed.filter((owed) => !isSame(owed.token, message.replyTo!)),
      { token: message.replyTo, kind: message.kind },
    ]
  }
  const withdrawn = (message as { token?: ReplyToken }).token
  // "unwatch": the question is taken back and will not be answered.
  if (withdrawn !== undefined && typeof withdrawn === 'object') settle(cell, withdrawn)
  step(world, cell, message, null, 0)
  if (engine.observer !== null) {
    const detail = engine.detail(message, world)
    engine.report(world, {
      type: 'message',
      node: engine.nodeName(node),
      actor,
      from: engine.nodeName(from),
      kind: title,
      detail,
    })
  }
}

/** Fires a timer that is set: a turn of its own. */
export function fire(world: World, index: number, name: string): void {
  const cell = world.own(index)
  const timer = cell.timers.find((set) => set.name === name)
  if (timer === undefined) return
  cell.timers = cell.timers.filter((set) => set !== timer)
  const { engine } = world
  step(world, cell, engine.copyMessage(timer.message), name, timer.at)
  if (engine.observer !== null) {
    const node = engine.nodeName(cell.node)
    engine.report(world, { type: 'timer', node, actor: cell.name, from: '', kind: name, detail: '' })
  }
  runTurn(world)
}

function step(world: World, cell: Cell, message: Message, timer: string | null, at: number): void {
  const { engine } = world
  const seat = engine.seats[cell.index]!
  const effects = engine.effects.list
  effects.length = 0
  seat.enter(world, cell, timer, at)
  try {
    seat.definition.step(cell.state, message, seat.env, engine.effects)
  } catch (error) {
    effects.length = 0
    threw(world, cell, error, message.kind)
    return
  }
  applyEffects(world, cell, effects.splice(0))
  engine.spec.afterStep?.(world, cell, message)
  checkOwn(world, cell)
}

/** The actor's own rules, after every step. */
export function checkOwn(world: World, cell: Cell): void {
  const definition = world.engine.seats[cell.index]!.definition
  if (definition.invariants === undefined || !cell.running) return
  try {
    definition.invariants(cell.state)
  } catch (error) {
    world.fail('actor-invariant', (error as Error).message)
  }
}

/** An actor threw: what it owed is answered with `Failed`, its timers are dropped; it begins anew where that is asked for. */
export function threw(world: World, cell: Cell, error: unknown, during: string): void {
  if (world.engine.spec.onThrow !== 'restart') {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    world.fail('actor-threw', `${cell.name} on ${world.engine.nodeName(cell.node)}, during ${during}: ${text}`)
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

export function applyEffects(world: World, cell: Cell, effects: readonly Effect[]): void {
  const { engine } = world
  const { onEffect } = engine.spec
  for (const effect of effects) {
    onEffect?.(world, cell, effect)
    switch (effect.kind) {
      case 'send':
        send(world, cell, effect.to.broker, effect.to.actor, effect.message)
        break
      case 'reply':
        reply(world, cell, effect.token, effect.body)
        break
      case 'setTimer': {
        const { name, at, message } = effect
        cell.timers = [
          ...cell.timers.filter((set) => set.name !== name),
          { name, at, message: engine.copyMessage(message) },
        ]
        break
      }
      case 'cancelTimer':
        cell.timers = cell.timers.filter((set) => set.name !== effect.name)
        break
      case 'spawn':
        engine.spawn(world, cell.node, effect.name, effect.actorKind, effect.args)
        break
      case 'stop':
        engine.stopCell(world, cell.node, effect.name)
        break
      case 'trace':
    }
  }
}

function send(world: World, cell: Cell, node: number, actor: string, message: Message): void {
  const { engine } = world
  const token = message.replyTo
  // Whoever passes a question on is no longer answerable for it.
  if (token !== undefined) settle(cell, token)
  const copy = engine.copyMessage(message, node !== cell.node)
  if (node === cell.node && !engine.isSeparate(node, actor, message)) {
    enqueue({ node, actor, message: copy, incarnation: noOne, from: node, title: message.kind })
  } else if (node !== cell.node && !world.isUp(node)) {
    if (token !== undefined) failLater(world, node, token, 'broker-down', message.kind)
  } else engine.launch(world, cell.node, node, actor, copy, noOne, message.kind)
}

function reply(world: World, cell: Cell, token: ReplyToken, body: unknown): void {
  const { engine } = world
  const question = settle(cell, token)
  const title = question === null ? 'reply' : `${question}'s answer`
  const incarnation = token.incarnation ?? noOne
  const isRemote = token.broker !== cell.node
  const message = engine.copyMessage({ kind: 'reply', id: token.id, body } as Message, isRemote)
  if (!isRemote && !engine.isSeparate(token.broker, token.actor, message)) {
    enqueue({ node: token.broker, actor: token.actor, message, incarnation, from: cell.node, title })
  } else if (!isRemote || world.isUp(token.broker)) {
    engine.launch(world, cell.node, token.broker, token.actor, message, incarnation, title)
  }
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
