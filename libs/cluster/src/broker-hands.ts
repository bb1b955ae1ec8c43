/** The main thread's hands on one broker: its faults, and the way to whichever worker it has just now. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { nodeEndpoint, transfer, wrap, type Remote } from '@troupe/runtime/comlink'
import type { Attachment } from '@troupe/runtime/worker-launch'
import {
  embeddedHost,
  noFaults,
  pauseCells,
  type BrokerFaults,
  type ExpireAnswer,
  type WorkerAttachment,
  type WorkerControls,
} from './faults.ts'
import { RequestChannel } from './requests.ts'

export class BrokerHands {
  readonly broker: number
  #faults: BrokerFaults = noFaults
  #port: MessagePort | null = null
  #remote: Remote<WorkerControls> | null = null
  #pause = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  #requests: RequestChannel | null = null

  constructor(broker: number) {
    this.broker = broker
  }

  /** For a new life of the broker. */
  attach(): Attachment {
    this.detach()
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#remote = wrap<WorkerControls>(nodeEndpoint(port1 as never))
    this.#pause = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
    const value: WorkerAttachment = {
      faults: this.#faults,
      port: port2,
      pause: this.#pause.buffer,
      host: embeddedHost(this.broker),
    }
    return { value, transfer: [port2] }
  }

  /** The worker is gone, or about to be. */
  detach(): void {
    this.#requests?.close()
    this.#requests = null
    this.#port?.close()
    this.#port = this.#remote = null
  }

  get faults(): BrokerFaults {
    return this.#faults
  }

  /** Resolves when the broker has taken note, if it runs; a broker that is paused does so when it goes on. */
  async change(change: Partial<BrokerFaults>): Promise<void> {
    this.#faults = { ...this.#faults, ...change }
    if (this.#remote === null || this.isPaused) {
      void this.#remote?.apply(this.#faults)
      return
    }
    await Promise.race([this.#remote.apply(this.#faults), this.#closed()])
  }

  /** A call to a worker that ends is never answered. */
  #closed(): Promise<void> {
    return new Promise((resolve) => this.#port?.once('close', () => resolve()))
  }

  /** The client's end of a connection to this broker; null when it does not run. */
  connect(): MessagePort | null {
    if (this.#remote === null) return null
    const { port1, port2 } = new MessageChannel()
    void this.#remote.accept(transfer(port2, [port2 as never]))
    return port1
  }

  /** The controls' own connection. */
  requests(): RequestChannel | null {
    if (this.#requests?.isOpen) return this.#requests
    const port = this.connect()
    return (this.#requests = port === null ? null : new RequestChannel(this.broker, port))
  }

  get isPaused(): boolean {
    return Atomics.load(this.#pause, pauseCells.wanted) === 1
  }

  /** Resolves when the worker's event loop stands still. */
  async pause(): Promise<void> {
    if (this.#remote === null || this.isPaused) return
    const cells = this.#pause
    Atomics.store(cells, pauseCells.wanted, 1)
    void this.#remote.pause()
    const { async, value } = Atomics.waitAsync(cells, pauseCells.isPaused, 0)
    if (async) await Promise.race([value, this.#closed()])
  }

  resume(): void {
    Atomics.store(this.#pause, pauseCells.wanted, 0)
    Atomics.notify(this.#pause, pauseCells.wanted)
  }

  async expireProducer(partition: number, transactionalId: string): Promise<ExpireAnswer | null> {
    if (this.#remote === null) return null
    const answer = this.#remote.expireProducer(partition, transactionalId)
    return Promise.race([answer, this.#closed().then(() => null)])
  }
}
