/**
 * Makes a failing run of the cluster smaller: fewer faults, clients, partitions, and no noise that is not needed.
 *
 * Every candidate is run from its options; it is accepted when the same invariant fails. Random sub-streams keep their
 * names, so leaving out a fault shifts no other draw. Order: kinds of faults, single faults, clients, partitions,
 * properties, delays, length.
 */
import type { ClusterOptions } from './options.ts'
import { Simulation, type RunResult } from './simulation.ts'

export interface Shrunk {
  readonly options: ClusterOptions
  /** Runs that it took. */
  readonly tried: number
}

export interface ShrinkLimits {
  readonly runs: number
  /** Asked before every run; true: that is enough. */
  readonly expired?: () => boolean
}

type Simulate = (candidate: ClusterOptions) => Pick<RunResult, 'violations'>

/** `simulate`: how a candidate is run, where its clients are not the simulator's own. */
export function shrinkRun(
  options: ClusterOptions,
  invariant: string,
  limits: ShrinkLimits,
  simulate: Simulate = (candidate) => new Simulation(candidate).run(),
): Shrunk {
  return new Shrinker(options, invariant, limits, simulate).run()
}

class Shrinker {
  private best: ClusterOptions
  private readonly invariant: string
  private readonly limits: ShrinkLimits
  private readonly simulate: Simulate
  private tried = 0

  constructor(options: ClusterOptions, invariant: string, limits: ShrinkLimits, simulate: Simulate) {
    this.simulate = simulate
    this.best = options
    this.invariant = invariant
    this.limits = limits
  }

  run(): Shrunk {
    let before: ClusterOptions
    do {
      before = this.best
      this.dropKinds()
      this.dropItems('faults')
      this.dropItems('clients')
      this.simplify()
      this.shorten()
    } while (before !== this.best && !this.isOver())
    return { options: this.best, tried: this.tried }
  }

  private accept(candidate: ClusterOptions): boolean {
    if (this.isOver()) return false
    this.tried++
    const { violations } = this.simulate(candidate)
    if (violations[0]?.invariant !== this.invariant) return false
    this.best = candidate
    return true
  }

  private isOver(): boolean {
    return this.tried >= this.limits.runs || this.limits.expired?.() === true
  }

  private dropKinds(): void {
    for (const kind of new Set(this.best.faults.map((fault) => fault.kind))) {
      this.accept({ ...this.best, faults: this.best.faults.filter((fault) => fault.kind !== kind) })
    }
  }

  /** Halves, then quarters, … then single ones. */
  private dropItems(name: 'faults' | 'clients'): void {
    for (let size = Math.ceil(this.best[name].length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let at = 0; at < this.best[name].length && !this.isOver();) {
        const items: readonly unknown[] = this.best[name]
        const kept = [...items.slice(0, at), ...items.slice(at + size)]
        if (!this.accept({ ...this.best, [name]: kept })) at += size
      }
    }
  }

  private simplify(): void {
    const { best } = this
    if (best.policy !== 'fifo') this.accept({ ...this.best, policy: 'fifo' })
    if (best.topics.some(({ partitions }) => partitions > 1)) {
      this.accept({ ...this.best, topics: best.topics.map((topic) => ({ ...topic, partitions: 1 })) })
    }
    for (const name of Object.keys(best.properties)) {
      const rest = Object.entries(this.best.properties).filter(([other]) => other !== name)
      const properties = Object.fromEntries(rest)
      if (!/replication|isr|num.partitions/.test(name)) this.accept({ ...this.best, properties })
    }
    const calm = { ...best.network, slowPerMille: 0 }
    if (best.network.slowPerMille > 0) this.accept({ ...this.best, network: calm })
    if (best.network.maxDelayMs > 1) this.accept({ ...this.best, network: { ...calm, minDelayMs: 1, maxDelayMs: 1 } })
  }

  private shorten(): void {
    for (const factor of [0.25, 0.5, 0.75]) {
      const safetyMs = Math.ceil(this.best.safetyMs * factor)
      const faults = this.best.faults.filter(({ at }) => at < safetyMs)
      if (this.accept({ ...this.best, safetyMs, faults })) return
    }
  }
}
