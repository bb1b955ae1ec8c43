/**
 * Control records: what the broker writes between clients' records. The key says which kind (version int16, type
 * int16), the value is a message of `data.ts` with its version in front where Kafka puts one.
 * Source: `ControlRecordType`, `EndTransactionMarker`, `ControlRecordUtils`.
 */
import { buildBatch, type BatchInput } from './batch-build.ts'
import type { DecodedRecord } from './batch-read.ts'
import { KafkaError } from './errors.ts'
import {
  decodeKRaftVersionRecord,
  decodeLeaderChangeMessage,
  decodeSnapshotFooterRecord,
  decodeSnapshotHeaderRecord,
  decodeVotersRecord,
  encodeKRaftVersionRecord,
  encodeLeaderChangeMessage,
  encodeSnapshotFooterRecord,
  encodeSnapshotHeaderRecord,
  encodeVotersRecord,
} from './generated/data.ts'
import type {
  KRaftVersionRecord,
  KRaftVersionRecordInput,
  LeaderChangeMessage,
  LeaderChangeMessageInput,
  SnapshotFooterRecord,
  SnapshotFooterRecordInput,
  SnapshotHeaderRecord,
  SnapshotHeaderRecordInput,
  VotersRecord,
  VotersRecordInput,
} from './generated/data.ts'
import { Reader } from './reader.ts'
import { WireError } from './wire-error.ts'
import { Writer } from './writer.ts'

export const ControlType = {
  abort: 0,
  commit: 1,
  leaderChange: 2,
  snapshotHeader: 3,
  snapshotFooter: 4,
  kraftVersion: 5,
  voters: 6,
} as const

export type ControlRecord =
  | { type: 'abort' | 'commit'; coordinatorEpoch: number; version: number }
  | { type: 'leaderChange'; message: LeaderChangeMessage }
  | { type: 'snapshotHeader'; message: SnapshotHeaderRecord }
  | { type: 'snapshotFooter'; message: SnapshotFooterRecord }
  | { type: 'kraftVersion'; message: KRaftVersionRecord }
  | { type: 'voters'; message: VotersRecord }
  | { type: 'unknown'; code: number }

export type ControlRecordInput =
  | { type: 'abort' | 'commit'; coordinatorEpoch: number }
  | { type: 'leaderChange'; message: LeaderChangeMessageInput }
  | { type: 'snapshotHeader'; message: SnapshotHeaderRecordInput }
  | { type: 'snapshotFooter'; message: SnapshotFooterRecordInput }
  | { type: 'kraftVersion'; message: KRaftVersionRecordInput }
  | { type: 'voters'; message: VotersRecordInput }

/** Readers must skip types they do not know, so those come back as `unknown`. */
export function readControlRecord(record: Pick<DecodedRecord, 'key' | 'value'>): ControlRecord {
  if (record.key === null || record.value === null) corrupt('control record without key or value')
  const key = new Reader(record.key)
  const version = key.int16()
  if (version < 0) corrupt(`control record key of version ${version}`)
  const code = key.int16()
  const value = new Reader(record.value)
  switch (code) {
    case ControlType.abort:
    case ControlType.commit: {
      const version = value.int16()
      if (version < 0) corrupt(`end-transaction marker of version ${version}`)
      return { type: code === ControlType.commit ? 'commit' : 'abort', coordinatorEpoch: value.int32(), version }
    }
    case ControlType.leaderChange:
      return { type: 'leaderChange', message: decodeLeaderChangeMessage(value, peekVersion(record.value, 1)) }
    case ControlType.snapshotHeader:
      return { type: 'snapshotHeader', message: decodeSnapshotHeaderRecord(value, 0) }
    case ControlType.snapshotFooter:
      return { type: 'snapshotFooter', message: decodeSnapshotFooterRecord(value, 0) }
    case ControlType.kraftVersion:
      return { type: 'kraftVersion', message: decodeKRaftVersionRecord(value, 0) }
    case ControlType.voters:
      return { type: 'voters', message: decodeVotersRecord(value, 0) }
    default:
      return { type: 'unknown', code }
  }
}

/** These messages carry their version as their own first field, and a later one is read as the last we know. */
function peekVersion(value: Uint8Array, highest: number): number {
  const version = new Reader(value).int16()
  if (version < 0) corrupt(`control record of version ${version}`)
  return Math.min(version, highest)
}

export function controlRecordKey(code: number): Uint8Array {
  return Uint8Array.of(0, 0, code >> 8, code)
}

export function controlRecordValue(record: ControlRecordInput): Uint8Array {
  const writer = new Writer(64)
  switch (record.type) {
    case 'abort':
    case 'commit':
      writer.int16(0)
      writer.int32(record.coordinatorEpoch)
      break
    case 'leaderChange':
      encodeLeaderChangeMessage(writer, record.message, record.message.version ?? 0)
      break
    case 'snapshotHeader':
      encodeSnapshotHeaderRecord(writer, record.message, 0)
      break
    case 'snapshotFooter':
      encodeSnapshotFooterRecord(writer, record.message, 0)
      break
    case 'kraftVersion':
      encodeKRaftVersionRecord(writer, record.message, 0)
      break
    case 'voters':
      encodeVotersRecord(writer, record.message, 0)
  }
  return writer.bytes()
}

export interface ControlBatchInput extends Omit<BatchInput, 'records' | 'isControl' | 'compression'> {
  records: readonly ControlRecordInput[]
  timestamp: number
}

export function buildControlBatch({ records, timestamp, ...batch }: ControlBatchInput): Uint8Array {
  return buildBatch({
    ...batch,
    isControl: true,
    records: records.map((record) => ({
      key: controlRecordKey(ControlType[record.type]),
      value: controlRecordValue(record),
      timestamp,
    })),
  })
}

export interface EndTxnMarkerInput {
  producerId: number
  producerEpoch: number
  coordinatorEpoch: number
  commit: boolean
  timestamp: number
  baseOffset?: number
  partitionLeaderEpoch?: number
}

/** The batch that ends a transaction on a partition: one control record, no sequence. */
export function buildEndTxnMarker(marker: EndTxnMarkerInput): Uint8Array {
  const { coordinatorEpoch, commit, timestamp, ...batch } = marker
  return buildControlBatch({
    ...batch,
    isTransactional: true,
    timestamp,
    records: [{ type: commit ? 'commit' : 'abort', coordinatorEpoch }],
  })
}

function corrupt(what: string): never {
  throw new WireError(what, KafkaError.CORRUPT_MESSAGE)
}
