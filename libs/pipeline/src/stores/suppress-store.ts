/**
 * Changes that `suppress` holds back: one per key, by the time after which they may go. Changelog: the newest change of
 * a key, written before a commit. Source: InMemoryTimeOrderedKeyValueChangeBuffer, BufferValue, ProcessorRecordContext
 * (version 3 of the format).
 */
import type { Header, SuppressStoreSpec } from '../topology.ts'
import { binaryString, concat, readInt, readLong, writeInt, writeLong } from './bytes.ts'
import { SortedMap } from './sorted-map.ts'
import type { ChangeLog, LoggedRecord, Store, StoredEntry } from './store.ts'

/** Where a change came from; goes downstream with it. */
export interface RecordContext {
  readonly timestamp: number
  readonly offset: number
  readonly topic: string
  readonly partition: number
  readonly headers: readonly Header[]
}

export interface Suppressed {
  readonly key: any
  readonly newValue: any
  readonly oldValue: any
  readonly context: RecordContext
}

interface Entry {
  readonly time: number
  readonly key: Uint8Array
  /** What downstream saw last. */
  readonly prior: Uint8Array | null
  readonly oldValue: Uint8Array | null
  readonly newValue: Uint8Array | null
  readonly context: RecordContext
}

const changelogVersion: readonly Header[] = [{ key: 'v', value: Uint8Array.of(3) }]

export class SuppressStore implements Store {
  private readonly spec: SuppressStoreSpec
  private readonly log: ChangeLog
  private readonly byTime = new SortedMap<Entry>()
  private readonly byKey = new Map<string, Entry>()
  private readonly dirty = new Map<string, Uint8Array>()

  constructor(spec: SuppressStoreSpec, log: ChangeLog) {
    this.spec = spec
    this.log = log
  }

  /** A key that waits already keeps its time. */
  put(time: number, key: unknown, change: { newValue: unknown; oldValue: unknown }, context: RecordContext): void {
    const keyBytes = this.spec.key.serialize(key)!
    const text = binaryString(keyBytes)
    const before = this.byKey.get(text)
    const oldValue = this.bytes(change.oldValue)
    const prior = before ? before.prior : oldValue
    const entry = {
      time: before?.time ?? time,
      key: keyBytes,
      prior,
      oldValue,
      newValue: this.bytes(change.newValue),
      context,
    }
    this.set(text, entry)
    this.dirty.set(text, keyBytes)
  }

  /** Takes out the earliest if its time is not after `time`. */
  takeUntil(time: number): Suppressed | null {
    const entry = this.byTime.first()
    if (entry === undefined || entry.time > time) return null
    const text = binaryString(entry.key)
    this.remove(text)
    this.dirty.set(text, entry.key)
    const { key, context } = entry
    const [newValue, oldValue] = [this.value(entry.newValue), this.value(entry.oldValue)]
    return { key: this.spec.key.deserialize(key), newValue, oldValue, context }
  }

  /** What downstream knows of a key that waits here; undefined: the key does not wait. */
  prior(key: unknown): { readonly value: any; readonly timestamp: number } | null | undefined {
    const entry = this.byKey.get(binaryString(this.spec.key.serialize(key)!))
    if (entry === undefined) return undefined
    return entry.prior === null ? null : { value: this.spec.value.deserialize(entry.prior), timestamp: -1 }
  }

  /** Kafka Streams leaves the timestamp to the producer's clock; ours is stream time. */
  flush(streamTime: number): void {
    for (const [text, key] of this.dirty) {
      const entry = this.byKey.get(text)
      if (entry === undefined) this.log(key, null, streamTime)
      else this.log(key, encode(entry), streamTime, changelogVersion)
    }
    this.dirty.clear()
  }

  restore({ key, value }: LoggedRecord): void {
    if (key === null) return
    const text = binaryString(key)
    this.remove(text)
    if (value !== null) this.set(text, decode(key, value))
  }

  *entries(): Iterable<StoredEntry> {
    for (const [, { key, newValue, context }] of this.byTime.entries()) {
      yield { key: this.spec.key.deserialize(key), value: this.value(newValue), timestamp: context.timestamp }
    }
  }

  private set(text: string, entry: Entry): void {
    this.byKey.set(text, entry)
    this.byTime.set(timeKey(entry, text), entry)
  }

  private remove(text: string): void {
    const entry = this.byKey.get(text)
    if (entry === undefined) return
    this.byKey.delete(text)
    this.byTime.delete(timeKey(entry, text))
  }

  private bytes(value: unknown): Uint8Array | null {
    return value === null ? null : this.spec.value.serialize(value)
  }

  private value(bytes: Uint8Array | null): any {
    return bytes === null ? null : this.spec.value.deserialize(bytes)
  }
}

function timeKey({ time }: Entry, text: string): string {
  return binaryString(long(time)) + text
}

// --- format of the changelog

const isNull = -1
const sameAsPrior = -2

function encode({ time, prior, oldValue, newValue, context }: Entry): Uint8Array {
  const same = prior !== null && oldValue !== null && binaryString(prior) === binaryString(oldValue)
  return concat([
    ...encodeContext(context),
    ...sized(prior),
    ...(same ? [int(sameAsPrior)] : sized(oldValue)),
    ...sized(newValue),
    long(time),
  ])
}

function encodeContext({ timestamp, offset, topic, partition, headers }: RecordContext): Uint8Array[] {
  const name = utf8Bytes(topic)
  const pairs = headers.flatMap(({ key, value }) => [...sized(utf8Bytes(key)), ...sized(value)])
  return [long(timestamp), long(offset), ...sized(name), int(partition), int(headers.length), ...pairs]
}

function decode(key: Uint8Array, bytes: Uint8Array): Entry {
  let at = 0
  const nextInt = (): number => readInt(bytes, (at += 4) - 4)
  const nextLong = (): number => readLong(bytes, (at += 8) - 8)
  const nextBytes = (length: number): Uint8Array | null => (length < 0 ? null : bytes.subarray(at, (at += length)))
  const timestamp = nextLong()
  const offset = nextLong()
  const topic = text(nextBytes(nextInt())!)
  const partition = nextInt()
  const headers = Array.from({ length: nextInt() }, () => ({
    key: text(nextBytes(nextInt())!),
    value: nextBytes(nextInt()),
  }))
  const prior = nextBytes(nextInt())
  const oldLength = nextInt()
  const oldValue = oldLength === sameAsPrior ? prior : nextBytes(oldLength)
  const newValue = nextBytes(nextInt())
  return { key, prior, oldValue, newValue, time: nextLong(), context: { timestamp, offset, topic, partition, headers } }
}

function sized(bytes: Uint8Array | null): Uint8Array[] {
  return bytes === null ? [int(isNull)] : [int(bytes.length), bytes]
}

function int(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  writeInt(bytes, 0, value)
  return bytes
}

function long(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  writeLong(bytes, 0, value)
  return bytes
}

function utf8Bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
