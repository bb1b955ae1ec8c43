/**
 * A growing buffer to write Kafka's primitive types into.
 *
 * It may start in memory that the caller owns (a pooled frame) and moves to memory of its own only when that is
 * too small. `undefined` means "Kafka's default" throughout, so that messages can be written as they are typed.
 */
import type { TaggedField } from './message.ts'
import { uuidToBytes } from './uuid.ts'
import { WireError, nullField } from './wire-error.ts'

const TWO_32 = 4294967296
const TWO_63 = 9223372036854775808
const MAX_STRING = 0x7fff

const float = new DataView(new ArrayBuffer(8))
const NOTHING = new Uint8Array(0)

/** Bytes that are still elsewhere (in a file, say) and can be put where they belong without a copy between. */
export interface BytesSource {
  readonly length: number
  copyTo(target: Uint8Array, position: number): void
}

type MaybeList<T> = readonly T[] | null | undefined

export class Writer {
  buffer: Uint8Array
  position: number

  constructor(buffer: Uint8Array | number = 256, position = 0) {
    this.buffer = typeof buffer === 'number' ? new Uint8Array(buffer) : buffer
    this.position = position
  }

  /** What was written, as a view: valid until the next write or `reset`. */
  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.position)
  }

  reset(position = 0): void {
    this.position = position
  }

  /** Makes room for `length` bytes, moves past them and returns where they begin. */
  reserve(length: number): number {
    const at = this.position
    this.position = at + length
    if (this.position > this.buffer.length) this.grow()
    return at
  }

  private grow(): void {
    const grown = new Uint8Array(Math.max(64, this.position, this.buffer.length * 2))
    grown.set(this.buffer)
    this.buffer = grown
  }

  bool(value: boolean | undefined): void {
    this.int8(value ? 1 : 0)
  }

  int8(value: number): void {
    const at = this.reserve(1)
    this.buffer[at] = value
  }

  int16(value: number): void {
    const at = this.reserve(2)
    this.buffer[at] = value >> 8
    this.buffer[at + 1] = value
  }

  uint16(value: number): void {
    this.int16(value)
  }

  int32(value: number): void {
    const at = this.reserve(4)
    putInt32(this.buffer, at, value)
  }

  uint32(value: number): void {
    this.int32(value)
  }

  int64(value: number): void {
    const at = this.reserve(8)
    putInt64(this.buffer, at, value)
  }

  float64(value: number): void {
    const at = this.reserve(8)
    float.setFloat64(0, value)
    for (let i = 0; i < 8; i++) this.buffer[at + i] = float.getUint8(i)
  }

  uuid(value: string | undefined): void {
    const at = this.reserve(16)
    if (value === undefined) this.buffer.fill(0, at, at + 16)
    else uuidToBytes(value, this.buffer, at)
  }

  unsignedVarint(value: number): void {
    if (value >= 0 && value < 128) {
      const at = this.reserve(1)
      this.buffer[at] = value
      return
    }
    let rest = value >>> 0
    while (rest > 127) {
      this.int8((rest & 127) | 128)
      rest >>>= 7
    }
    this.int8(rest)
  }

  /** Zigzag. */
  varint(value: number): void {
    this.unsignedVarint((value << 1) ^ (value >> 31))
  }

  /** Zigzag, up to 64 bits. */
  varlong(value: number): void {
    const high = highBits(value)
    const low = lowBits(value)
    const sign = high >> 31
    let zigzagHigh = (((high << 1) | (low >>> 31)) ^ sign) >>> 0
    let zigzagLow = ((low << 1) ^ sign) >>> 0
    while (zigzagHigh !== 0 || zigzagLow > 127) {
      this.int8((zigzagLow & 127) | 128)
      zigzagLow = ((zigzagLow >>> 7) | (zigzagHigh << 25)) >>> 0
      zigzagHigh >>>= 7
    }
    this.int8(zigzagLow)
  }

  string(value: string | null | undefined, compact = false): void {
    this.nullableString(value ?? (value === null ? nullField('string') : ''), compact)
  }

  nullableString(value: string | null | undefined, compact = false): void {
    if (value === null) {
      if (compact) this.int8(0)
      else this.int16(-1)
      return
    }
    const text = value ?? ''
    const length = textLength(text)
    if (length > MAX_STRING) throw new WireError(`string of ${length} bytes is too long`)
    if (compact) this.unsignedVarint(length + 1)
    else this.int16(length)
    this.text(text, length)
  }

  /** UTF-8 without a length. */
  text(text: string, length = textLength(text)): void {
    const at = this.reserve(length)
    putText(this.buffer, at, text, length)
  }

  bytesField(value: Uint8Array | BytesSource | null | undefined, compact = false): void {
    this.nullableBytesField(value ?? (value === null ? nullField('bytes') : NOTHING), compact)
  }

  nullableBytesField(value: Uint8Array | BytesSource | null | undefined, compact = false): void {
    if (value === null) {
      if (compact) this.int8(0)
      else this.int32(-1)
      return
    }
    const bytes = value ?? NOTHING
    if (compact) this.unsignedVarint(bytes.length + 1)
    else this.int32(bytes.length)
    this.raw(bytes)
  }

  /** Bytes without a length. */
  raw(bytes: Uint8Array | BytesSource): void {
    const at = this.reserve(bytes.length)
    if (bytes instanceof Uint8Array) this.buffer.set(bytes, at)
    else bytes.copyTo(this.buffer, at)
  }

  /** -1 for null. */
  arrayLength(length: number, compact: boolean): void {
    if (compact) this.unsignedVarint(length + 1)
    else this.int32(length)
  }

  list<T>(
    write: (writer: Writer, item: T, version: number) => void,
    items: MaybeList<T>,
    version: number,
    compact: boolean,
  ): void {
    this.nullableList(write, items ?? (items === null ? nullField('array') : []), version, compact)
  }

  nullableList<T>(
    write: (writer: Writer, item: T, version: number) => void,
    items: MaybeList<T>,
    version: number,
    compact: boolean,
  ): void {
    if (items === null) {
      this.arrayLength(-1, compact)
      return
    }
    const length = items === undefined ? 0 : items.length
    this.arrayLength(length, compact)
    for (let i = 0; i < length; i++) write(this, items![i], version)
  }

  int8Array(items: MaybeList<number>, compact = false): void {
    this.list(writeInt8, items, 0, compact)
  }

  nullableInt8Array(items: MaybeList<number>, compact = false): void {
    this.nullableList(writeInt8, items, 0, compact)
  }

  int16Array(items: MaybeList<number>, compact = false): void {
    this.list(writeInt16, items, 0, compact)
  }

  nullableInt16Array(items: MaybeList<number>, compact = false): void {
    this.nullableList(writeInt16, items, 0, compact)
  }

  int32Array(items: MaybeList<number>, compact = false): void {
    this.list(writeInt32, items, 0, compact)
  }

  nullableInt32Array(items: MaybeList<number>, compact = false): void {
    this.nullableList(writeInt32, items, 0, compact)
  }

  int64Array(items: MaybeList<number>, compact = false): void {
    this.list(writeInt64, items, 0, compact)
  }

  nullableInt64Array(items: MaybeList<number>, compact = false): void {
    this.nullableList(writeInt64, items, 0, compact)
  }

  uuidArray(items: MaybeList<string>, compact = false): void {
    this.list(writeUuid, items, 0, compact)
  }

  nullableUuidArray(items: MaybeList<string>, compact = false): void {
    this.nullableList(writeUuid, items, 0, compact)
  }

  stringArray(items: MaybeList<string>, compact = false): void {
    this.list(compact ? writeCompactString : writeString, items, 0, compact)
  }

  nullableStringArray(items: MaybeList<string>, compact = false): void {
    this.nullableList(compact ? writeCompactString : writeString, items, 0, compact)
  }

  /** Writes the tag and room for the size; `endTag` fills that in, so that sizes need no first pass. */
  beginTag(tag: number): number {
    this.unsignedVarint(tag)
    return this.reserve(1)
  }

  endTag(mark: number): void {
    const size = this.position - mark - 1
    if (size < 128) {
      this.buffer[mark] = size
      return
    }
    const extra = varintLength(size) - 1
    const end = this.position
    this.reserve(extra)
    this.buffer.copyWithin(mark + 1 + extra, mark + 1, end)
    this.position = mark
    this.unsignedVarint(size)
    this.position = end + extra
  }

  /** The whole tag section of a struct whose tagged fields our schema does not know. */
  unknownTags(fields: readonly TaggedFieldInput[] | undefined): void {
    if (fields === undefined || fields.length === 0) {
      this.int8(0)
      return
    }
    this.unsignedVarint(fields.length)
    this.tagsBetween(fields, 0, TWO_32)
  }

  /** The unknown fields with `from` ≤ tag < `to`: tags must ascend, so they go between the known ones. */
  tagsBetween(fields: readonly TaggedFieldInput[] | undefined, from: number, to: number): void {
    if (fields === undefined) return
    for (const { tag = 0, data = NOTHING } of fields) {
      if (tag < from || tag >= to) continue
      this.unsignedVarint(tag)
      this.unsignedVarint(data.length)
      this.raw(data)
    }
  }
}

