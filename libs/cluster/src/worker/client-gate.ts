/**
 * The front's transport, with clients whose line can be cut or slowed: by `client.id`, over TCP and over ports alike.
 *
 * A slow client gets each answer later, in order. Of one that is cut nothing more is read, and what it is to get waits,
 * on its connections of now and on those that it opens meanwhile. So a request that was under way may have taken effect
 * though its answer does not come: exactly what a broken line means.
 */
import type { Transport } from '@troupe/broker/transport'
import type { Hindrance } from '../faults.ts'

interface Line {
  readonly clientId: string
  /** Answers that wait. */
  held: { readonly frame: Uint8Array; readonly dueAt: number }[]
  /** The front does not want to read from it. */
  isMuted: boolean
  timer: NodeJS.Timeout | undefined
}

export class ClientGate implements Transport {
  readonly #inner: Transport
  readonly #lines = new Map<number, Line>()
  #rules: ReadonlyMap<string, Hindrance> = new Map()

  constructor(inner: Transport) {
    this.#inner = inner
  }

  set(rules: ReadonlyMap<string, Hindrance>): void {
    const before = this.#rules
    this.#rules = rules
    for (const [connection, line] of this.#lines) {
      const wasCut = before.get(line.clientId)?.isCut ?? false
      const isCut = rules.get(line.clientId)?.isCut ?? false
      if (isCut) this.#inner.mute(connection)
      else if (wasCut && !line.isMuted) this.#inner.unmute(connection)
      this.#pass(connection, line)
    }
  }

  /** A request says whose connection it is. */
  identify(connection: number, clientId: string): void {
    const line = this.#lines.get(connection)
    if (line?.clientId === clientId) return
    this.#lines.set(connection, { clientId, held: [], isMuted: line?.isMuted ?? false, timer: undefined })
    if (this.#rules.get(clientId)?.isCut) this.#inner.mute(connection)
  }

  /** The connection is closed. */
  forget(connection: number): void {
    const line = this.#lines.get(connection)
    if (line === undefined) return
    this.#lines.delete(connection)
    clearTimeout(line.timer)
    for (const { frame } of line.held) this.#inner.release(frame)
  }

  send(connection: number, frame: Uint8Array): void {
    const line = this.#lines.get(connection)
    const rule = line === undefined ? undefined : this.#rules.get(line.clientId)
    if (line === undefined || (rule === undefined && line.held.length === 0)) return this.#inner.send(connection, frame)
    line.held.push({ frame, dueAt: performance.now() + (rule?.delayMs ?? 0) })
    this.#pass(connection, line)
  }

  #pass(connection: number, line: Line): void {
    clearTimeout(line.timer)
    const rule = this.#rules.get(line.clientId)
    if (rule?.isCut) return
    const now = performance.now()
    let passed = 0
    while (passed < line.held.length && (rule === undefined || line.held[passed]!.dueAt <= now)) passed++
    for (const { frame } of line.held.splice(0, passed)) this.#inner.send(connection, frame)
    const [next] = line.held
    if (next === undefined) return
    line.timer = setTimeout(() => this.#pass(connection, line), Math.max(1, Math.ceil(next.dueAt - now)))
  }

  close(connection: number): void {
    this.forget(connection)
    this.#inner.close(connection)
  }

  mute(connection: number): void {
    const line = this.#lines.get(connection)
    if (line !== undefined) line.isMuted = true
    this.#inner.mute(connection)
  }

  unmute(connection: number): void {
    const line = this.#lines.get(connection)
    if (line !== undefined) line.isMuted = false
    if (line === undefined || !this.#rules.get(line.clientId)?.isCut) this.#inner.unmute(connection)
  }

  acquire(size: number): Uint8Array {
    return this.#inner.acquire(size)
  }

  release(buffer: Uint8Array): void {
    this.#inner.release(buffer)
  }
}
