/**
 * The set of worlds that were seen, as fingerprints, each with the world and the action it was reached by.
 *
 * Open addressing over one array of positions; what is known of a world lies in typed arrays beside it: 14 bytes, and
 * 4 for each slot of a table that is between a quarter and half full.
 */
const smallest = 1 << 12

export class FingerprintTable {
  #slots = new Int32Array(smallest)
  #high = new Uint32Array(smallest)
  #low = new Uint32Array(smallest)
  #parents = new Int32Array(smallest)
  #actions = new Uint16Array(smallest)
  size = 0

  /** The new world's number, or −1 when it has been seen. */
  add(high: number, low: number, parent: number, action: number): number {
    if ((this.size + 1) * 2 > this.#slots.length) this.#grow()
    const mask = this.#slots.length - 1
    let slot = (low ^ (high >>> 7)) & mask
    for (;;) {
      const found = this.#slots[slot]! - 1
      if (found < 0) break
      if (this.#low[found] === low && this.#high[found] === high) return -1
      slot = (slot + 1) & mask
    }
    const number = this.size++
    this.#slots[slot] = number + 1
    this.#high[number] = high
    this.#low[number] = low
    this.#parents[number] = parent
    this.#actions[number] = action
    return number
  }

  has(high: number, low: number): boolean {
    const mask = this.#slots.length - 1
    for (let slot = (low ^ (high >>> 7)) & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]! - 1
      if (found < 0) return false
      if (this.#low[found] === low && this.#high[found] === high) return true
    }
  }

  /** Numbers of the actions that lead from the first world to this one. */
  path(world: number): number[] {
    const path: number[] = []
    for (let at = world; this.#parents[at]! >= 0; at = this.#parents[at]!) path.push(this.#actions[at]!)
    return path.reverse()
  }

  get bytes(): number {
    return this.#slots.byteLength + this.#high.byteLength * 3 + this.#actions.byteLength
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let number = 0; number < this.size; number++) {
      let slot = (this.#low[number]! ^ (this.#high[number]! >>> 7)) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = number + 1
    }
    this.#slots = slots
    // The table is full by half: the worlds' own arrays need half its length.
    if (slots.length / 2 <= this.#high.length) return
    this.#high = longer(this.#high)
    this.#low = longer(this.#low)
    this.#parents = longer(this.#parents)
    this.#actions = longer(this.#actions)
  }
}

function longer<Numbers extends Uint32Array | Int32Array | Uint16Array>(numbers: Numbers): Numbers {
  const copy = new (numbers.constructor as new (length: number) => Numbers)(numbers.length * 2)
  copy.set(numbers)
  return copy
}
