/** One stream thread in this event loop: a client node of its own, with the `pipeline-thread` actor on it. */
import { ClientNode } from '@troupe/client/shell/client-node'
import type { Connector } from '@troupe/client/shell/connector'
import type { Logger } from '@troupe/client/shell/logger'
import type { Message } from '@troupe/actor'
import { pipelineThreadActor } from '../thread/pipeline-thread.ts'
import {
  pipelineActorNames,
  type StoreQueried,
  type ThreadChanged,
  type ThreadClosed,
  type ThreadDescribed,
} from '../thread/messages.ts'
import type { Topology } from '../topology.ts'
import type { RunProperties } from './properties.ts'
import { SinkRunner } from './sink-runner.ts'

export interface ThreadOptions {
  readonly topology: Topology
  readonly properties: RunProperties
  readonly thread: string
  readonly index: number
  readonly instance: string
  readonly connector?: Connector | undefined
  readonly logger: Logger
  readonly onChanged: (change: ThreadChanged) => void
}

/** A thread, wherever it runs. */
export interface StreamThread {
  readonly thread: string
  /** Commits and leaves; false: something processed could not be committed. */
  close(timeoutMs: number): Promise<boolean>
  describe(): Promise<ThreadDescribed>
  query(store: string): Promise<StoreQueried['entries']>
  /** Gone at once, without a word to anybody: for tests. */
  crash(): Promise<void>
}

const kinds = new Map([['pipeline-thread', { definition: pipelineThreadActor, ports: (): object => ({}) }]])

export class LocalThread implements StreamThread {
  readonly thread: string
  readonly #node: ClientNode
  readonly #actor: string
  readonly #sinks: SinkRunner

  constructor({ topology, properties, thread, index, instance, connector, logger, onChanged }: ThreadOptions) {
    this.thread = thread
    this.#actor = pipelineActorNames.thread(thread)
    this.#node = new ClientNode({
      properties: properties.node(thread),
      kinds: kinds as never,
      logger,
      ...(connector === undefined ? {} : { connector }),
    })
    this.#sinks = new SinkRunner(this.#node, topology)
    const observer = this.#node.listen('pipeline-observer', (message) => onChanged(message as ThreadChanged))
    this.#node.spawn(this.#actor, 'pipeline-thread', {
      topology,
      properties: properties.config,
      thread,
      index,
      instance,
      ...properties.clients(thread),
      observer,
      sinks: this.#sinks.listen(),
    })
  }

  async close(timeoutMs: number): Promise<boolean> {
    let clean = false
    try {
      clean = (await this.#node.ask<ThreadClosed>(this.#actor, { kind: 'close', timeoutMs } as Message)).clean
    } catch {
      // It is dead already.
    }
    await this.#sinks.close()
    this.#node.close()
    return clean
  }

  describe(): Promise<ThreadDescribed> {
    return this.#node.ask<ThreadDescribed>(this.#actor, { kind: 'describe' })
  }

  async query(store: string): Promise<StoreQueried['entries']> {
    return (await this.#node.ask<StoreQueried>(this.#actor, { kind: 'query', store } as Message)).entries
  }

  async crash(): Promise<void> {
    this.#node.close()
    await this.#sinks.close()
  }
}
