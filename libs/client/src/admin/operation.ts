/**
 * What a question of the Admin is, as data: its items, where each of them goes, the request that carries them, what the
 * response says of each.
 *
 * The `admin` actor does the rest for all of them alike: looks up leaders and coordinators, asks again what may pass,
 * each item on its own, until the time is over. Source: AdminApiDriver, AdminApiHandler.
 */
import type { NetworkRequest } from '../messages.ts'
import type { TopicPartition } from '../consumer/topic-partition.ts'

/** Who answers: some broker, one broker, the controller, a partition's leader, a group's or a transaction's coordinator. */
export type Route =
  | 'any'
  | 'controller'
  | number
  | { readonly leader: TopicPartition }
  | { readonly coordinator: 'group' | 'transaction'; readonly of: string }

/** What a response says of one item. */
export interface Answer<Value = unknown> {
  readonly key: string
  /** A Kafka error; 0: none. */
  readonly error: number
  readonly detail: string | null
  readonly value: Value | null
  /** The response broke off in the middle of this item: `value` so far, and where the next one begins. */
  readonly next?: unknown
}

/** An item that is to be asked for, and how far an earlier response had come with it. */
export interface Asked<Item> {
  readonly item: Item
  readonly value: unknown
  readonly next: unknown
}

export type Request = Pick<NetworkRequest, 'body' | 'minVersion' | 'maxVersion'>

export interface Operation<Args = unknown, Item = unknown, Value = unknown, Response = unknown> {
  readonly api: number | ((args: Args) => number)
  /** `each broker`: one item per broker of the cluster, which is its number. */
  items(args: Args): readonly Item[] | 'each broker'
  keyOf(item: NoInfer<Item>): string
  route(item: NoInfer<Item>, args: Args): Route
  /** Items that differ in this do not travel in one request. */
  apart?(item: NoInfer<Item>): string | number
  request(
    items: readonly NoInfer<Item>[],
    args: Args,
    timeoutMs: number,
    asked: readonly Asked<NoInfer<Item>>[],
  ): Request
  /** An item without an answer is asked for again. */
  read(
    response: Response,
    items: readonly NoInfer<Item>[],
    args: Args,
    context: ReadContext<NoInfer<Item>>,
  ): Iterable<Answer<Value>>
  /** Errors in the response that may pass: the item is asked for again. */
  repeat(error: number, args: Args): boolean
}

export interface ReadContext<Item = unknown> {
  readonly broker: number
  readonly version: number
  readonly asked: readonly Asked<Item>[]
}

// The table holds operations of every type; the face knows which one it calls.
// oxlint-disable-next-line no-explicit-any
export type AnyOperation = Operation<any, any, any, any>

/* oxlint-disable no-explicit-any */
export type ArgsOf<O> = O extends Operation<infer Args, any, any, any> ? Args : never
export type ValueOf<O> = O extends Operation<any, any, infer Value, any> ? Value : never
/* oxlint-enable no-explicit-any */

/** Checks the types of one row of the table. */
export function defineOperation<Args, Item, Value, Response>(
  operation: Operation<Args, Item, Value, Response>,
): Operation<Args, Item, Value, Response> {
  return operation
}
