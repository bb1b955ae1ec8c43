/**
 * The actors of one simulated process (a broker or a client): delivery, effects, timers, failures.
 *
 * It keeps the promises of the production host: messages within the process are delivered in the same turn, first in
 * first out and never inside a step; whoever waits for an answer gets one, `Failed` at worst; effects happen after
 * their step. Time, randomness and everything outside of the process belong to the `World`.
 */
import type { ActorDefinition, Address, Env, Failed, Message, ReplyToken, Safeguards } from '@troupe/actor'
import { EffectList } from '@troupe/actor/effect-list'
import type { QueuedEvent } from './event-queue.ts'
import type { Random } from './random.ts'

// States, messages and arguments of an actor are opaque to whoever runs it.
// oxlint-disable-next-line no-explicit-any
export type AnyDefinition = ActorDefinition<any, any, any, any>

export interface HostedKind {
  readonly definition: AnyDefinition
  ports(env: Env, args: unknown): object
}

/** Who hosts the hosts. */
export interface World {
  /** This process's own clock, in milliseconds. */
  clockOf(host: Host): number
  /** Runs in the process at that time of its clock, later while it is paused; not after its end. */
  schedule(host: Host, at: number, run: () => void): QueuedEvent
  cancel(event: QueuedEvent): void
  randomOf(host: Host, actor: string): Random
  /** To an actor of another process; the World answers for it if it gets lost. */
  sendAway(host: Host, to: Address, message: Message): void
  replyAway(host: Host, token: ReplyToken, body: unknown): void
  /** After each step, before its effects happen. */
  stepped(host: Host, cell: Cell, message: Message, effects: EffectList): void
  traced(host: Host, cell: Cell, event: string, fields: Record<string, unknown>): void
  /** A step or a start threw. Returns whether the actor is to be started again. */
  threw(host: Host, cell: Cell, message: Message | null, error: unknown): boolean
}

export interface Cell {
  readonly name: string
  readonly kind: string
  readonly definition: AnyDefinition
  readonly args: unknown
  readonly env: Env
  readonly incarnation: number
  state: unknown
  /** Questions it was asked and has not answered. */
  readonly owed: ReplyToken[]
  readonly timers: Map<string, QueuedEvent>
}

interface Delivery {
  readonly actor: string
  readonly message: Message
  /** Incarnation that an answer is for, −1 for anything else. */
  readonly incarnation: number
  /** Process that sent it; 0 for the process itself, its timers and its world. */
  readonly from: number
}

const noOne = -1

export class Host {
  readonly id: number
  /** `b1`, `c1001`. */
  readonly name: string
  readonly cells = new Map<string, Cell>()
  /** Counts the lives of this process. */
  life = 0
  up = false
  /** What is delivered now came from this process; 0: from within. */
  deliveringFrom = 0
  private readonly world: World
  private kinds: ReadonlyMap<string, HostedKind> = new Map()
  private readonly safeguards: Safeguards
  private readonly outbox = new EffectList()
  private queue: Delivery[] = []
  private draining = false
  private incarnation = 0

  constructor(world: World, id: number, name: string, safeguards: Safeguards) {
    this.world = world
    this.id = id
    this.name = name
    this.safeguards = safeguards
  }

  /** Begins a life. */
  begin(kinds: ReadonlyMap<string, HostedKind>): void {
    this.kinds = kinds
    this.life++
    this.up = true
    // Unique over all processes, as tokens travel.
    this.incarnation = this.id * 2 ** 32 + this.life * 2 ** 16
  }

  /** Ends it without a word. Returns who waits for an answer from here. */
  end(): ReplyToken[] {
    const owed: ReplyToken[] = []
    for (const cell of this.cells.values()) {
      owed.push(...cell.owed)
      for (const timer of cell.timers.values()) this.world.cancel(timer)
    }
    for (const { message } of this.queue) if (message.replyTo !== undefined) owed.push(message.replyTo)
    this.cells.clear()
    this.queue = []
    this.up = false
    return owed
  }

  /** Stops all actors in order, the youngest first; the process ends by `end`. */
  stopActors(): void {
    for (const name of [...this.cells.keys()].reverse()) this.stop(name)
  }

  spawn(name: string, kind: string, args: unknown): void {
    if (this.cells.has(name)) return
    const hosted = this.kinds.get(kind)
    if (hosted === undefined) throw new RangeError(`${this.name} knows no actor of kind ${kind}`)
    this.start(name, kind, hosted, args)
  }

  deliver(actor: string, message: Message, from = 0): void {
    this.queue.push({ actor, message, incarnation: noOne, from })
  }

  deliverReply(token: ReplyToken, body: unknown, from = 0): void {
    const message = { kind: 'reply', id: token.id, body } as Message
    this.queue.push({ actor: token.actor, message, incarnation: token.incarnation ?? noOne, from })
  }

  /** Delivers what is queued, and everything that follows from it here. */
  drain(): void {
    if (this.draining) return
    this.draining = true
    try {
      for (let at = 0; at < this.queue.length; at++) this.process(this.queue[at]!)
    } finally {
      this.queue = []
      this.draining = false
    }
  }

  private process({ actor, message, incarnation, from }: Delivery): void {
    const cell = this.cells.get(actor)
    if (cell === undefined) {
      if (message.replyTo !== undefined) this.failLater(message.replyTo, 'no-such-actor')
      return
    }
    if (incarnation !== noOne && incarnation !== cell.incarnation) return
    if (message.replyTo !== undefined) cell.owed.push(message.replyTo)
    const withdrawn = (message as { token?: ReplyToken }).token
    if (withdrawn !== undefined && typeof withdrawn === 'object') settle(cell, withdrawn)
    this.deliveringFrom = from
    this.step(cell, message)
  }

