/**
 * `QuorumStore` over the file-system port: directory `__cluster_metadata-0` as a KRaft node has it.
 *
 *   00000000000000000000.log                     record batches
 *   00000000000000000123-0000000004.checkpoint   snapshot: all records up to offset 123 (exclusive), written in epoch 4
 *   quorum-state                                 the voter's election state
 *   leader-epoch-checkpoint, partition.metadata  as in every partition's directory
 *
 * Source: Kafka's KafkaMetadataLog, Snapshots, FileQuorumStateStore.
 */
import type { FileSystem } from '@troupe/log/file-system'
import { StorageError } from '@troupe/log/file-system'
import type { ElectionState, OffsetAndEpoch, QuorumStore } from '../quorum-store.ts'
import { MetadataLog } from './metadata-log.ts'
import { decodeQuorumState, encodeQuorumState } from './quorum-state-file.ts'

export interface FileQuorumStoreOptions {
  /** The broker's log directory; the quorum's own directory is made inside it. */
  readonly path: string
  readonly clusterId: string
  /** directory.id of meta.properties. */
  readonly directoryId: string
  /** `metadata.log.segment.bytes`. */
  readonly segmentBytes?: number
}

/** The topic id that Kafka gives `__cluster_metadata`. */
export const METADATA_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const SNAPSHOT_NAME = /^(\d{20})-(\d{10})\.checkpoint$/

export class FileQuorumStore implements QuorumStore {
  readonly clusterId: string
  readonly directoryId: string
  readonly #files: FileSystem
  readonly #directory: string
  readonly #log: MetadataLog
  #snapshots: OffsetAndEpoch[]
  #opened: { name: string; bytes: Uint8Array } | null = null
  #epochsWritten = -1

  constructor(files: FileSystem, options: FileQuorumStoreOptions) {
    this.clusterId = options.clusterId
    this.directoryId = options.directoryId
    this.#files = files
    this.#directory = `${options.path}/__cluster_metadata-0`
    files.makeDirectory(this.#directory)
    this.#writeText('partition.metadata', `version: 0\ntopic_id: ${METADATA_TOPIC_ID}\n`)
    this.#snapshots = this.#listSnapshots()
    const base = this.latestSnapshot()?.offset ?? 0
    this.#log = new MetadataLog(files, this.#directory, options.segmentBytes ?? 1024 * 1024 * 1024, base)
    this.#writeEpochs()
  }

  readElection(): ElectionState | null {
    const bytes = this.#files.readFile(`${this.#directory}/quorum-state`)
    return bytes ? decodeQuorumState(bytes) : null
  }

  writeElection(state: ElectionState, durable: boolean): void {
    const path = `${this.#directory}/quorum-state`
    if (durable) return this.#files.replaceFile(path, encodeQuorumState(state))
    const file = this.#files.open(path)
    file.truncate(0)
    file.append([encodeQuorumState(state)])
    file.close()
  }

  get startOffset(): number {
    return this.#log.startOffset
  }

  get endOffset(): number {
    return this.#log.endOffset
  }

  get syncedOffset(): number {
    return this.#log.syncedOffset
  }

  get lastEpoch(): number {
    const epoch = this.#log.lastEpoch
    return epoch >= 0 ? epoch : (this.latestSnapshot()?.epoch ?? 0)
  }

  get sizeInBytes(): number {
    return this.#log.sizeInBytes
  }

  append(batches: Uint8Array): void {
    this.#log.append(batches)
  }

  sync(): void {
    this.#log.sync()
    this.#writeEpochs()
  }

  read(offset: number, maxBytes: number): Uint8Array {
    return this.#log.read(offset, maxBytes)
  }

  truncateTo(offset: number): void {
    this.#log.truncateTo(offset)
    this.#writeEpochs()
  }

  endOffsetForEpoch(epoch: number): { epoch: number; endOffset: number } {
    const last = this.#log.lastEpoch
    if (last >= 0 && epoch >= last) return { epoch: last, endOffset: this.endOffset }
    const epochs = this.#log.epochs()
    const index = epochs.findLastIndex((entry) => entry.epoch <= epoch)
    if (index >= 0) {
      return { epoch: epochs[index]!.epoch, endOffset: epochs[index + 1]?.startOffset ?? this.endOffset }
    }
    // Of what the log does not hold any more, only the ends of the snapshots are known.
    const snapshot = this.#snapshots.findLast((candidate) => candidate.epoch <= epoch)
    return snapshot ? { epoch: snapshot.epoch, endOffset: snapshot.offset } : { epoch: -1, endOffset: 0 }
  }

  latestSnapshot(): OffsetAndEpoch | null {
    return this.#snapshots.at(-1) ?? null
  }

  snapshotSize(id: OffsetAndEpoch): number {
    return this.#snapshotBytes(id).length
  }

  readSnapshot(id: OffsetAndEpoch, position: number, maxBytes: number): Uint8Array {
    return this.#snapshotBytes(id).slice(position, position + maxBytes)
  }

  writeSnapshot(id: OffsetAndEpoch, bytes: Uint8Array): void {
    this.#files.replaceFile(`${this.#directory}/${snapshotName(id)}`, bytes)
    this.#snapshots = this.#listSnapshots()
  }

  installSnapshot(id: OffsetAndEpoch, bytes: Uint8Array): void {
    // Snapshot first: a crash in between leaves an older log that recovery restarts at the snapshot's end.
    this.writeSnapshot(id, bytes)
    this.#log.restartAt(id.offset)
    this.#writeEpochs()
  }

  trim(retainBytes: number): void {
    const latest = this.latestSnapshot()
    if (!latest) return
    this.#log.dropBefore(latest.offset, retainBytes)
    for (const id of this.#snapshots.slice(0, -1)) {
      if (id.offset < this.startOffset || this.#snapshots.length > 3) {
        this.#files.unlink(`${this.#directory}/${snapshotName(id)}`)
        this.#snapshots = this.#snapshots.filter((kept) => kept !== id)
      }
    }
    this.#writeEpochs()
  }

  close(): void {
    this.#log.close()
  }

  #snapshotBytes(id: OffsetAndEpoch): Uint8Array {
    const name = snapshotName(id)
    if (this.#opened?.name !== name) {
      const bytes = this.#files.readFile(`${this.#directory}/${name}`)
      if (!bytes) throw new StorageError('ENOENT', `${this.#directory}/${name}`, 'snapshot is gone')
      this.#opened = { name, bytes }
    }
    return this.#opened.bytes
  }

  #listSnapshots(): OffsetAndEpoch[] {
    const found: OffsetAndEpoch[] = []
    for (const name of this.#files.list(this.#directory)) {
      const match = SNAPSHOT_NAME.exec(name)
      if (match) found.push({ offset: Number(match[1]), epoch: Number(match[2]) })
    }
    return found.sort((a, b) => a.offset - b.offset)
  }

  /** Kafka wants the epochs of every log beside it; here the batches themselves are the truth. */
  #writeEpochs(): void {
    if (this.#log.lastEpoch === this.#epochsWritten) return
    this.#epochsWritten = this.#log.lastEpoch
    const lines = this.#log.epochs().map(({ epoch, startOffset }) => `${epoch} ${startOffset}\n`)
    this.#writeText('leader-epoch-checkpoint', `0\n${lines.length}\n${lines.join('')}`)
  }

  #writeText(name: string, text: string): void {
    this.#files.replaceFile(`${this.#directory}/${name}`, new TextEncoder().encode(text))
  }
}

const snapshotName = ({ offset, epoch }: OffsetAndEpoch): string =>
  `${String(offset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}.checkpoint`
