/**
 * The consumer's embedded protocol: what members tell the group's leader (subscription) and what it tells them
 * (assignment), as bytes that the coordinator does not look into. Source: `ConsumerProtocol`, KIP-429, KIP-792.
 */
import { Reader, Writer, malformed } from '@troupe/wire/io'
import {
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolAssignment,
  encodeConsumerProtocolSubscription,
} from '@troupe/wire/generated/data'
import type { MemberAssignment, MemberSubscription } from './assignors/assignor.ts'
import { comparePartitions, compareText, groupByTopic, type TopicPartition } from './topic-partition.ts'

export const PROTOCOL_TYPE = 'consumer'
const HIGHEST = 3

export function encodeSubscription(subscription: Omit<MemberSubscription, 'groupInstanceId'>): Uint8Array {
  const writer = new Writer(128)
  writer.int16(HIGHEST)
  const { topics, userData, owned, generationId } = subscription
  const message = {
    topics: [...topics].sort(compareText),
    userData,
    ownedPartitions: byTopic([...owned].sort(comparePartitions)),
    generationId,
    rackId: null,
  }
  encodeConsumerProtocolSubscription(writer, message, HIGHEST)
  return writer.bytes().slice()
}

export function decodeSubscription(bytes: Uint8Array): Omit<MemberSubscription, 'groupInstanceId'> {
  const reader = new Reader(bytes)
  const message = decodeConsumerProtocolSubscription(reader, version(reader))
  const { topics, userData, ownedPartitions, generationId } = message
  return { topics, userData, owned: flat(ownedPartitions), generationId }
}

export function encodeAssignment(
  partitions: readonly TopicPartition[],
  userData: Uint8Array | null = null,
): Uint8Array {
  const writer = new Writer(128)
  writer.int16(HIGHEST)
  encodeConsumerProtocolAssignment(writer, { assignedPartitions: byTopic(partitions), userData }, HIGHEST)
  return writer.bytes().slice()
}

export function decodeAssignment(bytes: Uint8Array): MemberAssignment {
  const reader = new Reader(bytes)
  const { assignedPartitions, userData } = decodeConsumerProtocolAssignment(reader, version(reader))
  return { partitions: flat(assignedPartitions), userData }
}

/** A later version is read as the last we know: fields are only ever added at the end. */
function version(reader: Reader): number {
  const said = reader.int16()
  return said < 0 ? malformed(`consumer protocol of version ${said}`) : Math.min(said, HIGHEST)
}

function byTopic(partitions: readonly TopicPartition[]): { topic: string; partitions: number[] }[] {
  return [...groupByTopic(partitions)].map(([topic, own]) => ({
    topic,
    partitions: own.map(({ partition }) => partition),
  }))
}

function flat(topics: readonly { topic: string; partitions: readonly number[] }[]): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
}
