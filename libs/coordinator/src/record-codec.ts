/**
 * Coordinator records as bytes: the key is the record type (int16) and the key message, the value its version (int16)
 * and the value message; a tombstone has no value. Names are those of Kafka's schemas (`OffsetCommitKey` …).
 *
 * Source: Kafka's CoordinatorRecordSerde, GroupCoordinatorRecordSerde, TransactionLog.
 */
import {
  type CoordinatorRecordCodec,
  coordinatorRecordType,
  decodeCoordinatorKey,
  decodeCoordinatorValue,
  encodeCoordinatorKey,
  encodeCoordinatorValue,
  groupRecordByType,
  groupRecords,
  shareRecordByType,
  shareRecords,
  transactionRecordByType,
  transactionRecords,
} from '@troupe/wire/records-by-type'
import type { CoordinatorRecord } from './contract.ts'

/** Which internal topic's record types: the numbers overlap between topics. */
export type RecordFamily = 'group' | 'transaction' | 'share'

export interface EncodedRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

const families = { group: groupRecordByType, transaction: transactionRecordByType, share: shareRecordByType }

const byName = new Map<string, CoordinatorRecordCodec>(
  [...groupRecords, ...transactionRecords, ...shareRecords].map((codec) => [codec.key.name, codec]),
)

/** A coordinator wrote a record whose type no schema has, or whose value is of another type than its key. */
export class UnknownRecordType extends Error {
  override readonly name = 'UnknownRecordType'
}

export function encodeRecord(record: CoordinatorRecord): EncodedRecord {
  const codec = byName.get(record.key.type)
  if (codec === undefined) throw new UnknownRecordType(record.key.type)
  const key = encodeCoordinatorKey(codec, record.key.value as object)
  if (record.value === null) return { key, value: null }
  if (record.value.type !== codec.value.name) throw new UnknownRecordType(`${record.value.type} for ${record.key.type}`)
  return { key, value: encodeCoordinatorValue(codec, record.value.value as object, record.value.version) }
}

/** null for a record of a type this version does not know: a newer one wrote it, and it is skipped (KIP-915). */
export function decodeRecord(
  family: RecordFamily,
  key: Uint8Array,
  value: Uint8Array | null,
): CoordinatorRecord | null {
  const codec = families[family](coordinatorRecordType(key))
  if (codec === undefined) return null
  const decodedKey = { type: codec.key.name, value: decodeCoordinatorKey(codec, key) as unknown }
  if (value === null) return { key: decodedKey, value: null }
  const { version, message } = decodeCoordinatorValue<unknown>(codec, value)
  return { key: decodedKey, value: { type: codec.value.name, version, value: message } }
}
