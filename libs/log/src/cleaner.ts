/** Placeholder while the cleaner is written. */
import type { PartitionLog } from './partition-log.ts'
export interface CleanerLimits { readonly dedupeBufferBytes: number }
export interface Dirty { readonly log: PartitionLog }
export function selectDirtiest(_logs: Iterable<PartitionLog>, _upTo: (log: PartitionLog) => number | undefined, _now: number): Dirty | null { return null }
export function cleanLog(_dirty: Dirty, _now: number, _limits?: Partial<CleanerLimits>): { upTo: number; bytesRead: number; bytesKept: number } { return { upTo: 0, bytesRead: 0, bytesKept: 0 } }
