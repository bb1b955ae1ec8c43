/**
 * Aggregates by session: a record extends the sessions near to it and makes one of them. What they were is retracted
 * first. Source: KStreamSessionWindowAggregate.
 */
import { observe, storeOf, type Process, type Wiring } from '../context.ts'
import type { SessionAggregate } from '../operation.ts'

export function sessionAggregate(operation: SessionAggregate, { context, node, forward }: Wiring): Process {
  const { gapMs, graceMs, initializer, aggregator, merger, sendOldValues } = operation
  const store = storeOf(context, 'session', operation.store)
  const changed = (key: unknown, start: number, end: number, oldValue: unknown, newValue: unknown): void =>
    forward({
      key: { key, start, end },
      value: { newValue, oldValue: sendOldValues ? oldValue : null },
      timestamp: end,
      headers: [],
    })
  return ({ key, value, timestamp }) => {
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
        store.put({ key, start: session.start, end: session.end }, null, timestamp)
        changed(key, session.start, session.end, oldValue, null)
      }
    }
    aggregate = aggregator(key, value, aggregate) ?? null
    store.put({ key, start, end }, aggregate, timestamp)
    changed(key, start, end, null, aggregate)
  }
}
