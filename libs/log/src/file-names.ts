/**
 * Names of the files and directories of a log, as Kafka's LogFileUtils and LocalLog give them.
 */

export const LOG_SUFFIX = '.log'
export const OFFSET_INDEX_SUFFIX = '.index'
export const TIME_INDEX_SUFFIX = '.timeindex'
export const TRANSACTION_INDEX_SUFFIX = '.txnindex'
export const SNAPSHOT_SUFFIX = '.snapshot'
/** Waits for removal. */
export const DELETED_SUFFIX = '.deleted'
/** Written by the cleaner, not complete: worthless after a crash. */
export const CLEANED_SUFFIX = '.cleaned'
/** Complete output of the cleaner, about to take the place of its sources: to be finished after a crash. */
export const SWAP_SUFFIX = '.swap'
export const DELETE_DIRECTORY_SUFFIX = '-delete'
export const STRAY_DIRECTORY_SUFFIX = '-stray'

export const LEADER_EPOCH_CHECKPOINT = 'leader-epoch-checkpoint'
export const PARTITION_METADATA = 'partition.metadata'
export const META_PROPERTIES = 'meta.properties'
export const CLEAN_SHUTDOWN = '.kafka_cleanshutdown'
export const RECOVERY_POINT_CHECKPOINT = 'recovery-point-offset-checkpoint'
export const LOG_START_CHECKPOINT = 'log-start-offset-checkpoint'
export const HIGH_WATERMARK_CHECKPOINT = 'replication-offset-checkpoint'
export const CLEANER_CHECKPOINT = 'cleaner-offset-checkpoint'

/** The four files of a segment. */
export const SEGMENT_SUFFIXES = [LOG_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX] as const

export function offsetName(offset: number): string {
  return String(offset).padStart(20, '0')
}

/** The offset that a file's name begins with, −1 if it has none. */
export function offsetOfName(name: string): number {
  const digits = /^(\d{20})\./.exec(name)
  return digits ? Number(digits[1]) : -1
}

/** `topic-partition` → its parts; undefined for other directories (also those that wait for deletion). */
export function parseLogDirectoryName(name: string): { topic: string; partition: number } | undefined {
  if (name.endsWith(DELETE_DIRECTORY_SUFFIX) || name.endsWith(STRAY_DIRECTORY_SUFFIX)) return undefined
  const parts = /^([a-zA-Z0-9._-]+)-(\d+)$/.exec(name)
  return parts ? { topic: parts[1], partition: Number(parts[2]) } : undefined
}
