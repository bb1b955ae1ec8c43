/**
 * Stream–stream joins. A record meets the other side's records within the window, in the order of their times. In left
 * and outer joins one without a partner is emitted alone when its window and grace are over by the stream time of both
 * sides together. Source: KStreamJoinWindow, KStreamKStreamJoin.
 *
 * Kafka Streams looks for records whose window is over at most once a second of wall-clock time; here it is done with
 * every record that moves stream time on, so that the same input gives the same output.
 */
import type { OuterJoinStore, Side } from '../../stores/outer-join-store.ts'
import { observe, storeOf, type Flow, type Process, type Wiring } from '../context.ts'
import type { JoinWindow, StreamStreamJoin } from '../operation.ts'

export function joinWindow(operation: JoinWindow, { context, forward }: Wiring): Process {
  const store = storeOf(context, 'window', operation.store)
  return (record) => {
    forward(record)
    if (record.key !== null) store.add(record.key, record.value, record.timestamp, record.headers)
  }
}

export function streamStreamJoin(operation: StreamStreamJoin, { context, forward }: Wiring): Process {
  const { side, windows, outer, joiner, tracker } = operation
  const isLeft = side === 'left'
  const otherSide: Side = isLeft ? 'right' : 'left'
  const before = isLeft ? windows.beforeMs : windows.afterMs
  const after = isLeft ? windows.afterMs : windows.beforeMs
  const others = storeOf(context, 'window', operation.otherStore)
  const { minTimes } = context
  const waiting = operation.outerStore === null ? null : storeOf(context, 'outerJoin', operation.outerStore)
  const join = (key: unknown, value: unknown, other: unknown): unknown =>
    (isLeft ? joiner(value, other, key) : joiner(other, value, key)) ?? null
  const alone = (record: Flow): void => forward({ ...record, value: join(record.key, record.value, null) })
  return (record) => {
    const { key, value, timestamp, headers } = record
    const streamTime = observe(context, tracker, timestamp)
    if (outer && key === null && value !== null) return alone(record)
    if (key === null || value === null) return
    if (waiting && timestamp === streamTime)
      emitAlone(operation, { store: waiting, minTimes }, streamTime, record, forward)
    const to = Math.max(0, timestamp + after)
    const partners = others.fetchRange(key, Math.max(0, timestamp - before), to)
    for (const partner of partners) {
      waiting?.remove(partner.time, otherSide, key, timestamp)
      const joined = join(key, value, partner.value)
      forward({ key, value: joined, timestamp: Math.max(timestamp, partner.time), headers })
    }
    if (!outer || partners.length > 0) return
    if (waiting === null || to < streamTime) return alone(record)
    minTimes.set(tracker, Math.min(timestamp, minTimes.get(tracker) ?? waiting.minTime))
    waiting.add(timestamp, side, key, value, timestamp)
  }
}

/**
 * `minTime` is what Kafka Streams' TimeTracker has: the time of the record looked at last, or of an earlier one that
 * came after. It may be later than the earliest that waits, which then goes out a little later.
 */
function emitAlone(
  { side, windows, joiner, tracker }: StreamStreamJoin,
  { store, minTimes }: { readonly store: OuterJoinStore; readonly minTimes: Map<string, number> },
  streamTime: number,
  { timestamp, headers }: Flow,
  forward: Process,
): void {
  const { beforeMs, afterMs, graceMs } = windows
  const lookahead = { left: afterMs, right: beforeMs }
  if ((minTimes.get(tracker) ?? store.minTime) + lookahead[side] + graceMs >= streamTime) return
  const open = { left: false, right: false }
  let minTime = Infinity
  for (const { time, side: of, key, value } of store.waiting()) {
    minTime = time
    if (open.left && open.right) break
    if (time + lookahead[of] + graceMs >= streamTime) {
      open[of] = true
      continue
    }
    const joined = (of === 'left' ? joiner(value, null, key) : joiner(null, value, key)) ?? null
    forward({ key, value: joined, timestamp: time, headers })
    store.remove(time, of, key, timestamp)
  }
  minTimes.set(tracker, minTime)
}
