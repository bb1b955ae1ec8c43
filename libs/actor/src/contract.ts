/**
 * The actor contract: everything a state machine of Troupe may see of the world, and everything it may do to it.
 *
 * An actor is `step(state, message, env, out)`. The input is one message (from another actor, a timer or a
 * connection); the output is its changed state and a list of effects. Same state, message and env: same
 * output. The production shell (libs/runtime) and the simulator run the very same actors.
 */
import type { Safeguards } from './safeguards.ts'

/** Where an actor lives: broker id and the name the actor has there (`controller`, `replica:<topicId>:0`, …). */
export interface Address {
  readonly broker: number
  readonly actor: string
  /**
   * Which life of the actor this is; the shell sets it in `env.self`, so that `{...env.self, id}` carries it and an
   * answer to a question of an earlier life is dropped. Sending ignores it.
   */
  readonly incarnation?: number
}

/** Who waits for an answer, and the number under which it waits. Plain data: it may cross threads and be forwarded. */
export interface ReplyToken {
  readonly broker: number
  readonly actor: string
  readonly id: number
  readonly incarnation?: number
}

/** Every message names its kind; one that expects an answer carries `replyTo`. */
export interface Message {
  readonly kind: string
  readonly replyTo?: ReplyToken
}

/** What `out.reply` delivers to the actor that waits. `body` is the answer, or a `Failed`. */
export interface Reply<Body = unknown> extends Message {
  readonly kind: 'reply'
  readonly id: number
  readonly body: Body | Failed
}

/**
 * The answer the shell gives when no actor will: it does not exist (any more), it threw, or its broker is gone.
 * The outcome of the request is then indefinite for `actor-crashed` and `broker-down`, and "not done" for `no-such-actor`.
 */
export interface Failed {
  readonly kind: 'failed'
  readonly reason: 'no-such-actor' | 'actor-crashed' | 'broker-down'
}

export function isFailed(body: unknown): body is Failed {
  return typeof body === 'object' && body !== null && (body as Failed).kind === 'failed'
}

/**
 * Bytes that still lie in a file. Whoever needs them reads them straight to where they belong (a response frame,
 * a shared buffer); a shell that carries a message to another broker replaces a slice by the bytes themselves.
 */
export interface Slice {
  readonly sizeInBytes: number
  /** Copies the bytes to `target` from `at` on; returns how many there were (fewer after a truncation). */
  readInto(target: Uint8Array, at: number): number
}

/**
 * A message's bulk payload. It is valid during the step that receives it and no longer: its buffer goes
 * back to a pool. An actor that keeps the bytes copies them.
 */
export type Payload = Uint8Array | Slice

/** All an actor may know of the world beside its state. Actor kinds extend it with their synchronous ports. */
export interface Env {
  readonly self: Address
  /** Milliseconds since the epoch; an input, constant during a step. */
  readonly now: number
  /** The next number of this actor's own seeded stream: an unsigned 32-bit integer. */
  random(): number
  readonly safeguards: Safeguards
}

/** Collects the effects of one step. They happen after the step has returned, in order; none if it throws. */
export interface Outbox {
  send(to: Address, message: Message): void
  reply(token: ReplyToken, body: unknown): void
  /** Delivers `message` to this actor once `env.now >= at`. The same name again replaces the timer. */
  setTimer(name: string, at: number, message: Message): void
  cancelTimer(name: string): void
  /** Starts an actor of a kind the shell knows under `name` on this broker; replaces nothing that runs. */
  spawn(name: string, kind: string, args: unknown): void
  stop(name: string): void
  /** For people and tools: rendered, never read back. `fields` is plain data. */
  trace(event: string, fields: Record<string, unknown>): void
}

export type Effect =
  | { kind: 'send'; to: Address; message: Message }
  | { kind: 'reply'; token: ReplyToken; body: unknown }
  | { kind: 'setTimer'; name: string; at: number; message: Message }
  | { kind: 'cancelTimer'; name: string }
  | { kind: 'spawn'; name: string; actorKind: string; args: unknown }
  | { kind: 'stop'; name: string }
  | { kind: 'trace'; event: string; fields: Record<string, unknown> }

/** How a shell makes, runs and unmakes an actor of one kind. */
export interface ActorDefinition<State, M extends Message, E extends Env = Env, Args = unknown> {
  readonly kind: string
  /** Builds the state, from disk where there is some: at the first start and at every restart. */
  start(args: Args, env: E, out: Outbox): State
  step(state: State, message: M, env: E, out: Outbox): void
  /** Releases ports (closes files). Runs at an ordered stop and before a restart; must not throw. */
  stop?(state: State, env: E): void
  /** Throws when the state breaks a rule that must always hold. */
  invariants?(state: State): void
}

/** The names of the actors of a broker, in one place. */
export const actorNames = {
  /** Raft voter or observer of `__cluster_metadata`, and the active controller while it leads. Forwards requests to the leader. */
  controller: 'controller',
  /** The broker's life towards the controller, and the metadata image that its front and actors see. */
  broker: 'broker',
  /** Connections and API handlers. */
  front: 'front',
  /** Retention, compaction, flush, checkpoints of all logs of the broker. */
  logManager: 'log-manager',
  replica: (topicId: string, partition: number): string => `replica:${topicId}:${partition}`,
  /** The group coordinator of one `__consumer_offsets` partition. */
  groups: (partition: number): string => `groups:${partition}`,
  /** The transaction coordinator of one `__transaction_state` partition. */
  transactions: (partition: number): string => `transactions:${partition}`,
  /** Producer ids for the transaction coordinators and the front of this broker, from blocks of the controller. */
  producerIds: 'producer-ids',
  /** The shell of this broker: through it, code outside of the actors asks; it ends the worker (`endWorker`). */
  shell: 'shell',
  /** The shell's helper: long computations, in another thread. */
  jobs: 'jobs',
} as const