  private step(cell: Cell, message: Message): void {
    try {
      cell.definition.step(cell.state, message, cell.env, this.outbox)
    } catch (error) {
      this.outbox.clear()
      this.failed(cell, message, error)
      return
    }
    this.world.stepped(this, cell, message, this.outbox)
    // The process may have ended with this step.
    if (this.cells.get(cell.name) !== cell) return this.outbox.clear()
    try {
      // Effects can fail too: a payload for another broker is read from its file here.
      this.apply(cell)
    } catch (error) {
      this.failed(cell, message, error)
    }
  }

  private apply(cell: Cell): void {
    const effects = this.outbox.take()
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          if (effect.message.replyTo !== undefined) settle(cell, effect.message.replyTo)
          if (effect.to.broker === this.id) this.deliver(effect.to.actor, effect.message)
          else this.world.sendAway(this, effect.to, effect.message)
          break
        case 'reply':
          settle(cell, effect.token)
          if (effect.token.broker === this.id) this.deliverReply(effect.token, effect.body)
          else this.world.replyAway(this, effect.token, effect.body)
          break
        case 'setTimer':
          this.setTimer(cell, effect.name, effect.at, effect.message)
          break
        case 'cancelTimer':
          this.cancelTimer(cell, effect.name)
          break
        case 'spawn':
          this.spawn(effect.name, effect.actorKind, effect.args)
          break
        case 'stop':
          this.stop(effect.name)
          break
        case 'trace':
          this.world.traced(this, cell, effect.event, effect.fields)
      }
    }
  }

  private setTimer(cell: Cell, name: string, at: number, message: Message): void {
    this.cancelTimer(cell, name)
    const timer = this.world.schedule(this, at, () => {
      cell.timers.delete(name)
      this.queue.push({ actor: cell.name, message, incarnation: cell.incarnation, from: 0 })
      this.drain()
    })
    cell.timers.set(name, timer)
  }

  private cancelTimer(cell: Cell, name: string): void {
    const timer = cell.timers.get(name)
    if (timer === undefined) return
    this.world.cancel(timer)
    cell.timers.delete(name)
  }

  private start(name: string, kind: string, hosted: HostedKind, args: unknown): void {
    const incarnation = ++this.incarnation
    const random = this.world.randomOf(this, `${name}/${incarnation}`)
    const env = new HostEnv(this, this.world, { broker: this.id, actor: name, incarnation }, this.safeguards, random)
    Object.assign(env, hosted.ports(env, args))
    const cell: Cell = {
      name,
      kind,
      definition: hosted.definition,
      args,
      env,
      incarnation,
      state: undefined,
      owed: [],
      timers: new Map(),
    }
    this.cells.set(name, cell)
    // A start may happen among the effects of another actor's step.
    const out = new EffectList()
    try {
      cell.state = cell.definition.start(args, env, out)
    } catch (error) {
      this.failed(cell, null, error)
      return
    }
    for (const effect of out.take()) this.outbox.append(effect)
    this.apply(cell)
  }

  private failed(cell: Cell, message: Message | null, error: unknown): void {
    const again = this.world.threw(this, cell, message, error)
    if (this.cells.get(cell.name) !== cell) return
    this.unmake(cell)
    this.cells.delete(cell.name)
    const hosted = this.kinds.get(cell.kind)!
    if (!again) return
    const start = (): void => this.start(cell.name, cell.kind, hosted, cell.args)
    if (message !== null) return start()
    // Whoever fails in its start would fail again and again within this turn.
    this.world.schedule(this, this.world.clockOf(this) + 1, () => {
      if (!this.cells.has(cell.name)) start()
      this.drain()
    })
  }

  private stop(name: string): void {
    const cell = this.cells.get(name)
    if (cell === undefined) return
    this.cells.delete(name)
    this.unmake(cell)
  }

  private unmake(cell: Cell): void {
    for (const timer of cell.timers.values()) this.world.cancel(timer)
    cell.timers.clear()
    for (const token of cell.owed.splice(0)) this.failLater(token, 'actor-crashed')
    // Whoever failed in its start has nothing to close.
    if (cell.state !== undefined) cell.definition.stop?.(cell.state, cell.env)
  }

  /** In a later turn, so that an actor that asks again at once cannot spin within one. */
  private failLater(token: ReplyToken, reason: Failed['reason']): void {
    const body: Failed = { kind: 'failed', reason }
    if (token.broker !== this.id) return this.world.replyAway(this, token, body)
    this.world.schedule(this, this.world.clockOf(this), () => {
      this.deliverReply(token, body)
      this.drain()
    })
  }
}

class HostEnv implements Env {
  readonly self: Address
  readonly safeguards: Safeguards
  readonly random: () => number
  private readonly host: Host
  private readonly world: World

  constructor(host: Host, world: World, self: Address, safeguards: Safeguards, random: Random) {
    this.host = host
    this.world = world
    this.self = self
    this.safeguards = safeguards
    this.random = () => random.u32()
  }

  get now(): number {
    return this.world.clockOf(this.host)
  }
}

/** It has answered, passed on or taken back. Most questions are answered soon, so the last ones are looked at first. */
function settle(cell: Cell, token: ReplyToken): void {
  const { owed } = cell
  for (let index = owed.length - 1; index >= 0; index--) {
    const other = owed[index]!
    if (other.id !== token.id || other.broker !== token.broker || other.actor !== token.actor) continue
    owed[index] = owed[owed.length - 1]!
    owed.pop()
    return
  }
}
