/**
 * One `log.dirs` directory of a broker: its logs, its identity (meta.properties) and the checkpoints that span all
 * logs.
 *
 * Source of behaviour: LogManager, MetaPropertiesEnsemble. The clean-shutdown marker is deleted before any log is
 * looked at, so that a crash during start-up is never taken for a clean stop (Z13).
 */
import { allSafeguards } from '@troupe/actor'
import { uuidToBytes } from '@troupe/wire/uuid'
import {
  decodeCleanShutdown,
  decodeMetaProperties,
  decodeOffsets,
  decodePartitionMetadata,
  encodeCleanShutdown,
  encodeMetaProperties,
  encodeOffsets,
  encodePartitionMetadata,
  type OffsetEntry,
} from './checkpoint-file.ts'
import type { CleanerLimits } from './cleaner.ts'
import type { Compacted } from './compaction.ts'
import { DirectoryCleaner } from './directory-cleaner.ts'
import type { CleanElsewhere, CleanStep, CleanedLog, LogConfig, LogStore } from './contract.ts'
import {
  CLEANER_CHECKPOINT,
  CLEAN_SHUTDOWN,
  DELETE_DIRECTORY_SUFFIX,
  HIGH_WATERMARK_CHECKPOINT,
  LOG_START_CHECKPOINT,
  META_PROPERTIES,
  PARTITION_METADATA,
  RECOVERY_POINT_CHECKPOINT,
  STRAY_DIRECTORY_SUFFIX,
  parseLogDirectoryName,
} from './file-names.ts'
import { FilePool, type PooledFile } from './file-pool.ts'
import { StorageError, type FileSystem } from './file-system.ts'
import { PartitionLog, type LogSafeguards } from './partition-log.ts'

export interface DirectoryIdentity {
  readonly clusterId: string
  readonly nodeId: number
  /** Needed for a new directory only. */
  readonly directoryId?: string
}

export interface DirectoryOptions {
  /** File descriptors kept open at most. */
  readonly maxOpenFiles?: number
  readonly safeguards?: LogSafeguards
  readonly cleaner?: Partial<CleanerLimits>
}

/** The directory belongs to another cluster or node, or its meta.properties cannot be read. */
export class ForeignDirectoryError extends Error {}

const EPOCH_FILES_PER_CHECKPOINT = 8
const METADATA_TOPIC = '__cluster_metadata'

export class LogDirectory implements LogStore {
  readonly path: string
  readonly directoryId: string
  readonly cleanShutdown: boolean
  readonly previousBrokerEpoch: number
  readonly #fs: FileSystem
  readonly #pool: FilePool
  readonly #safeguards: LogSafeguards
  readonly #logs = new Map<string, PartitionLog>()
  /** By directory name; what the files said at the start, until a log takes over. */
  readonly #recoveryPoints: Map<string, number>
  readonly #highWatermarks: Map<string, number>
  readonly #logStarts: Map<string, number>
  readonly #cleanedUpTo: Map<string, number>
  readonly #cleaner: DirectoryCleaner
  #markerIsThere: boolean
  #deleted: { path: string; at: number }[]
  /** Files of `writeCheckpointsLater` that are not on disk yet, and what the disk said. */
  #checkpointing = 0
  #checkpointTrouble: unknown = null

  static open(fs: FileSystem, path: string, identity: DirectoryIdentity, options: DirectoryOptions = {}): LogDirectory {
    if (!fs.exists(path)) fs.makeDirectory(path)
    return new LogDirectory(fs, path, ensureIdentity(fs, path, identity), options)
  }

