/**
 * One end of the link to another broker, which can be cut and slowed. A link behaves like TCP: in order, nothing lost
 * while both ends live. What comes while it is cut waits and arrives when it is healed, as retransmission would have it;
 * what waits for a broker that has ended is lost with it.
 */
import type { BusPort, MeshLink } from '@troupe/runtime/bus'
import type { Hindrance } from '../faults.ts'

interface Waiting {
  readonly batch: unknown
  readonly dueAt: number
}

type Listener = (batch: unknown) => void

export class LinkGate {
  readonly peer: number
  readonly #port: MeshLink['port']
  #listener: Listener | null = null
  #waiting: Waiting[] = []
  #hindrance: Hindrance | undefined
  #timer: NodeJS.Timeout | undefined

  constructor({ peer, port }: MeshLink) {
    this.peer = peer
    this.#port = port
  }

  /** What the bus takes for the port. */
  get port(): BusPort {
    const port = this.#port
    return {
      postMessage: (value: unknown, transfer: never) => port.postMessage(value, transfer),
      on: (event: string, listener: Listener) => this.#on(event, listener),
      removeAllListeners: () => this.#close(),
      close: () => port.close(),
    } as unknown as BusPort
  }

  set(hindrance: Hindrance | undefined): void {
    this.#hindrance = hindrance
    this.#pass()
  }

  #on(event: string, listener: Listener): void {
    if (event !== 'message') {
      this.#port.on(event as 'close', listener as () => void)
      return
    }
    this.#listener = listener
    this.#port.on('message', (batch: unknown) => {
      if (this.#hindrance === undefined && this.#waiting.length === 0) return listener(batch)
      this.#waiting.push({ batch, dueAt: performance.now() + (this.#hindrance?.delayMs ?? 0) })
      this.#pass()
    })
  }

  #pass(): void {
    clearTimeout(this.#timer)
    if (this.#hindrance?.isCut) return
    const hurried = this.#hindrance === undefined
    const now = performance.now()
    let passed = 0
    while (passed < this.#waiting.length && (hurried || this.#waiting[passed]!.dueAt <= now)) passed++
    for (const { batch } of this.#waiting.splice(0, passed)) this.#listener?.(batch)
    const [next] = this.#waiting
    if (next !== undefined) this.#timer = setTimeout(() => this.#pass(), Math.max(1, Math.ceil(next.dueAt - now)))
  }

  #close(): void {
    clearTimeout(this.#timer)
    this.#waiting = []
    this.#listener = null
    this.#port.removeAllListeners('message')
  }
}
