/** Runs the due timers of a heap on the real clock: one real timer, set to the earliest. */
import type { Clock } from './clock.ts'
import type { TimerHeap } from './timers.ts'

/** Node's limit for setTimeout; a later timer is looked at again then. */
const longestDelayMs = 2 ** 31 - 1

export class Alarm {
  readonly #heap: TimerHeap
  readonly #clock: Clock
  readonly #after: () => void
  readonly #keepsAlive: boolean
  #handle: NodeJS.Timeout | null = null
  #at = Infinity

  /**
   * `after` runs once after each group of timers that fired together. `keepsAlive`: whether a timer alone holds the
   * process.
   */
  constructor(heap: TimerHeap, clock: Clock, after: () => void, { keepsAlive = true } = {}) {
    this.#keepsAlive = keepsAlive
    this.#heap = heap
    this.#clock = clock
    this.#after = after
  }

  /** To be called at the end of each turn: sets the real timer if the earliest time has changed. */
  arm(): void {
    const next = this.#heap.next()
    if (next === this.#at) return
    // A timer that is set too early is cheap; moving it at every renewal of a session is not.
    if (this.#handle !== null && next > this.#at) return
    if (this.#handle !== null) clearTimeout(this.#handle)
    this.#at = next
    this.#handle = null
    if (next === Infinity) return
    const delay = Math.min(Math.max(next - this.#clock.now(), 0), longestDelayMs)
    this.#handle = setTimeout(() => this.#ring(), delay)
    if (!this.#keepsAlive) this.#handle.unref()
  }

  stop(): void {
    if (this.#handle !== null) clearTimeout(this.#handle)
    this.#handle = null
    this.#at = Infinity
  }

  #ring(): void {
    this.#handle = null
    this.#at = Infinity
    const now = this.#clock.now()
    for (let timer = this.#heap.takeDue(now); timer !== null; timer = this.#heap.takeDue(now)) timer.fire()
    this.#after()
    this.arm()
  }
}
