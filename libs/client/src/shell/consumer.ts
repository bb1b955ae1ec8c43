/** The consumer as Promises and an async iterator. */
import type { ConsumerRecord, Polled } from '../consumer/messages.ts'
import { clientActorNames } from '../messages.ts'
import { ClientNode } from './client-node.ts'
import type { Connector } from './connector.ts'
import { kafkaError } from './errors.ts'
import type { Logger } from './logger.ts'
import { consumerProperties, type Properties } from './properties.ts'

export interface ConsumerOptions {
  readonly connector?: Connector
  readonly node?: ClientNode
  readonly logger?: Logger
}

export class Consumer {
  readonly node: ClientNode
  readonly #name: string
  readonly #ownNode: boolean

  constructor(properties: Properties, options: ConsumerOptions = {}) {
    this.#ownNode = options.node === undefined
    this.node = options.node ?? new ClientNode({ properties, ...options })
    this.#name = clientActorNames.consumer(this.node.newName('c'))
    this.node.spawn(this.#name, 'consumer', { properties: consumerProperties(properties) })
  }

  subscribe(topics: readonly string[]): void {
    this.node.tell(this.#name, { kind: 'subscribe', topics } as never)
  }

  async poll({ timeoutMs = 1000, maxRecords }: { timeoutMs?: number; maxRecords?: number } = {}): Promise<
    readonly ConsumerRecord[]
  > {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const left = Math.max(0, Math.ceil(deadline - performance.now()))
      const message = { kind: 'poll', timeoutMs: left, ...(maxRecords === undefined ? {} : { maxRecords }) }
      const polled = await this.node.ask<Polled>(this.#name, message)
      if (polled.error !== 0) throw kafkaError(polled.error, polled.detail)
      if (polled.records.length > 0 || left === 0) return polled.records
    }
  }

  async close({ timeoutMs = 30_000 } = {}): Promise<void> {
    await this.node.ask(this.#name, { kind: 'close', timeoutMs } as never)
    if (this.#ownNode) this.node.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
