/**
 * The quorum's disk without files: log, vote and snapshots in plain sight, with what a power loss would take marked as
 * such. Cheap to copy and to hash: batches are never changed, so worlds share them.
 *
 * It behaves like `FileQuorumStore` with one segment that is never full, which a property test holds the two to. What is
 * not synced: batches past `syncedOffset`, and an election state that was written without `durable`. Everything else is
 * on disk when its call returns, truncations and snapshots included, as there.
 */
import type { ElectionState, OffsetAndEpoch, QuorumStore } from '@troupe/controller/quorum-store'
import {
  baseOffset,
  computeCrc,
  crc,
  forEachBatch,
  lastOffset,
  partitionLeaderEpoch,
  sizeInBytes,
} from '@troupe/wire/record-batch'
import { KafkaError } from '@troupe/wire/errors'
import { WireError } from '@troupe/wire/wire-error'

/** Never changed once made. */
export interface QuorumBatch {
  readonly baseOffset: number
  /** Offset after its last record. */
  readonly nextOffset: number
  readonly epoch: number
  readonly crc: number
  readonly bytes: Uint8Array
}

export interface QuorumSnapshotFile {
  readonly id: OffsetAndEpoch
  readonly bytes: Uint8Array
}

const EMPTY = new Uint8Array(0)

export class IdealQuorumStore implements QuorumStore {
  readonly clusterId: string
  readonly directoryId: string
  batches: readonly QuorumBatch[] = []
  startOffset = 0
  syncedOffset = 0
  /** Oldest first. */
  snapshots: readonly QuorumSnapshotFile[] = []
  election: ElectionState | null = null
  /** What a power loss goes back to. */
  syncedElection: ElectionState | null = null

  constructor(clusterId: string, directoryId: string) {
    this.clusterId = clusterId
    this.directoryId = directoryId
  }

  /** Shares only what never changes. */
  clone(): IdealQuorumStore {
    const copy = new IdealQuorumStore(this.clusterId, this.directoryId)
    copy.batches = this.batches
    copy.startOffset = this.startOffset
    copy.syncedOffset = this.syncedOffset
    copy.snapshots = this.snapshots
    copy.election = this.election
    copy.syncedElection = this.syncedElection
    return copy
  }

  /**
   * Of what was not synced, `batches` batches stay, and the election state if `election`; without them all of it is lost.
   * A process that dies alone loses nothing: then `restart` is all there is.
   */
  powerLoss(keep: { readonly batches?: number; readonly election?: boolean } = {}): void {
    const synced = this.batches.filter((batch) => batch.nextOffset <= this.syncedOffset).length
    this.batches = this.batches.slice(0, synced + (keep.batches ?? 0))
    if (keep.election !== true) this.election = this.syncedElection
    this.syncedElection = this.election
    this.restart()
  }

  /** What opening does: a log that ends before the latest snapshot goes on behind it; what recovery keeps is synced. */
  restart(): void {
    const base = this.latestSnapshot()?.offset ?? 0
    if (this.endOffset < base) {
      this.batches = []
      this.startOffset = base
    }
    this.syncedOffset = this.endOffset
  }

  readElection(): ElectionState | null {
    return this.election
  }

  writeElection(state: ElectionState, durable: boolean): void {
    this.election = state
    if (durable) this.syncedElection = state
  }

  get endOffset(): number {
    return this.batches.length > 0 ? this.batches[this.batches.length - 1].nextOffset : this.startOffset
  }

  get lastEpoch(): number {
    const last = this.batches[this.batches.length - 1]
    return last !== undefined ? last.epoch : (this.latestSnapshot()?.epoch ?? 0)
  }

