/**
 * Shell file: gives the core its native parts. Importing it is enough; every broker worker does so first.
 *
 * Measured on Node 26: the native crc32c is 4 times as fast as ours at 1 KiB and 10 times at 1 MiB.
 */
import { installCompression } from './compression.node.ts'
import { useCrc32c } from './crc32c.ts'
import { crc32 } from './optional.node.ts'

export function installNative(): void {
  const native = crc32?.crc32c
  if (native) useCrc32c((bytes, start, end, seed) => native(bytes.subarray(start, end), seed))
  installCompression()
}

installNative()
