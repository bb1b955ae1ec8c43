/**
 * comlink as Node can load it (there is no `exports` map, and its main file is UMD), with types of our own: its
 * declarations need those of a browser, which nobody should have to have who installs us.
 */
// @ts-expect-error There is no declaration beside this file.
import * as untyped from 'comlink/dist/esm/comlink.mjs'
// @ts-expect-error There is no declaration beside this file.
import nodeEndpointUntyped from 'comlink/dist/esm/node-adapter.mjs'
import type { Transferable } from 'node:worker_threads'

/** What is called in another thread: every method is a promise. */
export type Remote<Api> = {
  readonly [Name in keyof Api]: Api[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never
}

/** The end of a channel, in the form that comlink wants. */
export interface Endpoint {
  readonly endpoint: unique symbol
}

interface Comlink {
  expose(api: object, endpoint: Endpoint): void
  wrap<Api>(endpoint: Endpoint): Remote<Api>
  transfer<Value extends object>(value: Value, transferables: readonly Transferable[]): Value
}
export const { expose, wrap, transfer } = untyped as Comlink

/** What worker_threads offers: a Worker, or the parent's port. */
interface NodeEndpoint {
  postMessage(message: unknown, transfer?: readonly never[]): void
  on(event: string, listener: (...args: never[]) => void): unknown
  off(event: string, listener: (...args: never[]) => void): unknown
}
export const nodeEndpoint = nodeEndpointUntyped as (endpoint: NodeEndpoint) => Endpoint
