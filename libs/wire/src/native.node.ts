/**
 * Shell file: gives the core its native parts. Importing it is enough; every broker worker does so first.
 *
 * Measured on Node 26: the native crc32c is 4 times as fast as ours at 1 KiB and 10 times at 1 MiB.
 */
import { crc32c } from '@node-rs/crc32'
import { installCompression } from './compression.node.ts'
import { useCrc32c } from './crc32c.ts'

export function installNative(): void {
  useCrc32c((bytes, start, end, seed) => crc32c(bytes.subarray(start, end), seed))
  installCompression()
}

installNative()
