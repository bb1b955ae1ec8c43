/** What a concrete model tells the engine: its cells, its choices, its network, its rules. See actor-world.ts. */
import type { ActorDefinition, Effect, Message } from '@troupe/actor'
import type { PartitionStrip } from '../trace/format.ts'
import type { Bounds, Violation } from './contract.ts'
import type { ClassRule, FieldRules } from './field-rules.ts'
import type { Cell, Flight, World } from './world.ts'

// An actor kind's own types end at its definition: to the engine all states, messages and arguments are opaque.
// oxlint-disable-next-line no-explicit-any
export type AnyDefinition = ActorDefinition<any, any, any, any>

/**
 * Where a port looks things up. One view serves a cell's copies in all worlds: it shows the copy that is being stepped,
 * so a port must read it anew on every call and keep nothing.
 */
export interface CellView<Ghost = unknown> {
  readonly node: number
  readonly world: World<Ghost>
  /** The disk of the copy that is being stepped; may be changed. */
  readonly disk: unknown
}

export interface CellSpec<Ghost = unknown> {
  readonly node: number
  readonly name: string
  readonly definition: AnyDefinition
  readonly args?: unknown
  /**
   * What outlives the actor's state: its log, its stored vote. Plain data or classes with public fields. References
   * between state and disk (`state.log`) survive the copying.
   */
  disk?(): unknown
  /** Ports beside the common env, made once; see `CellView`. */
  ports?(view: CellView<Ghost>): object
  /** What a power loss leaves of the disk. May change `disk` or return another one. Default: all of it. */
  powerLoss?(disk: unknown): unknown
  /** Not started in the first world; `world.start` starts it. */
  readonly down?: boolean
}

/** Something that may happen beside deliveries and timers: a client's operation, a crash, an election. */
export interface Choice<Ghost = unknown> {
  /** Unique and stable: `crash b1`, `produce c1`. */
  readonly label: string
  readonly type: 'fault' | 'client' | 'timer' | 'message'
  enabled(world: World<Ghost>): boolean
  /** Through `world.deliver`, `world.crash`, `world.edit()`, … */
  apply(world: World<Ghost>): void
  /** What the trace calls it: node and detail. Default: the label. */
  readonly node?: string
}

export interface ActorModelSpec<Ghost extends object> {
  readonly name: string
  readonly title: string
  readonly defaultBounds: Bounds
  /** All cells, production actors and stubs alike, in a fixed order. Nodes are numbers; clients have theirs (101, …). */
  cells(bounds: Bounds): readonly CellSpec<Ghost>[]
  /** Plain data of the model, nothing in it twice: budgets used, what was acknowledged, what was exposed. */
  ghost(bounds: Bounds): Ghost
  /** Brings the first world to where exploration starts: first metadata, a first leader. All cells have started. */
  begin?(world: World<Ghost>): void
  choices?(bounds: Bounds): readonly Choice<Ghost>[]

  /** Actors that a cell may spawn, by kind. */
  readonly kinds?: Readonly<Record<string, Omit<CellSpec<Ghost>, 'node' | 'name' | 'args'>>>

  /** `env.now` of a step; `timer` is what fires, null for a message. Default: `world.now`, which starts at 1,000,000. */
  now?(world: World<Ghost>, cell: Cell, timer: string | null, at: number): number
  /** `env.random()`: a stream per life of an actor, or always this number. Default: 'stream'. */
  readonly random?: 'stream' | number

  /**
   * May this timer fire? Default: always. Firing a timer that sets itself again for ever is bounded by the fingerprint,
   * if its state is; otherwise count in `fired` and refuse here.
   */
  mayFire?(world: World<Ghost>, cell: Cell, timer: string): boolean
  fired?(world: World<Ghost>, cell: Cell, timer: string): void

  /**
   * The lane of a message between nodes: within a lane messages keep their order, two lanes are independent. Default:
   * one per (from, to), as on one connection. null: this message may be overtaken and overtake.
   */
  lane?(from: number, to: number, actor: string, message: Message): string | null
  /** Messages within a node that are delivered as an event of their own instead of in the same turn. Default: none. */
  isSeparate?(node: number, actor: string, message: Message): boolean
  /** May this message be lost (now)? Count in `lost`. Default: no. */
  mayLose?(world: World<Ghost>, flight: Flight): boolean
  lost?(world: World<Ghost>, flight: Flight): void
  /** May this message be delivered and stay in flight (a retry on another connection)? Default: no. */
  mayDuplicate?(world: World<Ghost>, flight: Flight): boolean
  duplicated?(world: World<Ghost>, flight: Flight): void
  /** A message is held back while this is false: a network partition, a pause. Default: true. */
  mayDeliver?(world: World<Ghost>, flight: Flight): boolean

  /** Every effect of every step, before it happens: for ghosts. */
  onEffect?(world: World<Ghost>, cell: Cell, effect: Effect): void
  /** After every step of every cell, with the state as it is now: for ghosts. */
  afterStep?(world: World<Ghost>, cell: Cell, message: Message): void
  /** An actor threw: 'violation' (default), or 'restart' as production does. */
  readonly onThrow?: 'violation' | 'restart'

  check(world: World<Ghost>): Violation | null
  witnesses?(world: World<Ghost>): readonly string[]

  /** By `definition.kind`; `messages`, `ghost` and `disk` name those; `all` holds for everything. */
  readonly fields?: Readonly<Record<string, FieldRules>>
  readonly classes?: readonly ClassRule<never>[]
  /** Groups of nodes that are interchangeable: `[[1, 2, 3], [101, 102]]`. */
  symmetry?(bounds: Bounds): readonly (readonly number[])[]

  /** `b1`, `c1`: default `b<n>` below 100, `c<n−100>` from there. */
  nodeName?(node: number): string
  /** A few plain fields of a message for the trace: `epoch=3 offset=17`. */
  detail?(message: Message, world: World<Ghost>): string
  /** Every partition as it is now; the engine leaves out what an event did not change. */
  strips?(world: World<Ghost>): readonly PartitionStrip[]
}
