/**
 * How often something may fail before its failure becomes its supervisor's: a budget of restarts within a window,
 * and a growing pause before each. The same rule serves actors in a worker and workers in the process.
 */
export interface RestartBudget {
  /** Restarts within `windowMs` that are tried before giving up. */
  readonly restarts: number
  readonly windowMs: number
  /** Pause before the first restart of a window; doubles with each, up to `longestPauseMs`. */
  readonly firstPauseMs: number
  readonly longestPauseMs: number
}

export const actorBudget: RestartBudget = { restarts: 8, windowMs: 30_000, firstPauseMs: 0, longestPauseMs: 1000 }
export const workerBudget: RestartBudget = { restarts: 10, windowMs: 60_000, firstPauseMs: 50, longestPauseMs: 5000 }

/**
 * A broker whose disk has failed or is full: the cluster goes on without it, and its worker is tried again for as long as
 * the process lives. (Kafka's broker ends for good; whatever started it does the same.)
 */
export const storageBudget: RestartBudget = {
  restarts: Infinity,
  windowMs: 600_000,
  firstPauseMs: 1000,
  longestPauseMs: 60_000,
}

/** A doubling that starts at zero has to start somewhere. */
const smallestPauseMs = 10

export class RestartHistory {
  readonly #budget: RestartBudget
  readonly #failures: number[] = []

  constructor(budget: RestartBudget) {
    this.#budget = budget
  }

  /** A failure at `now`: the pause before the restart, or null when the budget is used up. */
  failed(now: number): number | null {
    const { restarts, windowMs, firstPauseMs, longestPauseMs } = this.#budget
    while (this.#failures.length > 0 && this.#failures[0]! <= now - windowMs) this.#failures.shift()
    this.#failures.push(now)
    const count = this.#failures.length
    if (count > restarts) return null
    if (count === 1) return firstPauseMs
    return Math.min(Math.max(firstPauseMs, smallestPauseMs) * 2 ** (count - 2), longestPauseMs)
  }
}
