/** The wall clock of the actors, on Node's clocks. */
import type { Clock } from './clock.ts'

export class MonotonicClock implements Clock {
  #offset = Date.now() - performance.now()
  #checked = 0

  now(): number {
    const elapsed = performance.now()
    if (elapsed - this.#checked >= 1000) {
      this.#checked = elapsed
      const wall = Date.now() - elapsed
      if (wall > this.#offset + 1) this.#offset = wall
    }
    return Math.floor(elapsed + this.#offset)
  }
}
