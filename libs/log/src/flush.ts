/**
 * Makes a log durable up to an offset: segments, then the leader epochs, then the recovery point may move.
 *
 * The order is the safety: the epoch file never tells of bytes (or of a truncation) that could be lost, and
 * everything past the recovery point is checked again after a crash. The active segment's offset and time index are
 * not synced: recovery rebuilds them, and shorter ones only make look-ups longer. The transaction index is, because
 * an entry that is missing from it goes unnoticed.
 */
import { encodeEpochs } from './checkpoint-file.ts'
import { LEADER_EPOCH_CHECKPOINT } from './file-names.ts'
import type { PooledFile } from './file-pool.ts'
import type { FileSystem } from './file-system.ts'
import type { LeaderEpochCache } from './leader-epoch-cache.ts'
import type { LocalLog } from './local-log.ts'
import type { TransactionIndex } from './transaction-index.ts'

export interface FlushState {
  recoveryPoint: number
  /** Rises whenever bytes that may be under way to the disk are cut off. */
  truncations: number
  /** As many of them are on the disk. */
  durableTruncations: number
  /** partition.metadata until it has been synced: no data is durable before the topic id is. */
  metadata: PooledFile | null
  readonly syncEpochFile: boolean
}

/** A sync that is under way: the files, and what is known to be durable when it is done. */
interface Batch {
  readonly files: PooledFile[]
  readonly transactionIndexes: { index: TransactionIndex; count: number }[]
}

/** What must be synced so that everything below `upTo` is durable. */
function unsynced(local: LocalLog, state: FlushState, upTo: number): Batch {
  const files: PooledFile[] = []
  const transactionIndexes: Batch['transactionIndexes'] = []
  const last = local.segments.length - 1
  local.segments.forEach((segment, i) => {
    const wasCut = i === last && state.truncations !== state.durableTruncations
    if (wasCut && segment.size === 0) files.push(segment.log)
    if (local.endOf(i) <= state.recoveryPoint || segment.baseOffset >= upTo || (segment.size === 0 && i > 0)) return
    const { log, offsetIndex, timeIndex, transactionIndex: index } = segment
    files.push(log)
    if (i < last) files.push(offsetIndex.file, timeIndex.file)
    if (!index.hasUnsynced) return
    files.push(index.file)
    transactionIndexes.push({ index, count: index.count })
    // Its first entry made the file.
    local.directoryChanged = true
  })
  if (state.metadata) files.push(state.metadata)
  return { files, transactionIndexes }
}

/** Blocks until it is done. */
export function flushNow(local: LocalLog, epochs: LeaderEpochCache, state: FlushState): void {
  const upTo = local.logEndOffset
  const batch = unsynced(local, state, upTo)
  for (const file of batch.files) file.sync()
  finish(local, epochs, state, batch)
  state.recoveryPoint = upTo
}

/** Something was written or cut off since the last flush. */
export function needsFlush(local: LocalLog, state: FlushState): boolean {
  return local.logEndOffset > 0 || state.truncations !== state.durableTruncations
}

/** Syncs in the background; `done` gets the error or null. */
export function flushLater(
  local: LocalLog,
  epochs: LeaderEpochCache,
  state: FlushState,
  upTo: number,
  done: (error: unknown) => void,
): void {
  const batch = unsynced(local, state, upTo)
  const { truncations } = state
  local.pool.syncLater(batch.files, (error) => {
    if (error) return done(error)
    try {
      // What was synced may have been cut off meanwhile.
      if (truncations === state.truncations) {
        finish(local, epochs, state, batch)
        state.recoveryPoint = Math.max(state.recoveryPoint, upTo)
      }
    } catch (failure) {
      return done(failure)
    }
    done(null)
  })
}

function finish(local: LocalLog, epochs: LeaderEpochCache, state: FlushState, { transactionIndexes }: Batch): void {
  for (const { index, count } of transactionIndexes) index.markSynced(count)
  if (local.directoryChanged) {
    local.pool.fs.syncDirectory(local.directory)
    local.directoryChanged = false
  }
  state.durableTruncations = state.truncations
  state.metadata?.release()
  state.metadata = null
  saveEpochs(local, epochs, state)
}

type EpochFileOptions = Pick<FlushState, 'syncEpochFile'>

/** Entries past what is durable are taken back by recovery, which derives them from the batches. */
export function saveEpochs(local: LocalLog, epochs: LeaderEpochCache, { syncEpochFile }: EpochFileOptions): void {
  if (!epochs.dirty) return
  const path = `${local.directory}/${LEADER_EPOCH_CHECKPOINT}`
  if (syncEpochFile) local.pool.fs.replaceFile(path, encodeEpochs(epochs.entries))
  else replaceUnsynced(local.pool.fs, path, encodeEpochs(epochs.entries))
  epochs.saved(epochs.version)
}

/** The same in the background. What is changed or cut off meanwhile makes the cache dirty again. */
export function saveEpochsLater(
  local: LocalLog,
  epochs: LeaderEpochCache,
  { syncEpochFile }: EpochFileOptions,
  done: (error: unknown) => void,
): void {
  const { version } = epochs
  const path = `${local.directory}/${LEADER_EPOCH_CHECKPOINT}`
  const bytes = encodeEpochs(epochs.entries)
  if (!syncEpochFile) {
    replaceUnsynced(local.pool.fs, path, bytes)
    epochs.saved(version)
    return done(null)
  }
  local.pool.fs.replaceFileLater(path, bytes, (error) => {
    if (error === null) epochs.saved(version)
    done(error)
  })
}

/** As Kafka did before KAFKA-16541: a loss of power leaves this file, the one before, or half of this one. */
function replaceUnsynced(fs: FileSystem, path: string, bytes: Uint8Array): void {
  const handle = fs.open(`${path}.tmp`)
  handle.truncate(0)
  handle.append([bytes])
  handle.close()
  fs.rename(`${path}.tmp`, path)
}
