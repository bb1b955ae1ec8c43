/**
 * A 64-bit digest that every event of a run is mixed into: two runs of a seed are the same run if their digests are.
 *
 * Two 32-bit lanes with different multipliers; no BigInt in the loop.
 */
export class RollingHash {
  private high = 0x9e3779b9 | 0
  private low = 0x85ebca6b | 0

  mix(value: number): void {
    this.low = Math.imul(this.low ^ value, 0xcc9e2d51)
    this.low ^= this.low >>> 15
    this.high = Math.imul(this.high ^ value ^ this.low, 0x1b873593)
    this.high ^= this.high >>> 13
  }

  /** Numbers that may not fit into 32 bits: offsets, times, ids. */
  mixNumber(value: number): void {
    this.mix(value | 0)
    if (value > 0x7fffffff || value < -0x80000000) this.mix((value / 2 ** 32) | 0)
  }

  text(): string {
    return (this.high >>> 0).toString(16).padStart(8, '0') + (this.low >>> 0).toString(16).padStart(8, '0')
  }
}
