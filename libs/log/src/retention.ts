/**
 * Which segments are too old, too many or below the log start. Source: UnifiedLog.deleteOldSegments.
 *
 * Never past the high watermark. With `cleanup.policy=compact` alone only what lies below the log start goes.
 */
import type { LocalLog } from './local-log.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Segment } from './segment.ts'

/** Closes an active segment whose time has come, though nothing is appended. */
export function rollIfDue(log: PartitionLog, now: number): void {
  const { active, rollAfterMs } = log.local
  if (active.size > 0 && active.timeWaitedForRoll(now, now) > rollAfterMs) log.roll(now)
}

/** Returns how many segments went. */
export function applyRetention(log: PartitionLog, now: number): number {
  const { local, config } = log
  let count = 0
  if (config['cleanup.policy'].includes('delete')) {
    count = Math.max(
      byTime(local, log.highWatermark, config['retention.ms'], now),
      bySize(local, log.highWatermark, config['retention.bytes']),
    )
  }
  count = Math.max(
    count,
    leading(local, log.highWatermark, (_, index) => local.endOf(index) <= log.logStartOffset),
  )
  if (count === 0) return 0
  if (count === local.segments.length) log.roll(now)
  local.retireFirst(count, now)
  const first = local.segments[0].baseOffset
  log.snapshots.removeBefore(first)
  log.advanceLogStart(first)
  return count
}

/** How many segments from the first on satisfy the condition and lie below the high watermark. */
function leading(
  local: LocalLog,
  highWatermark: number,
  condition: (segment: Segment, index: number) => boolean,
): number {
  const { segments } = local
  let count = 0
  while (count < segments.length && local.endOf(count) <= highWatermark && condition(segments[count], count)) count += 1
  // An empty active segment stays, else it would only be made again.
  return count === segments.length && local.active.size === 0 ? count - 1 : count
}

function byTime(local: LocalLog, highWatermark: number, retentionMs: number, now: number): number {
  if (retentionMs < 0) return 0
  return leading(local, highWatermark, (segment) => now - timeOf(segment) > retentionMs)
}

function timeOf(segment: Segment): number {
  return segment.maxTimestamp >= 0 ? segment.maxTimestamp : segment.createdMs
}

function bySize(local: LocalLog, highWatermark: number, retentionBytes: number): number {
  if (retentionBytes < 0) return 0
  let excess = local.sizeInBytes - retentionBytes
  return leading(local, highWatermark, (segment) => {
    excess -= segment.size
    return excess >= 0
  })
}
