/**
 * Breadth-first search: every world that a model can reach within its bounds, the nearest first. What it finds is a
 * shortest counterexample; what it exhausts is clean up to the bounds, and up to the risk that two worlds share a
 * fingerprint.
 */
import type { Safeguards } from '@troupe/actor'
import type { Bounds, Model, Violation } from './contract.ts'
import { FingerprintTable } from './fingerprint-table.ts'

export interface SearchOptions {
  readonly maxStates?: number
  readonly maxDepth?: number
  /** Milliseconds from anywhere, and when to give up. */
  readonly clock?: () => number
  readonly deadline?: number
  /**
   * Worlds of the frontier that are kept whole; of the others only the path is kept, and is walked again. 0 needs the
   * least memory, and takes as many times longer as the paths are long. Default: 1,000,000.
   */
  readonly keptWorlds?: number
  /** Which violations end the search. Default: any. */
  readonly accept?: (violation: Violation) => boolean
  /** Count how many worlds show each witness. */
  readonly countWitnesses?: boolean
  /** Called now and then. */
  readonly progress?: (soFar: { states: number; generated: number; depth: number }) => void
}

export interface SearchResult {
  /** Different worlds. */
  readonly states: number
  /** Actions taken. */
  readonly generated: number
  /** Of the deepest world. */
  readonly depth: number
  /** Nothing is left within the bounds. */
  readonly exhausted: boolean
  readonly stoppedBy: 'violation' | 'states' | 'depth' | 'deadline' | null
  readonly violation: Violation | null
  /** Labels from the first world to the violation. */
  readonly path: readonly string[]
  /** Probability that at least two worlds were taken for one. */
  readonly collisionRisk: number
  readonly witnesses: Readonly<Record<string, number>>
}

/** Worlds by number; null where only the path is kept. */
class Frontier<World> {
  readonly numbers: number[] = []
  readonly worlds: (World | null)[] = []

  get size(): number {
    return this.numbers.length
  }
}

const progressEvery = 1 << 14

export function search<World>(
  model: Model<World>,
  safeguards: Safeguards,
  bounds: Bounds,
  options: SearchOptions = {},
): SearchResult {
  return new Search(model, model.initial(safeguards, bounds), options).run()
}

/** Two of `states` worlds with one of 2^64 fingerprints: the birthday bound. */
export function collisionRisk(states: number): number {
  return Math.min(1, states ** 2 / 2 ** 65)
}

class Search<World> {
  readonly #model: Model<World>
  readonly #first: World
  readonly #options: SearchOptions
  readonly #seen = new FingerprintTable()
  readonly #witnesses: Record<string, number> = {}
  #next = new Frontier<World>()
  #depth = 0
  #generated = 0
  #stoppedBy: SearchResult['stoppedBy'] = null
  #violation: Violation | null = null
  #path: readonly string[] = []

  constructor(model: Model<World>, first: World, options: SearchOptions) {
    this.#model = model
    this.#first = first
    this.#options = options
    model.remember?.(first)
  }

  run(): SearchResult {
    this.#visit(this.#model.clone(this.#first), -1, 0)
    let depth = 0
    while (this.#next.size > 0 && this.#stoppedBy === null) {
      this.#depth = depth
      if (depth >= (this.#options.maxDepth ?? Infinity)) {
        this.#stoppedBy = 'depth'
        break
      }
      const { numbers, worlds } = this.#next
      this.#next = new Frontier()
      for (let at = 0; at < numbers.length && this.#stoppedBy === null; at++) {
        this.#expand(numbers[at]!, worlds[at]!)
        // The world is done with; its memory is needed for the next level.
        worlds[at] = null
      }
      depth++
    }
    return this.#result(depth)
  }

  #result(depth: number): SearchResult {
    const { size: states } = this.#seen
    return {
      states,
      generated: this.#generated,
      depth: this.#violation === null ? this.#depth : depth,
      exhausted: this.#stoppedBy === null,
      stoppedBy: this.#stoppedBy,
      violation: this.#violation,
      path: this.#path,
      collisionRisk: collisionRisk(states),
      witnesses: this.#witnesses,
    }
  }

  #expand(number: number, kept: World | null): void {
    const model = this.#model
    const world = kept ?? this.#walk(this.#seen.path(number)).world
    const actions = model.enabled(world)
    for (let index = 0; index < actions.length; index++) {
      const next = model.clone(world)
      model.apply(next, actions[index]!)
      this.#generated++
      if ((this.#generated & 1023) === 0 && this.#isLate()) return
      this.#visit(next, number, index)
      if (this.#stoppedBy !== null) return
    }
  }

  #visit(world: World, parent: number, action: number): void {
    const model = this.#model
    const [high, low] = model.fingerprint(world)
    const number = this.#seen.add(high, low, parent, action)
    if (number < 0) return
    const violation = model.check(world)
    if (violation !== null && (this.#options.accept?.(violation) ?? true)) {
      this.#violation = violation
      this.#stoppedBy = 'violation'
      this.#path = this.#walk(this.#seen.path(number)).labels
      return
    }
    if (this.#options.countWitnesses) {
      for (const name of model.witnesses(world)) this.#witnesses[name] = (this.#witnesses[name] ?? 0) + 1
    }
    const next = this.#next
    next.worlds.push(next.size < (this.#options.keptWorlds ?? 1_000_000) ? world : null)
    next.numbers.push(number)
    if (this.#seen.size >= (this.#options.maxStates ?? Infinity)) this.#stoppedBy = 'states'
  }

  #isLate(): boolean {
    const { clock, deadline, progress } = this.#options
    if (this.#generated % progressEvery === 0) {
      progress?.({ states: this.#seen.size, generated: this.#generated, depth: this.#depth })
    }
    if (clock === undefined || deadline === undefined || clock() < deadline) return false
    this.#stoppedBy = 'deadline'
    return true
  }

  #walk(path: readonly number[]): { world: World; labels: readonly string[] } {
    const world = this.#model.clone(this.#first)
    const labels: string[] = []
    for (const index of path) {
      const action = this.#model.enabled(world)[index]!
      labels.push(action.label)
      this.#model.apply(world, action)
    }
    return { world, labels }
  }
}
