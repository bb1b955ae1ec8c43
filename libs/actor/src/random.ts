/**
 * Seeded streams of 32-bit numbers: sfc32 (Chris Doty-Humphrey's Small Fast Counting RNG), seeded through a hash of text.
 */
export class SmallFastCounter {
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(seed: string) {
    this.a = hashText(seed, 0x9e3779b9)
    this.b = hashText(seed, 0x243f6a88)
    this.c = hashText(seed, 0xb7e15162)
    for (let round = 0; round < 12; round++) this.u32()
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

/** The stream that `seed` names, as a function. */
export function randomStream(seed: string): () => number {
  const generator = new SmallFastCounter(seed)
  return () => generator.u32()
}

/** FNV-1a with a final mix. */
export function hashText(text: string, seed: number): number {
  let value = seed ^ 0x811c9dc5
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  return value ^ (value >>> 13)
}
