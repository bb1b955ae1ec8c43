/**
 * Aggregates by session: a record extends the sessions near to it and makes one of them. What they were is retracted
 * first. Source: KStreamSessionWindowAggregate.
 */
import { observe, storeOf, type Process, type Wiring } from '../context.ts'
import { rowWriter } from '../row-writer.ts'
import type { SessionAggregate } from '../operation.ts'

export function sessionAggregate(operation: SessionAggregate, { context, node, forward }: Wiring): Process {
  const { gapMs, graceMs, initializer, aggregator, merger, sendOldValues } = operation
  const store = storeOf(context, 'session', operation.store)
  const write = rowWriter(context, store, forward, sendOldValues)
  return (record) => {
    const { key, value, timestamp } = record
    if (key === null) return
    const closed = observe(context, node, timestamp) - graceMs - gapMs
    const found = store.find(key, timestamp - gapMs, timestamp + gapMs)
    let aggregate = initializer() ?? null
    let [start, end] = [timestamp, timestamp]
    for (const session of found) {
      aggregate = merger(key, aggregate, session.value) ?? null
      start = Math.min(start, session.start)
      end = Math.max(end, session.end)
    }
    if (end < closed) return
    if (start !== timestamp || end !== timestamp) {
      for (const session of found) {
        const oldValue = store.fetch(key, session.start, session.end)
        write(record, { key, start: session.start, end: session.end }, null, oldValue, session.end)
      }
    }
    aggregate = aggregator(key, value, aggregate) ?? null
    write(record, { key, start, end }, aggregate, null, end)
  }
}
