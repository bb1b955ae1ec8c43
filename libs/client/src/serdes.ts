/**
 * How values become bytes and bytes become values: the formats of Kafka's own serializers, so that Java's
 * StringDeserializer or LongDeserializer reads what is written here.
 *
 * A missing value has no bytes: every serde turns null into null and back, so a tombstone passes whatever the type says;
 * `nullable` puts that into the type. Source: org.apache.kafka.common.serialization.
 */
import { putInt64 } from '@troupe/wire/writer'
import { decodeText, encodeText, encodeTextShared } from './text.ts'

/** A format. `deserialize` throws a `SerdeError` on bytes that it cannot be. */
export interface Serde<T> {
  serialize(value: T): Uint8Array | null
  /** The same bytes, for who is soon done with them: they may lie in one buffer with others'. Default: `serialize`. */
  serializeToSend?(value: T): Uint8Array | null
  deserialize(bytes: Uint8Array | null): T
}

/** These bytes are not of this format, or this value has none in it. */
export class SerdeError extends Error {
  override readonly name = 'SerdeError'
}

/** A serde of values that are there. */
function serde<T>(write: (value: T) => Uint8Array, read: (bytes: Uint8Array) => T): Serde<T> {
  return {
    serialize: (value) => (value === null || value === undefined ? null : write(value)),
    deserialize: (data) => (data === null ? (null as T) : read(data)),
  }
}

/** Says in the type that a key or value may be missing. */
export function nullable<T>(of: Serde<T>): Serde<T | null> {
  return of as Serde<T | null>
}

/** The bytes as they are. */
export const bytes: Serde<Uint8Array> = serde(
  (value) => value,
  (data) => data,
)

const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

/** UTF-8. A broken sequence becomes U+FFFD, as in Java. */
export const string: Serde<string> = serde(encodeText, decodeText)
// Not enumerable: `{ ...string, serialize }` is another serde, and must not have this one's shortcut.
Object.defineProperty(string, 'serializeToSend', {
  value: (value: string | null | undefined) => (value === null || value === undefined ? null : encodeTextShared(value)),
})

/** JSON as UTF-8. The type is the caller's word: nothing is checked but that it is JSON. */
export function json<T>(): Serde<T> {
  return serde(
    (value) => {
      const text = JSON.stringify(value) as string | undefined
      if (text === undefined) throw new SerdeError(`JSON has no ${typeof value}`)
      return encodeText(text)
    },
    (data) => {
      try {
        return JSON.parse(strict.decode(data)) as T
      } catch (error) {
        throw new SerdeError(`not JSON: ${(error as Error).message}`)
      }
    },
  )
}

function within(low: number, high: number, value: number): number {
  if (!Number.isInteger(value) || value < low || value > high)
    throw new SerdeError(`not an integer in [${low}, ${high}]`)
  return value
}

const view = (data: Uint8Array): DataView => new DataView(data.buffer, data.byteOffset, data.byteLength)

/** A number of fixed size, big-endian. */
function ofView<T>(
  type: string,
  size: number,
  set: (to: DataView, value: T) => void,
  get: (from: DataView) => T,
): Serde<T> {
  return serde(
    (value) => {
      const data = new Uint8Array(size)
      try {
        set(view(data), value)
      } catch (error) {
        throw new SerdeError(`${String(value)} is no ${type}: ${(error as Error).message}`)
      }
      return data
    },
    (data) => {
      if (data.length !== size) throw new SerdeError(`${type} has ${size} bytes, not ${data.length}`)
      return get(view(data))
    },
  )
}

/** Java's ShortSerializer. */
export const int16: Serde<number> = ofView(
  'int16',
  2,
  (to, value) => to.setInt16(0, within(-0x8000, 0x7fff, value)),
  (from) => from.getInt16(0),
)

/** Java's IntegerSerializer. */
export const int32: Serde<number> = ofView(
  'int32',
  4,
  (to, value) => to.setInt32(0, within(-0x8000_0000, 0x7fff_ffff, value)),
  (from) => from.getInt32(0),
)

function int32At(data: Uint8Array, at: number): number {
  return (data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!
}

/** Java's LongSerializer, for integers that a JavaScript number holds exactly; reading others throws. */
export const int64: Serde<number> = serde(
  (value) => {
    if (!Number.isSafeInteger(value)) throw new SerdeError(`${String(value)} is no int64: not a safe integer`)
    const data = new Uint8Array(8)
    putInt64(data, 0, value)
    return data
  },
  (data) => {
    if (data.length !== 8) throw new SerdeError(`int64 has 8 bytes, not ${data.length}`)
    const value = int32At(data, 0) * 0x1_0000_0000 + (int32At(data, 4) >>> 0)
    if (!Number.isSafeInteger(value))
      throw new SerdeError('a number that JavaScript does not hold exactly: use bigint64')
    return value
  },
)

/** Java's LongSerializer, all of it. */
export const bigint64: Serde<bigint> = ofView(
  'bigint64',
  8,
  (to, value) => {
    if (BigInt.asIntN(64, value) !== value) throw new SerdeError('more than 64 bits')
    to.setBigInt64(0, value)
  },
  (from) => from.getBigInt64(0),
)

/** Java's FloatSerializer. */
export const float32: Serde<number> = ofView(
  'float32',
  4,
  (to, value) => to.setFloat32(0, value),
  (from) => from.getFloat32(0),
)

/** Java's DoubleSerializer. */
export const float64: Serde<number> = ofView(
  'float64',
  8,
  (to, value) => to.setFloat64(0, value),
  (from) => from.getFloat64(0),
)

/** Java's BooleanSerializer. */
export const boolean: Serde<boolean> = serde(
  (value) => Uint8Array.of(value ? 1 : 0),
  (data) => {
    if (data.length !== 1 || data[0]! > 1) throw new SerdeError('a boolean is one byte, 0 or 1')
    return data[0] === 1
  },
)

/** Java's UUIDSerializer: the 36 characters of a UUID. */
export const uuid: Serde<string> = serde(
  (value) => {
    if (!uuidForm.test(value)) throw new SerdeError(`${value} is no UUID`)
    return encodeText(value)
  },
  (data) => {
    const text = decodeText(data)
    if (!uuidForm.test(text)) throw new SerdeError(`${text} is no UUID`)
    return text
  },
)

const uuidForm = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i

/** Java's VoidSerializer: always null. */
export const nothing: Serde<null> = {
  serialize: () => null,
  deserialize(data) {
    if (data !== null) throw new SerdeError('there should be nothing')
    return null
  },
}
