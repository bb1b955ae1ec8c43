/** How the Admin asks its actor, and what it makes of answers that have an outcome per item. */
import { KafkaError as errors, errorName } from '@troupe/wire/errors'
import type { ArgsOf, ValueOf } from '../admin/operation.ts'
import type { OperationName, Operations } from '../admin/operations.ts'
import { clientActorNames, type AdminItem, type AdminResult } from '../messages.ts'
import type { ClientNode } from './client-node.ts'
import { kafkaError, type KafkaError } from './errors.ts'

export interface AdminOptions {
  /** Default: `default.api.timeout.ms`. */
  readonly timeoutMs?: number
}

/**
 * Outcomes by item. Awaited: all values, or the first item's error. `settled()`: the outcome of each, never rejected;
 * what has succeeded stands although others have not.
 */
export interface PerItem<Value> extends Promise<ReadonlyMap<string, Value>> {
  settled(): Promise<ReadonlyMap<string, PromiseSettledResult<Value>>>
}

type Args<Name extends OperationName> = ArgsOf<Operations[Name]>
type Value<Name extends OperationName> = ValueOf<Operations[Name]>

export class AdminCalls {
  readonly #node: ClientNode

  constructor(node: ClientNode) {
    this.#node = node
  }

  async items<Name extends OperationName>(
    operation: Name,
    args: Args<Name>,
    { timeoutMs }: AdminOptions = {},
  ): Promise<readonly AdminItem<Value<Name>>[]> {
    const message = { kind: 'adminCall', operation, args, ...(timeoutMs === undefined ? {} : { timeoutMs }) }
    const { items } = await this.#node.ask<AdminResult>(clientActorNames.admin, message)
    return items as readonly AdminItem<Value<Name>>[]
  }

  each<Name extends OperationName>(operation: Name, args: Args<Name>, options?: AdminOptions): PerItem<Value<Name>> {
    return perItem(this.items(operation, args, options))
  }

  /** For a question with a single item. */
  async one<Name extends OperationName>(
    operation: Name,
    args: Args<Name>,
    options?: AdminOptions,
  ): Promise<Value<Name>> {
    const [item] = await this.items(operation, args, options)
    if (item!.error !== errors.NONE) throw kafkaError(item!.error, item!.detail)
    return item!.value as Value<Name>
  }
}

export function perItem<Value>(items: Promise<readonly AdminItem<Value>[]>): PerItem<Value> {
  const all = items.then((settled) => {
    for (const item of settled) if (item.error !== errors.NONE) throw itemError(item)
    return new Map(settled.map(({ key, value }) => [key, value as Value]))
  })
  const settled = (): Promise<ReadonlyMap<string, PromiseSettledResult<Value>>> => {
    // Whoever asks for each outcome has heard of the failure.
    all.catch(() => {})
    return items.then((each) => new Map(each.map((item) => [item.key, outcomeOf(item)])))
  }
  return Object.assign(all, { settled })
}

function outcomeOf<Value>(item: AdminItem<Value>): PromiseSettledResult<Value> {
  if (item.error !== errors.NONE) return { status: 'rejected', reason: itemError(item) }
  return { status: 'fulfilled', value: item.value as Value }
}

function itemError({ key, error, detail }: AdminItem): KafkaError {
  return kafkaError(error, detail === null || detail === errorName(error) ? key : `${key}: ${detail}`)
}
