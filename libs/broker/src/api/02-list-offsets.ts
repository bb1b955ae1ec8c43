/**
 * ListOffsets (2), versions 1–11: an offset by timestamp, or one of the special ones.
 *
 * - v2 isolation level (KIP-98); v4 leader epochs (KIP-320); v6 flexible
 * - v7 −3 max timestamp (KIP-734); v8 −4 earliest local (KIP-405); v9 −5 last tiered (KIP-1005); v10 timeout (KIP-1075)
 * - v11 −6 earliest pending upload (KIP-1023)
 */
import { isFailed } from '@troupe/actor'
import type { ListOffset, OffsetListed } from '@troupe/replication/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  ListOffsetsRequest,
  ListOffsetsRequest_ListOffsetsPartition,
  ListOffsetsResponse_ListOffsetsPartitionResponseInput,
  ListOffsetsResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import { replicaOn, type RequestContext } from '../context.ts'
import { findTopic, localError, replicaFailure } from '../partition-access.ts'

export const gaps: readonly string[] = [
  'There is no tiered storage: −4 is the earliest offset, −5 and −6 are answered as by a topic without it.',
]

type Answer = ListOffsetsResponse_ListOffsetsPartitionResponseInput

/** The first version that knows a special timestamp. */
const SINCE = new Map([
  [-1, 1],
  [-2, 1],
  [-3, 7],
  [-4, 8],
  [-5, 9],
  [-6, 11],
])

export const listOffsets = defineApi<ListOffsetsRequest, ListOffsetsResponseInput>({
  key: 2,
  minVersion: 1,
  maxVersion: 11,
  gaps,
  handle(request, ctx) {
    const answers = request.topics.map((): Answer[] => [])
    const barrier = new Barrier(() =>
      ctx.respond({ topics: request.topics.map(({ name }, t) => ({ name, partitions: answers[t].filter(Boolean) })) }),
    )
    const isolation = request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted'
    request.topics.forEach(({ name, partitions }, t) => {
      const topic = findTopic(ctx, name, '', false)
      const twice = repeated(partitions)
      const refusedTwice = new Set<number>()
      partitions.forEach((asked, p) => {
        const index = asked.partitionIndex
        // One answer for however many times it was asked.
        if (refusedTwice.has(index)) return
        if (twice.has(index)) refusedTwice.add(index)
        const error = twice.has(index)
          ? KafkaError.INVALID_REQUEST
          : unsupported(asked.timestamp, ctx.version)
            ? KafkaError.UNSUPPORTED_VERSION
            : typeof topic === 'number'
              ? topic
              : localError(ctx, topic, index)
        if (error !== KafkaError.NONE || typeof topic === 'number') {
          answers[t][p] = refused(index, error)
          return
        }
        barrier.expect()
        const { timestamp, currentLeaderEpoch } = asked
        ctx.ask<ListOffset, OffsetListed>(
          replicaOn(ctx.self, topic.id, index),
          { kind: 'listOffset', timestamp, isolation, currentLeaderEpoch },
          (body) => {
            answers[t][p] = isFailed(body) ? refused(index, replicaFailure(body)) : shape(index, body, ctx)
            barrier.arrived()
          },
        )
      })
    })
    barrier.open()
  },
  failure: (request, error) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => refused(partitionIndex, error)),
    })),
  }),
})

function shape(
  partitionIndex: number,
  { error, offset, timestamp, leaderEpoch }: OffsetListed,
  ctx: RequestContext,
): Answer {
  if (error !== KafkaError.NONE) return refused(partitionIndex, error)
  return { partitionIndex, errorCode: error, offset, timestamp, leaderEpoch: ctx.version >= 4 ? leaderEpoch : -1 }
}

function refused(partitionIndex: number, errorCode: ErrorCode): Answer {
  return { partitionIndex, errorCode, offset: -1, timestamp: -1 }
}

function unsupported(timestamp: number, version: number): boolean {
  return timestamp < 0 && version < (SINCE.get(timestamp) ?? Infinity)
}

function repeated(partitions: readonly ListOffsetsRequest_ListOffsetsPartition[]): Set<number> {
  const seen = new Set<number>()
  const twice = new Set<number>()
  for (const { partitionIndex } of partitions) {
    if (seen.has(partitionIndex)) twice.add(partitionIndex)
    seen.add(partitionIndex)
  }
  return twice
}
