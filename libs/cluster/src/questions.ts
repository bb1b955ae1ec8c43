/**
 * What a test wants to know of its cluster, in the words of Kafka's tools: asked of the brokers' own images and logs
 * (leaders, offsets), and by real requests where a coordinator or a leader knows (groups, transactions, producers).
 */
import type { ClusterStatus } from '@troupe/runtime/cluster-status'
import type { DescribeGroupsResponse } from '@troupe/wire/generated/15-describe-groups'
import type { DescribeProducersResponse } from '@troupe/wire/generated/61-describe-producers'
import type { DescribeTransactionsResponse } from '@troupe/wire/generated/65-describe-transactions'
import type { FindCoordinatorResponse } from '@troupe/wire/generated/10-find-coordinator'
import type { ListGroupsResponse } from '@troupe/wire/generated/16-list-groups'
import type { ListTransactionsResponse } from '@troupe/wire/generated/66-list-transactions'
import type { OffsetFetchResponse } from '@troupe/wire/generated/09-offset-fetch'
import { decodeAssignment } from '@troupe/client/consumer/protocol'
import { errorName } from '@troupe/wire/errors'

/** How the questions reach the brokers. */
export interface Asked {
  status(): Promise<ClusterStatus>
  /** Ids of the brokers that can answer now. */
  answering(): readonly number[]
  ask<Response>(broker: number, api: string, body: object): Promise<Response>
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface PartitionState extends TopicPartition {
  /** −1: none. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
}

export interface ReplicaOffsets {
  readonly broker: number
  readonly logStart: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logEnd: number
}

export interface GroupState {
  readonly groupId: string
  /** As DescribeGroups names it: Stable, PreparingRebalance, Empty… */
  readonly state: string
  /** Of the broker that coordinates it. */
  readonly coordinator: number
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly clientId: string
    readonly assignment: readonly TopicPartition[]
  }[]
  readonly offsets: readonly (TopicPartition & { readonly committed: number; readonly lag: number })[]
}

export interface OpenTransaction {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  /** As the coordinator names it: Ongoing, PrepareCommit, PrepareAbort. */
  readonly state: string
  readonly startedAt: number
  readonly timeoutMs: number
  readonly partitions: readonly TopicPartition[]
}

export interface StableOffset {
  readonly lastStableOffset: number
  readonly highWatermark: number
  /** Whose open transaction readers of committed records wait for; null: nobody's. */
  readonly heldBackBy: {
    readonly producerId: number
    readonly producerEpoch: number
    /** null: no coordinator knows it (a transaction that hangs). */
    readonly transactionalId: string | null
    readonly startOffset: number
  } | null
}

/** The answer of a broker was an error of the protocol. */
export class QuestionFailed extends Error {
  override readonly name = 'QuestionFailed'
}

export function checkError(code: number, question: string): void {
  if (code !== 0) throw new QuestionFailed(`${question}: ${errorName(code)}`)
}

export async function partitionState(asked: Asked, topic: string, partition: number): Promise<PartitionState> {
  const found = (await partitions(asked, topic)).find((one) => one.partition === partition)
  if (found === undefined) throw new QuestionFailed(`there is no partition ${topic}-${partition}`)
  return found
}

export async function partitions(asked: Asked, topic?: string): Promise<PartitionState[]> {
  const status = await asked.status()
  return status.partitions
    .filter((one) => topic === undefined || one.topic === topic)
    .map(({ topic, partition, leader, leaderEpoch, replicas, isr }) => ({
      topic,
      partition,
      leader,
      leaderEpoch,
      replicas,
      isr,
    }))
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}

export async function replicaOffsets(asked: Asked, topic: string, partition: number): Promise<ReplicaOffsets[]> {
  const status = await asked.status()
  const found = status.partitions.find((one) => one.topic === topic && one.partition === partition)
  if (found === undefined) throw new QuestionFailed(`there is no partition ${topic}-${partition}`)
  return found.logs
    .map(({ broker, logStartOffset, highWatermark, lastStableOffset, logEndOffset }) => ({
      broker,
      logStart: logStartOffset,
      highWatermark,
      lastStableOffset,
      logEnd: logEndOffset,
    }))
    .sort((a, b) => a.broker - b.broker)
}

export async function groups(asked: Asked): Promise<GroupState[]> {
  const status = await asked.status()
  const found = await Promise.all(asked.answering().map((broker) => groupsOf(asked, broker, status)))
  return found.flat().sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
}

