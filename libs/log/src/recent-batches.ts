/**
 * The last five batches of each producer, found again in the log: a snapshot keeps the last one only.
 *
 * Deliberately more than Kafka does. There a broker that starts again, or cuts its log, answers a retry of any batch but
 * a producer's last with OUT_OF_ORDER_SEQUENCE_NUMBER, and an idempotent producer (KIP-360) then sends it again under a
 * new epoch: the record is there twice. What a client may still retry it has sent a moment ago, so a look at the end of
 * the log is enough; it is bounded, so that opening a log stays cheap.
 */
import { lastOffset, producerId, hasProducerId, isControl } from '@troupe/wire/record-batch'
import type { LocalLog } from './local-log.ts'
import { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'

/** In each of the last two segments before the snapshot. */
const LOOK_BACK_BYTES = 256 * 1024
const LOOK_BACK_SEGMENTS = 2

/** `producers` come from a snapshot at `end`. */
export function recallBatches(producers: ProducerState, log: LocalLog, end: number): void {
  if (producers.size === 0) return
  const seen = new ProducerState()
  const last = log.segments.findLastIndex(({ baseOffset }) => baseOffset < end)
  for (let i = Math.max(0, last - LOOK_BACK_SEGMENTS + 1); i <= last; i++) look(producers, seen, log.segments[i], end)
  for (const entry of producers.entries) entry.recall(seen.get(entry.producerId))
}

function look(producers: ProducerState, seen: ProducerState, segment: Segment, end: number): void {
  const from = Math.max(0, (segment.find(end)?.position ?? segment.size) - LOOK_BACK_BYTES)
  const reader = segment.reader(segment.findPosition(0, from)?.position ?? 0)
  while (reader.next()) {
    const { bytes, at } = reader
    if (lastOffset(bytes, at) >= end) return
    const isWanted = hasProducerId(bytes, at) && !isControl(bytes, at)
    if (isWanted && producers.get(producerId(bytes, at)) !== undefined) seen.apply(bytes, at)
  }
}
