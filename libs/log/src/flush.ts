/**
 * Makes a log durable up to an offset: segments, then the leader epochs, then the recovery point may move.
 *
 * The order is the safety: the epoch file never tells of bytes (or of a truncation) that could be lost, and everything past the
 * recovery point is checked again after a crash. The active segment's indexes are not synced, because recovery rebuilds them.
 */
import { encodeEpochs } from './checkpoint-file.ts'
import { LEADER_EPOCH_CHECKPOINT } from './file-names.ts'
import type { PooledFile } from './file-pool.ts'
import type { LeaderEpochCache } from './leader-epoch-cache.ts'
import type { LocalLog } from './local-log.ts'

export interface FlushState {
  recoveryPoint: number
  /** Rises whenever bytes that may be under way to the disk are cut off. */
  truncations: number
  /** partition.metadata until it has been synced: no data is durable before the topic id is. */
  metadata: PooledFile | null
}

/** What must be synced so that everything below `upTo` is durable. */
function filesToSync(local: LocalLog, state: FlushState, upTo: number): PooledFile[] {
  const files: PooledFile[] = []
  local.segments.forEach((segment, index) => {
    const end = local.endOf(index)
    if (end <= state.recoveryPoint || segment.baseOffset >= upTo || (segment.size === 0 && index > 0)) return
    if (index === local.segments.length - 1) files.push(segment.log)
    else files.push(...segment.files)
  })
  if (state.metadata) files.push(state.metadata)
  return files
}

/** Blocks until it is done. */
export function flushNow(local: LocalLog, epochs: LeaderEpochCache, state: FlushState): void {
  const upTo = local.logEndOffset
  for (const file of filesToSync(local, state, upTo)) file.sync()
  finish(local, state)
  saveEpochs(local, epochs)
  state.recoveryPoint = upTo
}

/** Syncs in the background; `done` gets an error text or null. */
export function flushLater(
  local: LocalLog, epochs: LeaderEpochCache, state: FlushState, upTo: number, done: (error: unknown) => void,
): void {
  const files = filesToSync(local, state, upTo)
  const { truncations } = state
  local.pool.syncLater(files, (error) => {
    if (error) return done(error)
    try {
      if (truncations === state.truncations) {
        finish(local, state)
        saveEpochs(local, epochs)
        state.recoveryPoint = Math.max(state.recoveryPoint, upTo)
      }
    } catch (failure) {
      return done(failure)
    }
    done(null)
  })
}

function finish(local: LocalLog, state: FlushState): void {
  if (local.directoryChanged) {
    local.pool.fs.syncDirectory(local.directory)
    local.directoryChanged = false
  }
  state.metadata?.release()
  state.metadata = null
}

/** Entries past what is durable are taken back by recovery, which derives them from the batches. */
export function saveEpochs(local: LocalLog, epochs: LeaderEpochCache): void {
  if (!epochs.dirty) return
  local.pool.fs.replaceFile(`${local.directory}/${LEADER_EPOCH_CHECKPOINT}`, encodeEpochs(epochs.entries))
  epochs.dirty = false
}
