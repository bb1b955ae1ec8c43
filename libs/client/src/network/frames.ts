/** Requests to bytes, bytes to responses. A decoded response shares nothing with the frame, which is gone after the step. */
import { Reader, Writer } from '@troupe/wire/io'
import { apiByKey, type ApiSpec } from '@troupe/wire/apis'
import { encodeRequestHeader } from '@troupe/wire/generated/headers'
import { KafkaError } from '@troupe/wire/errors'

const LENGTH_BYTES = 4
export const API_VERSIONS = 18

export function specOf(api: number): ApiSpec {
  const spec = apiByKey(api)
  if (!spec) throw new RangeError(`no API has the key ${api}`)
  return spec
}

/** The highest version that we would ever send. */
export function ownMaxVersion(spec: ApiSpec): number {
  return spec.latestVersionUnstable ? spec.maxVersion - 1 : spec.maxVersion
}

const SMALL = 256
const PRODUCE = 0
/** Of a partition and its topic, beside the records. */
const PARTITION_BYTES = 64

interface ProduceBody {
  readonly topicData: readonly { readonly partitionData: readonly { readonly records: Uint8Array | null }[] }[]
}

/** What a request carries, nearly: a buffer that grows would copy megabytes several times. */
function payloadOf(api: number, body: object): number {
  if (api !== PRODUCE) return 0
  let bytes = 0
  for (const { partitionData } of (body as ProduceBody).topicData)
    for (const { records } of partitionData) bytes += PARTITION_BYTES + (records?.length ?? 0)
  return bytes
}

export function encodeRequest(
  api: number,
  version: number,
  correlationId: number,
  clientId: string,
  body: object,
): Uint8Array {
  const spec = specOf(api)
  const writer = new Writer(SMALL + payloadOf(api, body), LENGTH_BYTES)
  const header = { requestApiKey: api, requestApiVersion: version, correlationId, clientId }
  encodeRequestHeader(writer, header, spec.requestHeaderVersion(version))
  spec.encodeRequest(writer, body, version)
  const end = writer.position
  writer.reset(0)
  writer.int32(end - LENGTH_BYTES)
  writer.reset(end)
  return writer.bytes()
}

export function correlationIdOf(bytes: Uint8Array): number {
  return new Reader(bytes).int32()
}

export function decodeResponse(api: number, version: number, frame: Uint8Array, owned = false): unknown {
  const spec = specOf(api)
  const reader = new Reader(owned ? frame : frame.slice())
  reader.int32()
  if (spec.responseHeaderVersion(version) >= 1) reader.unknownTags({})
  // A broker that does not know our version of ApiVersions answers in version 0 (KIP-511).
  const foreign = api === API_VERSIONS && errorAt(reader) === KafkaError.UNSUPPORTED_VERSION
  const body = spec.decodeResponse(reader, foreign ? 0 : version)
  reader.expect(frame.length)
  return body
}

function errorAt(reader: Reader): number {
  const { buffer, position } = reader
  return ((buffer[position]! << 24) >> 16) | buffer[position + 1]!
}
