/** Two 32-bit digests of a sequence of numbers, texts and bytes. */
export class RollingDigest {
  private a = 0x811c9dc5 | 0
  private b = 0x9e3779b9 | 0

  number(value: number): void {
    this.mix(value | 0)
    this.mix(Math.floor(value / 2 ** 32) | 0)
  }

  text(value: string): void {
    this.mix(value.length)
    for (let index = 0; index < value.length; index++) this.mix(value.charCodeAt(index))
  }

  bytes(value: Uint8Array): void {
    this.mix(value.length)
    for (let index = 0; index < value.length; index++) this.mix(value[index])
  }

  private mix(value: number): void {
    this.a = Math.imul(this.a ^ value, 0x01000193)
    this.b = Math.imul(this.b ^ value ^ (this.a >>> 15), 0x85ebca6b)
  }

  pair(): readonly [number, number] {
    return [(this.a ^ (this.a >>> 13)) >>> 0, (this.b ^ (this.b >>> 16)) >>> 0]
  }
}
