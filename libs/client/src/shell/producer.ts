/**
 * The producer as Promises: the methods of Java's KafkaProducer.
 *
 * `send` never waits. Its Promise is kept when the record is acknowledged as `acks` asks, and broken when it is given up.
 * What is not yet acknowledged is bounded by `buffer.memory` for who asks first: `await producer.ready()` before a send
 * waits while more than that is under way. Who does not ask keeps the records that find no room in memory, and they are
 * given up after `max.block.ms`, as Java's `send` gives up.
 *
 * `sendBatch` costs a fraction of as many `send`s: one Promise, one message, one answer.
 */
import { isFailed, type Message } from '@troupe/actor'
import {
  type GroupMetadata,
  type OperationResult,
  type PartitionMetadata,
  type ProducerRecord as CoreRecord,
  type SendManyResult,
  type SendResult,
  type TopicAnswer,
} from '../messages.ts'
import type { Partitioner } from '../producer.ts'
import type { Serde } from '../serdes.ts'
import { encodeTextShared } from '../text.ts'
import type { TokenProvider } from './sasl-tokens.ts'
import { ClientNode } from './client-node.ts'
import type { Connector } from './connector.ts'
import { KafkaError, illegalState, kafkaError, operationError, sendError } from './errors.ts'
import { recordHeaders, type Headers } from './headers.ts'
import { silentLogger, type Logger } from './logger.ts'
import { toCommit, type OffsetAndMetadata } from './offsets.ts'
import { producerProperties } from './properties.ts'
import type { ProducerConfig } from './property.ts'
import { producerTelemetry } from './telemetry.ts'

/** What can be sent without a serde. */
export type Bytes = string | Uint8Array | null

export interface ProducerRecord<K = Bytes, V = Bytes> {
  readonly topic: string
  /** Records with the same key go to the same partition. */
  readonly key?: K
  /** null: a tombstone. */
  readonly value: V
  /** Default: the partitioner decides. */
  readonly partition?: number | undefined
  readonly headers?: Headers | undefined
  /** Milliseconds since the epoch. Default: now. */
  readonly timestamp?: number | undefined
}

export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  /** −1: not known (acks=0, or a retry found the record in the log already). */
  readonly offset: number
  /** The record's, or the broker's with `message.timestamp.type=LogAppendTime`. */
  readonly timestamp: number
}

/** Kafka's ProducerInterceptor. What it throws is logged. */
export interface ProducerInterceptor<K = Bytes, V = Bytes> {
  /** What is sent instead. */
  onSend?(record: ProducerRecord<K, V>): ProducerRecord<K, V>
  /** Exactly one of `metadata` and `error` is not null. */
  onAcknowledgement?(metadata: RecordMetadata | null, error: Error | null, record: ProducerRecord<K, V>): void
}

export interface ProducerOptions<K, V> {
  /** Default: TCP and TLS. */
  readonly connector?: Connector | undefined
  /** Shared with others, and closed by whoever made it. Default: one of its own. */
  readonly node?: ClientNode | undefined
  /** Tokens for OAUTHBEARER. Default: as `sasl.jaas.config` and `sasl.oauthbearer.token.endpoint.url` say. */
  readonly tokens?: TokenProvider | undefined
  /** Default: texts as UTF-8, and bytes as they are. */
  readonly key?: Serde<K> | undefined
  readonly value?: Serde<V> | undefined
  /** Instead of `partitioner.class`. */
  readonly partitioner?: Partitioner | undefined
  readonly interceptors?: readonly ProducerInterceptor<K, V>[] | undefined
  readonly logger?: Logger | undefined
}

/** A record's bytes beside its key and value, roughly: what `buffer.memory` is measured with. */
const RECORD_OVERHEAD = 64

function plainBytes(value: unknown): Uint8Array | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return encodeTextShared(value)
  if (value instanceof Uint8Array) return value
  throw new KafkaError('SerializationException', `a ${typeof value} needs a serde`)
}

function serializerOf<T>(serde: Serde<T>): (value: T) => Uint8Array | null {
  return serde.serializeToSend ? (value) => serde.serializeToSend!(value) : (value) => serde.serialize(value)
}

export class Producer<K = Bytes, V = Bytes> {
  readonly node: ClientNode
  readonly #actor: string
  readonly #ownsNode: boolean
  readonly #bufferMemory: number
  readonly #closeMs: number
  readonly #key: (value: K) => Uint8Array | null
  readonly #value: (value: V) => Uint8Array | null
  readonly #interceptors: readonly ProducerInterceptor<K, V>[]
  readonly #logger: Logger
  readonly #waiting: (() => void)[] = []
  #gathered: CoreRecord[] = []
  #onAnswers: ((body: unknown) => void)[] = []
  #bufferedBytes = 0
  #closing: Promise<void> | null = null

