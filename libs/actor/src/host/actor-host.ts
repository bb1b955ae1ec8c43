/**
 * Runs the actors of one broker: one queue, one message at a time, effects after each step, supervision in plain code.
 *
 * Messages between actors of this broker are delivered in the same turn of the event loop, first in first out and
 * never inside a step; those for other brokers go to the `Remote` (the bus). Whoever waits for an answer gets one:
 * from the actor, or `Failed` when the actor threw, stopped, does not exist or its broker is gone.
 *
 * A thrown error restarts the actor from its `start` (from its log, that is). One that keeps failing is given up
 * through `onGiveUp`: the worker exits, and the main thread's supervisor takes over.
 */
import type { Address, Effect, Env, Failed, Message, ReplyToken } from '../contract.ts'
import type { Safeguards } from '../safeguards.ts'
import type { Clock } from './clock.ts'
import { ActorCell, ActorEnv, type ActorKind } from './actor-cell.ts'
import { EffectList } from '../effect-list.ts'
import { Owed } from './owed.ts'
import { actorBudget, type RestartBudget } from './restart-policy.ts'
import { TimerHeap } from './timers.ts'

export type { ActorKind } from './actor-cell.ts'

/** The way to the other brokers. */
export interface Remote {
  send(broker: number, actor: string, message: Message): void
  /** `incarnation` of the asker, −1 if its token carries none. */
  reply(broker: number, actor: string, incarnation: number, id: number, body: unknown): void
  /** Tells the asker's broker that its question is now in the hands of `broker`. */
  moved(asker: number, token: ReplyToken, broker: number): void
  isUp(broker: number): boolean
}

export type TraceSink = (actor: string, event: string, fields: Record<string, unknown>) => void

export interface ActorHostOptions {
  readonly broker: number
  /** Incarnations are counted from here; unique among all workers of the process. */
  readonly firstIncarnation: number
  readonly seed: string
  readonly clock: Clock
  readonly safeguards: Safeguards
  readonly kinds: ReadonlyMap<string, ActorKind>
  readonly remote: Remote
  readonly trace: TraceSink
  /** Asks for `turn()` to be called soon, in a later turn of the event loop. */
  readonly wake: () => void
  /** An actor has used up its budget of restarts. */
  readonly onGiveUp: (actor: string, error: unknown) => void
  readonly budget?: RestartBudget
  /** Messages held for an actor that waits for its restart. */
  readonly mailboxLimit?: number
}

interface Delivery {
  readonly actor: string
  readonly message: Message
  /** Incarnation that an answer is for; −1 for anything else. */
  readonly incarnation: number
}

const noOne = -1

export class ActorHost {
  readonly timers = new TimerHeap()
  /** What actors here have asked of other brokers, by broker. */
  readonly #asked = new Map<number, Owed>()
  readonly #cells = new Map<string, ActorCell>()
  readonly #options: ActorHostOptions
  readonly #outbox = new EffectList()
  #queue: Delivery[] = []
  /** Failures wait for the next turn, so that an actor that asks again at once cannot spin within one. */
  #later: Delivery[] = []
  #incarnation: number
  #draining = false
  #delivered = 0
  now: number

  constructor(options: ActorHostOptions) {
    this.#options = options
    this.#incarnation = options.firstIncarnation
    this.now = options.clock.now()
  }

  /** Starts an actor from outside (the assembly). What it sends waits for `drain`: whom it is for may come next. */
  spawn(name: string, kind: string, args: unknown): void {
    this.#spawn(name, kind, args)
  }

  /** Queues a message from outside: a connection, another broker, the supervisor. Nothing runs before `drain`. */
  deliver(actor: string, message: Message): void {
    this.#queue.push({ actor, message, incarnation: noOne })
  }

