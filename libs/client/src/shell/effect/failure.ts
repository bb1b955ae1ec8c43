/**
 * The client's errors in the error channel: tagged by Kafka's name, so that `Effect.catchTag('TOPIC_ALREADY_EXISTS', …)`
 * means what it says. Whatever is thrown and is no KafkaError is a defect.
 */
import { Data, Effect } from 'effect'
import type { ErrorName } from '@troupe/wire/errors'
import { KafkaError, type ClientErrorName } from '../errors.ts'

/** Errors of the protocol, and the Java client's exceptions that no broker sends. */
export type FailureName = ErrorName | ClientErrorName

interface Fields {
  readonly _tag: string
  readonly message: string
  readonly cause: KafkaError
  /** Kafka's number of the error; null when the client itself found it. */
  readonly code: number | null
  /** The same once more may succeed. */
  readonly retriable: boolean
  /** Abort the transaction and go on. */
  readonly abortable: boolean
  /** This producer or consumer is of no use any more. */
  readonly fatal: boolean
  /** It may have taken, or come to take, effect nevertheless. */
  readonly indefinite: boolean
}

export class KafkaFailureOf<Tag extends FailureName> extends Data.Error<Fields> {
  declare readonly _tag: Tag
}

/** Any of them. */
export type KafkaFailure = { [Name in FailureName]: KafkaFailureOf<Name> }[FailureName]

export function failureOf(error: KafkaError): KafkaFailure {
  const { name, message, code, retriable, abortable, fatal, indefinite } = error
  const fields = { _tag: name, message, cause: error, code, retriable, abortable, fatal, indefinite }
  return new KafkaFailureOf(fields) as KafkaFailure
}

/**
 * A call of the Promise face. One that takes the signal is told of an interruption, and waited for: a consumer must not
 * be polled again before. Any other is left to itself then; what it has begun cannot be taken back.
 */
export function attempt<A>(call: (signal: AbortSignal) => A | PromiseLike<A>): Effect.Effect<A, KafkaFailure> {
  return Effect.callback<A, KafkaFailure>((resume, signal) => {
    const ended = new Promise<A>((resolve) => resolve(call(signal))).then(
      (value) => resume(Effect.succeed(value)),
      (error: unknown) => resume(error instanceof KafkaError ? Effect.fail(failureOf(error)) : Effect.die(error)),
    )
    if (call.length > 0) return Effect.promise(() => ended)
  })
}
