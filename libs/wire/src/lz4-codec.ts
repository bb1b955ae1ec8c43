/**
 * LZ4 frames without native code, for platforms where its addon is missing. Frames are written as Java's clients write
 * them: independent blocks of 64 KiB, no checksums but the header's. Of the frames of others the checksums are not
 * verified: the batch has its own. Source: the LZ4 frame and block format descriptions, version 1.6; XXH32.
 */
import { KafkaError } from './errors.ts'
import { WireError } from './wire-error.ts'

const MAGIC = [0x04, 0x22, 0x4d, 0x18]
/** Version 1, independent blocks; blocks of at most 64 KiB. */
const DESCRIPTOR = Uint8Array.of(0x60, 0x40)
const BLOCK = 65_536
const HEADER = 7
const UNCOMPRESSED = 0x80000000
const HASH_BITS = 14
const MIN_MATCH = 4
/** A block ends with literals: its last match begins this far from the end, and ends five bytes before it. */
const MATCH_LIMIT = 12
const LAST_LITERALS = 5

export function compressLz4Frame(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / BLOCK)
  const out = new Uint8Array(HEADER + bytes.length + blocks * (4 + 16 + Math.ceil(BLOCK / 255)) + 4)
  out.set(MAGIC)
  out.set(DESCRIPTOR, 4)
  out[6] = (shortXxh32(DESCRIPTOR) >>> 8) & 255
  let to = HEADER
  for (let start = 0; start < bytes.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, bytes.length)
    const done = compressBlock(bytes, start, end, out, to + 4)
    const length = done - to - 4
    if (length < end - start) {
      putUint32(out, to, length)
      to = done
    } else {
      putUint32(out, to, (end - start + UNCOMPRESSED) >>> 0)
      out.set(bytes.subarray(start, end), to + 4)
      to += 4 + end - start
    }
  }
  // The end mark is a length of zero, which is there already, unless a block that did not shrink has left something.
  putUint32(out, to, 0)
  return out.subarray(0, to + 4)
}

function compressBlock(bytes: Uint8Array, start: number, end: number, out: Uint8Array, to: number): number {
  const seen = new Int32Array(1 << HASH_BITS).fill(-1)
  let literals = start
  let at = start
  while (at + MATCH_LIMIT <= end) {
    const word = uint32(bytes, at)
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS)
    const before = seen[slot]
    seen[slot] = at
    // The first byte and one 65,536 later are never in one block: every offset fits two bytes.
    if (before < 0 || uint32(bytes, before) !== word) {
      at += 1 + ((at - literals) >>> 6)
      continue
    }
    let length = MIN_MATCH
    while (at + length < end - LAST_LITERALS && bytes[before + length] === bytes[at + length]) length++
    to = putSequence(bytes, literals, at, out, to, length - MIN_MATCH)
    const offset = at - before
    out[to++] = offset
    out[to++] = offset >>> 8
    to = putMore(out, to, length - MIN_MATCH)
    at += length
    literals = at
  }
  return putSequence(bytes, literals, end, out, to, 0)
}

/** The token with the lengths of literals and match, and the literals. */
function putSequence(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  to: number,
  match: number,
): number {
  const length = end - start
  out[to++] = (Math.min(length, 15) << 4) | Math.min(match, 15)
  to = putMore(out, to, length)
  out.set(bytes.subarray(start, end), to)
  return to + length
}

function putMore(out: Uint8Array, to: number, length: number): number {
  if (length < 15) return to
  let left = length - 15
  for (; left >= 255; left -= 255) out[to++] = 255
  out[to++] = left
  return to
}

/** `frame` has passed `lz4FrameSize`, which says `size` and that no length leads past the end. */
export function decompressLz4Frame(frame: Uint8Array, size: number): Uint8Array {
  const flags = frame[4]
  const checksum = flags & 0x10 ? 4 : 0
  const out = new Uint8Array(size)
  let at = HEADER + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0)
  let to = 0
  for (;;) {
    const word = uint32(frame, at)
    at += 4
    if (word === 0) return out
    const end = at + (word & ~UNCOMPRESSED)
    if (word >= UNCOMPRESSED) {
      out.set(frame.subarray(at, end), to)
      to += end - at
    } else to = decompressBlock(frame, at, end, out, to)
    at = end + checksum
  }
}

function decompressBlock(bytes: Uint8Array, start: number, end: number, out: Uint8Array, to: number): number {
  let at = start
  while (at < end) {
    const token = bytes[at++]
    let literals = token >>> 4
    if (literals === 15) {
      let more = 255
      while (more === 255) literals += more = bytes[at++]
    }
    out.set(bytes.subarray(at, at + literals), to)
    at += literals
    to += literals
    if (at >= end) break
    const offset = bytes[at] | (bytes[at + 1] << 8)
    at += 2
    let match = (token & 15) + MIN_MATCH
    if (match === 15 + MIN_MATCH) {
      let more = 255
      while (more === 255) match += more = bytes[at++]
    }
    if (offset === 0 || offset > to) throw new WireError('LZ4 match of what is not there', KafkaError.CORRUPT_MESSAGE)
    // Byte by byte: a match may run into what it is writing.
    for (const stop = to + match; to < stop; to++) out[to] = out[to - offset]
  }
  return to
}

/** XXH32 with seed 0 of fewer than four bytes, as the descriptor is. */
function shortXxh32(bytes: Uint8Array): number {
  let hash = (0x165667b1 + bytes.length) | 0
  for (const byte of bytes) {
    hash = (hash + Math.imul(byte, 0x165667b1)) | 0
    hash = Math.imul((hash << 11) | (hash >>> 21), 0x9e3779b1)
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae3d)
  return (hash ^ (hash >>> 16)) >>> 0
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
}

function putUint32(out: Uint8Array, at: number, value: number): void {
  out[at] = value
  out[at + 1] = value >>> 8
  out[at + 2] = value >>> 16
  out[at + 3] = value >>> 24
}
