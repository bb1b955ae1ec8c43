/**
 * Aggregates by key and window. A record counts in every window it lies in, unless stream time has passed the window's
 * end and grace. Source: KStreamWindowAggregate.
 */
import { windowStarts } from '../../windows.ts'
import { observe, storeOf, type Process, type Wiring } from '../context.ts'
import { rowWriter } from '../row-writer.ts'
import type { WindowAggregate } from '../operation.ts'

export function windowAggregate(operation: WindowAggregate, { context, node, forward }: Wiring): Process {
  const { windows, initializer, aggregator, sendOldValues } = operation
  const store = storeOf(context, 'window', operation.store)
  const write = rowWriter(context, store, forward, sendOldValues)
  return (record) => {
    const { key, value, timestamp } = record
    if (key === null) return
    const closed = observe(context, node, timestamp) - windows.graceMs
    for (const start of windowStarts(windows, timestamp)) {
      const end = start + windows.sizeMs
      if (end <= closed) continue
      const before = store.fetch(key, start)
      const time = before === null ? timestamp : Math.max(timestamp, before.timestamp)
      const current = (): unknown => (before === null ? (initializer() ?? null) : store.fetch(key, start)!.value)
      const oldValue = sendOldValues ? current() : null
      const newValue = aggregator(key, value, before === null ? current() : before.value) ?? null
      write(record, { key, start, end }, newValue, oldValue, time)
    }
  }
}
