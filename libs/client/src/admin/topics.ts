/** Topics: create, delete, add partitions, describe, list. */
import type { CreatePartitionsResponse } from '@troupe/wire/generated/37-create-partitions'
import type { CreateTopicsResponse } from '@troupe/wire/generated/19-create-topics'
import type { DeleteTopicsResponse } from '@troupe/wire/generated/20-delete-topics'
import type {
  DescribeTopicPartitionsResponse,
  DescribeTopicPartitionsResponse_DescribeTopicPartitionsResponseTopic,
} from '@troupe/wire/generated/75-describe-topic-partitions'
import type { MetadataResponse } from '@troupe/wire/generated/03-metadata'
import { answer, authorizedOperations, never, passesAtController } from './answers.ts'
import { configSource, type ConfigSource } from './configs.ts'
import { defineOperation } from './operation.ts'

export interface NewTopic {
  readonly name: string
  /** Default: the cluster's `num.partitions`. */
  readonly partitions?: number
  /** Default: the cluster's `default.replication.factor`. */
  readonly replicationFactor?: number
  /** Replicas by partition, the preferred leader first; takes the place of both numbers. */
  readonly assignment?: readonly (readonly number[])[]
  readonly configs?: Readonly<Record<string, string>>
}

export interface CreatedTopic {
  readonly name: string
  readonly topicId: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly configs: readonly CreatedTopicConfig[]
}

export interface CreatedTopicConfig {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
  readonly readOnly: boolean
  readonly sensitive: boolean
}

export const createTopics = defineOperation({
  api: 19,
  items: ({ topics }: { readonly topics: readonly NewTopic[]; readonly validateOnly?: boolean }) => topics,
  keyOf: ({ name }) => name,
  route: () => 'controller',
  request: (items, { validateOnly = false }, timeoutMs) => ({
    body: {
      topics: items.map((topic) => ({
        name: topic.name,
        numPartitions: topic.assignment ? -1 : (topic.partitions ?? -1),
        replicationFactor: topic.assignment ? -1 : (topic.replicationFactor ?? -1),
        assignments: (topic.assignment ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
        configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value })),
      })),
      timeoutMs,
      validateOnly,
    },
  }),
  read: ({ topics }: CreateTopicsResponse) =>
    topics.map((t) => answer(t.name, created(t), t.errorCode, t.errorMessage)),
  repeat: passesAtController,
})

function created(topic: CreateTopicsResponse['topics'][number]): CreatedTopic {
  return {
    name: topic.name,
    topicId: topic.topicId,
    partitions: topic.numPartitions,
    replicationFactor: topic.replicationFactor,
    configs: (topic.configs ?? []).map((config) => ({
      name: config.name,
      value: config.value,
      source: configSource(config.configSource),
      readOnly: config.readOnly,
      sensitive: config.isSensitive,
    })),
  }
}

/** By name, or by id (KIP-516). */
export type TopicRef = string | { readonly topicId: string }

const keyOfTopic = (topic: TopicRef): string => (typeof topic === 'string' ? topic : topic.topicId)
/** From here on topics to delete are structs, which may be named by id. */
const DELETE_BY_STRUCT = 6

export const deleteTopics = defineOperation({
  api: 20,
  items: ({ topics }: { readonly topics: readonly TopicRef[] }) => topics,
  keyOf: keyOfTopic,
  route: () => 'controller',
  apart: (topic) => typeof topic,
  request: (items, _args, timeoutMs) => ({
    body: {
      topics: items.map((topic) => (typeof topic === 'string' ? { name: topic } : { name: null, ...topic })),
      timeoutMs,
    },
    minVersion: DELETE_BY_STRUCT,
  }),
  read: ({ responses }: DeleteTopicsResponse, items) =>
    responses.map((topic) => {
      const key = typeof items[0] === 'string' ? topic.name! : topic.topicId
      return answer(key, undefined, topic.errorCode, topic.errorMessage)
    }),
  repeat: passesAtController,
})

export interface NewPartitions {
  readonly topic: string
  /** How many there will be. */
  readonly total: number
  /** Replicas of each new one, the preferred leader first; default: the controller chooses. */
  readonly assignment?: readonly (readonly number[])[]
}

export const createPartitions = defineOperation({
  api: 37,
  items: ({ topics }: { readonly topics: readonly NewPartitions[]; readonly validateOnly?: boolean }) => topics,
  keyOf: ({ topic }) => topic,
  route: () => 'controller',
  request: (items, { validateOnly = false }, timeoutMs) => ({
    body: {
      topics: items.map(({ topic, total, assignment }) => ({
        name: topic,
        count: total,
        assignments: assignment?.map((brokerIds) => ({ brokerIds })) ?? null,
      })),
      timeoutMs,
      validateOnly,
    },
  }),
  read: ({ results }: CreatePartitionsResponse) =>
    results.map((topic) => answer(topic.name, undefined, topic.errorCode, topic.errorMessage)),
  repeat: passesAtController,
})

