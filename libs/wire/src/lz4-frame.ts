/**
 * How long the content of an LZ4 frame is, found by walking its blocks' tokens without copying a byte: the frame
 * itself need not say, and a native decoder would allocate whatever the blocks unfold to (up to 255 : 1).
 * Source: the LZ4 frame and block format descriptions, version 1.6.
 */
import { KafkaError } from './errors.ts'
import { WireError } from './wire-error.ts'

const MAGIC = 0x184d2204
const BLOCK_CHECKSUM = 0x10
const CONTENT_SIZE = 0x08
const CONTENT_CHECKSUM = 0x04
const DICTIONARY = 0x01
const UNCOMPRESSED = 0x80000000

export function lz4FrameSize(bytes: Uint8Array, maxBytes: number): number {
  if (bytes.length < 7 || uint32(bytes, 0) !== MAGIC) corrupt('no LZ4 frame')
  const flags = bytes[4]
  const checksum = flags & BLOCK_CHECKSUM ? 4 : 0
  let at = 4 + 2 + (flags & CONTENT_SIZE ? 8 : 0) + (flags & DICTIONARY ? 4 : 0) + 1
  let size = 0
  for (;;) {
    if (at + 4 > bytes.length) corrupt('LZ4 frame without an end')
    const word = uint32(bytes, at)
    at += 4
    if (word === 0) break
    const length = word & ~UNCOMPRESSED
    const end = at + length
    if (end + checksum > bytes.length) corrupt('LZ4 block past the end')
    size += word >= UNCOMPRESSED ? length : blockSize(bytes, at, end)
    if (size > maxBytes) {
      throw new WireError(`decompressed batch larger than ${maxBytes} bytes`, KafkaError.MESSAGE_TOO_LARGE)
    }
    at = end + checksum
  }
  if (at + (flags & CONTENT_CHECKSUM ? 4 : 0) > bytes.length) corrupt('LZ4 frame without its checksum')
  return size
}

/** Each sequence is a token, literals, and a match of at least four bytes; the last one ends after its literals. */
function blockSize(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  let size = 0
  while (at < end) {
    const token = bytes[at++]
    let literals = token >>> 4
    if (literals === 15) {
      let more = 255
      while (more === 255 && at < end) literals += more = bytes[at++]
    }
    at += literals
    size += literals
    if (at >= end) break
    at += 2
    let match = (token & 15) + 4
    if (match === 19) {
      let more = 255
      while (more === 255 && at < end) match += more = bytes[at++]
    }
    size += match
  }
  if (at !== end) corrupt('LZ4 block of another size than announced')
  return size
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
}

function corrupt(what: string): never {
  throw new WireError(what, KafkaError.CORRUPT_MESSAGE)
}
