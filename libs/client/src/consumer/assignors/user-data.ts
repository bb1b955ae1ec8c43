/**
 * What sticky members say about the past in their user data. Source: the schemas of `StickyAssignor` (v0 without,
 * v1 with a generation) and `CooperativeStickyAssignor` (a generation).
 */
import { Reader, Writer } from '@troupe/wire/io'
import { groupByTopic, type TopicPartition } from '../topic-partition.ts'
import type { LastAssignment } from './assignor.ts'
import { NO_GENERATION, type Claim } from './claims.ts'

export function encodeStickyUserData({ partitions, generationId }: LastAssignment): Uint8Array {
  const writer = new Writer(64)
  const topics = groupByTopic(partitions)
  writer.int32(topics.size)
  for (const [topic, own] of topics) {
    writer.string(topic)
    writer.int32Array(own.map(({ partition }) => partition))
  }
  writer.int32(generationId)
  return writer.bytes().slice()
}

/** Who knows nothing, or says nothing that can be read, owned nothing. */
export function decodeStickyUserData(bytes: Uint8Array | null): Claim {
  if (bytes === null || bytes.length === 0) return { partitions: [], generationId: NO_GENERATION }
  try {
    const reader = new Reader(bytes)
    const partitions: TopicPartition[] = []
    for (let topics = reader.int32(); topics > 0; topics--) {
      const topic = reader.string()
      for (const partition of reader.int32Array()) partitions.push({ topic, partition })
    }
    return { partitions, generationId: reader.remaining >= 4 ? reader.int32() : NO_GENERATION }
  } catch {
    return { partitions: [], generationId: NO_GENERATION }
  }
}

export function encodeGeneration(generationId: number): Uint8Array {
  const writer = new Writer(4)
  writer.int32(generationId)
  return writer.bytes().slice()
}

export function decodeGeneration(bytes: Uint8Array | null): number {
  return bytes !== null && bytes.length >= 4 ? new Reader(bytes).int32() : NO_GENERATION
}
