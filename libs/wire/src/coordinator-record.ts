/**
 * Keys and values of `__consumer_offsets`, `__transaction_state` and `__share_group_state`. A key begins with the
 * record's type, a value with its version (int16 each). Source: Kafka's `CoordinatorRecordSerde`.
 */
import { groupRecords, shareRecords, transactionRecords } from './generated/coordinator-record-table.ts'
import { Reader } from './reader.ts'
import type { CoordinatorRecordCodec, RecordCodec } from './record-codec.ts'
import { Writer } from './writer.ts'

export { groupRecords, shareRecords, transactionRecords }

const byType = (records: readonly CoordinatorRecordCodec[]) => new Map(records.map((codec) => [codec.type, codec]))
const groups = byType(groupRecords)
const transactions = byType(transactionRecords)
const shares = byType(shareRecords)

export function groupRecordByType(type: number): CoordinatorRecordCodec | undefined {
  return groups.get(type)
}

export function transactionRecordByType(type: number): CoordinatorRecordCodec | undefined {
  return transactions.get(type)
}

export function shareRecordByType(type: number): CoordinatorRecordCodec | undefined {
  return shares.get(type)
}

/** The type of a record, from its key: unknown types are for the caller to skip (KIP-915). */
export function coordinatorRecordType(key: Uint8Array): number {
  return new Reader(key).int16()
}

export function encodeCoordinatorKey(codec: CoordinatorRecordCodec, key: object): Uint8Array {
  return encodePrefixed(codec.key, codec.type, key, codec.key.maxVersion)
}

export function decodeCoordinatorKey<K = any>(codec: CoordinatorRecordCodec, key: Uint8Array): K {
  return codec.key.decode(new Reader(key, 2), codec.key.maxVersion)
}

export function encodeCoordinatorValue(codec: CoordinatorRecordCodec, value: object, version: number): Uint8Array {
  return encodePrefixed(codec.value, version, value, version)
}

export function decodeCoordinatorValue<V = any>(
  codec: CoordinatorRecordCodec,
  value: Uint8Array,
): { version: number; message: V } {
  const reader = new Reader(value)
  const version = reader.int16()
  return { version, message: codec.value.decode(reader, version) }
}

function encodePrefixed(codec: RecordCodec, prefix: number, message: object, version: number): Uint8Array {
  const writer = new Writer(128)
  writer.int16(prefix)
  codec.encode(writer, message, version)
  return writer.bytes()
}
