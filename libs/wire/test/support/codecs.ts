/** The generated functions of a message, found by its name. */
import { Reader, Writer } from '../../src/io.ts'
import * as generated from '../../src/messages.ts'
import type { Decode, Encode } from '../../src/api-spec.ts'

const functions = generated as unknown as Record<string, Decode | Encode>

export function encode(name: string, message: object, version: number): Uint8Array {
  const writer = new Writer(16)
  ;(functions[`encode${name}`] as Encode)(writer, message, version)
  return writer.bytes()
}

/** Decodes all of `bytes`; what is left over is an error. */
export function decode(name: string, bytes: Uint8Array, version: number): object {
  const reader = new Reader(bytes)
  const message = (functions[`decode${name}`] as Decode)(reader, version)
  if (reader.remaining !== 0) throw new RangeError(`${name} v${version}: ${reader.remaining} bytes left over`)
  return message
}
