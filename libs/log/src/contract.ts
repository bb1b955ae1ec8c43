/**
 * What the rest of Troupe sees of a partition's log. `PartitionLog` and `LogDirectory` (this library) implement it.
 *
 * Source of behaviour: Kafka's UnifiedLog, LocalLog, LogSegment, ProducerStateManager, LeaderEpochFileCache,
 * LogManager.
 */
import type { Compacted, CompactionJob } from './compaction.ts'
import type { Slice } from '@troupe/actor'
import type { ErrorCode } from '@troupe/wire/errors'

/** The topic's properties a log acts on, resolved (topic value, else broker value, else default); Kafka's names. */
export interface LogConfig {
  'segment.bytes': number
  'segment.ms': number
  'segment.jitter.ms': number
  'segment.index.bytes': number
  'index.interval.bytes': number
  'retention.bytes': number
  'retention.ms': number
  'delete.retention.ms': number
  'min.compaction.lag.ms': number
  'max.compaction.lag.ms': number
  'min.cleanable.dirty.ratio': number
  'cleanup.policy': readonly string[]
  'file.delete.delay.ms': number
  'flush.messages': number
  'flush.ms': number
  'max.message.bytes': number
  'message.timestamp.type': 'CreateTime' | 'LogAppendTime'
  'message.timestamp.before.max.ms': number
  'message.timestamp.after.max.ms': number
  'compression.type': string
  'compression.gzip.level': number
  'compression.lz4.level': number
  'compression.zstd.level': number
  preallocate: boolean
  /** Broker-wide `producer.id.expiration.ms`. */
  'producer.id.expiration.ms': number
}

export interface AppendRequest {
  readonly records: Uint8Array
  readonly now: number
  readonly leaderEpoch: number
  /**
   * `client` batches are validated as Kafka's LogValidator does; `coordinator` ones are our own (internal topics,
   * markers).
   */
  readonly origin: 'client' | 'coordinator'
  /**
   * Must be set to accept the first batch of a transaction (KIP-890): the replica has verified it. Ignored when not
   * transactional.
   */
  readonly transactionVerified?: boolean
  /** For markers (control batches): 1 or 2, which epoch rule to apply (KIP-1228). */
  readonly transactionVersion?: number
}

/** What became of an append. Nothing was written when `error` is not NONE. */
export interface AppendResult {
  readonly error: ErrorCode
  /** One of Kafka's per-batch error texts, or null. */
  readonly errorMessage: string | null
  readonly recordErrors: readonly { batchIndex: number; message: string | null }[]
  /** First offset, also of the original when this is a duplicate. −1 on error. */
  readonly baseOffset: number
  /** Last offset + 1: where the high watermark must be for acks=all. */
  readonly nextOffset: number
  /** −1 unless message.timestamp.type=LogAppendTime. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  readonly duplicate: boolean
}

export interface ReadRequest {
  readonly offset: number
  readonly maxBytes: number
  /** Exclusive: nothing at or past it is returned. LEO for followers, high watermark or LSO for consumers. */
  readonly upTo: number
  /** Return one whole batch although it is larger than `maxBytes`. */
  readonly minOneBatch: boolean
}

export interface ReadResult {
  /** Whole batches only (the last may be cut to whole batches); null when there is nothing. */
  readonly slice: Slice | null
  /** Base offset of the first returned batch. */
  readonly firstOffset: number
  /** Offset after the last returned batch, where that is known cheaply; else −1. */
  readonly nextOffset: number
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface EpochEndOffset {
  readonly leaderEpoch: number
  readonly endOffset: number
}

/** One producer, as DescribeProducers and the snapshot file show it. */
export interface ProducerView {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestamp: number
  readonly coordinatorEpoch: number
  /** −1 when no transaction is open here. */
  readonly currentTransactionStartOffset: number
}

/**
 * A partition's log on disk. Not safe to use after an offline error: every call then answers KAFKA_STORAGE_ERROR or
 * throws StorageError.
 */
export interface Log {
  readonly directory: string
  readonly topicId: string
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** Kept here, checkpointed by the directory; set by the replica. Never above the log end offset. */
  readonly highWatermark: number
  /** Clamped to [logStart, LEO]; returns whether it changed. May fall only after truncation. */
  setHighWatermark(offset: number): boolean
  /** min(high watermark, first offset of the oldest open transaction): what read_committed may see. */
  readonly lastStableOffset: number
  /** Bytes in all segments. */
  readonly sizeInBytes: number
  /** Epoch of the last entry in the leader-epoch cache, −1 if none. */
  readonly latestEpoch: number
  /** null while healthy. */
  readonly offlineReason: string | null

  append(request: AppendRequest): AppendResult
  /** Appends batches as they are (offsets and epochs already assigned by the leader). Checks contiguity and CRC. */
  appendAsFollower(records: Uint8Array, now: number): AppendResult
  /** Writes a transaction marker; same checks as Kafka's ProducerAppendInfo.appendEndTxnMarker. */
  appendEndTxnMarker(marker: {
    producerId: number
    producerEpoch: number
    coordinatorEpoch: number
    commit: boolean
    transactionVersion: number
    leaderEpoch: number
    now: number
  }): AppendResult

  /** Error OFFSET_OUT_OF_RANGE outside [logStart, LEO] is the caller's to check; here such a read returns nothing. */
  read(request: ReadRequest): ReadResult
  /** Aborted transactions that overlap [from, to), for a read_committed fetch. */
  abortedTransactions(from: number, to: number): AbortedTransaction[]

