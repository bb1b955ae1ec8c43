/**
 * Bytes of keys. The same text comes again and again, and turning it to bytes costs more than looking it up.
 */
import type { Serde } from '../topology.ts'
import { binaryString } from './bytes.ts'

export interface KeyBytes {
  /** Nobody writes to them. */
  readonly bytes: Uint8Array
  /** As the key of a Map. */
  readonly text: string
}

/** Enough for the keys of a moment; then it begins anew. */
const remembered = 16_384

export function keyBytes(serde: Serde<any>): (key: unknown) => KeyBytes {
  const known = new Map<string, KeyBytes>()
  const make = (key: unknown): KeyBytes => {
    const bytes = serde.serialize(key)!
    return { bytes, text: bytes === null ? '' : binaryString(bytes) }
  }
  const look = (key: string): KeyBytes => {
    const found = known.get(key)
    if (found !== undefined) return found
    if (known.size === remembered) known.clear()
    const made = make(key)
    known.set(key, made)
    return made
  }
  // Within one record the same key is looked up more than once.
  let last: { readonly key: string; readonly made: KeyBytes } | null = null
  return (key) => {
    if (typeof key !== 'string') return make(key)
    if (last === null || last.key !== key) last = { key, made: look(key) }
    return last.made
  }
}