  get sizeInBytes(): number {
    return this.batches.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  append(bytes: Uint8Array): void {
    const added: QuorumBatch[] = []
    let next = this.endOffset
    let epoch = this.batches.length > 0 ? this.lastEpoch : -1
    forEachBatch(bytes, (position) => {
      const batch = batchAt(bytes, position)
      if (batch === null || batch.baseOffset !== next || batch.epoch < epoch) {
        throw new WireError(`metadata batch does not continue the log at ${next}`, KafkaError.CORRUPT_MESSAGE)
      }
      added.push(batch)
      next = batch.nextOffset
      epoch = batch.epoch
    })
    this.batches = [...this.batches, ...added]
  }

  sync(): void {
    this.syncedOffset = this.endOffset
  }

  read(offset: number, maxBytes: number): Uint8Array {
    if (offset < this.startOffset || offset >= this.endOffset) return EMPTY
    const first = this.batches.findIndex((batch) => batch.nextOffset > offset)
    let last = first
    let size = 0
    while (last < this.batches.length && (size === 0 || size + this.batches[last].bytes.length <= maxBytes)) {
      size += this.batches[last++].bytes.length
    }
    if (last === first + 1) return this.batches[first].bytes.slice()
    const bytes = new Uint8Array(size)
    let at = 0
    for (let i = first; i < last; i++) {
      bytes.set(this.batches[i].bytes, at)
      at += this.batches[i].bytes.length
    }
    return bytes
  }

  truncateTo(offset: number): void {
    this.batches = this.batches.filter((batch) => batch.nextOffset <= offset)
    this.syncedOffset = this.endOffset
  }

  endOffsetForEpoch(epoch: number): { epoch: number; endOffset: number } {
    let found: QuorumBatch | null = null
    for (const batch of this.batches) {
      if (batch.epoch > epoch) break
      found = batch
    }
    if (found !== null) return { epoch: found.epoch, endOffset: found.nextOffset }
    const snapshot = this.snapshots.findLast(({ id }) => id.epoch <= epoch)
    return snapshot ? { epoch: snapshot.id.epoch, endOffset: snapshot.id.offset } : { epoch: -1, endOffset: 0 }
  }

  latestSnapshot(): OffsetAndEpoch | null {
    return this.snapshots.at(-1)?.id ?? null
  }

  snapshotSize(id: OffsetAndEpoch): number {
    return this.bytesOf(id).length
  }

  readSnapshot(id: OffsetAndEpoch, position: number, maxBytes: number): Uint8Array {
    return this.bytesOf(id).slice(position, position + maxBytes)
  }

  writeSnapshot({ offset, epoch }: OffsetAndEpoch, bytes: Uint8Array): void {
    const others = this.snapshots.filter(({ id }) => id.offset !== offset || id.epoch !== epoch)
    const added = { id: { offset, epoch }, bytes: bytes.slice() }
    this.snapshots = [...others, added].sort((a, b) => a.id.offset - b.id.offset)
  }

  installSnapshot(id: OffsetAndEpoch, bytes: Uint8Array): void {
    this.writeSnapshot(id, bytes)
    this.batches = []
    this.startOffset = id.offset
    this.syncedOffset = id.offset
  }

  /** One segment is never dropped; of the snapshots, those before the log start and more than three go. */
  trim(_retainBytes: number): void {
    for (const file of this.snapshots.slice(0, -1)) {
      if (file.id.offset >= this.startOffset && this.snapshots.length <= 3) continue
      this.snapshots = this.snapshots.filter((kept) => kept !== file)
    }
  }

  close(): void {}

  private bytesOf({ offset, epoch }: OffsetAndEpoch): Uint8Array {
    const file = this.snapshots.find(({ id }) => id.offset === offset && id.epoch === epoch)
    if (file === undefined) throw new WireError(`snapshot ${offset}-${epoch} is gone`, KafkaError.SNAPSHOT_NOT_FOUND)
    return file.bytes
  }
}

/** A copy of the batch at `position`, or null when it is not sound. */
function batchAt(bytes: Uint8Array, position: number): QuorumBatch | null {
  if (crc(bytes, position) !== computeCrc(bytes, position) >>> 0) return null
  return {
    baseOffset: baseOffset(bytes, position),
    nextOffset: lastOffset(bytes, position) + 1,
    epoch: partitionLeaderEpoch(bytes, position),
    crc: crc(bytes, position),
    bytes: bytes.slice(position, position + sizeInBytes(bytes, position)),
  }
}
