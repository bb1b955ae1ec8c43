/**
 * Requests that are refused because a test wants it: each API's own `failure` shapes the answer, as Kafka's
 * `getErrorResponse` would, in the version that was asked, and it keeps its place among the connection's answers.
 */
import { defineApi, type AnyApiHandler } from '@troupe/broker/api'
import type { RequestContext } from '@troupe/broker/context'
import { handlers } from '@troupe/broker/handlers'
import { errorName, type ErrorCode } from '@troupe/wire/errors'
import { controlsClientId, type Failure } from '../faults.ts'
import type { ClientGate } from './client-gate.ts'

export class FailingRequests {
  failures: readonly Failure[] = []
  readonly #gate: ClientGate

  constructor(gate: ClientGate) {
    this.#gate = gate
  }

  /** Stands before every API of this thread's front; a thread has one broker. */
  install(): void {
    const table = handlers as Map<number, AnyApiHandler>
    for (const [key, handler] of table) table.set(key, this.#before(handler))
  }

  #before(handler: AnyApiHandler): AnyApiHandler {
    return defineApi({
      ...handler,
      handle: (request: unknown, ctx: RequestContext) => {
        this.#gate.identify(ctx.connection.id, ctx.clientId)
        const error = ctx.clientId === controlsClientId ? null : this.#take(handler.key)
        if (error === null) return handler.handle(request, ctx)
        ctx.front.out.trace('request.failed-by-test', { api: ctx.spec.name, error: errorName(error) })
        const response = handler.failure(request, error, ctx.version)
        if (response === null) ctx.hangUp(errorName(error))
        else ctx.respond(response)
      },
    })
  }

  /** The error that the next request of this API is to get. */
  #take(api: number): ErrorCode | null {
    for (const failure of this.failures) {
      if (failure.api !== api) continue
      const left = new Int32Array(failure.left)
      // Other brokers count on the same cell.
      if (Atomics.load(left, 0) > 0 && Atomics.sub(left, 0, 1) > 0) return failure.error as ErrorCode
    }
    return null
  }
}
