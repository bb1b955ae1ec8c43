/**
 * Records of `__cluster_metadata`. A value is a frame version (unsigned varint, always 1), the record's api key and
 * version (unsigned varints) and the message. Source: Kafka's `AbstractApiMessageSerde` of server-common.
 */
import { metadataRecords } from './generated/metadata-record-table.ts'
import { Reader } from './reader.ts'
import type { RecordCodec } from './record-codec.ts'
import { malformed, unsupportedVersion } from './wire-error.ts'
import { Writer } from './writer.ts'

const FRAME_VERSION = 1

const byApiKey = new Map(metadataRecords.map((codec) => [codec.apiKey, codec]))
const byName = new Map(metadataRecords.map((codec) => [codec.name, codec]))

export function metadataRecordByApiKey(apiKey: number): RecordCodec | undefined {
  return byApiKey.get(apiKey)
}

export function metadataRecordByName(name: string): RecordCodec | undefined {
  return byName.get(name)
}

export interface MetadataRecord<M = any> {
  apiKey: number
  name: string
  version: number
  message: M
}

/** `record` is the api key or the name (`'TopicRecord'`). */
export function encodeMetadataRecord(record: number | string, message: object, version: number): Uint8Array {
  const codec = typeof record === 'number' ? byApiKey.get(record) : byName.get(record)
  if (codec === undefined) return malformed(`no metadata record ${record}`)
  const writer = new Writer(128)
  writer.unsignedVarint(FRAME_VERSION)
  writer.unsignedVarint(codec.apiKey)
  writer.unsignedVarint(version)
  codec.encode(writer, message, version)
  return writer.bytes()
}

export function decodeMetadataRecord(value: Uint8Array): MetadataRecord {
  const reader = new Reader(value)
  const frame = reader.unsignedVarint()
  if (frame !== FRAME_VERSION) unsupportedVersion('metadata record frame', frame)
  const apiKey = reader.unsignedVarint()
  const codec = byApiKey.get(apiKey) ?? malformed(`no metadata record ${apiKey}`)
  const version = reader.unsignedVarint()
  const message = codec.decode(reader, version)
  if (reader.remaining > 0) malformed(`${reader.remaining} bytes after a ${codec.name}`)
  return { apiKey, name: codec.name, version, message }
}
