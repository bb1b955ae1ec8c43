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

/** One worker of the broker. */
interface Life {
  readonly port: MessagePort
  readonly remote: Remote<WorkerControls>
  readonly pause: Int32Array<SharedArrayBuffer>
  /** Resolves when the worker has ended: what it was asked then is never answered. */
  readonly gone: Promise<null>
}

export class BrokerHands {
  readonly broker: number
  #faults: BrokerFaults = noFaults
  #life: Life | null = null
  #requests: RequestChannel | null = null

  constructor(broker: number) {
    this.broker = broker
  }

  /** For a new life of the broker. */
  attach(): Attachment {
    this.detach()
    const { port1: port, port2 } = new MessageChannel()
    const pause = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
    const gone = new Promise<null>((resolve) => port.once('close', () => resolve(null)))
    const life: Life = { port, remote: wrap<WorkerControls>(nodeEndpoint(port as never)), pause, gone }
    this.#life = life
    void gone.then(() => {
      if (this.#life === life) this.detach()
    })
    const value: WorkerAttachment = {
      faults: this.#faults,
      port: port2,
      pause: pause.buffer,
      host: embeddedHost(this.broker),
    }
    return { value, transfer: [port2] }
  }

  /** The worker is gone, or about to be. */
  detach(): void {
    this.#requests?.close()
    this.#requests = null
    this.#life?.port.close()
    this.#life = null
  }

  /** Resolves when nothing of it keeps this process alive. */
  async release(): Promise<void> {
    const life = this.#life
    this.detach()
    await life?.gone
  }

  get faults(): BrokerFaults {
    return this.#faults
  }

  /** Resolves when the broker has taken note, if it runs; a broker that is paused does so when it goes on. */
  async change(change: Partial<BrokerFaults>): Promise<void> {
    this.#faults = { ...this.#faults, ...change }
    const life = this.#life
    if (life === null) return
    const taken = life.remote.apply(this.#faults)
    if (!this.isPaused) await Promise.race([taken, life.gone])
  }

  /** The client's end of a connection to this broker; null when it does not run. */
  connect(): MessagePort | null {
    if (this.#life === null) return null
    const { port1, port2 } = new MessageChannel()
    void this.#life.remote.accept(transfer(port2, [port2 as never]))
    return port1
  }

  /** The controls' own connection. */
  requests(): RequestChannel | null {
    if (this.#requests?.isOpen) return this.#requests
    const port = this.connect()
    return (this.#requests = port === null ? null : new RequestChannel(this.broker, port))
  }

  get isPaused(): boolean {
    return this.#life !== null && Atomics.load(this.#life.pause, pauseCells.wanted) === 1
  }

  /** Resolves when the worker's event loop stands still. */
  async pause(): Promise<void> {
    const life = this.#life
    if (life === null || this.isPaused) return
    Atomics.store(life.pause, pauseCells.wanted, 1)
    void life.remote.pause()
    const { async, value } = Atomics.waitAsync(life.pause, pauseCells.isPaused, 0)
    if (async) await Promise.race([value, life.gone])
  }

  resume(): void {
    if (this.#life === null) return
    Atomics.store(this.#life.pause, pauseCells.wanted, 0)
    Atomics.notify(this.#life.pause, pauseCells.wanted)
  }

  /** null: the broker is gone. */
  async expireProducer(partition: number, transactionalId: string): Promise<ExpireAnswer | null> {
    const life = this.#life
    if (life === null) return null
    return Promise.race([life.remote.expireProducer(partition, transactionalId), life.gone])
  }
}
