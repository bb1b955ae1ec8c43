/**
 * Seeded randomness with named sub-streams: one root seed, and a stream of its own for the network, the disks, the
 * faults, the workload and each actor. What is removed from one stream shifts no draw of another, which shrinking needs.
 */
import { SmallFastCounter } from '@troupe/actor/random'

export class Random extends SmallFastCounter {
  readonly seed: number
  readonly name: string

  constructor(seed: number, name = '') {
    super(`${seed}/${name}`)
    this.seed = seed
    this.name = name
  }

  /** The stream `name` under this one; the same whenever it is asked for. */
  stream(name: string): Random {
    return new Random(this.seed, this.name === '' ? name : `${this.name}/${name}`)
  }

  /** 0 … limit − 1. */
  below(limit: number): number {
    return Math.floor((this.u32() / 2 ** 32) * limit)
  }

  /** `from` … `to`, both included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  chance(probability: number): boolean {
    return this.u32() < probability * 2 ** 32
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }

  /** Shuffles in place. */
  shuffle<Item>(items: Item[]): Item[] {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.below(last + 1)
      const item = items[last]!
      items[last] = items[other]!
      items[other] = item
    }
    return items
  }
}
