/**
 * Kafka's error table: numbers on the wire, names and meanings for people.
 *
 * Generated from `schema/errors.json` (code, name, retriable, as Kafka has them) and `schema/error-meanings.json`
 * (our own words).
 */
import { KafkaError, errorRows } from './generated/errors.ts'

export { KafkaError }

export type ErrorName = keyof typeof KafkaError

export type ErrorCode = (typeof KafkaError)[ErrorName]

const byCode = new Map(errorRows.map((row) => [row[0], row]))
const unknown = byCode.get(KafkaError.UNKNOWN_SERVER_ERROR)!

/** Clients read a code they do not know as UNKNOWN_SERVER_ERROR; so do we. */
export function errorName(code: number): string {
  return (byCode.get(code) ?? unknown)[1]
}

/** Whether a client may send the same request again and hope for better. */
export function isRetriable(code: number): boolean {
  return (byCode.get(code) ?? unknown)[2]
}

export function errorMessage(code: number): string {
  return (byCode.get(code) ?? unknown)[3]
}
