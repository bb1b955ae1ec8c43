/** How a record of an internal topic is written: its schema's number, its versions, its codec. */
import type { Decode, Encode } from './api-spec.ts'

export interface RecordCodec {
  name: string
  apiKey: number
  minVersion: number
  maxVersion: number
  decode: Decode
  encode: Encode
}

/** A coordinator's record: `type` is what its key begins with. */
export interface CoordinatorRecordCodec {
  type: number
  key: RecordCodec
  value: RecordCodec
}
