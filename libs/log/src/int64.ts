/**
 * 64-bit integers of files as numbers: everything Kafka counts stays below 2^53.
 */

const HIGH = 0x1_0000_0000

export function readInt64(view: DataView, at: number): number {
  return view.getInt32(at) * HIGH + view.getUint32(at + 4)
}

export function writeInt64(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / HIGH)
  view.setInt32(at, high)
  view.setUint32(at + 4, value - high * HIGH)
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
