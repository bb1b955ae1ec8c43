/** Small actors and a host around them, for tests of the shell. */
import {
  allSafeguards,
  type ActorDefinition,
  type Env,
  type Message,
  type Outbox,
  type ReplyToken,
} from '@troupe/actor'
import { ActorHost, type ActorHostOptions, type ActorKind, type Remote } from '@troupe/actor/host/actor-host'

export interface ToyMessage extends Message {
  readonly [field: string]: unknown
}

export interface ToyState {
  seen: ToyMessage[]
  args: unknown
}

type Act = (state: ToyState, message: ToyMessage, env: Env, out: Outbox) => void

/** An actor that remembers what it saw and does what its message kind says. */
export function toy(acts: Record<string, Act>, started?: (env: Env, out: Outbox) => void): ActorKind {
  const definition: ActorDefinition<ToyState, ToyMessage> = {
    kind: 'toy',
    start(args, env, out) {
      started?.(env, out)
      return { seen: [], args }
    },
    step(state, message, env, out) {
      state.seen.push(message)
      acts[message.kind]?.(state, message, env, out)
    },
  }
  return { definition, ports: () => ({}) }
}

export class TestClock {
  time = 1_000_000
  now(): number {
    return this.time
  }
}

export const alone: Remote = { send() {}, reply() {}, moved() {}, isUp: () => false }

export interface Traced {
  actor: string
  event: string
  fields: Record<string, unknown>
}

export function hostOf(kinds: Record<string, ActorKind>, more: Partial<ActorHostOptions> = {}) {
  const clock = new TestClock()
  const traces: Traced[] = []
  const givenUp: string[] = []
  const host = new ActorHost({
    broker: 1,
    firstIncarnation: 0,
    seed: 'test',
    clock,
    safeguards: allSafeguards,
    kinds: new Map(Object.entries(kinds)),
    remote: alone,
    trace: (actor, event, fields) => traces.push({ actor, event, fields }),
    wake: () => {},
    onGiveUp: (actor) => givenUp.push(actor),
    ...more,
  })
  const send = (actor: string, message: ToyMessage): void => {
    host.deliver(actor, message)
    host.drain()
  }
  const seen = (actor: string): ToyMessage[] => (host.inspect(actor) as ToyState).seen
  /** Fires the timers that are due `ms` from now. */
  const pass = (ms: number): void => {
    clock.time += ms
    for (let timer = host.timers.takeDue(clock.time); timer !== null; timer = host.timers.takeDue(clock.time))
      timer.fire()
    host.drain()
  }
  return { host, clock, traces, givenUp, send, seen, pass }
}

export function ask(env: Env, id: number): ReplyToken {
  return { ...env.self, id }
}
