/**
 * What a file in `api/` exports: one API key, its versions, and the handler.
 *
 * ApiVersions and COMPATIBILITY.md are made from these values, so what is advertised is what is there.
 */
import type { ErrorCode } from '@troupe/wire/errors'
import type { RequestContext } from './context.ts'

export interface ApiHandler<Request, Response> {
  readonly key: number
  readonly minVersion: number
  readonly maxVersion: number
  /** What of Kafka's behaviour is left out on purpose, one sentence each. */
  readonly gaps: readonly string[]
  /** Answers through `ctx.respond`, now or in a later step. What it throws becomes the answer's error. */
  handle(request: Request, ctx: RequestContext<Response>): void
  /** The whole request refused with one error, as Kafka's `getErrorResponse` shapes it; null: the connection is closed. */
  failure(request: Request, error: ErrorCode, version: number): Response | null
}

// The registry erases message types; the codec table goes by key.
// oxlint-disable-next-line no-explicit-any
export type AnyApiHandler = ApiHandler<any, any>

export function defineApi<Request, Response>(handler: ApiHandler<Request, Response>): ApiHandler<Request, Response> {
  return handler
}
