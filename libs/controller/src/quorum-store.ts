/**
 * What the quorum keeps on disk: the log of `__cluster_metadata`, its snapshots, and who was voted for.
 *
 * The port of the `controller` actor. `FileQuorumStore` implements it over the `FileSystem` port in Kafka's formats.
 * Everything is synchronous: the metadata log is small and written seldom, and a vote or an append that is not on disk
 * must not be answered, so its fsync is part of the step.
 */
export interface OffsetAndEpoch {
  readonly offset: number
  readonly epoch: number
}

/** Kafka's `quorum-state` file. −1: none. */
export interface ElectionState {
  readonly epoch: number
  readonly leaderId: number
  readonly votedId: number
  /** Directory id of the candidate that was voted for (KIP-853). */
  readonly votedDirectoryId: string
}

export interface QuorumStore {
  readonly clusterId: string
  readonly directoryId: string

  readElection(): ElectionState | null
  /** On disk when it returns, unless `durable` is false (safeguard raftSyncVote). */
  writeElection(state: ElectionState, durable: boolean): void

  /** First offset still in the log; what was before is in a snapshot. */
  readonly startOffset: number
  readonly endOffset: number
  /** Everything before it is on disk. */
  readonly syncedOffset: number
  /** Epoch of the last record, of the snapshot when the log is empty, 0 when there is neither. */
  readonly lastEpoch: number
  readonly sizeInBytes: number
  /** Whole batches that continue the log; a gap, a falling epoch or a wrong crc throws. */
  append(batches: Uint8Array): void
  sync(): void
  /** Whole batches from the one that holds `offset` on; at least one if there is one. */
  read(offset: number, maxBytes: number): Uint8Array
  truncateTo(offset: number): void
  /** Largest epoch ≤ `epoch` and its end; epoch −1 when there is none. */
  endOffsetForEpoch(epoch: number): { epoch: number; endOffset: number }

  latestSnapshot(): OffsetAndEpoch | null
  snapshotSize(id: OffsetAndEpoch): number
  readSnapshot(id: OffsetAndEpoch, position: number, maxBytes: number): Uint8Array
  /** Whole snapshot; durable, and only then visible. */
  writeSnapshot(id: OffsetAndEpoch, bytes: Uint8Array): void
  /** A snapshot that replaces the whole log (a follower that fell behind the leader's log start). */
  installSnapshot(id: OffsetAndEpoch, bytes: Uint8Array): void
  /** Drops segments and snapshots that the latest snapshot makes superfluous, down to `retainBytes` of log. */
  trim(retainBytes: number): void
  close(): void
}
