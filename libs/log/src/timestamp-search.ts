/**
 * Offsets by time: time index to a batch, then the records of that one batch. Source:
 * LogSegment.findOffsetByTimestamp, KIP-734.
 */
import {
  iterateRecords,
  lastOffset,
  maxTimestamp,
  partitionLeaderEpoch,
  type DecodedRecord,
} from '@troupe/wire/record-batch'
import type { BatchReader } from './batch-reader.ts'
import type { LocalLog } from './local-log.ts'
import type { Segment } from './segment.ts'

export interface TimestampedOffset {
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

/** The first record below `upTo` that is at least as young as `timestamp`. */
export function findTimestamp(
  log: LocalLog,
  timestamp: number,
  logStart: number,
  upTo: number,
): TimestampedOffset | null {
  for (let index = Math.max(0, log.floorIndex(logStart)); index < log.segments.length; index++) {
    const segment = log.segments[index]
    if (segment.baseOffset >= upTo) return null
    if (segment.maxTimestamp < timestamp) continue
    const found = searchSegment(segment, timestamp, logStart)
    if (found) return found.offset < upTo ? found : null
  }
  return null
}

function searchSegment(segment: Segment, timestamp: number, logStart: number): TimestampedOffset | null {
  // Up to the last entry older than the timestamp nothing is as young as it.
  const start = Math.max(logStart, segment.timeIndex.lookup(timestamp - 1))
  const position = segment.find(start)?.position
  if (position === undefined) return null
  const reader = segment.bodyReader(position)
  while (reader.next()) {
    if (maxTimestamp(reader.bytes, reader.at) < timestamp) continue
    const record = firstRecord(reader, (each) => each.timestamp >= timestamp && each.offset >= logStart)
    if (record) return record
  }
  return null
}

/** The youngest record; the first of several that are equally young. */
export function findMaxTimestamp(log: LocalLog, logStart: number): TimestampedOffset | null {
  let youngest: Segment | undefined
  for (let index = Math.max(0, log.floorIndex(logStart)); index < log.segments.length; index++) {
    const segment = log.segments[index]
    if (segment.maxTimestamp >= 0 && segment.maxTimestamp > (youngest?.maxTimestamp ?? -1)) youngest = segment
  }
  if (!youngest) return null
  const { maxTimestamp: timestamp } = youngest
  const position = youngest.find(youngest.offsetOfMaxTimestamp)?.position
  if (position === undefined) return null
  const reader = youngest.bodyReader(position)
  if (!reader.next()) return null
  return (
    firstRecord(reader, (each) => each.timestamp === timestamp) ??
      // The header's maximum stands where the record itself was compacted away.
      {
        offset: lastOffset(reader.bytes, reader.at),
        timestamp,
        leaderEpoch: partitionLeaderEpoch(reader.bytes, reader.at),
      }
  )
}

function firstRecord({ bytes, at }: BatchReader, fits: (record: DecodedRecord) => boolean): TimestampedOffset | null {
  for (const record of iterateRecords(bytes, at)) {
    if (!fits(record)) continue
    return { offset: record.offset, timestamp: record.timestamp, leaderEpoch: partitionLeaderEpoch(bytes, at) }
  }
  return null
}
