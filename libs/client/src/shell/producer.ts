/** The producer as Promises. */
import type { GroupMetadata, OffsetToCommit, OperationResult, RecordHeader, SendResult } from '../messages.ts'
import { clientActorNames } from '../messages.ts'
import type { Serde } from '../serdes.ts'
import { ClientNode } from './client-node.ts'
import type { Connector } from './connector.ts'
import { kafkaError, operationError, sendError } from './errors.ts'
import type { Logger } from './logger.ts'
import { producerProperties, type Properties } from './properties.ts'

export interface ProducerRecord<K, V> {
  readonly topic: string
  readonly key?: K
  readonly value?: V
  readonly partition?: number
  readonly headers?: readonly RecordHeader[]
  readonly timestamp?: number
}

export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
}

export interface ProducerOptions<K, V> {
  readonly connector?: Connector
  readonly node?: ClientNode
  readonly key?: Serde<K>
  readonly value?: Serde<V>
  readonly logger?: Logger
}

const encoder = new TextEncoder()

function plain(value: unknown): Uint8Array | null {
  if (value === undefined || value === null) return null
  return typeof value === 'string' ? encoder.encode(value) : (value as Uint8Array)
}

export class Producer<K = string | Uint8Array | null, V = string | Uint8Array | null> {
  readonly node: ClientNode
  readonly #name: string
  readonly #ownNode: boolean
  readonly #transactional: boolean
  readonly #key: Serde<K> | undefined
  readonly #value: Serde<V> | undefined
  #closed = false

  constructor(properties: Properties, options: ProducerOptions<K, V> = {}) {
    this.#ownNode = options.node === undefined
    this.node = options.node ?? new ClientNode({ properties, ...options })
    this.#name = clientActorNames.producer(this.node.newName('p'))
    this.#transactional = properties['transactional.id'] != null
    this.#key = options.key
    this.#value = options.value
    this.node.spawn(this.#name, 'producer', { properties: producerProperties(properties) })
  }

  send({ topic, key, value, partition, headers, timestamp }: ProducerRecord<K, V>): Promise<RecordMetadata> {
    const message = {
      kind: 'send',
      topic,
      partition: partition ?? null,
      key: this.#key ? this.#key.serialize(key as K) : plain(key),
      value: this.#value ? this.#value.serialize(value as V) : plain(value),
      ...(headers ? { headers } : {}),
      ...(timestamp === undefined ? {} : { timestamp }),
    }
    return this.node.ask<SendResult>(this.#name, message).then((result) => {
      if (result.error !== 0) throw sendError(result, this.#transactional)
      return result
    })
  }

  async flush(): Promise<void> {
    await this.#operate({ kind: 'flush' })
  }

  async initTransactions(): Promise<void> {
    await this.#operate({ kind: 'initTransactions' })
  }

  async beginTransaction(): Promise<void> {
    await this.#operate({ kind: 'beginTransaction' })
  }

  async sendOffsetsToTransaction(offsets: readonly OffsetToCommit[], group: GroupMetadata): Promise<void> {
    await this.#operate({ kind: 'sendOffsets', offsets, group })
  }

  async commitTransaction(): Promise<void> {
    await this.#operate({ kind: 'commitTransaction' })
  }

  async abortTransaction(): Promise<void> {
    await this.#operate({ kind: 'abortTransaction' })
  }

  async #operate(message: object & { readonly kind: string }): Promise<void> {
    const result = await this.node.ask<OperationResult>(this.#name, message)
    if (result.error !== 0)
      throw result.severity === 'none' ? kafkaError(result.error, result.detail) : operationError(result)
  }

  async close({ timeoutMs = 30_000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.node.ask(this.#name, { kind: 'close', timeoutMs } as never)
    if (this.#ownNode) this.node.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
