/**
 * Puts a row of a table and tells those downstream: at once, or with a cache when it is flushed. Source:
 * TimestampedTupleForwarder, TimestampedCacheFlushListener.
 */
import { SessionStore } from '../stores/session-store.ts'
import type { KeyValueStore } from '../stores/key-value-store.ts'
import type { Cause, FlushListener } from '../stores/write-back.ts'
import { WindowStore } from '../stores/window-store.ts'
import type { Context, Flow, Process } from './context.ts'

/** `timestamp` is the row's; `record` is what changed it. A session's row has its key from `key`, like a window's. */
export type WriteRow = (record: Flow, key: any, newValue: unknown, oldValue: unknown, timestamp: number) => void

type TableStore = KeyValueStore | WindowStore | SessionStore

export function rowWriter(context: Context, store: TableStore, forward: Process, sendOldValues: boolean): WriteRow {
  const tell = (
    key: unknown,
    newValue: unknown,
    oldValue: unknown,
    timestamp: number,
    headers: Flow['headers'],
  ): void => forward({ key, value: { newValue, oldValue: sendOldValues ? oldValue : null }, timestamp, headers })
  const put = putTo(store)
  if (context.caching) {
    const listener: FlushListener = (key, newValue, oldValue, timestamp, { headers, input }) => {
      context.record = input as Context['record']
      tell(key, newValue, oldValue, timestamp, headers)
    }
    store.cache(listener)
  }
  const sessions = store instanceof SessionStore
  return ({ timestamp: recordTimestamp, headers }, key, newValue, oldValue, timestamp) => {
    put(key, newValue, timestamp, { headers, timestamp: recordTimestamp, input: context.record })
    // A session's change without a cache has no headers in Kafka Streams.
    if (!context.caching) tell(key, newValue, oldValue, timestamp, sessions ? [] : headers)
  }
}

function putTo(store: TableStore): (key: any, value: unknown, timestamp: number, cause: Cause) => void {
  if (store instanceof WindowStore)
    return (key, value, timestamp, cause) => store.put(key.key, key.start, value, timestamp, cause)
  if (store instanceof SessionStore) return (key, value, _timestamp, cause) => store.put(key, value, cause)
  return (key, value, timestamp, cause) => store.put(key, value, timestamp, cause)
}
