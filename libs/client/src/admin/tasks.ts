/** Questions under way: their items, and what has become of each. Plain data. */
import type { ReplyToken } from '@troupe/actor'
import type { AdminProperties } from '../config.ts'
import type { BrokerEndpoint, MetadataSnapshot } from '../messages.ts'
import type { LookupKind } from './lookups.ts'
import type { AnyOperation, Route } from './operation.ts'
import { operations, type OperationName } from './operations.ts'

export interface Outcome {
  readonly error: number
  readonly detail: string | null
  readonly value: unknown
}

/** One item: looked up, asked for, answered, each as often as it takes. */
export interface Entry {
  readonly key: string
  readonly item: unknown
  readonly route: Route
  /** Of a route that has to be looked up; null: not known, or not any more. */
  target: BrokerEndpoint | null
  /** A request is out for it. */
  busy: boolean
  attempts: number
  retryAt: number
  outcome: Outcome | null
  /** What a response that broke off had of it, and where the next one begins. */
  value: unknown
  next: unknown
  /** Why it was not settled the last time, for the one that waits in vain. */
  reason: string | null
}

export interface Task {
  readonly id: number
  readonly replyTo: ReplyToken
  readonly operation: OperationName
  readonly args: unknown
  readonly deadlineAt: number
  /** In the order of the question. With `each broker` the brokers are asked for first. */
  entries: Map<string, Entry>
  /** Whether the entries are there; an entry named '' looks for the brokers until then. */
  expanded: boolean
}

/** A request that is out. */
export interface Ask {
  readonly task: number
  readonly keys: readonly string[]
  readonly lookup: LookupKind | null
}

export interface AdminState {
  readonly config: AdminProperties
  tasks: Map<number, Task>
  nextTask: number
  asks: Map<number, Ask>
  nextAsk: number
  metadata: MetadataSnapshot | null
  timerAt: number
}

export function operationOf(task: Task): AnyOperation {
  return operations[task.operation]
}

export function newEntry(key: string, item: unknown, route: Route): Entry {
  return {
    key,
    item,
    route,
    target: null,
    busy: false,
    attempts: 0,
    retryAt: 0,
    outcome: null,
    value: null,
    next: undefined,
    reason: null,
  }
}

/** The entry that stands for all brokers until they are known. */
export const BROKERS = ''

export function entriesOf(operation: AnyOperation, args: unknown): { entries: Map<string, Entry>; expanded: boolean } {
  const items = operation.items(args)
  if (items === 'each broker') return { entries: new Map([[BROKERS, newEntry(BROKERS, null, 'any')]]), expanded: false }
  const entries = items.map((item) => newEntry(operation.keyOf(item), item, operation.route(item, args)))
  return { entries: new Map(entries.map((entry) => [entry.key, entry])), expanded: true }
}

export function expand(task: Task, brokers: readonly BrokerEndpoint[]): void {
  const operation = operationOf(task)
  task.expanded = true
  task.entries = new Map(
    brokers.map((broker) => {
      const entry = newEntry(operation.keyOf(broker.id), broker.id, broker.id)
      return [entry.key, { ...entry, target: broker }]
    }),
  )
}
