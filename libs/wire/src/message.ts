/**
 * What generated message types share.
 *
 * A decoded message has every field of every version; an absent one holds Kafka's default. A message to be
 * encoded may leave out any field, because each has a default: `Input` says that, all the way down.
 */
import { unsupportedField } from './wire-error.ts'
import type { BytesSource } from './writer.ts'

/** A tagged field (KIP-482) that this version of the schema does not know; kept, so that it can be passed on. */
export interface TaggedField {
  tag: number
  data: Uint8Array
}

export interface TaggedFields {
  unknownTaggedFields?: TaggedField[]
}

export type Input<T> = T extends Uint8Array
  ? T | BytesSource
  : T extends readonly (infer E)[]
    ? readonly Input<E>[]
    : T extends object
      ? { readonly [K in keyof T]?: Input<T[K]> | undefined }
      : T

/** Whether a field whose default is empty holds anything else; null counts, being different from empty. */
export function isSet(value: { length: number } | null | undefined): boolean {
  return value !== undefined && (value === null || value.length !== 0)
}

/** Tagged fields came with KIP-482: at an earlier version of a message they would be lost. */
export function refuseTags(
  message: { unknownTaggedFields?: { length: number } | undefined },
  name: string,
  version: number,
): void {
  if (isSet(message.unknownTaggedFields)) unsupportedField(`${name}.unknownTaggedFields`, version)
}
