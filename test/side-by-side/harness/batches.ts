/** Record batches for scripts: fixed times, so that both clusters are sent the very same bytes. */
import { installCompression } from '@troupe/wire/compression.node'
import { buildBatch, computeCrc, type BatchInput, type RecordInput } from '@troupe/wire/record-batch'
import { putInt32 } from '@troupe/wire/writer'

installCompression()

export const startMs = Date.UTC(2020, 0, 1)

const text = new TextEncoder()
export const utf8 = (value: string): Uint8Array => text.encode(value)

/** Records with keys k0, k1 … and the given values, one second apart. */
export function records(values: readonly string[], atMs = startMs): RecordInput[] {
  return values.map((value, index) => ({ key: utf8(`k${index}`), value: utf8(value), timestamp: atMs + index * 1000 }))
}

export function batch(values: readonly string[], options: Partial<BatchInput> = {}): Uint8Array {
  return buildBatch({ records: records(values), ...options })
}

/** A batch with bytes changed; the checksum is made right again unless told. */
export function damaged(
  bytes: Uint8Array,
  change: (bytes: Uint8Array, view: DataView) => void,
  fixCrc = true,
): Uint8Array {
  const copy = bytes.slice()
  change(copy, new DataView(copy.buffer))
  if (fixCrc) putInt32(copy, 17, computeCrc(copy, 0))
  return copy
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}
