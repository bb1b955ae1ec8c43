/**
 * Takes entries off the end of an index file for good.
 *
 * An index that is too short only makes look-ups longer. One whose entries come back after a loss of power points into
 * batches that are not there any more, and nothing checks it: the segment may lie below the recovery point by then, or
 * the stop may have been clean. Truncations are rare, so the sync is done at once.
 */
import type { PooledFile } from './file-pool.ts'

export function cutDurably(file: PooledFile, size: number): void {
  if (file.size <= size) return
  file.truncate(size)
  file.sync()
}
