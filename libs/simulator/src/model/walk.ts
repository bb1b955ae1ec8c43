/**
 * Seeded random walks: fast, deep, and no proof of anything. Each seed also draws how likely each kind of choice is
 * (swarm testing, Groce et al.), so that some walks are all faults and others have none.
 *
 * Policies: `uniform` among the weighted choices; `fifo` prefers what has waited longest; `priority` is PCT (Burckhardt
 * et al.): each link and node has a random priority, the highest that can move does, and at `changes` random moments the
 * one that moves falls to the bottom.
 */
import type { Safeguards } from '@troupe/actor'
import { Random } from '../kernel/random.ts'
import type { Action, Bounds, Model, Violation } from './contract.ts'

export type WalkPolicy = 'uniform' | 'fifo' | 'priority'

export interface WalkOptions {
  readonly seed: number
  readonly steps: number
  /** Default: drawn from the seed. */
  readonly policy?: WalkPolicy
  /** Of `priority`: the depth of the bugs it aims at, less one. Default: 2. */
  readonly changes?: number
  /** Default: true. false weighs all choices alike. */
  readonly swarm?: boolean
}

export interface WalkResult {
  readonly seed: number
  readonly steps: number
  readonly violation: Violation | null
  readonly path: readonly string[]
  /** Everything that was drawn. */
  readonly drawn: { readonly policy: WalkPolicy; readonly weights: Readonly<Record<string, number>> }
}

export interface WalksOptions extends Omit<WalkOptions, 'seed'> {
  readonly firstSeed: number
  readonly seeds: number
  readonly clock?: () => number
  readonly deadline?: number
}

export interface WalksResult {
  /** The walk that found a violation, null if none did. */
  readonly found: WalkResult | null
  readonly seeds: number
  readonly steps: number
}

const policies: readonly WalkPolicy[] = ['uniform', 'uniform', 'fifo', 'priority']

export function walk<World>(
  model: Model<World>,
  safeguards: Safeguards,
  bounds: Bounds,
  options: WalkOptions,
): WalkResult {
  return walkFrom(model, model.initial(safeguards, bounds), options)
}

/** Seed after seed until one fails. */
export function walks<World>(
  model: Model<World>,
  safeguards: Safeguards,
  bounds: Bounds,
  { firstSeed, seeds, clock, deadline, ...options }: WalksOptions,
): WalksResult {
  const first = model.initial(safeguards, bounds)
  let steps = 0
  for (let count = 0; count < seeds; count++) {
    if (clock !== undefined && deadline !== undefined && clock() >= deadline)
      return { found: null, seeds: count, steps }
    const result = walkFrom(model, first, { ...options, seed: firstSeed + count })
    steps += result.steps
    if (result.violation !== null) return { found: result, seeds: count + 1, steps }
  }
  return { found: null, seeds, steps }
}

function walkFrom<World>(model: Model<World>, first: World, options: WalkOptions): WalkResult {
  const random = new Random(options.seed, model.name)
  const policy = options.policy ?? random.stream('policy').pick(policies)
  const chooser = new Chooser(random, policy, options)
  const world = model.clone(first)
  const path: string[] = []
  let violation = model.check(world)
  while (violation === null && path.length < options.steps) {
    const actions = model.enabled(world)
    if (actions.length === 0) break
    const action = chooser.choose(actions)
    // The label is made from the world as it is before.
    path.push(action.label)
    model.apply(world, action)
    violation = model.check(world)
  }
  return { seed: options.seed, steps: path.length, violation, path, drawn: { policy, weights: chooser.weights } }
}

class Chooser {
  readonly weights: Record<string, number> = {}
  readonly #policy: WalkPolicy
  readonly #isSwarm: boolean
  readonly #choices: Random
  readonly #swarm: Random
  readonly #priorities = new Map<string, number>()
  readonly #changeAt = new Set<number>()
  #step = 0

  constructor(random: Random, policy: WalkPolicy, { steps, changes = 2, swarm = true }: WalkOptions) {
    this.#policy = policy
    this.#isSwarm = swarm
    this.#choices = random.stream('choices')
    this.#swarm = random.stream('swarm')
    for (let count = 0; count < changes; count++) this.#changeAt.add(this.#choices.below(steps))
  }

  choose(actions: readonly Action[]): Action {
    this.#step++
    if (actions.length === 1) return actions[0]!
    if (this.#policy === 'priority') return this.#highest(actions)
    return this.#weighted(actions)
  }

  #weighted(actions: readonly Action[]): Action {
    let total = 0
    const sums = actions.map((action, at) => (total += this.#weightOf(action) * this.#age(at)))
    const drawn = (this.#choices.u32() / 2 ** 32) * total
    return actions[sums.findIndex((sum) => drawn < sum)] ?? actions.at(-1)!
  }

  /** Messages come in the order in which they were sent. */
  #age(at: number): number {
    return this.#policy === 'fifo' ? 2 ** -Math.min(at, 8) : 1
  }

  /** Deliveries by type; faults and clients' operations by the first word of their label (`crash`, `lose`). */
  #weightOf(action: Action): number {
    if (!this.#isSwarm) return 1
    const name = action.type === 'message' || action.type === 'timer' ? action.type : firstWord(action.label)
    return (this.weights[name] ??= this.#drawWeight(action.type, name))
  }

  #drawWeight(type: Action['type'], name: string): number {
    const random = this.#swarm.stream(name)
    if (type === 'message') return 1
    // Without a client's operation nothing would ever happen; any other kind may be left out of a walk.
    if (type !== 'client' && random.chance(0.2)) return 0.001
    return 2 ** random.between(-5, 2)
  }

  #highest(actions: readonly Action[]): Action {
    let best = actions[0]!
    let bestPriority = -1
    for (const action of actions) {
      const priority = this.#priorityOf(firstWord(action.label))
      if (priority <= bestPriority) continue
      best = action
      bestPriority = priority
    }
    if (this.#changeAt.has(this.#step)) this.#priorities.set(firstWord(best.label), this.#choices.u32() / 2 ** 33)
    // A timer or fault that could go on for ever must not starve everybody else.
    else if (best.type !== 'message') this.#priorities.set(firstWord(best.label), 1 + this.#choices.u32() / 2 ** 32)
    return best
  }

  #priorityOf(thread: string): number {
    let priority = this.#priorities.get(thread)
    if (priority === undefined) this.#priorities.set(thread, (priority = 1 + this.#choices.u32() / 2 ** 32))
    return priority
  }
}

function firstWord(label: string): string {
  const end = label.indexOf(' ')
  return end < 0 ? label : label.slice(0, end)
}
