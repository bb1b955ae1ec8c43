/**
 * The errors of the client's face. `name` is Kafka's: of the protocol's error where a broker could have said it
 * (`NOT_ENOUGH_REPLICAS`), else of the Java client's exception (`ConfigException`).
 *
 * What an application may do is in three flags, as the Java client has them. `retriable`: the same call again may
 * succeed. `abortable`: abort the transaction and go on. `fatal`: this producer or consumer is of no use any more; close it.
 */
import { KafkaError as errors, errorMessage, errorName, isRetriable } from '@troupe/wire/errors'
import type { OperationResult, SendResult } from '../messages.ts'

/** The Java client's exceptions that no broker sends. */
export type ClientErrorName =
  | 'ConfigException'
  | 'IllegalStateException'
  | 'InvalidConfigurationException'
  | 'InvalidGroupIdException'
  | 'ConcurrentModificationException'
  | 'IllegalArgumentException'
  | 'KafkaException'
  | 'LogTruncationException'
  | 'RecordDeserializationException'
  | 'SerializationException'
  | 'SslAuthenticationException'
  | 'TimeoutException'
  | 'WakeupException'

export interface ErrorFlags {
  readonly retriable?: boolean
  readonly abortable?: boolean
  readonly fatal?: boolean
  /** The operation may have taken, or come to take, effect nevertheless. */
  readonly indefinite?: boolean
  readonly cause?: unknown
}

export class KafkaError extends Error {
  override readonly name: string
  /** Kafka's number of the error; null when the client itself found it. */
  readonly code: number | null
  readonly retriable: boolean
  readonly abortable: boolean
  readonly fatal: boolean
  readonly indefinite: boolean

  constructor(name: string, message: string, flags: ErrorFlags = {}, code: number | null = null) {
    super(message, flags.cause === undefined ? undefined : { cause: flags.cause })
    this.name = name
    this.code = code
    this.retriable = flags.retriable ?? false
    this.abortable = flags.abortable ?? false
    this.fatal = flags.fatal ?? false
    this.indefinite = flags.indefinite ?? false
  }
}

/** Who meets one of these has been replaced, or may not do this at all: trying again changes nothing. */
const fatalErrors: ReadonlySet<number> = new Set([
  errors.PRODUCER_FENCED,
  errors.INVALID_PRODUCER_EPOCH,
  errors.INVALID_PRODUCER_ID_MAPPING,
  errors.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  errors.CLUSTER_AUTHORIZATION_FAILED,
  errors.UNSUPPORTED_VERSION,
  errors.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  errors.FENCED_INSTANCE_ID,
  errors.SASL_AUTHENTICATION_FAILED,
  errors.UNSUPPORTED_SASL_MECHANISM,
  errors.ILLEGAL_SASL_STATE,
])

/** How a refusal of TLS begins: the protocol has one number for whatever fails before SASL is over. */
export const tlsRefusal = 'TLS: '

/** An error of the protocol, by its number. */
export function kafkaError(code: number, detail: string | null, flags: ErrorFlags = {}): KafkaError {
  if (code === errors.SASL_AUTHENTICATION_FAILED && detail?.startsWith(tlsRefusal) === true)
    return new KafkaError('SslAuthenticationException', detail.slice(tlsRefusal.length), flags, code)
  const message =
    detail === null || detail === errorName(code) ? errorMessage(code) : `${errorMessage(code)} (${detail})`
  return new KafkaError(
    errorName(code),
    message,
    { retriable: isRetriable(code), fatal: fatalErrors.has(code), ...flags },
    code,
  )
}

/** How a send has failed: its severity is the producer's own word. */
export function sendError({ error, detail, indefinite, severity }: SendResult): KafkaError {
  if (severity === 'usage') return new KafkaError('IllegalStateException', detail ?? errorName(error), {}, error)
  return kafkaError(error, detail, {
    indefinite,
    abortable: severity === 'abortable',
    fatal: severity === 'fatal',
  })
}

/** How a transactional operation has failed: its severity is the producer's own word. */
export function operationError({ error, detail, severity }: OperationResult): KafkaError {
  if (severity === 'usage') return new KafkaError('IllegalStateException', detail ?? errorName(error), {}, error)
  return kafkaError(error, detail, {
    retriable: severity === 'timed-out',
    abortable: severity === 'abortable',
    fatal: severity === 'fatal',
    indefinite: severity === 'timed-out',
  })
}

export function illegalState(message: string): KafkaError {
  return new KafkaError('IllegalStateException', message)
}

export function timeout(message: string): KafkaError {
  return new KafkaError('TimeoutException', message, { retriable: true }, errors.REQUEST_TIMED_OUT)
}
