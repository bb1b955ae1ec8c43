/**
 * The metadata beside a committed offset: a partition's time, and the stream time of processors with windows, so that
 * after a restart what was too late stays too late. Source: TopicPartitionMetadata, ProcessorMetadata (version 2).
 *
 * Kafka Streams keeps only the times of windows that are emitted when they close; the format is the same.
 */
import { concat, readInt, readLong, writeInt, writeLong } from '../stores/bytes.ts'

export interface OffsetMetadata {
  readonly partitionTime: number
  readonly times: ReadonlyMap<string, number>
}

const version = 2

export function encodeOffsetMetadata({ partitionTime, times }: OffsetMetadata): string {
  const head = new Uint8Array(9)
  head[0] = version
  writeLong(head, 1, partitionTime)
  const entries = [...times].flatMap(([name, time]) => {
    const bytes = new TextEncoder().encode(name)
    return [int(bytes.length), bytes, long(time)]
  })
  return base64(concat(times.size === 0 ? [head] : [head, int(times.size), ...entries]))
}

/** What cannot be read is taken for nothing, as in Kafka Streams: any client may have committed the offset. */
export function decodeOffsetMetadata(metadata: string | null): OffsetMetadata {
  const times = new Map<string, number>()
  const bytes = metadata ? unbase64(metadata) : null
  if (bytes === null || bytes.length < 9 || (bytes[0] !== 1 && bytes[0] !== version))
    return { partitionTime: -1, times }
  const partitionTime = readLong(bytes, 1)
  let at = 13
  const count = bytes[0] === version && bytes.length >= 13 ? readInt(bytes, 9) : 0
  for (let index = 0; index < count && at + 4 <= bytes.length; index++) {
    const length = readInt(bytes, at)
    if (length < 0 || at + 4 + length + 8 > bytes.length) break
    times.set(new TextDecoder().decode(bytes.subarray(at + 4, at + 4 + length)), readLong(bytes, at + 4 + length))
    at += 4 + length + 8
  }
  return { partitionTime, times }
}

function int(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  writeInt(bytes, 0, value)
  return bytes
}

function long(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  writeLong(bytes, 0, value)
  return bytes
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const group = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    const digits = [18, 12, 6, 0].map((shift) => alphabet[(group >>> shift) & 63]!)
    text += digits
      .slice(0, bytes.length - at + 1)
      .join('')
      .padEnd(4, '=')
  }
  return text
}

function unbase64(text: string): Uint8Array | null {
  const digits = [...text.replace(/=+$/, '')].map((digit) => alphabet.indexOf(digit))
  if (digits.includes(-1)) return null
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4))
  for (let at = 0; at < bytes.length; at++) {
    const bit = at * 8
    const first = Math.floor(bit / 6)
    const pair = (((digits[first]! << 6) | (digits[first + 1] ?? 0)) << 6) | (digits[first + 2] ?? 0)
    bytes[at] = pair >>> (10 - (bit % 6))
  }
  return bytes
}
