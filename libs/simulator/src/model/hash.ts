/** Mixing of 32-bit integers: murmur3's round and finaliser. */
export function mix(hash: number, value: number): number {
  value = Math.imul(value, 0xcc9e2d51)
  value = (value << 15) | (value >>> 17)
  hash ^= Math.imul(value, 0x1b873593)
  hash = (hash << 13) | (hash >>> 19)
  return (Math.imul(hash, 5) + 0xe6546b64) | 0
}

export function finish(hash: number): number {
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
