/**
 * TxnOffsetCommit (28), versions 0–5: a group's progress as part of a transaction.
 *
 * - v3 fenced by member and generation (KIP-447); v4 TRANSACTION_ABORTABLE; v5 the group's partition is added on the way
 *   (KIP-890, TV2)
 *
 * Two messages, because the transaction may end in between: the replica of the group's partition verifies the
 * transaction and gives a guard; the group coordinator appends under it.
 */
import { isFailed } from '@troupe/actor'
import type { TxnOffsetCommit } from '@troupe/groups/messages'
import type { Verified, VerifyTransaction } from '@troupe/replication/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/io'
import type {
  TxnOffsetCommitRequest,
  TxnOffsetCommitRequest_TxnOffsetCommitRequestTopic,
  TxnOffsetCommitResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { replicaOn, type RequestContext } from '../context.ts'
import { askCoordinator, clientOf, coordinatorAddress, seatOf } from '../coordinators.ts'
import { replicaFailure } from '../partition-access.ts'
import { TopicAnswers } from '../topic-answers.ts'

export const gaps: readonly string[] = []

type Topics = TxnOffsetCommitRequest_TxnOffsetCommitRequestTopic[]

export const txnOffsetCommit = defineApi<TxnOffsetCommitRequest, TxnOffsetCommitResponseInput>({
  key: 28,
  minVersion: 0,
  maxVersion: 5,
  gaps,
  handle(request, ctx) {
    const answers = new TopicAnswers()
    const topics = knownPartitions(request, ctx, answers)
    const respond = (): void => ctx.respond({ topics: answers.list() })
    if (topics.length === 0) return respond()
    const refused = (error: ErrorCode): void => {
      const errorCode = forOldClients(error, ctx.version)
      for (const { name, partitions } of topics) {
        for (const { partitionIndex } of partitions) answers.add(name, zeroUuid, partitionIndex, errorCode)
      }
      respond()
    }
    if (request.groupId === '') return refused(KafkaError.INVALID_GROUP_ID)
    verify(request, ctx, refused, (guard) => {
      askCoordinator<TxnOffsetCommit, TxnOffsetCommitResponseInput>(
        ctx,
        'groups',
        request.groupId,
        { kind: 'txnOffsetCommit', body: { ...request, topics }, guard, version: ctx.version, client: clientOf(ctx) },
        (response) => {
          for (const { name = '', partitions } of response.topics ?? []) {
            for (const { partitionIndex = 0, errorCode = 0 } of partitions ?? []) {
              answers.add(name, zeroUuid, partitionIndex, forOldClients(errorCode, ctx.version))
            }
          }
          respond()
        },
        refused,
      )
    })
  },
  failure: (request, errorCode) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }),
})

function verify(
  request: TxnOffsetCommitRequest,
  ctx: RequestContext,
  refused: (error: ErrorCode) => void,
  then: (guard: number) => void,
): void {
  const seat = seatOf(ctx, 'groups', request.groupId)
  if (!seat || seat.leader !== ctx.self) return refused(KafkaError.NOT_COORDINATOR)
  const { producerId, producerEpoch, transactionalId } = request
  const transaction = {
    transactionalId,
    coordinator: coordinatorAddress(ctx, 'transactions', transactionalId),
    addPartition: ctx.version >= 5,
    supportsAbortable: ctx.version >= 4,
  }
  ctx.ask<VerifyTransaction, Verified>(
    replicaOn(ctx.self, seat.topicId, seat.partition),
    { kind: 'verifyTransaction', producerId, producerEpoch, transaction },
    (body) => {
      const error = isFailed(body) ? replicaFailure(body) : body.error
      if (isFailed(body) || error !== KafkaError.NONE) refused(asCoordinatorError(error))
      else then(body.guard)
    },
  )
}

/** What a partition says, in the words of a group coordinator (GroupCoordinatorService). */
function asCoordinatorError(error: ErrorCode): ErrorCode {
  switch (error) {
    case KafkaError.NETWORK_EXCEPTION:
      return KafkaError.COORDINATOR_LOAD_IN_PROGRESS
    case KafkaError.UNKNOWN_TOPIC_OR_PARTITION:
    case KafkaError.NOT_ENOUGH_REPLICAS:
    case KafkaError.REQUEST_TIMED_OUT:
      return KafkaError.COORDINATOR_NOT_AVAILABLE
    case KafkaError.NOT_LEADER_OR_FOLLOWER:
    case KafkaError.KAFKA_STORAGE_ERROR:
      return KafkaError.NOT_COORDINATOR
    default:
      return error
  }
}

/** Producers of 0.11 to 1.1 crash at COORDINATOR_LOAD_IN_PROGRESS here (KAFKA-7080). */
function forOldClients(error: number, version: number): number {
  return version < 2 && error === KafkaError.COORDINATOR_LOAD_IN_PROGRESS ? KafkaError.COORDINATOR_NOT_AVAILABLE : error
}

function knownPartitions(request: TxnOffsetCommitRequest, ctx: RequestContext, answers: TopicAnswers): Topics {
  const known: Topics = []
  for (const { name, partitions } of request.topics) {
    const topic = ctx.env.cluster.topic(name)
    for (const { partitionIndex } of partitions) {
      if (topic?.partitions[partitionIndex]) continue
      answers.add(name, zeroUuid, partitionIndex, KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
    }
    const there = partitions.filter(({ partitionIndex }) => topic?.partitions[partitionIndex])
    if (there.length > 0) known.push({ name, partitions: there })
  }
  return known
}
