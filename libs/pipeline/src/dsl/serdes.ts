/**
 * Serdes that the DSL brings itself: windowed keys and changes of tables on their way through a topic. Bytes
 * as in Kafka Streams. Source: TimeWindowedSerializer, SessionWindowedSerializer, ChangedSerializer.
 */
import type { Change } from '../engine/operation.ts'
import { concat, readLong, readVarint, sessionKey, varint, windowStoreKey } from '../stores/bytes.ts'
import type { Serde } from '../topology.ts'
import type { Windowed } from '../windows.ts'
import type { AnySerde } from './graph.ts'

export interface WindowedSerde<K> extends Serde<Windowed<K>> {
  /** Of the key alone: decides about the partition. */
  readonly inner: Serde<K>
}

/** Key, then the window's start. The end follows from the size, which the reader must know. */
export function timeWindowed<K>(inner: Serde<K>, sizeMs: number): WindowedSerde<K> {
  return {
    inner,
    serialize({ key, start }) {
      const base = inner.serialize(key) ?? new Uint8Array(0)
      return windowStoreKey(base, start, null)
    },
    deserialize(bytes) {
      const start = readLong(bytes!, bytes!.length - 8)
      return { key: inner.deserialize(bytes!.subarray(0, -8)), start, end: start + sizeMs }
    },
  }
}

/** As stores and changelogs of windows have it: key, start, sequence number. */
export function storedWindow<K>(inner: Serde<K>, sizeMs: number): WindowedSerde<K> {
  return {
    inner,
    serialize({ key, start }) {
      return windowStoreKey(inner.serialize(key) ?? new Uint8Array(0), start, 0)
    },
    deserialize(bytes) {
      const start = readLong(bytes!, bytes!.length - 12)
      return { key: inner.deserialize(bytes!.subarray(0, -12)), start, end: start + sizeMs }
    },
  }
}

/** Key, end, start. */
export function sessionWindowed<K>(inner: Serde<K>): WindowedSerde<K> {
  return {
    inner,
    serialize({ key, start, end }) {
      return sessionKey(inner.serialize(key) ?? new Uint8Array(0), start, end)
    },
    deserialize(bytes) {
      const at = bytes!.length - 16
      return {
        key: inner.deserialize(bytes!.subarray(0, at)),
        start: readLong(bytes!, at + 8),
        end: readLong(bytes!, at),
      }
    },
  }
}

export function isWindowedSerde(serde: AnySerde): serde is WindowedSerde<unknown> {
  return 'inner' in serde
}

/** New value, old value or both, and a byte that says which; with both, the new one's length comes first. */
export function changed(inner: AnySerde): Serde<Change> {
  return {
    serialize({ newValue, oldValue }) {
      const newBytes = newValue === null ? null : inner.serialize(newValue)!
      const oldBytes = oldValue === null ? null : inner.serialize(oldValue)!
      if (newBytes && oldBytes) return concat([varint(newBytes.length), newBytes, oldBytes, Uint8Array.of(2)])
      if (newBytes) return concat([newBytes, Uint8Array.of(1)])
      if (oldBytes) return concat([oldBytes, Uint8Array.of(0)])
      throw new TypeError('Both old and new values are null in ChangeSerializer, which is not allowed.')
    },
    deserialize(bytes) {
      const last = bytes!.length - 1
      const body = bytes!.subarray(0, last)
      if (bytes![last] === 1) return { newValue: inner.deserialize(body), oldValue: null }
      if (bytes![last] === 0) return { newValue: null, oldValue: inner.deserialize(body) }
      if (bytes![last] !== 2) throw new RangeError(`Encountered unknown byte value \`${bytes![last]}\` for oldNewFlag.`)
      const { value: length, at } = readVarint(body)
      return {
        newValue: inner.deserialize(body.subarray(at, at + length)),
        oldValue: inner.deserialize(body.subarray(at + length)),
      }
    },
  }
}
