/**
 * Raw Snappy blocks without native code, for platforms where its addon is missing: a greedy compressor with one hash
 * table, and a decompressor that trusts nothing. Source: the Snappy format description (format_description.txt).
 */
import { KafkaError } from './errors.ts'
import { WireError } from './wire-error.ts'

const LITERAL = 0
const COPY_1 = 1
const COPY_2 = 2
/** Copies reach no further back: whoever writes more than this at once starts anew. */
const WINDOW = 65_536
const HASH_BITS = 14
const MIN_MATCH = 4
const MAX_COPY = 64

/** `bytes` are one block; the length of its content comes first. */
export function compressSnappyBlock(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(32 + bytes.length + Math.floor(bytes.length / 6))
  let at = putVarint(out, bytes.length)
  for (let start = 0; start < bytes.length; start += WINDOW) {
    at = compressWindow(bytes, start, Math.min(start + WINDOW, bytes.length), out, at)
  }
  return out.subarray(0, at)
}

function compressWindow(bytes: Uint8Array, start: number, end: number, out: Uint8Array, to: number): number {
  const seen = new Int32Array(1 << HASH_BITS).fill(-1)
  let literals = start
  let at = start
  while (at + MIN_MATCH <= end) {
    const word = uint32(bytes, at)
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS)
    const before = seen[slot]
    seen[slot] = at
    if (before < 0 || uint32(bytes, before) !== word) {
      // What does not repeat is looked at less and less closely.
      at += 1 + ((at - literals) >>> 5)
      continue
    }
    let length = MIN_MATCH
    while (at + length < end && bytes[before + length] === bytes[at + length]) length++
    to = putLiteral(bytes, literals, at, out, to)
    to = putCopy(out, to, at - before, length)
    at += length
    literals = at
  }
  return putLiteral(bytes, literals, end, out, to)
}

function putLiteral(bytes: Uint8Array, start: number, end: number, out: Uint8Array, to: number): number {
  if (start === end) return to
  const length = end - start - 1
  if (length < 60) out[to++] = (length << 2) | LITERAL
  else {
    // A window is no longer than two bytes can say.
    const extra = length < 256 ? 1 : 2
    out[to++] = ((59 + extra) << 2) | LITERAL
    out[to++] = length
    if (extra === 2) out[to++] = length >>> 8
  }
  out.set(bytes.subarray(start, end), to)
  return to + end - start
}

function putCopy(out: Uint8Array, to: number, offset: number, length: number): number {
  let left = length
  while (left > 0) {
    const part = Math.min(left, MAX_COPY)
    if (part >= MIN_MATCH && part <= 11 && offset < 2048) {
      out[to++] = ((offset >>> 8) << 5) | ((part - MIN_MATCH) << 2) | COPY_1
      out[to++] = offset
    } else {
      out[to++] = ((part - 1) << 2) | COPY_2
      out[to++] = offset
      out[to++] = offset >>> 8
    }
    left -= part
  }
  return to
}

export function decompressSnappyBlock(block: Uint8Array): Uint8Array {
  let at = 0
  let size = 0
  for (let shift = 0; ; shift += 7) {
    if (at >= block.length || shift > 28) corrupt('no length')
    size += (block[at] & 127) * 2 ** shift
    if (block[at++] < 128) break
  }
  // No element yields more than 64 bytes for two: a few bytes cannot make us allocate gigabytes.
  if (size > block.length * MAX_COPY) corrupt('a length that its elements cannot reach')
  const out = new Uint8Array(size)
  let to = 0
  while (at < block.length) {
    const tag = block[at++]
    const kind = tag & 3
    if (kind === LITERAL) {
      let length = tag >>> 2
      const extra = length - 59
      if (extra > 0) {
        if (at + extra > block.length) corrupt('a literal without its length')
        length = littleEndian(block, at, extra)
        at += extra
      }
      length++
      if (at + length > block.length || to + length > size) corrupt('a literal past the end')
      out.set(block.subarray(at, at + length), to)
      at += length
      to += length
      continue
    }
    const extra = kind === COPY_1 ? 1 : kind === COPY_2 ? 2 : 4
    if (at + extra > block.length) corrupt('a copy without its offset')
    const length = kind === COPY_1 ? ((tag >>> 2) & 7) + MIN_MATCH : (tag >>> 2) + 1
    const offset = littleEndian(block, at, extra) + (kind === COPY_1 ? (tag >>> 5) * 256 : 0)
    at += extra
    if (offset === 0 || offset > to || to + length > size) corrupt('a copy of what is not there')
    // Byte by byte: a copy may run into what it is writing.
    for (const end = to + length; to < end; to++) out[to] = out[to - offset]
  }
  if (to !== size) corrupt('less than its length')
  return out
}

function putVarint(out: Uint8Array, value: number): number {
  let at = 0
  for (; value > 127; value = Math.floor(value / 128)) out[at++] = (value % 128) | 128
  out[at++] = value
  return at
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let i = count - 1; i >= 0; i--) value = value * 256 + bytes[at + i]
  return value
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
}

function corrupt(what: string): never {
  throw new WireError(`snappy: ${what}`, KafkaError.CORRUPT_MESSAGE)
}
