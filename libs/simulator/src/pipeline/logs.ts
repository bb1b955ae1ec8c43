/** What the logs of a simulated cluster hold, as a reader of committed records would see it: for judging a run's end. */
import type { Log } from '@troupe/log/contract'
import type { ReplicaState } from '@troupe/replication/state'
import { iterateRecords, readBatchHeader, readControlRecord, type RecordHeader } from '@troupe/wire/record-batch'
import { newestImage } from '../cluster/budget.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { bytesOf } from '../cluster/slice-bytes.ts'

export interface CommittedRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
  /** Where it was decided that it counts: offset of its transaction's marker, or of its own batch. */
  readonly decidedAt: number
  /** Whoever wrote it; −1: not known. */
  readonly producerId: number
}

const readBytes = 1 << 20

/** The leader's log of a partition; null while there is none. */
export function leaderLog(cluster: Cluster, topic: string, partition: number): Log | null {
  const view = newestImage(cluster)?.topicsByName.get(topic)
  const leader = view?.partitions[partition]?.leader
  if (view === undefined || leader === undefined || leader < 0) return null
  const cell = cluster.brokers.get(leader)?.host.cells.get(`replica:${view.id}:${partition}`)
  return (cell?.state as ReplicaState | undefined)?.log ?? null
}

export function partitionCount(cluster: Cluster, topic: string): number {
  return newestImage(cluster)?.topicsByName.get(topic)?.partitions.length ?? 0
}

/** Committed records below the last stable offset, in the order of their offsets. */
export function committedRecords(cluster: Cluster, topic: string, partition: number): CommittedRecord[] {
  const log = leaderLog(cluster, topic, partition)
  if (log === null) return []
  const found: CommittedRecord[] = []
  const open = new Map<number, CommittedRecord[]>()
  for (const [bytes, at] of batches(log)) {
    const header = readBatchHeader(bytes, at)
    const { producerId, baseOffset } = header
    if (header.isControl) {
      for (const record of iterateRecords(bytes, at)) {
        const isCommit = readControlRecord(record).type === 'commit'
        const records = open.get(producerId) ?? []
        open.delete(producerId)
        if (isCommit) found.push(...records.map((each) => ({ ...each, decidedAt: baseOffset })))
      }
      continue
    }
    const records = [...iterateRecords(bytes, at)].map(({ offset, timestamp, key, value, headers }) => {
      return { offset, timestamp, key: copy(key), value: copy(value), headers, decidedAt: baseOffset, producerId }
    })
    if (!header.isTransactional) found.push(...records)
    else if (open.has(producerId)) open.get(producerId)!.push(...records)
    else open.set(producerId, records)
  }
  return found.sort((a, b) => a.offset - b.offset)
}

function* batches(log: Log): Iterable<[Uint8Array, number]> {
  for (let offset = log.logStartOffset; offset < log.lastStableOffset;) {
    const { slice } = log.read({ offset, maxBytes: readBytes, upTo: log.lastStableOffset, minOneBatch: true })
    if (slice === null || slice.sizeInBytes === 0) return
    const bytes = bytesOf(slice)
    for (let at = 0; at < bytes.length;) {
      const { sizeInBytes, lastOffset } = readBatchHeader(bytes, at)
      yield [bytes, at]
      at += sizeInBytes
      offset = lastOffset + 1
    }
  }
}

function copy(bytes: Uint8Array | null): Uint8Array | null {
  return bytes === null ? null : bytes.slice()
}
