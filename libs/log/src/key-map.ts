/**
 * Key → newest offset, for one pass of the cleaner: open addressing over 128-bit hashes, 24 bytes a slot, within a
 * byte budget.
 *
 * Keys themselves are not kept, as in Kafka's SkimpyOffsetMap: that two keys of one pass share all 128 bits is not
 * going to happen by chance. What does not fit is left for the next pass (`log.cleaner.dedupe.buffer.size`).
 */

const SLOT_BYTES = 24
const LOAD_FACTOR = 0.9

export class KeyMap {
  readonly #slots: number
  readonly #hashes: Uint32Array
  /** −1: free. */
  readonly #offsets: Float64Array
  readonly #limit: number
  #size = 0

  /** Room for `expected` keys, or for as many as the budget allows. */
  constructor(expected: number, budgetBytes: number) {
    const affordable = Math.max(16, Math.floor(budgetBytes / SLOT_BYTES))
    this.#slots = Math.min(affordable, Math.max(16, Math.ceil(expected / LOAD_FACTOR) + 1))
    this.#hashes = new Uint32Array(4 * this.#slots)
    this.#offsets = new Float64Array(this.#slots).fill(-1)
    this.#limit = Math.floor(this.#slots * LOAD_FACTOR)
  }

  get size(): number {
    return this.#size
  }

  /** False when there is no room for a new key. */
  set(key: Uint8Array, offset: number): boolean {
    const slot = this.#slotOf(key)
    if (this.#offsets[slot] < 0) {
      if (this.#size >= this.#limit) return false
      this.#size += 1
      this.#hashes.set(hash, 4 * slot)
    }
    this.#offsets[slot] = offset
    return true
  }

  /** −1 if the key is not there. */
  get(key: Uint8Array): number {
    return this.#offsets[this.#slotOf(key)]
  }

  #slotOf(key: Uint8Array): number {
    murmur3(key)
    const hashes = this.#hashes
    let slot = hash[0] % this.#slots
    while (this.#offsets[slot] >= 0) {
      const at = 4 * slot
      if (
        hashes[at] === hash[0] &&
        hashes[at + 1] === hash[1] &&
        hashes[at + 2] === hash[2] &&
        hashes[at + 3] === hash[3]
      )
        break
      slot = slot + 1 === this.#slots ? 0 : slot + 1
    }
    return slot
  }
}

/** Result of `murmur3`. */
const hash = new Uint32Array(4)
const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by))

/** MurmurHash3, the 128-bit variant for 32-bit machines. */
function murmur3(key: Uint8Array): void {
  const blocks = key.length >>> 4
  let h1 = 0
  let h2 = 0
  let h3 = 0
  let h4 = 0
  for (let block = 0; block < blocks; block++) {
    const at = block << 4
    h1 ^= Math.imul(rotate(Math.imul(word(key, at), C1), 15), C2)
    h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0
    h2 ^= Math.imul(rotate(Math.imul(word(key, at + 4), C2), 16), C3)
    h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0
    h3 ^= Math.imul(rotate(Math.imul(word(key, at + 8), C3), 17), C4)
    h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0
    h4 ^= Math.imul(rotate(Math.imul(word(key, at + 12), C4), 18), C1)
    h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0
  }
  const tail = blocks << 4
  h4 ^= Math.imul(rotate(Math.imul(word(key, tail + 12), C4), 18), C1)
  h3 ^= Math.imul(rotate(Math.imul(word(key, tail + 8), C3), 17), C4)
  h2 ^= Math.imul(rotate(Math.imul(word(key, tail + 4), C2), 16), C3)
  h1 ^= Math.imul(rotate(Math.imul(word(key, tail), C1), 15), C2)
  h1 ^= key.length
  h2 ^= key.length
  h3 ^= key.length
  h4 ^= key.length
  h1 = (h1 + h2 + h3 + h4) | 0
  const m2 = mix((h2 + h1) | 0)
  const m3 = mix((h3 + h1) | 0)
  const m4 = mix((h4 + h1) | 0)
  const m1 = (mix(h1) + m2 + m3 + m4) | 0
  hash[0] = m1
  hash[1] = m2 + m1
  hash[2] = m3 + m1
  hash[3] = m4 + m1
}

/** Little-endian; zeros past the end. */
function word(key: Uint8Array, at: number): number {
  if (at >= key.length) return 0
  return key[at] | ((key[at + 1] ?? 0) << 8) | ((key[at + 2] ?? 0) << 16) | ((key[at + 3] ?? 0) << 24)
}

function mix(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