export interface TopicDescription {
  readonly name: string
  readonly topicId: string
  readonly internal: boolean
  readonly partitions: readonly PartitionDescription[]
  /** Names of AclOperation; null: not asked for. */
  readonly authorizedOperations: readonly string[] | null
}

export interface PartitionDescription {
  readonly partition: number
  /** −1: none. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly offlineReplicas: readonly number[]
  /** KIP-966; null: the broker does not say. */
  readonly eligibleLeaderReplicas: readonly number[] | null
  readonly lastKnownElr: readonly number[] | null
}

/** By name, page by page (KIP-966). */
export const describeTopics = defineOperation({
  api: 75,
  items: ({ topics }: { readonly topics: readonly string[]; readonly partitionsPerRequest?: number }) => topics,
  keyOf: (name) => name,
  route: () => 'any',
  request: (items, { partitionsPerRequest = 2000 }, _timeoutMs, asked) => {
    const begun = asked.find(({ next }) => next !== undefined)
    const cursor = begun ? { topicName: begun.item, partitionIndex: begun.next as number } : null
    return { body: { topics: items.map((name) => ({ name })), responsePartitionLimit: partitionsPerRequest, cursor } }
  },
  *read({ topics, nextCursor }: DescribeTopicPartitionsResponse, _items, _args, { asked }) {
    const begun = new Map(asked.map(({ item, value }) => [item, value as TopicDescription | null]))
    for (const topic of topics) {
      const before = begun.get(topic.name!)
      const value = described(topic, before?.partitions ?? [])
      const whole = answer(topic.name!, value, topic.errorCode)
      yield nextCursor?.topicName === topic.name ? { ...whole, next: nextCursor!.partitionIndex } : whole
    }
    // Asked for and not reached: the page was full before.
    if (nextCursor && topics.every(({ name }) => name !== nextCursor.topicName))
      yield { ...answer(nextCursor.topicName, null as never), next: nextCursor.partitionIndex }
  },
  repeat: never,
})

type DescribedTopic = DescribeTopicPartitionsResponse_DescribeTopicPartitionsResponseTopic

function described(topic: DescribedTopic, before: readonly PartitionDescription[]): TopicDescription {
  return {
    name: topic.name!,
    topicId: topic.topicId,
    internal: topic.isInternal,
    partitions: [...before, ...topic.partitions.map(partitionOf)].sort((a, b) => a.partition - b.partition),
    authorizedOperations: authorizedOperations(topic.topicAuthorizedOperations),
  }
}

function partitionOf(partition: Partial<DescribedTopic['partitions'][number]>): PartitionDescription {
  return {
    partition: partition.partitionIndex!,
    leader: partition.leaderId!,
    leaderEpoch: partition.leaderEpoch!,
    replicas: partition.replicaNodes!,
    isr: partition.isrNodes!,
    offlineReplicas: partition.offlineReplicas!,
    eligibleLeaderReplicas: partition.eligibleLeaderReplicas ?? null,
    lastKnownElr: partition.lastKnownElr ?? null,
  }
}

const METADATA = 3
/** From here on topics may be asked for by id. */
const METADATA_BY_ID = 12

export const describeTopicsById = defineOperation({
  api: METADATA,
  items: ({ topicIds }: { readonly topicIds: readonly string[] }) => topicIds,
  keyOf: (topicId) => topicId,
  route: () => 'any',
  request: (items) => ({
    body: { topics: items.map((topicId) => ({ topicId, name: null })), allowAutoTopicCreation: false },
    minVersion: METADATA_BY_ID,
  }),
  read: ({ topics }: MetadataResponse) =>
    topics.map((topic) => {
      const value: TopicDescription = {
        name: topic.name ?? '',
        topicId: topic.topicId,
        internal: topic.isInternal,
        partitions: topic.partitions.map(partitionOf).sort((a, b) => a.partition - b.partition),
        authorizedOperations: authorizedOperations(topic.topicAuthorizedOperations),
      }
      return answer(topic.topicId, value, topic.errorCode)
    }),
  repeat: never,
})

export interface TopicListing {
  readonly name: string
  readonly topicId: string
  readonly internal: boolean
}

export const listTopics = defineOperation({
  api: METADATA,
  items: (_args: { readonly internal?: boolean }) => ['topics'],
  keyOf: (key) => key,
  route: () => 'any',
  request: () => ({ body: { topics: null, allowAutoTopicCreation: false } }),
  read: ({ topics }: MetadataResponse, _items, { internal = false }) => [
    answer(
      'topics',
      topics
        .filter(({ isInternal }) => internal || !isInternal)
        .map(({ name, topicId, isInternal }): TopicListing => ({ name: name!, topicId, internal: isInternal })),
    ),
  ],
  repeat: never,
})
