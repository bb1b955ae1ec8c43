/**
 * A model: a small system of production actors in which every choice of the world can be enumerated.
 *
 * The engines know nothing else: breadth-first search (`search`), random walks (`walk`), replay of a schedule,
 * shrinking. A schedule is a list of action labels; the same labels always lead to the same world.
 *
 * Time does not pass by itself in a model: a timer that is set may fire at any moment, bounded by budgets.
 */
import type { Safeguards } from '@troupe/actor'
import type { TraceEvent } from '../trace/format.ts'

/** What may happen next. Labels are stable, readable and unique within a world: `b1→b2 followerFetch@3`, `crash b1`. */
export interface Action {
  readonly label: string
  /** For priorities and swarm: deliveries, timers, faults, clients' operations. */
  readonly type: 'message' | 'timer' | 'fault' | 'client'
}

export interface Violation {
  /** Id of an invariant (`R1`, `I3`, `T2`, …). */
  readonly invariant: string
  readonly detail: string
}

/** Limits of a configuration, by name; printed with every result: `{ brokers: 3, records: 2, epochs: 3, crashes: 1 }`. */
export type Bounds = Readonly<Record<string, number>>

export interface Model<World> {
  readonly name: string
  /** One line for people. */
  readonly title: string
  readonly defaultBounds: Bounds
  initial(safeguards: Safeguards, bounds: Bounds): World
  /** In a fixed order; empty when nothing can happen any more. */
  enabled(world: World): readonly Action[]
  /** Changes `world`; `observe` hears what happened, when somebody wants to know (replay, rendering). */
  apply(world: World, action: Action, observe?: (event: Omit<TraceEvent, 'index' | 'at'>) => void): void
  /** Said by searches of the first world: many worlds will be made from it, so steps may be remembered. */
  remember?(world: World): void
  /** A world that shares nothing mutable with this one. May share actors that neither has stepped. */
  clone(world: World): World
  /**
   * Two 32-bit numbers, equal for worlds that are the same up to symmetry (brokers, clients, order of what is in
   * flight between different pairs).
   */
  fingerprint(world: World): readonly [number, number]
  /** What is broken now, null if nothing. Called after every action. */
  check(world: World): Violation | null
  /** Names of the interesting things this world shows (`truncated`, `isr shrank`): the *sometimes* witnesses. */
  witnesses(world: World): readonly string[]
}
