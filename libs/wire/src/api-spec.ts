/** One API of the protocol: who may be asked, in which versions, under which headers, and how it is written. */
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

export type Listener = 'broker' | 'controller'

// The table erases the message types: who knows the API imports its codec and has them.
// oxlint-disable-next-line no-explicit-any
type AnyMessage = any

export type Decode = (reader: Reader, version: number) => AnyMessage
export type Encode = (writer: Writer, message: AnyMessage, version: number) => void

export interface ApiSpec {
  key: number
  name: string
  listeners: readonly Listener[]
  minVersion: number
  maxVersion: number
  /** Whether `maxVersion` is hidden unless `unstable.api.versions.enable` is set. */
  latestVersionUnstable: boolean
  /** The first version with compact types and tagged fields. */
  flexibleFrom: number
  requestHeaderVersion(version: number): number
  responseHeaderVersion(version: number): number
  decodeRequest: Decode
  encodeRequest: Encode
  decodeResponse: Decode
  encodeResponse: Encode
}

export const NEVER_FLEXIBLE = 0x7fff
const API_VERSIONS = 18

export function apiSpec(
  key: number,
  name: string,
  listeners: Listener[],
  minVersion: number,
  maxVersion: number,
  latestVersionUnstable: boolean,
  flexibleFrom: number,
  decodeRequest: Decode,
  encodeRequest: Encode,
  decodeResponse: Decode,
  encodeResponse: Encode,
): ApiSpec {
  return {
    key,
    name,
    listeners,
    minVersion,
    maxVersion,
    latestVersionUnstable,
    flexibleFrom,
    requestHeaderVersion: (version) => (version >= flexibleFrom ? 2 : 1),
    // A client that does not know the broker's versions yet must be able to read the answer (KIP-511).
    responseHeaderVersion: (version) => (version >= flexibleFrom && key !== API_VERSIONS ? 1 : 0),
    decodeRequest,
    encodeRequest,
    decodeResponse,
    encodeResponse,
  }
}
