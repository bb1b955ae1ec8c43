/** Of partitions, asked of their leaders: offsets, deletion of records, producers, markers of aborted transactions. */
import type { DeleteRecordsResponse } from '@troupe/wire/generated/21-delete-records'
import type { DescribeProducersResponse } from '@troupe/wire/generated/61-describe-producers'
import type { ListOffsetsResponse } from '@troupe/wire/generated/02-list-offsets'
import type { WriteTxnMarkersResponse } from '@troupe/wire/generated/27-write-txn-markers'
import { KafkaError } from '@troupe/wire/errors'
import { byTopic } from '../producer/coordinator-bodies.ts'
import type { TopicPartition } from '../consumer/topic-partition.ts'
import { answer, keyOfPartition, passesAtLeader, toLeader } from './answers.ts'
import { defineOperation } from './operation.ts'

const specs = {
  latest: { timestamp: -1, minVersion: 0 },
  earliest: { timestamp: -2, minVersion: 0 },
  /** The record with the largest timestamp (KIP-734). */
  'max-timestamp': { timestamp: -3, minVersion: 7 },
  /** The first that is not only in remote storage (KIP-405). */
  'earliest-local': { timestamp: -4, minVersion: 8 },
  /** The last in remote storage (KIP-1005). */
  'latest-tiered': { timestamp: -5, minVersion: 9 },
  /** The first that is not in remote storage yet (KIP-1023). */
  'earliest-pending-upload': { timestamp: -6, minVersion: 11 },
} as const

/** A number: the first record at or after that time. */
export type OffsetSpec = keyof typeof specs | number

export interface OffsetQuestion extends TopicPartition {
  readonly at: OffsetSpec
}

export interface ListedOffset extends TopicPartition {
  /** −1: there is none. */
  readonly offset: number
  /** Of the record; −1: not known, or none. */
  readonly timestamp: number
  readonly leaderEpoch: number | null
}

export interface ListOffsetsArgs {
  readonly partitions: readonly OffsetQuestion[]
  readonly isolation?: 'read_uncommitted' | 'read_committed'
}

const minVersionOf = ({ at }: OffsetQuestion): number => (typeof at === 'number' ? 1 : specs[at].minVersion)

export const listOffsets = defineOperation({
  api: 2,
  items: ({ partitions }: ListOffsetsArgs) => partitions,
  keyOf: keyOfPartition,
  route: toLeader,
  // An old broker refuses only what it does not know.
  apart: minVersionOf,
  request: (items, { isolation = 'read_uncommitted' }, timeoutMs) => ({
    body: {
      replicaId: -1,
      isolationLevel: isolation === 'read_committed' ? 1 : 0,
      topics: byTopic(items).map(([name, list]) => ({
        name,
        partitions: list.map(({ partition, at }) => ({
          partitionIndex: partition,
          currentLeaderEpoch: -1,
          timestamp: typeof at === 'number' ? at : specs[at].timestamp,
        })),
      })),
      timeoutMs,
    },
    minVersion: Math.max(1, minVersionOf(items[0]!)),
  }),
  read: ({ topics }: ListOffsetsResponse) =>
    topics.flatMap(({ name, partitions }) =>
      partitions.map((listed) => {
        const value: ListedOffset = {
          topic: name,
          partition: listed.partitionIndex,
          offset: listed.offset,
          timestamp: listed.timestamp,
          leaderEpoch: listed.leaderEpoch < 0 ? null : listed.leaderEpoch,
        }
        return answer(keyOfPartition(value), value, listed.errorCode)
      }),
    ),
  repeat: passesAtLeader,
})

export interface RecordsToDelete extends TopicPartition {
  /** Everything before it; −1: everything that is committed. */
  readonly before: number
}

export interface DeletedRecords extends TopicPartition {
  readonly lowWatermark: number
}