  private constructor(fs: FileSystem, path: string, directoryId: string, options: DirectoryOptions) {
    this.#fs = fs
    this.path = path
    this.directoryId = directoryId
    this.#safeguards = options.safeguards ?? allSafeguards
    this.#pool = new FilePool(fs, options.maxOpenFiles)
    this.#cleaner = new DirectoryCleaner({
      logs: () => this.#logs.values(),
      pool: this.#pool,
      limits: options.cleaner,
      // Where the cleaner works, recovery must not take a gap for a loss.
      before: () => this.#writeOffsetsOfLogs(),
      after: () => this.#writeCleaned(),
    })
    const bytes = fs.readFile(`${path}/${CLEAN_SHUTDOWN}`)
    this.cleanShutdown = bytes !== undefined
    this.previousBrokerEpoch = bytes ? decodeCleanShutdown(bytes) : -1
    this.#markerIsThere = this.cleanShutdown
    if (this.#safeguards.deleteMarkerFirst) this.#removeMarker()
    this.#recoveryPoints = this.#readOffsets(RECOVERY_POINT_CHECKPOINT)
    this.#highWatermarks = this.#readOffsets(HIGH_WATERMARK_CHECKPOINT)
    this.#logStarts = this.#readOffsets(LOG_START_CHECKPOINT)
    this.#cleanedUpTo = this.#readOffsets(CLEANER_CHECKPOINT)
    this.#deleted = fs
      .list(path)
      .filter((name) => name.endsWith(DELETE_DIRECTORY_SUFFIX))
      .map((name) => ({ path: `${path}/${name}`, at: 0 }))
  }

  open(topic: string, topicId: string, partition: number, config: LogConfig, now: number): PartitionLog {
    const key = keyOf(topicId, partition)
    const open = this.#logs.get(key)
    if (open) return open
    const name = `${topic}-${partition}`
    const directory = `${this.path}/${name}`
    const metadata = this.#prepare(name, directory, topicId)
    const log = new PartitionLog({
      topic,
      topicId,
      partition,
      directory,
      config,
      now,
      metadata,
      pool: this.#pool,
      clean: this.cleanShutdown,
      recoveryPoint: this.#recoveryPoints.get(name),
      logStartOffset: this.#logStarts.get(name) ?? 0,
      highWatermark: this.#highWatermarks.get(name) ?? 0,
      cleanedUpTo: this.#cleanedUpTo.get(name) ?? 0,
      safeguards: this.#safeguards,
      checkpoint: () => this.#writeOffsetsOfLogs(),
    })
    this.#logs.set(key, log)
    if (this.#markerIsThere && this.onDisk().every((each) => this.get(each.topicId, each.partition))) {
      this.#removeMarker()
    }
    return log
  }

  #removeMarker(): void {
    if (!this.#markerIsThere) return
    this.#fs.unlink(`${this.path}/${CLEAN_SHUTDOWN}`)
    this.#fs.syncDirectory(this.path)
    this.#markerIsThere = false
  }

  /** Makes the directory, or the one that is there ours. Returns partition.metadata where it had to be written. */
  #prepare(name: string, directory: string, topicId: string): PooledFile | null {
    const fs = this.#fs
    const exists = fs.exists(directory)
    const file = `${directory}/${PARTITION_METADATA}`
    if (exists) {
      const bytes = fs.readFile(file)
      const found = bytes && decodePartitionMetadata(bytes)
      if (found === topicId) return null
      // Without an id, or with a torn one, it is the log that was being made here when the power went.
      if (found !== undefined) this.#setAside(name, directory, found, STRAY_DIRECTORY_SUFFIX)
    }
    if (!fs.exists(directory)) {
      fs.makeDirectory(directory)
      for (const offsets of [this.#recoveryPoints, this.#highWatermarks, this.#logStarts, this.#cleanedUpTo])
        offsets.delete(name)
    }
    const metadata = this.#pool.file(file)
    metadata.truncate(0)
    metadata.append([encodePartitionMetadata(topicId)])
    metadata.release()
    return metadata
  }

  #setAside(name: string, directory: string, topicId: string, suffix: string): string {
    const unique = Array.from(uuidToBytes(topicId), (byte) => byte.toString(16).padStart(2, '0')).join('')
    let path = `${this.path}/${name}.${unique}${suffix}`
    for (let i = 1; this.#fs.exists(path); i++) path = `${this.path}/${name}.${unique}.${i}${suffix}`
    this.#fs.rename(directory, path)
    this.#fs.syncDirectory(this.path)
    return path
  }

  get(topicId: string, partition: number): PartitionLog | undefined {
    return this.#logs.get(keyOf(topicId, partition))
  }

  logs(): Iterable<PartitionLog> {
    return this.#logs.values()
  }

  onDisk(): { topic: string; partition: number; topicId: string }[] {
    const found: { topic: string; partition: number; topicId: string }[] = []
    for (const name of this.#fs.list(this.path)) {
      const parsed = parseLogDirectoryName(name)
      if (!parsed || !this.#isLog(name)) continue
      const bytes = this.#fs.readFile(`${this.path}/${name}/${PARTITION_METADATA}`)
      found.push({ ...parsed, topicId: (bytes && decodePartitionMetadata(bytes)) ?? '' })
    }
    return found
  }

  /** A file may be named like a partition. */
  #isLog(name: string): boolean {
    return this.#fs.list(`${this.path}/${name}`).length > 0
  }

  delete(topicId: string, partition: number, now: number): void {
    const key = keyOf(topicId, partition)
    const log = this.#logs.get(key)
    if (!log) return
    this.#logs.delete(key)
    log.local.abandon()
    const name = nameOf(log)
    const path = this.#setAside(name, log.directory, topicId, DELETE_DIRECTORY_SUFFIX)
    this.#deleted.push({ path, at: now + log.config['file.delete.delay.ms'] })
    log.goOffline('deleted')
    const known = this.#recoveryPoints.delete(name)
    this.#highWatermarks.delete(name)
    this.#logStarts.delete(name)
    this.#cleanedUpTo.delete(name)
    // A topic made again under this name must not inherit what the files say.
    if (known || log.recoveryPoint > 0) this.#writeOffsetsOfLogs()
  }

  removeDeleted(now: number): void {
    const due = this.#deleted.filter((each) => each.at <= now)
    for (const { path } of due) this.#fs.removeTree(path)
    if (due.length > 0) this.#deleted = this.#deleted.filter((each) => each.at > now)
  }

  writeCheckpoints(): void {
    this.#writeOffsetsOfLogs()
    this.#writeOffsets(HIGH_WATERMARK_CHECKPOINT, this.#takeHighWatermarks())
    for (const log of this.#withNewEpochs()) log.saveEpochs()
  }

  writeCheckpointsLater(): boolean {
    if (this.#checkpointing > 0) return false
    const trouble = this.#checkpointTrouble
    this.#checkpointTrouble = null
    this.#takeOffsetsOfLogs(false)
    this.#writeOffsetsLater(RECOVERY_POINT_CHECKPOINT, this.#recoveryPoints)
    this.#writeOffsetsLater(LOG_START_CHECKPOINT, this.#logStarts)
    this.#writeOffsetsLater(HIGH_WATERMARK_CHECKPOINT, this.#takeHighWatermarks())
    for (const log of this.#withNewEpochs()) log.saveEpochsLater(this.#checkpointDone())
    if (trouble !== null) throw trouble
    return true
  }

  #checkpointDone(): (error: unknown) => void {
    this.#checkpointing += 1
    return (error) => {
      this.#checkpointing -= 1
      this.#checkpointTrouble ??= error
    }
  }

  /** Each costs a sync, and losing one costs nothing but a scan: a few per turn. */
  #withNewEpochs(): PartitionLog[] {
    const found: PartitionLog[] = []
    for (const log of this.#logs.values()) {
      if (found.length === EPOCH_FILES_PER_CHECKPOINT) break
      if (log.epochs.dirty && log.offlineReason === null && log.logEndOffset > 0) found.push(log)
    }
    return found
  }

  #takeHighWatermarks(): ReadonlyMap<string, number> {
    for (const log of this.#logs.values()) this.#highWatermarks.set(nameOf(log), log.highWatermark)
    return this.#highWatermarks
  }

  #takeOffsetsOfLogs(atOnce: boolean): void {
    for (const log of this.#logs.values()) {
      const name = nameOf(log)
      this.#recoveryPoints.set(name, log.checkpointRecoveryPoint(atOnce))
      if (log.logStartOffset > log.local.segments[0].baseOffset) this.#logStarts.set(name, log.logStartOffset)
      else this.#logStarts.delete(name)
    }
  }

  #writeOffsetsOfLogs(): void {
    this.#takeOffsetsOfLogs(true)
    this.#writeOffsets(RECOVERY_POINT_CHECKPOINT, this.#recoveryPoints)
    this.#writeOffsets(LOG_START_CHECKPOINT, this.#logStarts)
  }

  cleanOne(now: number): CleanedLog | null {
    for (;;) {
      const step = this.cleanStep(now, Infinity)
      if (step === null || (step !== 'more' && !('job' in step))) return step
    }
  }

  cleanStep(now: number, maxBytes: number, elsewhere?: CleanElsewhere): CleanStep {
    return this.#cleaner.step(now, maxBytes, elsewhere)
  }

  finishCleaning(compacted: Compacted | null): CleanedLog | null {
    return this.#cleaner.finish(compacted)
  }

  #writeCleaned(): void {
    for (const log of this.#logs.values()) if (log.cleanedUpTo > 0) this.#cleanedUpTo.set(nameOf(log), log.cleanedUpTo)
    this.#writeOffsets(CLEANER_CHECKPOINT, this.#cleanedUpTo)
  }

  sizeOnDisk(): { totalBytes: number; usableBytes: number } {
    return this.#fs.diskSpace?.(this.path) ?? { totalBytes: -1, usableBytes: -1 }
  }

  closeCleanly(brokerEpoch = this.previousBrokerEpoch): void {
    let clean = true
    for (const log of this.#logs.values()) clean = closeLog(log) && clean
    if (!clean || !this.#areAllRecovered()) return
    this.writeCheckpoints()
    this.#fs.replaceFile(`${this.path}/${CLEAN_SHUTDOWN}`, encodeCleanShutdown(brokerEpoch))
  }

  /** After a crash, a stop before everything was opened leaves logs behind that nobody has checked (KAFKA-10471). */
  #areAllRecovered(): boolean {
    if (this.cleanShutdown) return true
    // The quorum's own log is opened elsewhere, and recovered whenever it is.
    const logs = this.onDisk().filter(({ topic }) => topic !== METADATA_TOPIC)
    return logs.every(({ topicId, partition }) => this.get(topicId, partition) !== undefined)
  }

  #readOffsets(file: string): Map<string, number> {
    const bytes = this.#fs.readFile(`${this.path}/${file}`)
    const entries = (bytes && decodeOffsets(bytes)) ?? []
    return new Map(entries.map(({ topic, partition, offset }) => [`${topic}-${partition}`, offset]))
  }

  #writeOffsets(file: string, offsets: ReadonlyMap<string, number>): void {
    this.#fs.replaceFile(`${this.path}/${file}`, encodeOffsets(offsetEntries(offsets)))
  }

  #writeOffsetsLater(file: string, offsets: ReadonlyMap<string, number>): void {
    this.#fs.replaceFileLater(`${this.path}/${file}`, encodeOffsets(offsetEntries(offsets)), this.#checkpointDone())
  }
}

