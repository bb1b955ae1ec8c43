/**
 * DescribeProducers (61), version 0: producers with state on a partition, and their open transactions (KIP-664).
 */
import { isFailed, type TopicView } from '@troupe/actor'
import type { DescribeProducers, ProducersDescribed } from '@troupe/replication/messages'
import { errorMessage, KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  DescribeProducersRequest,
  DescribeProducersResponse_PartitionResponseInput,
  DescribeProducersResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import { replicaOn, type RequestContext } from '../context.ts'
import { findTopic, replicaFailure } from '../partition-access.ts'
import { isLegalTopicName } from '../topic-names.ts'

export const gaps: readonly string[] = []

type Answer = DescribeProducersResponse_PartitionResponseInput

export const describeProducers = defineApi<DescribeProducersRequest, DescribeProducersResponseInput>({
  key: 61,
  minVersion: 0,
  maxVersion: 0,
  gaps,
  handle(request, ctx) {
    const answers = request.topics.map((): Answer[] => [])
    const barrier = new Barrier(() =>
      ctx.respond({ topics: request.topics.map(({ name }, t) => ({ name, partitions: answers[t] })) }),
    )
    request.topics.forEach(({ name, partitionIndexes }, t) => {
      const topic = isLegalTopicName(name) ? findTopic(ctx, name, '', false) : KafkaError.INVALID_TOPIC_EXCEPTION
      partitionIndexes.forEach((partitionIndex, p) => {
        const error = typeof topic === 'number' ? topic : replicaError(ctx, topic, partitionIndex)
        if (error !== KafkaError.NONE || typeof topic === 'number') {
          answers[t][p] = refused(partitionIndex, error)
          return
        }
        barrier.expect()
        ctx.ask<DescribeProducers, ProducersDescribed>(
          replicaOn(ctx.self, topic.id, partitionIndex),
          { kind: 'describeProducers' },
          (body) => {
            answers[t][p] = isFailed(body) ? refused(partitionIndex, replicaFailure(body)) : shape(partitionIndex, body)
            barrier.arrived()
          },
        )
      })
    })
    barrier.open()
  },
  failure: (request, error) => ({
    topics: request.topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => refused(partitionIndex, error)),
    })),
  }),
})

/** Any replica answers, a follower too: `Admin.describeProducers` may name the broker, to compare replicas. */
function replicaError(ctx: RequestContext, topic: TopicView, partition: number): ErrorCode {
  const view = topic.partitions[partition]
  if (!view) return KafkaError.UNKNOWN_TOPIC_OR_PARTITION
  return view.replicas.includes(ctx.self) ? KafkaError.NONE : KafkaError.NOT_LEADER_OR_FOLLOWER
}

function shape(partitionIndex: number, { error, producers }: ProducersDescribed): Answer {
  if (error !== KafkaError.NONE) return refused(partitionIndex, error)
  return {
    partitionIndex,
    errorCode: error,
    activeProducers: producers.map((producer) => ({
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
      lastSequence: producer.lastSequence,
      lastTimestamp: producer.lastTimestamp,
      coordinatorEpoch: producer.coordinatorEpoch,
      currentTxnStartOffset: producer.currentTransactionStartOffset,
    })),
  }
}

function refused(partitionIndex: number, errorCode: ErrorCode): Answer {
  return { partitionIndex, errorCode, errorMessage: errorMessage(errorCode) }
}