  /** Queues an answer to an actor here, sent by `from`. */
  deliverReply(from: number, token: ReplyToken, body: unknown): void {
    if (from !== this.#options.broker) this.#settle(from, token)
    this.#queueReply(this.#queue, token, body)
  }

  /** Another broker has passed a question of ours on to `broker`. */
  questionMoved(from: number, token: ReplyToken, broker: number): void {
    // Its answer may have been faster than this notice.
    if (!this.#asked.get(from)?.delete(token)) return
    if (broker === this.#options.broker) return
    if (this.#options.remote.isUp(broker)) this.#askedOf(broker).add(token)
    else this.#failLater(token, 'broker-down')
  }

  /** The broker is gone, with everything on its way to and from it. */
  brokerDown(broker: number): void {
    for (const token of this.#asked.get(broker)?.takeAll() ?? []) this.#failLater(token, 'broker-down')
  }

  /** Runs until no message is left, and with it everything those messages caused here. */
  drain(): void {
    if (this.#draining) return
    this.#draining = true
    this.now = this.#options.clock.now()
    try {
      // The queue grows while it is read; it is emptied by index, and replaced when it is used up.
      for (let at = 0; at < this.#queue.length; at++) this.#process(this.#queue[at]!)
      this.#delivered += this.#queue.length
      this.#queue = []
    } finally {
      this.#draining = false
    }
  }

  /** One turn: what was put off, and everything that follows from it. */
  turn(): void {
    if (this.#later.length > 0) {
      for (const delivery of this.#later) this.#queue.push(delivery)
      this.#later = []
    }
    this.drain()
  }

  /** Stops all actors, the youngest first. */
  stopAll(): void {
    for (const name of [...this.#cells.keys()].reverse()) this.#stop(name)
  }

  describe(): { actors: number; timers: number; owed: number; asked: number; delivered: number; restarts: number } {
    let owed = 0
    let asked = 0
    let restarts = 0
    for (const cell of this.#cells.values()) {
      owed += cell.owed.size
      restarts += cell.restarts
    }
    for (const tokens of this.#asked.values()) asked += tokens.size
    const { size: timers } = this.timers
    return { actors: this.#cells.size, timers, owed, asked, delivered: this.#delivered, restarts }
  }

  /** The state of an actor, for checks of invariants and for tests. */
  inspect(actor: string): unknown {
    return this.#cells.get(actor)?.state
  }

  #process(delivery: Delivery): void {
    const { actor, message, incarnation } = delivery
    const cell = this.#cells.get(actor)
    if (cell === undefined) {
      if (message.replyTo !== undefined) this.#failLater(message.replyTo, 'no-such-actor')
      return
    }
    if (incarnation !== noOne && incarnation !== cell.incarnation) return
    if (!cell.running) {
      this.#hold(cell, delivery)
      return
    }
    if (message.replyTo !== undefined) cell.owed.add(message.replyTo)
    const withdrawn = (message as { token?: ReplyToken }).token
    // "unwatch": the question is taken back and will not be answered.
    if (withdrawn !== undefined && typeof withdrawn === 'object') cell.owed.delete(withdrawn)
    this.#step(cell, message)
  }

  #step(cell: ActorCell, message: Message): void {
    try {
      cell.definition.step(cell.state, message, cell.env, this.#outbox)
      // Effects can fail too: a payload for another broker is read from its file here.
      this.#apply(cell, this.#outbox.take())
    } catch (error) {
      this.#outbox.take()
      this.#failed(cell, error, message.kind)
    }
  }

  #apply(cell: ActorCell, effects: Effect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#send(cell, effect.to, effect.message)
          break
        case 'reply':
          this.#reply(cell, effect.token, effect.body)
          break
        case 'setTimer':
          this.#setTimer(cell, effect.name, effect.at, effect.message)
          break
        case 'cancelTimer':
          this.#cancelTimer(cell, effect.name)
          break
        case 'spawn':
          this.#spawn(effect.name, effect.actorKind, effect.args)
          break
        case 'stop':
          this.#stop(effect.name)
          break
        case 'trace':
          this.#options.trace(cell.name, effect.event, effect.fields)
      }
    }
  }

  #send(cell: ActorCell, to: Address, message: Message): void {
    const token = message.replyTo
    // Whoever passes a question on is no longer answerable for it.
    if (token !== undefined) cell.owed.delete(token)
    if (to.broker === this.#options.broker) {
      this.#queue.push({ actor: to.actor, message, incarnation: noOne })
      return
    }
    const { remote, broker } = this.#options
    if (!remote.isUp(to.broker)) {
      if (token !== undefined) this.#failLater(token, 'broker-down')
      return
    }
    if (token !== undefined) {
      if (token.broker === broker) this.#askedOf(to.broker).add(token)
      else if (token.broker !== to.broker) remote.moved(token.broker, token, to.broker)
    }
    remote.send(to.broker, to.actor, message)
  }

  #reply(cell: ActorCell, token: ReplyToken, body: unknown): void {
    this.#deliverAnswer(token, body)
    cell.owed.delete(token)
  }

  #deliverAnswer(token: ReplyToken, body: unknown): void {
    const { broker, remote } = this.#options
    if (token.broker === broker) this.#queueReply(this.#queue, token, body)
    else remote.reply(token.broker, token.actor, token.incarnation ?? noOne, token.id, body)
  }

  #queueReply(queue: Delivery[], token: ReplyToken, body: unknown): void {
    const message: Message = { kind: 'reply', id: token.id, body } as Message
    queue.push({ actor: token.actor, message, incarnation: token.incarnation ?? noOne })
  }

  #failLater(token: ReplyToken, reason: Failed['reason']): void {
    const body: Failed = { kind: 'failed', reason }
    if (token.broker === this.#options.broker) {
      this.#queueReply(this.#later, token, body)
      this.#options.wake()
    } else this.#deliverAnswer(token, body)
  }

  /** The answer of broker `from` has arrived: nobody has to answer in its place any more. */
  #settle(from: number, token: ReplyToken): void {
    if (this.#asked.get(from)?.delete(token)) return
    for (const tokens of this.#asked.values()) if (tokens.delete(token)) return
  }

  #askedOf(broker: number): Owed {
    let tokens = this.#asked.get(broker)
    if (tokens === undefined) this.#asked.set(broker, (tokens = new Owed()))
    return tokens
  }

  #setTimer(cell: ActorCell, name: string, at: number, message: Message): void {
    this.#cancelTimer(cell, name)
    const timer = this.timers.add(at, () => {
      cell.timers.delete(name)
      this.#queue.push({ actor: cell.name, message, incarnation: cell.incarnation })
    })
    cell.timers.set(name, timer)
  }

  #cancelTimer(cell: ActorCell, name: string): void {
    const timer = cell.timers.get(name)
    if (timer === undefined) return
    this.timers.remove(timer)
    cell.timers.delete(name)
  }

  #spawn(name: string, kind: string, args: unknown): void {
    if (this.#cells.has(name)) return
    const actorKind = this.#options.kinds.get(kind)
    if (actorKind === undefined) {
      this.#options.trace(name, 'unknown-actor-kind', { level: 'error', kind })
      return
    }
    const cell = new ActorCell(name, actorKind, args, this.#options.budget ?? actorBudget)
    this.#cells.set(name, cell)
    this.#start(cell)
  }

  #start(cell: ActorCell): void {
    const { broker, safeguards, seed } = this.#options
    cell.incarnation = ++this.#incarnation
    const self: Address = { broker, actor: cell.name, incarnation: cell.incarnation }
    const env: Env = new ActorEnv(this, self, safeguards, `${seed}/${cell.name}/${cell.incarnation}`)
    cell.env = Object.assign(env, cell.kind.ports(env, cell.args))
    const out = new EffectList()
    try {
      cell.state = cell.definition.start(cell.args, cell.env, out)
      cell.running = true
      this.#apply(cell, out.take())
    } catch (error) {
      this.#failed(cell, error, 'start')
      return
    }
    for (const delivery of cell.takeHeld()) this.#queue.push(delivery as Delivery)
  }

  /** Restart, never limp: what it owed is answered, its timers are dropped, and it is built anew. */
  #failed(cell: ActorCell, error: unknown, during: string): void {
    const { clock, trace, onGiveUp } = this.#options
    const wasRunning = cell.running
    this.#unmake(cell, wasRunning)
    const pauseMs = cell.history.failed(clock.now())
    trace(cell.name, 'actor-failed', { level: 'error', during, pauseMs, error: describeError(error) })
    if (pauseMs === null) {
      this.#cells.delete(cell.name)
      onGiveUp(cell.name, error)
      return
    }
    cell.restarts++
    if (pauseMs === 0) this.#restart(cell)
    else cell.restartTimer = this.timers.add(clock.now() + pauseMs, () => this.#restart(cell))
  }

  #restart(cell: ActorCell): void {
    cell.restartTimer = null
    try {
      this.#start(cell)
    } catch (error) {
      // Its ports could not be made: a full disk, perhaps.
      this.#failed(cell, error, 'start')
    }
    if (cell.running) this.#options.trace(cell.name, 'actor-restarted', { level: 'warn', restarts: cell.restarts })
  }

