/**
 * A cursor over bytes that someone else sent.
 *
 * Nothing here trusts a length: a read past `end`, an array with more elements than the remaining bytes could
 * hold, or a negative length ends in `WireError` before anything is allocated. Byte fields are views of the
 * same memory, never copies. 64-bit integers are numbers: exact up to 2^53, and the extremes survive a round trip.
 */
import type { TaggedField, TaggedFields } from './message.ts'
import { bytesToUuid } from './uuid.ts'
import { malformed, nullField } from './wire-error.ts'

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
const TWO_32 = 4294967296
const MAX_STRING = 0x7fff

const float = new DataView(new ArrayBuffer(8))

export class Reader {
  readonly buffer: Uint8Array
  position: number
  readonly end: number

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    if (position < 0 || end > bytes.length || position > end) malformed('reader outside its bytes')
    // A subclass (Node's) would hand its own kind on to every field, with a `slice` that does not copy.
    this.buffer =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.position = position
    this.end = end
  }

  get remaining(): number {
    return this.end - this.position
  }

  /** Moves past `length` bytes and returns where they began. */
  skip(length: number): number {
    const start = this.position
    if (length < 0 || length > this.end - start) malformed(`${length} bytes wanted, ${this.end - start} left`)
    this.position = start + length
    return start
  }

  bool(): boolean {
    return this.buffer[this.skip(1)] !== 0
  }

  int8(): number {
    return (this.buffer[this.skip(1)] << 24) >> 24
  }

  uint8(): number {
    return this.buffer[this.skip(1)]
  }

  int16(): number {
    const at = this.skip(2)
    return ((this.buffer[at] << 24) >> 16) | this.buffer[at + 1]
  }

  uint16(): number {
    const at = this.skip(2)
    return (this.buffer[at] << 8) | this.buffer[at + 1]
  }

  int32(): number {
    const at = this.skip(4)
    const b = this.buffer
    return (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]
  }

  uint32(): number {
    return this.int32() >>> 0
  }

  int64(): number {
    const at = this.skip(8)
    const b = this.buffer
    const high = (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]
    const low = (b[at + 4] << 24) | (b[at + 5] << 16) | (b[at + 6] << 8) | b[at + 7]
    return high * TWO_32 + (low >>> 0)
  }

  float64(): number {
    const at = this.skip(8)
    for (let i = 0; i < 8; i++) float.setUint8(i, this.buffer[at + i])
    return float.getFloat64(0)
  }

  uuid(): string {
    return bytesToUuid(this.buffer, this.skip(16))
  }

  /** At most five bytes, of which the last carries four bits. */
  unsignedVarint(): number {
    const b = this.buffer
    let at = this.position
    if (at < this.end && b[at] < 128) {
      this.position = at + 1
      return b[at]
    }
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= this.end) malformed('varint past the end')
      const byte = b[at++]
      value |= (byte & 127) << shift
      if (byte < 128) {
        this.position = at
        return value >>> 0
      }
    }
    return malformed('varint longer than five bytes')
  }

  /** Zigzag. */
  varint(): number {
    const value = this.unsignedVarint()
    return (value >>> 1) ^ -(value & 1)
  }

  /** Zigzag, up to 64 bits. */
  varlong(): number {
    const b = this.buffer
    let at = this.position
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= this.end) malformed('varlong past the end')
      const byte = b[at++]
      if (shift < 28) low |= (byte & 127) << shift
      else if (shift === 28) {
        low |= byte << 28
        high = (byte & 127) >>> 4
      } else high |= (byte & 127) << (shift - 32)
      if (byte < 128) {
        this.position = at
        const sign = -(low & 1)
        const zigzagLow = ((low >>> 1) | (high << 31)) ^ sign
        return ((high >>> 1) ^ sign) * TWO_32 + (zigzagLow >>> 0)
      }
    }
    return malformed('varlong longer than ten bytes')
  }

  /** The length before a string, or -1 for null. */
  private lengthPrefix(compact: boolean): number {
    return compact ? this.unsignedVarint() - 1 : this.int16()
  }

  string(compact = false): string {
    return this.nullableString(compact) ?? nullField('string')
  }

  nullableString(compact = false): string | null {
    const length = this.lengthPrefix(compact)
    if (length < 0) return length === -1 ? null : malformed(`string length ${length}`)
    if (length > MAX_STRING) malformed(`string length ${length}`)
    return this.text(length)
  }

  /** `length` bytes of UTF-8. */
  text(length: number): string {
    const start = this.skip(length)
    return decodeText(this.buffer, start, start + length)
  }

  bytesField(compact = false): Uint8Array {
    return this.nullableBytesField(compact) ?? nullField('bytes')
  }

  nullableBytesField(compact = false): Uint8Array | null {
    const length = compact ? this.unsignedVarint() - 1 : this.int32()
    if (length < 0) return length === -1 ? null : malformed(`bytes length ${length}`)
    const start = this.skip(length)
    return this.buffer.subarray(start, start + length)
  }

  /**
   * How many elements follow, or -1 for null; `smallest` is the least number of bytes that one of them takes, so
   * that a count the rest of the frame cannot hold is refused here.
   */
  arrayLength(compact: boolean, smallest: number): number {
    const length = compact ? this.unsignedVarint() - 1 : this.int32()
    if (length < -1 || length * smallest > this.end - this.position) malformed(`array of ${length} elements`)
    return length
  }

  list<T>(read: (reader: Reader, version: number) => T, version: number, compact: boolean, smallest: number): T[] {
    return this.nullableList(read, version, compact, smallest) ?? nullField('array')
  }

  nullableList<T>(
    read: (reader: Reader, version: number) => T,
    version: number,
    compact: boolean,
    smallest: number,
  ): T[] | null {
    const length = this.arrayLength(compact, smallest)
    if (length < 0) return null
    const list: T[] = []
    for (let i = 0; i < length; i++) list.push(read(this, version))
    return list
  }

  int8Array(compact = false): number[] {
    return this.list(readInt8, 0, compact, 1)
  }

  nullableInt8Array(compact = false): number[] | null {
    return this.nullableList(readInt8, 0, compact, 1)
  }

  int16Array(compact = false): number[] {
    return this.list(readInt16, 0, compact, 2)
  }

  nullableInt16Array(compact = false): number[] | null {
    return this.nullableList(readInt16, 0, compact, 2)
  }

  int32Array(compact = false): number[] {
    return this.nullableInt32Array(compact) ?? nullField('array')
  }

  nullableInt32Array(compact = false): number[] | null {
    const length = this.arrayLength(compact, 4)
    if (length < 0) return null
    const list: number[] = []
    for (let i = 0; i < length; i++) list.push(this.int32())
    return list
  }

  int64Array(compact = false): number[] {
    return this.list(readInt64, 0, compact, 8)
  }

  nullableInt64Array(compact = false): number[] | null {
    return this.nullableList(readInt64, 0, compact, 8)
  }

  uuidArray(compact = false): string[] {
    return this.list(readUuid, 0, compact, 16)
  }

  nullableUuidArray(compact = false): string[] | null {
    return this.nullableList(readUuid, 0, compact, 16)
  }

  stringArray(compact = false): string[] {
    return this.nullableStringArray(compact) ?? nullField('array')
  }

  nullableStringArray(compact = false): string[] | null {
    const length = this.arrayLength(compact, compact ? 1 : 2)
    if (length < 0) return null
    const list: string[] = []
    for (let i = 0; i < length; i++) list.push(this.string(compact))
    return list
  }

  /** How many tagged fields follow; each takes at least two bytes. */
  tagCount(): number {
    const count = this.unsignedVarint()
    if (count * 2 > this.end - this.position) malformed(`${count} tagged fields`)
    return count
  }

  /** Reads the size of a tagged field and returns where the field ends. */
  tagEnd(): number {
    const size = this.unsignedVarint()
    if (size > this.end - this.position) malformed(`tagged field of ${size} bytes`)
    return this.position + size
  }

  /** After a tagged field: it must have been exactly as long as it said. */
  expect(end: number): void {
    if (this.position !== end) malformed('tagged field of another size than announced')
  }

  /** The tagged fields of a struct that has none in our schema. */
  unknownTags(message: TaggedFields): void {
    if (this.position < this.end && this.buffer[this.position] === 0) {
      this.position++
      return
    }
    for (let left = this.tagCount(); left > 0; left--) {
      const tag = this.unsignedVarint()
      this.unknownTag(message, tag, this.tagEnd())
    }
  }

  unknownTag(message: TaggedFields, tag: number, end: number): void {
    const field: TaggedField = { tag, data: this.buffer.subarray(this.position, end) }
    const known = message.unknownTaggedFields
    if (known) known.push(field)
    else message.unknownTaggedFields = [field]
    this.position = end
  }
}

const readInt8 = (reader: Reader): number => reader.int8()
const readInt16 = (reader: Reader): number => reader.int16()
const readInt64 = (reader: Reader): number => reader.int64()
const readUuid = (reader: Reader): string => reader.uuid()

/** Names are short and ASCII: below some forty characters a loop beats the decoder's fixed cost. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > 40) return utf8.decode(bytes.subarray(start, end))
  let text = ''
  let at = start
  for (; at + 4 <= end; at += 4) {
    const a = bytes[at]
    const b = bytes[at + 1]
    const c = bytes[at + 2]
    const d = bytes[at + 3]
    if ((a | b | c | d) > 127) return utf8.decode(bytes.subarray(start, end))
    text += String.fromCharCode(a, b, c, d)
  }
  for (; at < end; at++) {
    if (bytes[at] > 127) return utf8.decode(bytes.subarray(start, end))
    text += String.fromCharCode(bytes[at])
  }
  return text
}
