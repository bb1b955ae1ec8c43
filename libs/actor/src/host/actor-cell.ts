/** One actor in its host: what it is made of, what it owes, and how often it has failed. */
import type { ActorDefinition, Address, Env, Message } from '../contract.ts'
import type { Safeguards } from '../safeguards.ts'
import { Owed } from './owed.ts'
import { randomStream } from '../random.ts'
import { RestartHistory, type RestartBudget } from './restart-policy.ts'
import type { Timer } from './timers.ts'

// An actor kind's own types end at its definition: to the host all states, messages and arguments are opaque.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type AnyDefinition = ActorDefinition<any, any, any, any>

/** A kind of actor that the host can start, with the synchronous ports its env has beside the common ones. */
export interface ActorKind {
  readonly definition: AnyDefinition
  ports(env: Env, args: unknown): object
}

/** The common part of an actor's env. Ports are assigned onto it. */
export class ActorEnv implements Env {
  readonly self: Address
  readonly safeguards: Safeguards
  readonly random: () => number
  readonly #time: { readonly now: number }

  constructor(time: { readonly now: number }, self: Address, safeguards: Safeguards, seed: string) {
    this.#time = time
    this.self = self
    this.safeguards = safeguards
    this.random = randomStream(seed)
  }

  /** Read once per drain of the queue, so it is the same throughout a step. */
  get now(): number {
    return this.#time.now
  }
}

export interface Held {
  readonly message: Message
}

export class ActorCell {
  readonly name: string
  readonly kind: ActorKind
  readonly definition: AnyDefinition
  readonly args: unknown
  readonly history: RestartHistory
  /** Questions it has been asked and has not answered. */
  readonly owed = new Owed()
  readonly timers = new Map<string, Timer>()
  state: unknown = undefined
  env!: Env
  incarnation = 0
  /** False until it has started and while it waits for a restart. */
  running = false
  restarts = 0
  restartTimer: Timer | null = null
  #held: Held[] = []

  constructor(name: string, kind: ActorKind, args: unknown, budget: RestartBudget) {
    this.name = name
    this.kind = kind
    this.definition = kind.definition
    this.args = args
    this.history = new RestartHistory(budget)
  }

  /** Keeps a message for after the restart; false when there are too many. */
  hold(delivery: Held, limit: number): boolean {
    if (this.#held.length >= limit) return false
    this.#held.push(delivery)
    return true
  }

  takeHeld(): Held[] {
    const held = this.#held
    this.#held = []
    return held
  }
}
