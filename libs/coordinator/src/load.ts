/**
 * Feeds what a coordinator's partition holds to `replay`, batch by batch: tombstones, transactional batches and their
 * markers included. Source: Kafka's CoordinatorLoaderImpl.
 */
import type { Payload } from '@troupe/actor'
import { iterateRecords, readBatchHeader, readControlRecord } from '@troupe/wire/record-batch'
import type { Coordinator, CoordinatorRecord } from './contract.ts'
import { decodeRecord, type RecordFamily } from './record-codec.ts'

/** What `replayBatches` needs of a coordinator. */
export interface Replayed {
  record(record: CoordinatorRecord, producer: { producerId: number; producerEpoch: number } | null): void
  endTxn(producerId: number, producerEpoch: number, commit: boolean): void
}

/**
 * `bytes` are whole batches. Records of unknown type, and without a key, are skipped (KIP-915). Returns the offset after
 * the last batch, −1 if there is none.
 */
export function replayBatches(bytes: Uint8Array, family: RecordFamily, to: Replayed): number {
  let nextOffset = -1
  for (let at = 0; at < bytes.length;) {
    const batch = readBatchHeader(bytes, at)
    const { producerId, producerEpoch } = batch
    if (batch.recordCount === 0) {
      // Compaction has left the header only.
    } else if (batch.isControl) {
      for (const record of iterateRecords(bytes, at)) {
        const { type } = readControlRecord(record)
        if (type === 'commit' || type === 'abort') to.endTxn(producerId, producerEpoch, type === 'commit')
      }
    } else {
      const producer = batch.isTransactional ? { producerId, producerEpoch } : null
      for (const { key, value } of iterateRecords(bytes, at)) {
        const record = key === null ? null : decodeRecord(family, key, value)
        if (record !== null) to.record(record, producer)
      }
    }
    at += batch.sizeInBytes
    nextOffset = batch.lastOffset + 1
  }
  return nextOffset
}

export function replayInto<State>(coordinator: Coordinator<State, never>, state: State): Replayed {
  return {
    record: (record, producer) => coordinator.replay(state, record, producer),
    endTxn: (id, epoch, commit) => coordinator.replayEndTxn?.(state, id, epoch, commit),
  }
}

export function payloadBytes(payload: Payload): Uint8Array {
  if (payload instanceof Uint8Array) return payload
  const bytes = new Uint8Array(payload.sizeInBytes)
  return bytes.subarray(0, payload.readInto(bytes, 0))
}
