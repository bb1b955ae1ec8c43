/**
 * CRC-32C (Castagnoli), the checksum of record batches: eight bytes a step from eight tables.
 *
 * The core stays free of native code, and a shell may hand in a faster implementation for longer inputs
 * (`native.node.ts`); below some 150 bytes the call costs more than it saves.
 */
const POLYNOMIAL = 0x82f63b78
const TABLES = makeTables()

function makeTables(): Uint32Array[] {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256))
  for (let i = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    tables[0][i] = crc >>> 0
  }
  for (let i = 0; i < 256; i++) {
    for (let t = 1; t < 8; t++) {
      const before = tables[t - 1][i]
      tables[t][i] = (before >>> 8) ^ tables[0][before & 255]
    }
  }
  return tables
}

/** `seed` is the checksum of what came before, so that a sum can be continued. */
export type Crc32c = (bytes: Uint8Array, start: number, end: number, seed: number) => number

const NATIVE_FROM = 150
let native: Crc32c | undefined

export function useCrc32c(implementation: Crc32c | undefined): void {
  native = implementation
}

/** An unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  if (native !== undefined && end - start >= NATIVE_FROM) return native(bytes, start, end, seed)
  return sliceBy8(bytes, start, end, seed)
}

const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES

function sliceBy8(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let crc = ~seed
  let at = start
  for (const last = end - 8; at <= last; at += 8) {
    crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    crc =
      T7[crc & 255] ^
      T6[(crc >>> 8) & 255] ^
      T5[(crc >>> 16) & 255] ^
      T4[crc >>> 24] ^
      T3[bytes[at + 4]] ^
      T2[bytes[at + 5]] ^
      T1[bytes[at + 6]] ^
      T0[bytes[at + 7]]
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ T0[(crc ^ bytes[at]) & 255]
  return ~crc >>> 0
}
