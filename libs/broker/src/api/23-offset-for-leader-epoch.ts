/**
 * OffsetForLeaderEpoch (23), versions 2–4: where a leader epoch ended (KIP-101, KIP-279, KIP-320).
 *
 * - v2 the client's current leader epoch; v3 replica id; v4 flexible
 */
import { isFailed } from '@troupe/actor'
import type { EpochOffset, OffsetForLeaderEpoch } from '@troupe/replication/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse_EpochEndOffsetInput,
  OffsetForLeaderEpochResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import { replicaOn } from '../context.ts'
import { findTopic, localError, replicaFailure } from '../partition-access.ts'

export const gaps: readonly string[] = []

type Answer = OffsetForLeaderEpochResponse_EpochEndOffsetInput

export const offsetForLeaderEpoch = defineApi<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponseInput>({
  key: 23,
  minVersion: 2,
  maxVersion: 4,
  gaps,
  handle(request, ctx) {
    const answers = request.topics.map((): Answer[] => [])
    const barrier = new Barrier(() =>
      ctx.respond({ topics: request.topics.map(({ topic }, t) => ({ topic, partitions: answers[t] })) }),
    )
    request.topics.forEach(({ topic: name, partitions }, t) => {
      const topic = findTopic(ctx, name, '', false)
      partitions.forEach(({ partition, currentLeaderEpoch, leaderEpoch }, p) => {
        const error = typeof topic === 'number' ? topic : localError(ctx, topic, partition)
        if (error !== KafkaError.NONE || typeof topic === 'number') {
          answers[t][p] = refused(partition, error)
          return
        }
        barrier.expect()
        ctx.ask<OffsetForLeaderEpoch, EpochOffset>(
          replicaOn(ctx.self, topic.id, partition),
          { kind: 'offsetForLeaderEpoch', leaderEpoch, currentLeaderEpoch },
          (body) => {
            answers[t][p] = isFailed(body)
              ? refused(partition, replicaFailure(body))
              : { partition, errorCode: body.error, leaderEpoch: body.leaderEpoch, endOffset: body.endOffset }
            barrier.arrived()
          },
        )
      })
    })
    barrier.open()
  },
  failure: (request, error) => ({
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => refused(partition, error)),
    })),
  }),
})

function refused(partition: number, errorCode: ErrorCode): Answer {
  return { partition, errorCode, leaderEpoch: -1, endOffset: -1 }
}
