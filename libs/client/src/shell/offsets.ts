/** Partitions and offsets, as applications name them. */
import type { TopicPartition } from '../consumer/topic-partition.ts'
import type { OffsetToCommit } from '../messages.ts'

export type { TopicPartition } from '../consumer/topic-partition.ts'
export { partitionKey } from '../consumer/topic-partition.ts'

/** An offset of a partition; `offset` is that of the next record to read. */
export interface OffsetAndMetadata extends TopicPartition {
  readonly offset: number
  /** Of the record before; lets a consumer notice that it was lost. −1: not known. */
  readonly leaderEpoch?: number | undefined
  readonly metadata?: string | null | undefined
}

export interface OffsetAndTimestamp extends TopicPartition {
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

export function toCommit({
  topic,
  partition,
  offset,
  leaderEpoch = -1,
  metadata = '',
}: OffsetAndMetadata): OffsetToCommit {
  return { topic, partition, offset, leaderEpoch, metadata }
}