function offsetEntries(offsets: ReadonlyMap<string, number>): OffsetEntry[] {
  const entries: OffsetEntry[] = []
  for (const [name, offset] of offsets) {
    const parsed = parseLogDirectoryName(name)
    if (parsed) entries.push({ ...parsed, offset })
  }
  return entries
}

const keyOf = (topicId: string, partition: number): string => `${topicId}:${partition}`
const nameOf = (log: PartitionLog): string => `${log.topic}-${log.partition}`

function closeLog(log: PartitionLog): boolean {
  const healthy = log.offlineReason === null
  try {
    log.close()
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return false
  }
  return healthy
}

/** Validates meta.properties, or writes it. Returns the directory id. */
function ensureIdentity(fs: FileSystem, path: string, { clusterId, nodeId, directoryId }: DirectoryIdentity): string {
  const file = `${path}/${META_PROPERTIES}`
  const bytes = fs.readFile(file)
  const found = bytes && decodeMetaProperties(bytes)
  if (bytes && !found) throw new ForeignDirectoryError(`${file} is not a meta.properties of version 1`)
  if (found && (found.clusterId !== clusterId || found.nodeId !== nodeId)) {
    throw new ForeignDirectoryError(
      `${path} belongs to node ${found.nodeId} of cluster ${found.clusterId}, not to node ${nodeId} of cluster ${clusterId}`,
    )
  }
  if (found && found.directoryId !== '') return found.directoryId
  if (directoryId === undefined) throw new ForeignDirectoryError(`${path} has no directory.id yet, and none was given`)
  fs.replaceFile(file, encodeMetaProperties({ clusterId, nodeId, directoryId }))
  return directoryId
}