  #stop(name: string): void {
    const cell = this.#cells.get(name)
    if (cell === undefined) return
    if (cell.restartTimer !== null) this.timers.remove(cell.restartTimer)
    this.#cells.delete(name)
    this.#unmake(cell, cell.running)
    for (const { message } of cell.takeHeld()) {
      if (message.replyTo !== undefined) this.#failLater(message.replyTo, 'no-such-actor')
    }
  }

  #unmake(cell: ActorCell, started: boolean): void {
    cell.running = false
    for (const timer of cell.timers.values()) this.timers.remove(timer)
    cell.timers.clear()
    for (const token of cell.owed.takeAll()) this.#failLater(token, 'actor-crashed')
    if (!started) return
    try {
      cell.definition.stop?.(cell.state, cell.env)
    } catch (error) {
      this.#options.trace(cell.name, 'actor-stop-failed', { level: 'error', error: describeError(error) })
    }
    cell.state = undefined
  }

  #hold(cell: ActorCell, delivery: Delivery): void {
    if (cell.hold(delivery, this.#options.mailboxLimit ?? 10_000)) return
    this.#options.trace(cell.name, 'mailbox-full', { level: 'error', kind: delivery.message.kind })
    if (delivery.message.replyTo !== undefined) this.#failLater(delivery.message.replyTo, 'actor-crashed')
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