  /** A transaction of this producer is open here (its first batch is in the log, no marker yet). */
  hasOngoingTransaction(producerId: number, producerEpoch: number): boolean
  /** Epoch known for the producer here, −1 if none. */
  producerEpoch(producerId: number): number
  producers(): ProducerView[]
  /** Forgets producers idle for `producer.id.expiration.ms`. */
  expireProducers(now: number): void

  /** Records (epoch, LEO) at election, also when nothing is appended in it (KAFKA-7415). */
  assignLeaderEpoch(epoch: number, startOffset: number): void
  /** Largest epoch ≤ the one asked and its end offset (KIP-101/279); {−1, −1} if none. LEO for the latest epoch. */
  endOffsetForEpoch(epoch: number): EpochEndOffset
  /** Start offset of an epoch in the cache, −1 if it is not there. */
  epochStartOffset(epoch: number): number
  /** Epoch of the record at `offset`, −1 if unknown. */
  epochForOffset(offset: number): number

  /** First offset with timestamp ≥ `timestamp`, decompressing one batch if need be; null if there is none. */
  offsetForTimestamp(timestamp: number, upTo: number): { offset: number; timestamp: number; leaderEpoch: number } | null
  /** The record with the largest timestamp (KIP-734); null for an empty log. */
  offsetOfMaxTimestamp(): { offset: number; timestamp: number; leaderEpoch: number } | null

  truncateTo(offset: number): void
  /** Empties the log and starts it at `offset` (a follower that fell out of the leader's range). */
  truncateFullyAndStartAt(offset: number): void
  /** DeleteRecords and the leader's log start: never past the high watermark. Returns whether it moved. */
  advanceLogStart(offset: number): boolean

  /** Applies a changed configuration from the next append on. */
  configure(config: LogConfig): void
  /**
   * Rolls the active segment if its time has come (`segment.ms`); retention by time, size and log start. Returns
   * segments removed.
   */
  applyRetention(now: number): number
  /** Makes everything up to LEO durable now and moves the recovery point. */
  flush(): void
  readonly recoveryPoint: number
  /** Messages appended since the last flush, and when that was: for flush.messages and flush.ms. */
  readonly unflushedMessages: number
  readonly lastFlushTimeMs: number
  /** Group commit: fsync in the background, then move the recovery point; `done(null)` or `done(error text)`. */
  flushLater(now: number, done: (error: string | null) => void): void

  /** Segments by base offset, for tests, tools and DescribeLogDirs. */
  segments(): { baseOffset: number; sizeInBytes: number; largestTimestamp: number }[]
  close(): void
}

export interface CleanedLog {
  readonly directory: string
  readonly bytesRead: number
  readonly bytesKept: number
}

export interface CleanElsewhere {
  /** Logs with so many bytes to read, and more. */
  readonly fromBytes: number
  /** Of the files that are written: `.tmp` at its end, so that a crash removes them, and unlike that of any other job. */
  readonly suffix: string
}

export type CleanStep = 'more' | CleanedLog | { readonly job: CompactionJob } | null

/** One broker's `log.dirs` directory: its logs, meta.properties and checkpoint files. Owner: the log-manager actor. */
export interface LogStore {
  readonly path: string
  /** The directory.id of meta.properties. */
  readonly directoryId: string
  /** Whether the last stop was clean (`.kafka_cleanshutdown`), read and deleted before any log is loaded (Z13). */
  readonly cleanShutdown: boolean
  /**
   * Opens or creates `topic-partition`; recovers what a crash left. A directory of the same name with another topic
   * id is set aside as stray.
   */
  open(topic: string, topicId: string, partition: number, config: LogConfig, now: number): Log
  get(topicId: string, partition: number): Log | undefined
  logs(): Iterable<Log>
  /** Topic partitions found on disk at start: `{ topic, partition, topicId }`. */
  onDisk(): { topic: string; partition: number; topicId: string }[]
  /** Renames to `….-delete` now, removes after file.delete.delay.ms by `removeDeleted`. */
  delete(topicId: string, partition: number, now: number): void
  removeDeleted(now: number): void
  /** recovery-point-offset-checkpoint, replication-offset-checkpoint, log-start-offset-checkpoint. */
  writeCheckpoints(): void
  /**
   * The same without waiting for the disk: a broker's thread serves clients meanwhile. What went wrong the last time is
   * thrown, and tried again. False, and nothing done, while one is under way.
   */
  writeCheckpointsLater(): boolean
  /**
   * One pass of the cleaner over the dirtiest log that needs it; null if none did. Bounded by high watermark and LSO.
   */
  cleanOne(now: number): CleanedLog | null
  /**
   * A part of such a pass, about `maxBytes` read, so that a large log stops nobody: 'more' until the pass is finished.
   * The result of a finished pass; null when no log needs cleaning. A large log is not cleaned here when there is an
   * `elsewhere`: the job is to be done there, and `finishCleaning` called with its outcome.
   */
  cleanStep(now: number, maxBytes: number, elsewhere?: CleanElsewhere): CleanStep
  /** Adopts what was compacted elsewhere if the log is still what it was; null: it was not to be had, or of no use any more. */
  finishCleaning(compacted: Compacted | null): CleanedLog | null
  sizeOnDisk(): { totalBytes: number; usableBytes: number }
  /** The broker epoch in the marker of a clean stop, −1 if there was none (KIP-966: an unclean stop shows by it). */
  readonly previousBrokerEpoch: number
  /**
   * Flushes, checkpoints and writes `.kafka_cleanshutdown` with this broker epoch; without one, with the epoch that
   * was there.
   */
  closeCleanly(brokerEpoch?: number): void
}
