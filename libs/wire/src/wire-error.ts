/**
 * The one error that codecs throw: bytes that are not what they claim to be, or a message that cannot be
 * written at the asked version. It carries Kafka's error code, so whoever catches it can answer with it.
 */
import { KafkaError, type ErrorCode } from './errors.ts'

export class WireError extends Error {
  readonly code: ErrorCode

  constructor(message: string, code: ErrorCode = KafkaError.INVALID_REQUEST) {
    super(message)
    this.name = 'WireError'
    this.code = code
  }
}

/** Bytes that cannot be decoded. Separate functions keep the throw out of the decoders' hot code. */
export function malformed(what: string): never {
  throw new WireError(what)
}

export function unsupportedVersion(message: string, version: number): never {
  throw new WireError(`${message} has no version ${version}`, KafkaError.UNSUPPORTED_VERSION)
}

/** A field that holds something, at a version that cannot carry it: silence would lose what the caller meant. */
export function unsupportedField(field: string, version: number): never {
  throw new WireError(`${field} cannot be set at version ${version}`, KafkaError.UNSUPPORTED_VERSION)
}

export function nullField(type: string): never {
  throw new WireError(`null where this version of the message needs a ${type}`)
}