type TaggedFieldInput = {
  readonly tag?: number | undefined
  readonly data?: TaggedField['data'] | BytesSource | undefined
}

const writeInt8 = (writer: Writer, value: number): void => writer.int8(value)
const writeInt16 = (writer: Writer, value: number): void => writer.int16(value)
const writeInt32 = (writer: Writer, value: number): void => writer.int32(value)
const writeInt64 = (writer: Writer, value: number): void => writer.int64(value)
const writeUuid = (writer: Writer, value: string): void => writer.uuid(value)
const writeString = (writer: Writer, value: string): void => writer.string(value, false)
const writeCompactString = (writer: Writer, value: string): void => writer.string(value, true)

export function putInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 24
  bytes[at + 1] = value >> 16
  bytes[at + 2] = value >> 8
  bytes[at + 3] = value
}

export function putInt64(bytes: Uint8Array, at: number, value: number): void {
  putInt32(bytes, at, highBits(value))
  putInt32(bytes, at + 4, lowBits(value))
}

/** Numbers from 2^63 - 1 upwards are all 2^63 as a double; they mean the largest 64-bit integer. */
function highBits(value: number): number {
  return value >= TWO_63 ? 0x7fffffff : Math.floor(value / TWO_32) | 0
}

function lowBits(value: number): number {
  return value >= TWO_63 ? 0xffffffff : value >>> 0
}

