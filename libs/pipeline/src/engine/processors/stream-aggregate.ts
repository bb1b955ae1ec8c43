/**
 * Aggregates of a stream by key. Records without key or value do not count; an aggregate's time is that of its newest
 * record. Source: KStreamAggregate, KStreamReduce.
 */
import { storeOf, type Process, type Wiring } from '../context.ts'
import { rowWriter } from '../row-writer.ts'
import type { StreamAggregate, StreamReduce } from '../operation.ts'

export function streamAggregate(operation: StreamAggregate, { context, forward }: Wiring): Process {
  const { initializer, aggregator, sendOldValues } = operation
  const store = storeOf(context, 'keyValue', operation.store)
  const write = rowWriter(context, store, forward, sendOldValues)
  return (record) => {
    const { key, value, timestamp } = record
    if (key === null || value === null) return
    const before = store.get(key)
    const time = before === null ? timestamp : Math.max(timestamp, before.timestamp)
    const current = (): unknown => (before === null ? (initializer() ?? null) : store.get(key)!.value)
    // Read once more: the application may change an aggregate in place.
    const oldValue = sendOldValues ? current() : null
    const aggregate = aggregator(key, value, before === null ? current() : before.value) ?? null
    write(record, key, aggregate, oldValue, time)
  }
}

export function streamReduce(operation: StreamReduce, { context, forward }: Wiring): Process {
  const { reducer, sendOldValues } = operation
  const store = storeOf(context, 'keyValue', operation.store)
  const write = rowWriter(context, store, forward, sendOldValues)
  return (record) => {
    const { key, value, timestamp } = record
    if (key === null || value === null) return
    const before = store.get(key)
    const oldValue = sendOldValues && before !== null ? store.get(key)!.value : null
    const aggregate = before === null ? value : (reducer(before.value, value) ?? null)
    const time = before === null ? timestamp : Math.max(timestamp, before.timestamp)
    write(record, key, aggregate, oldValue, time)
  }
}
