/**
 * Records of left and outer joins that have met no partner yet, by time, side and key. Changelog: all values of a key
 * as a list. Source: OuterStreamJoinStoreFactory, TimestampedKeyAndJoinSideSerializer, LeftOrRightValueSerializer,
 * ListSerializer.
 */
import type { OuterJoinStoreSpec } from '../topology.ts'
import { binaryString, concat, readInt, readLong, writeInt, writeLong } from './bytes.ts'
import { SortedMap } from './sorted-map.ts'
import type { ChangeLog, LoggedRecord, Store, StoredEntry } from './store.ts'

export type Side = 'left' | 'right'

export interface Waiting {
  readonly time: number
  readonly side: Side
  readonly key: any
  readonly value: any
}

interface Entry {
  readonly bytes: Uint8Array
  /** Each with a first byte that says which side's serde. */
  readonly values: readonly Uint8Array[]
}

const variableSize = 1

export class OuterJoinStore implements Store {
  private readonly spec: OuterJoinStoreSpec
  private readonly log: ChangeLog
  private readonly map = new SortedMap<Entry>()

  constructor(spec: OuterJoinStoreSpec, log: ChangeLog) {
    this.spec = spec
    this.log = log
  }

  add(time: number, side: Side, key: unknown, value: unknown, recordTimestamp: number): void {
    const bytes = this.key(time, side, key)
    const text = binaryString(bytes)
    const serde = side === 'left' ? this.spec.value : this.spec.otherValue
    const valueBytes = concat([Uint8Array.of(side === 'left' ? 1 : 0), serde.serialize(value)!])
    const values = [...(this.map.get(text)?.values ?? []), valueBytes]
    this.map.set(text, { bytes, values })
    this.log(bytes, list(values), recordTimestamp)
  }

  /** All values of that key, side and time. */
  remove(time: number, side: Side, key: unknown, recordTimestamp: number): void {
    const bytes = this.key(time, side, key)
    const text = binaryString(bytes)
    if (this.map.get(text) === undefined) return
    this.map.delete(text)
    this.log(bytes, null, recordTimestamp)
  }

  /** In the order of time; at the same time the right side first. */
  *waiting(): Iterable<Waiting> {
    for (const [, { bytes, values }] of this.map.entries()) {
      const time = readLong(bytes, 0)
      const side = bytes[8] === 1 ? 'left' : 'right'
      const key = this.spec.key.deserialize(bytes.subarray(9))
      for (const each of values) {
        const serde = each[0] === 1 ? this.spec.value : this.spec.otherValue
        yield { time, side, key, value: serde.deserialize(each.subarray(1)) }
      }
    }
  }

  /** Infinity: nobody waits. */
  get minTime(): number {
    const first = this.map.first()
    return first === undefined ? Infinity : readLong(first.bytes, 0)
  }

  restore({ key, value }: LoggedRecord): void {
    if (key === null) return
    if (value === null) this.map.delete(binaryString(key))
    else this.map.set(binaryString(key), { bytes: key, values: unlist(value) })
  }

  *entries(): Iterable<StoredEntry> {
    for (const { time, side, key, value } of this.waiting()) yield { key: { key, side }, value, timestamp: time }
  }

  private key(time: number, side: Side, key: unknown): Uint8Array {
    const keyBytes = this.spec.key.serialize(key)!
    const bytes = new Uint8Array(9 + keyBytes.length)
    writeLong(bytes, 0, time)
    bytes[8] = side === 'left' ? 1 : 0
    bytes.set(keyBytes, 9)
    return bytes
  }
}

function list(values: readonly Uint8Array[]): Uint8Array {
  const head = new Uint8Array(5)
  head[0] = variableSize
  writeInt(head, 1, values.length)
  return concat([head, ...values.flatMap((value) => [int(value.length), value])])
}

function unlist(bytes: Uint8Array): Uint8Array[] {
  const values = []
  for (let at = 5; at < bytes.length;) {
    const length = readInt(bytes, at)
    values.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return values
}

function int(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  writeInt(bytes, 0, value)
  return bytes
}
