/**
 * Bytes of keys and values as Kafka Streams lays them out. Source: WindowKeySchema, SessionKeySchema, ByteUtils.
 */

export function windowStoreKey(key: Uint8Array, start: number, sequence: number | null): Uint8Array {
  const bytes = new Uint8Array(key.length + (sequence === null ? 8 : 12))
  bytes.set(key)
  writeLong(bytes, key.length, start)
  if (sequence !== null) writeInt(bytes, key.length + 8, sequence)
  return bytes
}

export function sessionKey(key: Uint8Array, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(key.length + 16)
  bytes.set(key)
  writeLong(bytes, key.length, end)
  writeLong(bytes, key.length + 8, start)
  return bytes
}

export function writeInt(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

export function writeLong(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  writeInt(bytes, at, high)
  writeInt(bytes, at + 4, value - high * 0x1_0000_0000)
}

export function readInt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}

export function readLong(bytes: Uint8Array, at: number): number {
  return readInt(bytes, at) * 0x1_0000_0000 + (readInt(bytes, at + 4) >>> 0)
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** Zig-zag, seven bits a byte. */
export function varint(value: number): Uint8Array {
  const bytes = []
  let rest = value * 2
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

export function readVarint(bytes: Uint8Array): { value: number; at: number } {
  let value = 0
  let factor = 1
  for (let at = 0; ; at++, factor *= 128) {
    value += (bytes[at]! & 127) * factor
    if (bytes[at]! < 128) return { value: Math.floor(value / 2), at: at + 1 }
  }
}

/** One character a byte: a key of a Map, in the same order as the bytes. */
export function binaryString(bytes: Uint8Array): string {
  if (bytes.length < 64) {
    let text = ''
    for (let at = 0; at < bytes.length; at++) text += String.fromCharCode(bytes[at]!)
    return text
  }
  let text = ''
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096))
  return text
}

/** Unsigned, lexicographic. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length)
  for (let at = 0; at < length; at++) if (left[at] !== right[at]) return left[at]! - right[at]!
  return left.length - right.length
}
