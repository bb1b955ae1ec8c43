/**
 * Shell file: the compression codecs of record batches on Node.
 *
 * gzip and zstd are Node's own, lz4 frames come from lz4-napi or, where that is missing, from our own code; so does
 * snappy: raw blocks in the framing of snappy-java ("xerial"), which is what Java clients write; librdkafka and others
 * also send one raw block without framing.
 * Every decompressor knows its result's size, or a bound of it, before it allocates.
 */
import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { CompressionType, registerCompression, type CompressionCodec } from './compression.ts'
import { KafkaError } from './errors.ts'
import { compressLz4Frame, decompressLz4Frame } from './lz4-codec.ts'
import { lz4FrameSize } from './lz4-frame.ts'
import { lz4 as nativeLz4, snappy as nativeSnappy } from './optional.node.ts'
import { compressSnappyBlock, decompressSnappyBlock } from './snappy-block.ts'
import { WireError } from './wire-error.ts'
import { Writer } from './writer.ts'
import { Reader } from './reader.ts'

/** Kafka's default for `compression.zstd.level`. */
const ZSTD_DEFAULT_LEVEL = 3

export function installCompression(): void {
  registerCompression(CompressionType.gzip, gzip)
  registerCompression(CompressionType.snappy, xerialSnappy)
  registerCompression(CompressionType.lz4, lz4)
  registerCompression(CompressionType.zstd, zstd)
}

const gzip: CompressionCodec = {
  compress: (bytes, level = constants.Z_DEFAULT_COMPRESSION) => plain(gzipSync(bytes, { level })),
  decompress: (bytes, maxBytes) =>
    bounded(maxBytes, () => gunzipSync(bytes, { maxOutputLength: Math.max(1, maxBytes) })),
}

const zstd: CompressionCodec = {
  compress: (bytes, level = ZSTD_DEFAULT_LEVEL) =>
    plain(zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level } })),
  decompress: (bytes, maxBytes) =>
    bounded(maxBytes, () => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, maxBytes) })),
}

const lz4: CompressionCodec = {
  compress: (bytes) =>
    nativeLz4 === null ? compressLz4Frame(bytes) : plain(nativeLz4.compressFrameSync(asBuffer(bytes))),
  decompress(bytes, maxBytes) {
    const size = lz4FrameSize(bytes, maxBytes)
    if (size === 0) return new Uint8Array(0)
    return nativeLz4 === null ? decompressLz4Frame(bytes, size) : plain(nativeLz4.decompressFrameSync(asBuffer(bytes)))
  },
}

/** `0x82 SNAPPY 0`, version 1, compatible with version 1. */
const XERIAL_HEADER = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1)
const XERIAL_MAGIC_SIZE = 8
const XERIAL_BLOCK = 32 * 1024

const xerialSnappy: CompressionCodec = {
  compress(bytes) {
    const writer = new Writer(64 + bytes.length)
    writer.raw(XERIAL_HEADER)
    for (let at = 0; at < bytes.length; at += XERIAL_BLOCK) {
      const content = bytes.subarray(at, at + XERIAL_BLOCK)
      const block = nativeSnappy === null ? compressSnappyBlock(content) : nativeSnappy.compressSync(content)
      writer.int32(block.length)
      writer.raw(block)
    }
    return writer.bytes()
  },
  decompress(bytes, maxBytes) {
    if (!isXerial(bytes)) return snappyBlock(bytes, maxBytes)
    const reader = new Reader(bytes, XERIAL_HEADER.length)
    const blocks: Uint8Array[] = []
    let size = 0
    while (reader.remaining > 0) {
      const block = snappyBlock(reader.bytesField(), maxBytes - size)
      size += block.length
      blocks.push(block)
    }
    return plain(Buffer.concat(blocks, size))
  },
}

function isXerial(bytes: Uint8Array): boolean {
  if (bytes.length < XERIAL_HEADER.length) return false
  for (let i = 0; i < XERIAL_MAGIC_SIZE; i++) if (bytes[i] !== XERIAL_HEADER[i]) return false
  return true
}

function snappyBlock(block: Uint8Array, maxBytes: number): Uint8Array {
  // A raw block begins with the length of its content.
  if (new Reader(block).unsignedVarint() > maxBytes) tooLarge(maxBytes)
  if (nativeSnappy === null) return decompressSnappyBlock(block)
  return plain(nativeSnappy.uncompressSync(block, { asBuffer: true }) as Buffer)
}

function bounded(maxBytes: number, decompress: () => Buffer): Uint8Array {
  try {
    return plain(decompress())
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') tooLarge(maxBytes)
    throw error
  }
}

function tooLarge(maxBytes: number): never {
  throw new WireError(`decompressed batch larger than ${maxBytes} bytes`, KafkaError.MESSAGE_TOO_LARGE)
}

/** The core knows no Buffers, whose `slice` does not copy. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

/** A view, not a copy: lz4-napi takes Buffers only. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
