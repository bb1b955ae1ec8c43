/**
 * The compression types of record batches. Codecs are registered by the shell (`compression.node.ts`), because
 * they are native code; without one, a type is answered with UNSUPPORTED_COMPRESSION_TYPE.
 */
import { KafkaError } from './errors.ts'
import { WireError } from './wire-error.ts'

export const CompressionType = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
export type CompressionType = (typeof CompressionType)[keyof typeof CompressionType]

const NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export interface CompressionCodec {
  /** `level` as in `compression.<type>.level`; the codec's own default without one. lz4 and snappy have none here. */
  compress(bytes: Uint8Array, level?: number): Uint8Array
  /** Throws when the result would be longer than `maxBytes`: a few bytes can claim to be gigabytes. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array
}

const codecs: (CompressionCodec | undefined)[] = [{ compress: (bytes) => bytes, decompress: (bytes) => bytes }]

export function registerCompression(type: CompressionType, codec: CompressionCodec): void {
  codecs[type] = codec
}

export function hasCompression(type: number): boolean {
  return codecs[type] !== undefined
}

/** `none`, `gzip` …, as in `compression.type`. */
export function compressionName(type: number): string {
  return NAMES[type] ?? `unknown(${type})`
}

export function compress(type: number, bytes: Uint8Array, level?: number): Uint8Array {
  return codecOf(type).compress(bytes, level)
}

export function decompress(type: number, bytes: Uint8Array, maxBytes: number): Uint8Array {
  const codec = codecOf(type)
  try {
    return codec.decompress(bytes, maxBytes)
  } catch (error) {
    if (error instanceof WireError) throw error
    throw new WireError(`${compressionName(type)}: ${(error as Error).message}`, KafkaError.CORRUPT_MESSAGE)
  }
}

function codecOf(type: number): CompressionCodec {
  const codec = codecs[type]
  if (codec) return codec
  throw new WireError(`no codec for compression type ${compressionName(type)}`, KafkaError.UNSUPPORTED_COMPRESSION_TYPE)
}