  constructor(properties: ProducerConfig, options: ProducerOptions<K, V> = {}) {
    const { connector, partitioner, interceptors = [], logger = options.node?.logger ?? silentLogger } = options
    const values = producerProperties(properties, logger)
    this.#ownsNode = options.node === undefined
    this.node =
      options.node ??
      new ClientNode({
        properties: { ...properties, 'client.id': values['client.id'] as string },
        client: 'producer',
        logger,
        ...(connector && { connector }),
        ...(options.tokens && { tokens: options.tokens }),
      })
    this.#bufferMemory = values['buffer.memory']
    this.#closeMs = values['delivery.timeout.ms'] + values['request.timeout.ms']
    this.#key = options.key ? serializerOf(options.key) : plainBytes
    this.#value = options.value ? serializerOf(options.value) : plainBytes
    this.#interceptors = [...interceptors, ...producerTelemetry<K, V>(values['client.id'] as string)]
    this.#logger = logger
    this.#actor = this.node.newName('producer')
    this.node.spawn(this.#actor, 'producer', { properties: values, ...(partitioner && { partitioner }) })
  }

  // --- records

  /** Adds a record to its partition's batch. The Promise is for its acknowledgement. */
  send(record: ProducerRecord<K, V>): Promise<RecordMetadata> {
    return new Promise((resolve, reject) => {
      // Most producers have no interceptors; nothing is kept for them then.
      const intercepted = this.#interceptors.length === 0 ? null : this.#intercept(record)
      let message: CoreRecord
      try {
        message = this.#serialized(intercepted ?? record)
      } catch (error) {
        return this.#refused(intercepted, error as Error, reject)
      }
      const bytes = bytesOf(message)
      this.#bufferedBytes += bytes
      this.#gather(message, (body) => {
        this.#released(bytes)
        if (isFailed(body)) return this.#refused(intercepted, this.node.failure(this.#actor, body), reject)
        const result = body as SendResult
        if (result.error !== 0) return this.#refused(intercepted, sendError(result), reject)
        const metadata = metadataOf(result)
        if (intercepted !== null) this.#acknowledged(intercepted, metadata, null)
        resolve(metadata)
      })
    })
  }

  /** Sends of one piece of work become one message: what it costs beside its records is paid once. */
  #gather(record: CoreRecord, onAnswer: (body: unknown) => void): void {
    if (this.#gathered.push(record) === 1) queueMicrotask(() => this.#dispatch())
    this.#onAnswers.push(onAnswer)
  }

  /** Before anything else is said to the actor. */
  #dispatch(): void {
    const records = this.#gathered
    if (records.length === 0) return
    const replyTo = this.node.expectEach(this.#onAnswers)
    this.#gathered = []
    this.#onAnswers = []
    this.node.tell(this.#actor, { kind: 'sendMany', replyTo, records, answer: 'each' } as Message)
  }

  #refused(intercepted: ProducerRecord<K, V> | null, error: Error, reject: (error: Error) => void): void {
    if (intercepted !== null) this.#acknowledged(intercepted, null, error)
    reject(error)
  }

  /**
   * Many records, in this order; the Promise is kept when all are acknowledged. When one fails it is broken with the
   * first one's error, and says which; the others are sent nevertheless.
   */
  sendBatch(records: readonly ProducerRecord<K, V>[]): Promise<RecordMetadata[]> {
    return new Promise((resolve, reject) => {
      const intercepted = this.#interceptors.length === 0 ? records : records.map((record) => this.#intercept(record))
      const refuse = (error: Error): void => {
        if (this.#interceptors.length > 0) for (const each of intercepted) this.#acknowledged(each, null, error)
        reject(error)
      }
      let messages: CoreRecord[]
      try {
        messages = intercepted.map((record) => this.#serialized(record))
      } catch (error) {
        return refuse(error as Error)
      }
      let bytes = 0
      for (const message of messages) bytes += bytesOf(message)
      this.#bufferedBytes += bytes
      const replyTo = this.node.expect((body) => {
        this.#released(bytes)
        if (isFailed(body)) return refuse(this.node.failure(this.#actor, body))
        const { firstError, results } = body as SendManyResult
        this.#acknowledgedAll(intercepted, results)
        if (firstError === null) return resolve(results.map(metadataOf))
        const { index, detail } = firstError
        const where = `record ${index} of ${records.length}${detail === null ? '' : `: ${detail}`}`
        reject(sendError({ ...firstError, detail: where }))
      })
      this.#dispatch()
      this.node.tell(this.#actor, { kind: 'sendMany', replyTo, records: messages, answer: 'results' } as Message)
    })
  }

  /** Bytes that are sent and neither acknowledged nor given up. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** Kept as soon as less than `buffer.memory` is under way: at once, most of the time. */
  ready(): Promise<void> {
    if (this.#bufferedBytes < this.#bufferMemory) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #released(bytes: number): void {
    this.#bufferedBytes -= bytes
    if (this.#waiting.length === 0 || this.#bufferedBytes >= this.#bufferMemory) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #serialized({ topic, key, value, partition, headers, timestamp }: ProducerRecord<K, V>): CoreRecord {
    if (this.#closing !== null) throw illegalState('Cannot perform operation after producer has been closed')
    if (partition != null && (!Number.isInteger(partition) || partition < 0))
      throw notNegative('partition', partition, '. Partition number')
    if (timestamp != null && !(timestamp >= 0)) throw notNegative('timestamp', timestamp, '. Timestamp')
    const message: { -readonly [Name in keyof CoreRecord]: CoreRecord[Name] } = {
      topic,
      partition: partition ?? null,
      key: key === undefined || key === null ? null : this.#bytesOf('key', topic, this.#key, key),
      value: this.#bytesOf('value', topic, this.#value, value),
    }
    if (headers != null) message.headers = recordHeaders(headers)
    if (timestamp != null) message.timestamp = timestamp
    return message
  }

  #bytesOf<T>(what: string, topic: string, serialize: (value: T) => Uint8Array | null, value: T): Uint8Array | null {
    try {
      return serialize(value)
    } catch (cause) {
      if (cause instanceof KafkaError) throw cause
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new KafkaError('SerializationException', `the ${what} of a record to ${topic}: ${why}`, { cause })
    }
  }

  // --- interceptors

  #intercept(record: ProducerRecord<K, V>): ProducerRecord<K, V> {
    let current = record
    for (const interceptor of this.#interceptors) {
      try {
        current = interceptor.onSend?.(current) ?? current
      } catch (error) {
        this.#logger.warn('an interceptor failed in onSend', { error: String(error) })
      }
    }
    return current
  }

  #acknowledged(record: ProducerRecord<K, V>, metadata: RecordMetadata | null, error: Error | null): void {
    for (const interceptor of this.#interceptors) {
      try {
        interceptor.onAcknowledgement?.(metadata, error, record)
      } catch (thrown) {
        this.#logger.warn('an interceptor failed in onAcknowledgement', { error: String(thrown) })
      }
    }
  }

  #acknowledgedAll(records: readonly ProducerRecord<K, V>[], results: readonly SendResult[]): void {
    if (this.#interceptors.length === 0) return
    for (const [index, result] of results.entries()) {
      const error = result.error === 0 ? null : sendError(result)
      this.#acknowledged(records[index]!, error === null ? metadataOf(result) : null, error)
    }
  }

  // --- everything else

  /** Sends what waits for `linger.ms`; kept when everything sent before is acknowledged or given up. */
  flush(): Promise<void> {
    return this.#operate({ kind: 'flush' })
  }

  /** Once, before the first transaction: ends what an earlier producer of this `transactional.id` left, and fences it. */
  initTransactions(): Promise<void> {
    return this.#operate({ kind: 'initTransactions' })
  }

  beginTransaction(): Promise<void> {
    return this.#operate({ kind: 'beginTransaction' })
  }

  /** The offsets are committed with the transaction, if `group` (of `consumer.groupMetadata()`) is still a member then. */
  sendOffsetsToTransaction(offsets: readonly OffsetAndMetadata[], group: GroupMetadata): Promise<void> {
    return this.#operate({ kind: 'sendOffsets', offsets: offsets.map(toCommit), group } as Message)
  }

  commitTransaction(): Promise<void> {
    return this.#operate({ kind: 'commitTransaction' })
  }

  abortTransaction(): Promise<void> {
    return this.#operate({ kind: 'abortTransaction' })
  }

  async #operate(message: Message): Promise<void> {
    if (this.#closing !== null) throw illegalState('Cannot perform operation after producer has been closed')
    this.#dispatch()
    const result = await this.node.ask<OperationResult>(this.#actor, message)
    if (result.error !== 0) throw operationError(result)
  }

  /** Creates the topic if the broker is willing, as a send would. */
  async partitionsFor(topic: string): Promise<readonly PartitionMetadata[]> {
    if (this.#closing !== null) throw illegalState('Cannot perform operation after producer has been closed')
    this.#dispatch()
    const message = { kind: 'partitionsFor', topic } as Message
    const { error, detail, topic: found } = await this.node.ask<TopicAnswer>(this.#actor, message)
    if (error !== 0 || found === null) throw kafkaError(error, detail)
    return found.partitions
  }

  /** Sends what is left, for at most `timeoutMs`; an open transaction is aborted. Default: as long as records may take. */
  close({ timeoutMs = this.#closeMs }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#dispatch()
    try {
      await this.node.ask(this.#actor, { kind: 'close', timeoutMs } as Message)
    } finally {
      if (this.#ownsNode) this.node.close()
      for (const resolve of this.#waiting.splice(0)) resolve()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function notNegative(what: string, value: number, which: string): KafkaError {
  const message = `Invalid ${what}: ${value}${which} should always be non-negative or null.`
  return new KafkaError('IllegalArgumentException', message)
}

function bytesOf({ key, value }: CoreRecord): number {
  return RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0)
}

function metadataOf({ topic, partition, offset, timestamp }: SendResult): RecordMetadata {
  return { topic, partition, offset, timestamp }
}
