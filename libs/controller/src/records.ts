/**
 * Metadata records between memory and the batches of `__cluster_metadata`.
 *
 * A batch is one atomic append: its records are replayed together. Source: KIP-630, KIP-631; Kafka's MetadataRecordSerde.
 */
import {
  baseOffset,
  buildBatch,
  forEachBatch,
  isControl,
  lastOffset,
  maxTimestamp,
  partitionLeaderEpoch,
  readRecords,
  sizeInBytes,
} from '@troupe/wire/record-batch'
import { decodeMetadataRecord, encodeMetadataRecord } from '@troupe/wire/metadata-record'
import type {
  AbortTransactionRecordInput,
  AccessControlEntryRecordInput,
  BeginTransactionRecordInput,
  BrokerRegistrationChangeRecordInput,
  ClearElrRecordInput,
  ClientQuotaRecordInput,
  ConfigRecordInput,
  EndTransactionRecordInput,
  FeatureLevelRecordInput,
  FenceBrokerRecordInput,
  NoOpRecordInput,
  PartitionChangeRecordInput,
  PartitionRecordInput,
  ProducerIdsRecordInput,
  RegisterBrokerRecordInput,
  RegisterControllerRecordInput,
  RemoveTopicRecordInput,
  TopicRecordInput,
  UnfenceBrokerRecordInput,
  UnregisterBrokerRecordInput,
} from '@troupe/wire/messages'

interface RecordTypes {
  RegisterBrokerRecord: RegisterBrokerRecordInput
  UnregisterBrokerRecord: UnregisterBrokerRecordInput
  BrokerRegistrationChangeRecord: BrokerRegistrationChangeRecordInput
  FenceBrokerRecord: FenceBrokerRecordInput
  UnfenceBrokerRecord: UnfenceBrokerRecordInput
  TopicRecord: TopicRecordInput
  RemoveTopicRecord: RemoveTopicRecordInput
  PartitionRecord: PartitionRecordInput
  PartitionChangeRecord: PartitionChangeRecordInput
  ClearElrRecord: ClearElrRecordInput
  ConfigRecord: ConfigRecordInput
  FeatureLevelRecord: FeatureLevelRecordInput
  ProducerIdsRecord: ProducerIdsRecordInput
  ClientQuotaRecord: ClientQuotaRecordInput
  AccessControlEntryRecord: AccessControlEntryRecordInput
  RegisterControllerRecord: RegisterControllerRecordInput
  NoOpRecord: NoOpRecordInput
  BeginTransactionRecord: BeginTransactionRecordInput
  EndTransactionRecord: EndTransactionRecordInput
  AbortTransactionRecord: AbortTransactionRecordInput
}

export type MetadataRecordType = keyof RecordTypes
export type KnownRecord = {
  [Type in MetadataRecordType]: { readonly type: Type; readonly value: RecordTypes[Type] }
}[MetadataRecordType]

/** One record: the name of its wire message and the message. */
export interface MetadataEntry {
  readonly type: string
  readonly value: unknown
}

/** Kafka's limit on what one user's request may write (QuorumController.MAX_RECORDS_PER_USER_OP). */
export const MAX_RECORDS_PER_OPERATION = 10_000

/**
 * The version each record is written in at metadata.version 30 (4.3-IV0), the only level this controller writes;
 * records that are not listed have version 0.
 */
const versions: { readonly [type: string]: number } = {
  RegisterBrokerRecord: 4,
  BrokerRegistrationChangeRecord: 3,
  PartitionRecord: 2,
  PartitionChangeRecord: 2,
}

export function encodeEntries(
  entries: readonly MetadataEntry[],
  offset: number,
  epoch: number,
  timestamp: number,
): Uint8Array {
  return buildBatch({
    baseOffset: offset,
    partitionLeaderEpoch: epoch,
    records: entries.map((entry) => ({
      key: null,
      value: encodeMetadataRecord(entry.type, entry.value as object, versions[entry.type] ?? 0),
      timestamp,
    })),
  })
}

/** One batch as it is replayed. Control batches (leader changes, snapshot header and footer) have no entries. */
export interface MetadataBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly epoch: number
  readonly timestamp: number
  readonly sizeInBytes: number
  readonly entries: readonly MetadataEntry[]
}

export function decodeBatches(bytes: Uint8Array): MetadataBatch[] {
  const batches: MetadataBatch[] = []
  forEachBatch(bytes, (position) => {
    const size = sizeInBytes(bytes, position)
    batches.push({
      baseOffset: baseOffset(bytes, position),
      lastOffset: lastOffset(bytes, position),
      epoch: partitionLeaderEpoch(bytes, position),
      timestamp: maxTimestamp(bytes, position),
      sizeInBytes: size,
      entries: isControl(bytes, position) ? [] : readRecords(bytes, position, position + size).map(decodeEntry),
    })
  })
  return batches
}

function decodeEntry(record: { value: Uint8Array | null }): MetadataEntry {
  const decoded = decodeMetadataRecord(record.value ?? new Uint8Array(0))
  return { type: decoded.name, value: decoded.message }
}
