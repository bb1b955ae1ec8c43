/** The bytes of a slice, read now. */
import type { Slice } from '@troupe/actor'

export function bytesOf(slice: Slice): Uint8Array {
  const bytes = new Uint8Array(slice.sizeInBytes)
  return bytes.subarray(0, slice.readInto(bytes, 0))
}
