/**
 * Does a reader that comes from (`offset`, `lastFetchedEpoch`) still agree with this log? (KIP-320, KIP-595)
 *
 * Source: Kafka's Partition.readRecords.
 */
import type { Log } from '@troupe/log/contract'

/** null: agrees. A point: where this log's view of that epoch ends. `out-of-range`: the epoch says nothing here. */
export function divergence(
  log: Log,
  offset: number,
  lastFetchedEpoch: number,
): { epoch: number; endOffset: number } | 'out-of-range' | null {
  if (lastFetchedEpoch < 0) return null
  const end = log.endOffsetForEpoch(lastFetchedEpoch)
  if (end.leaderEpoch < 0 || end.endOffset < 0) return 'out-of-range'
  // Whether diverging or not: nothing can be said about what is deleted here.
  if (offset < log.logStartOffset) return 'out-of-range'
  if (end.leaderEpoch >= lastFetchedEpoch && end.endOffset >= offset) return null
  return { epoch: end.leaderEpoch, endOffset: end.endOffset }
}