export const deleteRecords = defineOperation({
  api: 21,
  items: ({ partitions }: { readonly partitions: readonly RecordsToDelete[] }) => partitions,
  keyOf: keyOfPartition,
  route: toLeader,
  request: (items, _args, timeoutMs) => ({
    body: {
      topics: byTopic(items).map(([name, list]) => ({
        name,
        partitions: list.map(({ partition, before }) => ({ partitionIndex: partition, offset: before })),
      })),
      timeoutMs,
    },
  }),
  read: ({ topics }: DeleteRecordsResponse) =>
    topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, lowWatermark, errorCode }) => {
        const value: DeletedRecords = { topic: name, partition: partitionIndex, lowWatermark }
        return answer(keyOfPartition(value), value, errorCode)
      }),
    ),
  repeat: passesAtLeader,
})

export interface PartitionProducers extends TopicPartition {
  readonly producers: readonly ProducerState[]
}

export interface ProducerState {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestamp: number
  /** −1: it never ended a transaction here. */
  readonly coordinatorEpoch: number
  /** null: no transaction of it is open. */
  readonly currentTransactionStartOffset: number | null
}

export interface DescribeProducersArgs {
  readonly partitions: readonly TopicPartition[]
  /** Ask this replica; default: each leader. */
  readonly broker?: number
}

export const describeProducers = defineOperation({
  api: 61,
  items: ({ partitions }: DescribeProducersArgs) => partitions,
  keyOf: keyOfPartition,
  route: (item, { broker }) => broker ?? toLeader(item),
  request: (items) => ({ body: { topics: namedIndexes(items) } }),
  read: ({ topics }: DescribeProducersResponse) =>
    topics.flatMap(({ name, partitions }) =>
      partitions.map((partition) => {
        const value: PartitionProducers = {
          topic: name,
          partition: partition.partitionIndex,
          producers: partition.activeProducers.map((producer) => ({
            producerId: producer.producerId,
            producerEpoch: producer.producerEpoch,
            lastSequence: producer.lastSequence,
            lastTimestamp: producer.lastTimestamp,
            coordinatorEpoch: producer.coordinatorEpoch,
            currentTransactionStartOffset: producer.currentTxnStartOffset < 0 ? null : producer.currentTxnStartOffset,
          })),
        }
        return answer(keyOfPartition(value), value, partition.errorCode, partition.errorMessage)
      }),
    ),
  // A replica that was named is not looked for elsewhere.
  repeat: (error, { broker }) =>
    error === KafkaError.UNKNOWN_TOPIC_OR_PARTITION ||
    (error === KafkaError.NOT_LEADER_OR_FOLLOWER && broker === undefined),
})

function namedIndexes(items: readonly TopicPartition[]): { name: string; partitionIndexes: number[] }[] {
  return byTopic(items).map(([name, list]) => ({ name, partitionIndexes: list.map(({ partition }) => partition) }))
}

/** A transaction that hangs in a partition although its coordinator knows nothing of it (KIP-664). */
export interface HangingTransaction extends TopicPartition {
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
}

const mayPass: ReadonlySet<number> = new Set([
  KafkaError.NOT_LEADER_OR_FOLLOWER,
  KafkaError.REPLICA_NOT_AVAILABLE,
  KafkaError.BROKER_NOT_AVAILABLE,
  KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
])

export const abortTransaction = defineOperation({
  api: 27,
  items: ({ transaction }: { readonly transaction: HangingTransaction }) => [transaction],
  keyOf: keyOfPartition,
  route: toLeader,
  request: (items) => ({
    body: {
      markers: items.map((item) => ({
        producerId: item.producerId,
        producerEpoch: item.producerEpoch,
        transactionResult: false,
        topics: namedIndexes([item]),
        coordinatorEpoch: item.coordinatorEpoch,
      })),
    },
  }),
  read: ({ markers }: WriteTxnMarkersResponse) =>
    markers.flatMap(({ topics }) =>
      topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, errorCode }) =>
          answer(keyOfPartition({ topic: name, partition: partitionIndex }), undefined, errorCode),
        ),
      ),
    ),
  repeat: (error) => mayPass.has(error),
})
