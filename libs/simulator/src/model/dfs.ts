/**
 * Depth-first search with sleep sets (Godefroid): of two deliveries to different nodes, which commute, one order is
 * enough. It saves transitions, not worlds, and finds deep violations without keeping a frontier.
 *
 * A world that is met again with less asleep than before is looked at again for what was asleep then. Only what
 * `independent` vouches for is skipped; by default deliveries to different nodes, which is right as long as no ghost
 * and no invariant tells their order.
 */
import type { Safeguards } from '@troupe/actor'
import { EngineAction } from './actions.ts'
import type { Action, Bounds, Model, Violation } from './contract.ts'
import { collisionRisk, type SearchOptions, type SearchResult } from './search.ts'

export interface DepthFirstOptions extends Omit<SearchOptions, 'keptWorlds' | 'progress'> {
  /** Whether two choices lead to the same world in either order, and neither prevents the other. null: no sleep sets. */
  readonly independent?: ((one: Action, other: Action) => boolean) | null
}

interface Frame<World> {
  readonly world: World
  readonly todo: readonly Action[]
  /** Choices that need not be taken from here on. */
  readonly asleep: Map<string, Action>
  at: number
}

export function independentDeliveries(one: Action, other: Action): boolean {
  if (!(one instanceof EngineAction) || !(other instanceof EngineAction)) return false
  const { receiver } = one
  return receiver !== null && other.receiver !== null && receiver !== other.receiver
}

export function depthFirst<World>(
  model: Model<World>,
  safeguards: Safeguards,
  bounds: Bounds,
  options: DepthFirstOptions = {},
): SearchResult {
  return new DepthFirst(model, options).run(model.initial(safeguards, bounds))
}

class DepthFirst<World> {
  readonly #model: Model<World>
  readonly #options: DepthFirstOptions
  /** What was asleep when a world was left, by fingerprint. */
  readonly #seen = new Map<string, ReadonlySet<string>>()
  readonly #stack: Frame<World>[] = []
  readonly #path: string[] = []
  readonly #witnesses: Record<string, number> = {}
  #generated = 0
  #depth = 0
  #isCut = false
  #stoppedBy: SearchResult['stoppedBy'] = null
  #violation: Violation | null = null

  constructor(model: Model<World>, options: DepthFirstOptions) {
    this.#model = model
    this.#options = options
  }

  run(first: World): SearchResult {
    this.#model.remember?.(first)
    this.#enter(this.#model.clone(first), new Map())
    while (this.#stack.length > 0 && this.#stoppedBy === null) {
      const frame = this.#stack.at(-1)!
      if (frame.at < frame.todo.length) this.#take(frame, frame.todo[frame.at++]!)
      else {
        this.#stack.pop()
        this.#path.pop()
      }
    }
    const { size: states } = this.#seen
    return {
      states,
      generated: this.#generated,
      depth: this.#depth,
      exhausted: this.#stoppedBy === null && !this.#isCut,
      stoppedBy: this.#stoppedBy ?? (this.#isCut ? 'depth' : null),
      violation: this.#violation,
      path: this.#violation === null ? [] : [...this.#path],
      collisionRisk: collisionRisk(states),
      witnesses: this.#witnesses,
    }
  }

  #take(frame: Frame<World>, action: Action): void {
    const { independent = independentDeliveries, clock, deadline } = this.#options
    const { label } = action
    if (frame.asleep.has(label)) return
    const next = this.#model.clone(frame.world)
    this.#model.apply(next, action)
    this.#generated++
    const asleep = new Map<string, Action>()
    if (independent !== null) {
      for (const [name, other] of frame.asleep) if (independent(action, other)) asleep.set(name, other)
      frame.asleep.set(label, action)
    }
    this.#path.push(label)
    if (!this.#enter(next, asleep)) this.#path.pop()
    if ((this.#generated & 1023) === 0 && clock !== undefined && clock() >= (deadline ?? Infinity)) {
      this.#stoppedBy = 'deadline'
    }
  }

  /** Returns whether there is something to do in this world, or the search ends in it. */
  #enter(world: World, asleep: Map<string, Action>): boolean {
    const key = this.#model.fingerprint(world).join()
    const before = this.#seen.get(key)
    if (before === undefined && this.#violates(world)) return true
    const actions = this.#model.enabled(world)
    // Met again: only what was asleep at every earlier visit, and is not now.
    const todo = before === undefined ? actions : actions.filter(({ label }) => before.has(label) && !asleep.has(label))
    this.#seen.set(key, new Set([...asleep.keys()].filter((label) => before === undefined || before.has(label))))
    if (before === undefined && this.#seen.size >= (this.#options.maxStates ?? Infinity)) this.#stoppedBy = 'states'
    if (todo.length === 0) return false
    if (this.#stack.length >= (this.#options.maxDepth ?? Infinity)) {
      this.#isCut = true
      return false
    }
    this.#stack.push({ world, todo, asleep, at: 0 })
    this.#depth = Math.max(this.#depth, this.#stack.length - 1)
    return true
  }

  #violates(world: World): boolean {
    const violation = this.#model.check(world)
    if (violation !== null && (this.#options.accept?.(violation) ?? true)) {
      this.#violation = violation
      this.#stoppedBy = 'violation'
      return true
    }
    if (this.#options.countWitnesses) {
      for (const name of this.#model.witnesses(world)) this.#witnesses[name] = (this.#witnesses[name] ?? 0) + 1
    }
    return false
  }
}
