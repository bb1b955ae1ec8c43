/**
 * Kafka's producer snapshot file: what a log knew of its producers at an offset, so that start-up replays only what
 * follows.
 *
 * version int16 = 1 · crc uint32 of all that follows · count int32 · per producer: id int64, epoch int16, last
 * sequence int32, last offset int64, offset delta int32, timestamp int64, coordinator epoch int32, first offset of
 * its open transaction int64. Source: ProducerStateManager, ProducerSnapshot.json.
 */
import { crc32c } from '@troupe/wire/crc32c'
import { readInt64, viewOf, writeInt64 } from './int64.ts'
import { ProducerEntry } from './producer-entry.ts'

const VERSION = 1
const HEADER = 10
const ENTRY = 46
const CRC_AT = 2
const ENTRIES_AT = 6

export function encodeSnapshot(producers: Iterable<ProducerEntry>, count: number): Uint8Array {
  const bytes = new Uint8Array(HEADER + ENTRY * count)
  const view = viewOf(bytes)
  view.setInt16(0, VERSION)
  view.setInt32(6, count)
  let at = HEADER
  for (const producer of producers) {
    writeInt64(view, at, producer.producerId)
    view.setInt16(at + 8, producer.epoch)
    view.setInt32(at + 10, producer.lastSequence)
    writeInt64(view, at + 14, producer.lastDataOffset)
    view.setInt32(at + 22, producer.lastOffsetDelta)
    writeInt64(view, at + 26, producer.lastTimestamp)
    view.setInt32(at + 34, producer.coordinatorEpoch)
    writeInt64(view, at + 38, producer.currentTxnFirstOffset)
    at += ENTRY
  }
  view.setUint32(CRC_AT, crc32c(bytes, ENTRIES_AT, bytes.length))
  return bytes
}

/** Undefined when the file is torn, of another version or fails its checksum. */
export function decodeSnapshot(bytes: Uint8Array): ProducerEntry[] | undefined {
  if (bytes.length < HEADER) return undefined
  const view = viewOf(bytes)
  const count = view.getInt32(6)
  if (view.getInt16(0) !== VERSION || count < 0 || bytes.length !== HEADER + ENTRY * count) return undefined
  if (view.getUint32(CRC_AT) !== crc32c(bytes, ENTRIES_AT, bytes.length)) return undefined
  const producers: ProducerEntry[] = []
  for (let at = HEADER; at < bytes.length; at += ENTRY) {
    const producer = new ProducerEntry(readInt64(view, at))
    const lastOffset = readInt64(view, at + 14)
    const timestamp = readInt64(view, at + 26)
    if (lastOffset >= 0) {
      producer.addBatch(view.getInt16(at + 8), view.getInt32(at + 10), lastOffset, view.getInt32(at + 22), timestamp)
    }
    producer.epoch = view.getInt16(at + 8)
    producer.lastTimestamp = timestamp
    producer.coordinatorEpoch = view.getInt32(at + 34)
    producer.currentTxnFirstOffset = readInt64(view, at + 38)
    producers.push(producer)
  }
  return producers
}
