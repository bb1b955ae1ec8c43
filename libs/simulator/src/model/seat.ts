/**
 * What all copies of a cell have in common: its spec, and the env through which its actor sees the copy that is being
 * stepped. Made once per model, so that a step allocates nothing for it.
 */
import type { Address, Env, Safeguards } from '@troupe/actor'
import { mix } from './hash.ts'
import type { AnyDefinition, CellSpec, CellView } from './actor-spec.ts'
import type { Cell, World } from './world.ts'

export class Seat implements CellView {
  readonly spec: CellSpec
  readonly index: number
  readonly node: number
  readonly definition: AnyDefinition
  readonly env: Env
  /** A port has looked at the world since `enter`: what the step did depends on more than its cell. */
  hasLooked = false
  #world: World | null = null
  #cell: Cell | null = null
  #now = 0

  constructor(spec: CellSpec, index: number, safeguards: Safeguards, random: 'stream' | number) {
    this.spec = spec
    this.index = index
    this.node = spec.node
    this.definition = spec.definition
    const env: Env = new SeatEnv(this, safeguards, random)
    const ports = spec.ports?.(this) ?? {}
    // Getters stay getters: a port may show another thing in every world.
    this.env = Object.defineProperties(env, Object.getOwnPropertyDescriptors(ports))
  }

  /** Before a step: which copy it is of, and what time it is. */
  enter(world: World, cell: Cell, now: number): void {
    this.#world = world
    this.#cell = cell
    this.#now = now
    this.hasLooked = false
  }

  nowOf(world: World, cell: Cell, timer: string | null, at: number): number {
    const { now } = world.engine.spec
    return now === undefined ? world.now : now(world, cell, timer, at)
  }

  get world(): World {
    this.hasLooked = true
    return this.#world!
  }

  get cell(): Cell {
    return this.#cell!
  }

  get disk(): unknown {
    return this.#cell!.disk
  }

  get now(): number {
    return this.#now
  }
}

class SeatEnv implements Env {
  readonly safeguards: Safeguards
  readonly #seat: Seat
  readonly #random: 'stream' | number
  #self: Address

  constructor(seat: Seat, safeguards: Safeguards, random: 'stream' | number) {
    this.#seat = seat
    this.safeguards = safeguards
    this.#random = random
    this.#self = { broker: seat.spec.node, actor: seat.spec.name, incarnation: 0 }
  }

  get self(): Address {
    const { incarnation } = this.#seat.cell
    if (this.#self.incarnation !== incarnation) this.#self = { ...this.#self, incarnation }
    return this.#self
  }

  get now(): number {
    return this.#seat.now
  }

  /** The same for every node, so that nodes stay interchangeable. A field: actors hand it on by itself. */
  readonly random = (): number => {
    if (this.#random !== 'stream') return this.#random
    const { cell } = this.#seat
    return mix(mix(0x9e3779b9, cell.incarnation), cell.draws++) >>> 0
  }
}
