/**
 * Records that a poll of the core has brought and the application has not looked at yet. They are turned into the
 * application's values one by one, as they are handed out: a record that cannot be read stops those before it from
 * nothing, and stays until the application seeks past it.
 */
import type { ConsumerRecord as CoreRecord } from '../consumer/messages.ts'
import type { OffsetToCommit } from '../messages.ts'
import type { Serde } from '../serdes.ts'
import { KafkaError } from './errors.ts'
import { partitionKey, type TopicPartition } from './offsets.ts'

export interface ConsumerRecord<K = Uint8Array | null, V = Uint8Array | null> {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Of the leader that appended it; −1: not known. */
  readonly leaderEpoch: number
  readonly timestamp: number
  readonly key: K
  readonly value: V
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

/** `record.topic`, `partition` and `offset` say which; `seek` past it to go on. */
export class RecordDeserializationError extends KafkaError {
  readonly topic: string
  readonly partition: number
  readonly offset: number

  constructor({ topic, partition, offset }: CoreRecord, what: 'key' | 'value', cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const where = `partition ${topic}-${partition} at offset ${offset}`
    const message = `Error deserializing ${what} for ${where}; seek past the record to go on (${why})`
    super('RecordDeserializationException', message, { cause })
    this.topic = topic
    this.partition = partition
    this.offset = offset
  }
}

export class Unread<K, V> {
  readonly #key: Serde<K> | undefined
  readonly #value: Serde<V> | undefined
  #records: readonly CoreRecord[] = []
  #at = 0

  constructor(key: Serde<K> | undefined, value: Serde<V> | undefined) {
    this.#key = key
    this.#value = value
  }

  get isEmpty(): boolean {
    return this.#at === this.#records.length
  }

  fill(records: readonly CoreRecord[]): void {
    this.#records = this.isEmpty ? records : [...this.#records.slice(this.#at), ...records]
    this.#at = 0
  }

  /** The next record; there must be one. Throws a `RecordDeserializationError`, and has not moved then. */
  next(): ConsumerRecord<K, V> {
    const record = this.#read(this.#records[this.#at]!)
    this.#at++
    if (this.isEmpty) this.#clear()
    return record
  }

  /** All of them, at most `max`, up to one that cannot be read. */
  take(max: number): ConsumerRecord<K, V>[] {
    if (this.#key === undefined && this.#value === undefined && this.#at === 0 && this.#records.length <= max) {
      const all = this.#records
      this.#clear()
      return all as ConsumerRecord<K, V>[]
    }
    const taken: ConsumerRecord<K, V>[] = []
    while (!this.isEmpty && taken.length < max) {
      try {
        taken.push(this.next())
      } catch (error) {
        if (taken.length === 0) throw error
        break
      }
    }
    return taken
  }

  /** Forgets those of a partition. Returns the first one's offset, null when there was none. */
  drop(partition: TopicPartition): number | null {
    if (this.isEmpty) return null
    const isOfIt = (each: TopicPartition): boolean =>
      each.partition === partition.partition && each.topic === partition.topic
    const left = this.#records.slice(this.#at)
    const first = left.find(isOfIt)
    if (first === undefined) return null
    this.#records = left.filter((each) => !isOfIt(each))
    this.#at = 0
    return first.offset
  }

  clear(): void {
    this.#clear()
  }

  /** For each partition that has some: the first one's offset. */
  offsets(): OffsetToCommit[] {
    const first = new Map<string, OffsetToCommit>()
    for (let index = this.#records.length - 1; index >= this.#at; index--) {
      const { topic, partition, offset } = this.#records[index]!
      first.set(partitionKey({ topic, partition }), { topic, partition, offset, leaderEpoch: -1, metadata: '' })
    }
    return [...first.values()]
  }

  #clear(): void {
    this.#records = []
    this.#at = 0
  }

  #read(record: CoreRecord): ConsumerRecord<K, V> {
    const { topic, partition, offset, leaderEpoch, timestamp, headers } = record
    const key = this.#key === undefined ? (record.key as K) : this.#deserialize(record, 'key', this.#key, record.key)
    const value =
      this.#value === undefined ? (record.value as V) : this.#deserialize(record, 'value', this.#value, record.value)
    return { topic, partition, offset, leaderEpoch, timestamp, key, value, headers }
  }

  #deserialize<T>(record: CoreRecord, what: 'key' | 'value', serde: Serde<T>, data: Uint8Array | null): T {
    try {
      return serde.deserialize(data)
    } catch (cause) {
      throw new RecordDeserializationError(record, what, cause)
    }
  }
}
