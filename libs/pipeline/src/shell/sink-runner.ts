/**
 * Calls the drivers of outside systems for a thread: one message asks, another answers when the driver has.
 * Calls to one sink go one after another, in the order of the messages.
 */
import type { Message } from '@troupe/actor'
import type { ClientNode } from '@troupe/client/shell/client-node'
import type { Sink, SinkDriver, Topology } from '../topology.ts'
import { pipelineActorNames, type SinkApplied, type SinkMessage, type SinkOffsets } from '../thread/messages.ts'

export class SinkRunner {
  readonly #node: ClientNode
  readonly #sinks: ReadonlyMap<string, Sink>
  readonly #drivers = new Map<string, Promise<SinkDriver>>()
  readonly #last = new Map<string, Promise<void>>()

  constructor(node: ClientNode, { nodes }: Topology) {
    this.#node = node
    const sinks = [...nodes.values()].flatMap((each) => (each.kind === 'external' ? [each.sink] : []))
    this.#sinks = new Map(sinks.map((sink) => [sink.name, sink]))
  }

  /** Where the thread sends its questions. */
  listen(): ReturnType<ClientNode['listen']> {
    return this.#node.listen(pipelineActorNames.sinks, (message) => this.#received(message as SinkMessage))
  }

  /** Lets what is under way end, then closes the drivers. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#last.values())
    for (const opened of this.#drivers.values()) {
      await opened.then(
        (driver) => driver.close(),
        () => undefined,
      )
    }
  }

  #received(message: SinkMessage): void {
    const before = this.#last.get(message.sink) ?? Promise.resolve()
    const answered = before.then(() => this.#answer(message))
    this.#last.set(message.sink, answered)
  }

  async #answer(message: SinkMessage): Promise<void> {
    const { actor, id } = message.replyTo
    const body = message.kind === 'sinkOffsets' ? await this.#offsets(message) : await this.#apply(message)
    this.#node.tell(actor, { kind: 'reply', id, body } as Message)
  }

  async #offsets({ sink, partitions }: SinkMessage & { kind: 'sinkOffsets' }): Promise<SinkOffsets> {
    try {
      const driver = await this.#driver(sink)
      return { error: null, offsets: await driver.offsets(partitions) }
    } catch (error) {
      return { error: textOf(error), offsets: [] }
    }
  }

  async #apply(message: SinkMessage & { kind: 'applyToSink' }): Promise<SinkApplied> {
    const { sink, partition, from, to, records } = message
    try {
      const driver = await this.#driver(sink)
      return { error: null, applied: await driver.apply({ partition, from, to, records }) }
    } catch (error) {
      return { error: textOf(error), applied: false }
    }
  }

  /** One that cannot be opened is tried again with the next call. */
  async #driver(name: string): Promise<SinkDriver> {
    const opened = this.#drivers.get(name) ?? Promise.resolve(this.#sinks.get(name)!.open())
    this.#drivers.set(name, opened)
    try {
      return await opened
    } catch (error) {
      this.#drivers.delete(name)
      throw error
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