export function varintLength(value: number): number {
  return value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : value < 268435456 ? 4 : 5
}

/** Bytes of UTF-8; an unpaired surrogate counts as the three bytes of the replacement character. */
export function textLength(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x80) continue
    length += code < 0x800 ? 1 : 2
    if (isPair(text, i, code)) i++ // two units, four bytes: the first has counted for both
  }
  return length
}

function isPair(text: string, index: number, code: number): boolean {
  return (code & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00
}

export function putText(bytes: Uint8Array, position: number, text: string, length: number): void {
  let at = position
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i)
    if (code < 0x80) bytes[at++] = code
    else if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6)
      bytes[at++] = 0x80 | (code & 63)
    } else if (isPair(text, i, code)) {
      code = 0x10000 + ((code & 0x3ff) << 10) + (text.charCodeAt(++i) & 0x3ff)
      bytes[at++] = 0xf0 | (code >> 18)
      bytes[at++] = 0x80 | ((code >> 12) & 63)
      bytes[at++] = 0x80 | ((code >> 6) & 63)
      bytes[at++] = 0x80 | (code & 63)
    } else {
      if ((code & 0xf800) === 0xd800) code = 0xfffd
      bytes[at++] = 0xe0 | (code >> 12)
      bytes[at++] = 0x80 | ((code >> 6) & 63)
      bytes[at++] = 0x80 | (code & 63)
    }
  }
  if (at !== position + length) throw new WireError('text length mismatch')
}
