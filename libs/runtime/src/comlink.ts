/** comlink as Node can load it (there is no `exports` map, and its main file is UMD), with its types. */
import type * as Comlink from 'comlink'
// @ts-expect-error There is no declaration beside this file.
import * as untyped from 'comlink/dist/esm/comlink.mjs'
// @ts-expect-error There is no declaration beside this file.
import nodeEndpointUntyped from 'comlink/dist/esm/node-adapter.mjs'

export type Remote<Api> = Comlink.Remote<Api>
export const { expose, wrap, transfer } = untyped as typeof Comlink

/** What worker_threads offers: a Worker, or the parent's port. */
interface NodeEndpoint {
  postMessage(message: unknown, transfer?: readonly never[]): void
  on(event: string, listener: (...args: never[]) => void): unknown
  off(event: string, listener: (...args: never[]) => void): unknown
}
export const nodeEndpoint = nodeEndpointUntyped as (endpoint: NodeEndpoint) => Comlink.Endpoint
