/**
 * What the processors of a task see while a record passes through them.
 */
import type { KeyValueStore } from '../stores/key-value-store.ts'
import type { OuterJoinStore } from '../stores/outer-join-store.ts'
import type { SessionStore } from '../stores/session-store.ts'
import type { Store } from '../stores/store.ts'
import type { SuppressStore } from '../stores/suppress-store.ts'
import type { WindowStore } from '../stores/window-store.ts'
import type { Header } from '../topology.ts'
import type { InputRecord } from './contract.ts'

/** A record on its way: between table nodes `value` is a `Change`. */
export interface Flow {
  readonly key: any
  readonly value: any
  readonly timestamp: number
  readonly headers: readonly Header[]
}

export type Process = (record: Flow) => void

export interface Context {
  /** The input record in whose name everything happens. */
  record: InputRecord
  /** Largest time each processor with windows has seen, by node; survives a restart (see `offset-metadata.ts`). */
  readonly times: Map<string, number>
  /** Of outer joins: from which time on there may be records that wait for a partner. */
  readonly minTimes: Map<string, number>
  readonly stores: ReadonlyMap<string, Store>
  /** Changes of tables wait for `flush`. */
  readonly caching: boolean
}

/** What makes a processor out of its operation. */
export interface Wiring {
  readonly context: Context
  readonly node: string
  /** To all successors. */
  readonly forward: Process
  /** To one of them. */
  readonly forwardTo: (successor: string) => Process
}

interface Stores {
  readonly keyValue: KeyValueStore
  readonly window: WindowStore
  readonly session: SessionStore
  readonly suppress: SuppressStore
  readonly outerJoin: OuterJoinStore
}

export function storeOf<Kind extends keyof Stores>(context: Context, _kind: Kind, name: string): Stores[Kind] {
  return context.stores.get(name) as never
}

/** Moves a processor's stream time on; returns it. */
export function observe({ times }: Context, node: string, timestamp: number): number {
  const time = Math.max(times.get(node) ?? -1, timestamp)
  times.set(node, time)
  return time
}
