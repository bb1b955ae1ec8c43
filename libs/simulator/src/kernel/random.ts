/**
 * Seeded randomness with named sub-streams: one root seed, and a stream of its own for the network, the disks, the
 * faults, the workload and each actor. What is removed from one stream shifts no draw of another, which shrinking needs.
 *
 * Generator: sfc32 (Chris Doty-Humphrey's Small Fast Counting RNG), seeded through a hash of the stream's name.
 */
export class Random {
  readonly seed: number
  readonly name: string
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(seed: number, name = '') {
    this.seed = seed
    this.name = name
    const text = `${seed}/${name}`
    this.a = hashText(text, 0x9e3779b9)
    this.b = hashText(text, 0x243f6a88)
    this.c = hashText(text, 0xb7e15162)
    for (let round = 0; round < 12; round++) this.u32()
  }

  /** The stream `name` under this one; the same whenever it is asked for. */
  stream(name: string): Random {
    return new Random(this.seed, this.name === '' ? name : `${this.name}/${name}`)
  }

  /** An unsigned 32-bit number. */
  u32(): number {
    const result = (this.a + this.b + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + result) | 0
    return result >>> 0
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

  /** What it takes to go on from here. */
  get state(): readonly [number, number, number, number] {
    return [this.a, this.b, this.c, this.counter]
  }

  set state([a, b, c, counter]: readonly [number, number, number, number]) {
    this.a = a
    this.b = b
    this.c = c
    this.counter = counter
  }
}

/** FNV-1a with a final mix. */
export function hashText(text: string, seed: number): number {
  let value = seed ^ 0x811c9dc5
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  return value ^ (value >>> 13)
}
