/**
 * Reading and writing Kafka's primitive types; what every codec is made of.
 * Source: the protocol guide's "Protocol Primitive Types" and KIP-482 (compact types, tagged fields).
 */
export { Reader } from './reader.ts'
export { Writer, type BytesSource } from './writer.ts'
export { WireError, malformed, nullField, unsupportedField, unsupportedVersion } from './wire-error.ts'
export { bytesToUuid, uuidToBytes, zeroUuid } from './uuid.ts'
export { isSet, refuseTags, type Input, type TaggedField, type TaggedFields } from './message.ts'
