/**
 * Holds changes back until stream time says that they are final, or old enough. Source:
 * KTableSuppressProcessorSupplier.
 */
import { observe, storeOf, type Process, type Wiring } from '../context.ts'
import type { Suppress } from '../operation.ts'

export function suppress({ store: name, until, waitMs }: Suppress, { context, node, forward }: Wiring): Process {
  const store = storeOf(context, 'suppress', name)
  const windows = until === 'windowCloses'
  return ({ key, value, timestamp, headers }) => {
    const streamTime = observe(context, node, timestamp)
    const { offset, topic, partition } = context.record
    store.put(windows ? key.end : timestamp, key, value, { timestamp, offset, topic, partition, headers })
    for (;;) {
      const taken = store.takeUntil(streamTime - waitMs)
      if (taken === null) return
      const { newValue, oldValue, context: origin } = taken
      // A window that came and went before it was final was never seen downstream.
      if (newValue === null && windows) continue
      forward({ key: taken.key, value: { newValue, oldValue }, timestamp: origin.timestamp, headers: origin.headers })
    }
  }
}