async function groupsOf(asked: Asked, broker: number, status: ClusterStatus): Promise<GroupState[]> {
  const listed = await asked.ask<ListGroupsResponse>(broker, 'ListGroups', {})
  const ids = listed.groups.map(({ groupId }) => groupId)
  if (ids.length === 0) return []
  const { groups } = await asked.ask<DescribeGroupsResponse>(broker, 'DescribeGroups', { groups: ids })
  const fetched = await asked.ask<OffsetFetchResponse>(broker, 'OffsetFetch', {
    groups: ids.map((groupId) => ({ groupId, topics: null })),
  })
  return groups.map(({ groupId, groupState, protocolType, members }) => ({
    groupId,
    state: groupState,
    coordinator: broker,
    members: members.map(({ memberId, groupInstanceId, clientId, memberAssignment }) => ({
      memberId,
      groupInstanceId,
      clientId,
      assignment:
        protocolType === 'consumer' && memberAssignment.length > 0 ? decodeAssignment(memberAssignment).partitions : [],
    })),
    offsets: committedOf(fetched, groupId, status),
  }))
}

function committedOf({ groups }: OffsetFetchResponse, groupId: string, status: ClusterStatus): GroupState['offsets'] {
  const { topics = [] } = groups.find((group) => group.groupId === groupId) ?? {}
  return topics.flatMap(({ name, topicId, partitions }) =>
    partitions.map(({ partitionIndex: partition, committedOffset: committed }) => {
      const found = status.partitions.find(
        (one) => one.partition === partition && (name === '' ? one.topicId === topicId : one.topic === name),
      )
      const log = found?.logs.find(({ broker }) => broker === found.leader)
      return { topic: found?.topic ?? name, partition, committed, lag: (log?.highWatermark ?? committed) - committed }
    }),
  )
}

export async function openTransactions(asked: Asked): Promise<OpenTransaction[]> {
  const found = await Promise.all(asked.answering().map((broker) => transactionsOf(asked, broker)))
  return found.flat().sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1))
}

const openStates = ['Ongoing', 'PrepareCommit', 'PrepareAbort']

async function transactionsOf(asked: Asked, broker: number): Promise<OpenTransaction[]> {
  const listed = await asked.ask<ListTransactionsResponse>(broker, 'ListTransactions', {
    stateFilters: openStates,
    durationFilter: -1,
  })
  const transactionalIds = listed.transactionStates.map(({ transactionalId }) => transactionalId)
  if (transactionalIds.length === 0) return []
  const described = await asked.ask<DescribeTransactionsResponse>(broker, 'DescribeTransactions', { transactionalIds })
  return described.transactionStates
    .filter(({ errorCode, transactionState }) => errorCode === 0 && openStates.includes(transactionState))
    .map((one) => ({
      transactionalId: one.transactionalId,
      producerId: one.producerId,
      producerEpoch: one.producerEpoch,
      state: one.transactionState,
      startedAt: one.transactionStartTimeMs,
      timeoutMs: one.transactionTimeoutMs,
      partitions: one.topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition }))),
    }))
}

export async function stableOffset(asked: Asked, topic: string, partition: number): Promise<StableOffset> {
  const { leader } = await partitionState(asked, topic, partition)
  const log = (await replicaOffsets(asked, topic, partition)).find(({ broker }) => broker === leader)
  if (log === undefined) throw new QuestionFailed(`${topic}-${partition} has no leader that answers`)
  const { topics } = await asked.ask<DescribeProducersResponse>(leader, 'DescribeProducers', {
    topics: [{ name: topic, partitionIndexes: [partition] }],
  })
  const [answer] = topics[0]!.partitions
  checkError(answer!.errorCode, `producers of ${topic}-${partition}`)
  const [first] = answer!.activeProducers
    .filter(({ currentTxnStartOffset }) => currentTxnStartOffset >= 0)
    .sort((a, b) => a.currentTxnStartOffset - b.currentTxnStartOffset)
  const { lastStableOffset, highWatermark } = log
  if (first === undefined) return { lastStableOffset, highWatermark, heldBackBy: null }
  const { producerId, producerEpoch, currentTxnStartOffset: startOffset } = first
  const transactionalId = await transactionalIdOf(asked, producerId)
  return { lastStableOffset, highWatermark, heldBackBy: { producerId, producerEpoch, transactionalId, startOffset } }
}

async function transactionalIdOf(asked: Asked, producerId: number): Promise<string | null> {
  for (const broker of asked.answering()) {
    const listed = await asked.ask<ListTransactionsResponse>(broker, 'ListTransactions', {
      producerIdFilters: [producerId],
      durationFilter: -1,
    })
    const [one] = listed.transactionStates
    if (one !== undefined) return one.transactionalId
  }
  return null
}

const keyTypes = { group: 0, transaction: 1 } as const

/** −1: none at the moment. */
export async function coordinatorOf(asked: Asked, kind: keyof typeof keyTypes, key: string): Promise<number> {
  const [broker] = asked.answering()
  if (broker === undefined) return -1
  const { coordinators } = await asked.ask<FindCoordinatorResponse>(broker, 'FindCoordinator', {
    keyType: keyTypes[kind],
    coordinatorKeys: [key],
  })
  const [found] = coordinators
  return found!.errorCode === 0 ? found!.nodeId : -1
}
