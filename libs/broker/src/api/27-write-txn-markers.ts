/**
 * WriteTxnMarkers (27), versions 1–2: ends a transaction on partitions, whatever the coordinator thinks.
 *
 * - v2 transaction version (KIP-1228)
 *
 * Within the cluster markers travel as messages between actors; over TCP they come from `Admin.abortTransaction` (KIP-664).
 * A marker for a partition of `__consumer_offsets` goes through its group coordinator, which replays it.
 */
import { actorNames, isFailed, type Address } from '@troupe/actor'
import type { MarkerWritten, WriteTxnMarker } from '@troupe/replication/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  WriteTxnMarkersRequest,
  WriteTxnMarkersRequest_WritableTxnMarker,
  WriteTxnMarkersResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import { replicaOn, type RequestContext } from '../context.ts'
import { leaderError, replicaFailure } from '../partition-access.ts'
import { OFFSETS_TOPIC } from '../topic-names.ts'

export const gaps: readonly string[] = []

type Marker = WriteTxnMarkersRequest_WritableTxnMarker

export const writeTxnMarkers = defineApi<WriteTxnMarkersRequest, WriteTxnMarkersResponseInput>({
  key: 27,
  minVersion: 1,
  maxVersion: 2,
  gaps,
  handle(request, ctx) {
    const errors = new Map<string, ErrorCode>()
    const barrier = new Barrier(() => ctx.respond(shape(request, (m, topic, p) => errors.get(`${m} ${topic} ${p}`)!)))
    request.markers.forEach((marker, m) => {
      for (const { name, partitionIndexes } of marker.topics) {
        for (const partition of partitionIndexes) {
          barrier.expect()
          write(ctx, marker, name, partition, (error) => {
            errors.set(`${m} ${name} ${partition}`, error)
            barrier.arrived()
          })
        }
      }
    })
    barrier.open()
  },
  failure: (request, error) => shape(request, () => error),
})

function write(
  ctx: RequestContext,
  marker: Marker,
  name: string,
  partition: number,
  then: (error: ErrorCode) => void,
): void {
  const topic = ctx.env.cluster.topic(name)
  const error = topic ? leaderError(ctx, topic, partition) : KafkaError.UNKNOWN_TOPIC_OR_PARTITION
  if (!topic || error !== KafkaError.NONE) return then(error)
  const to: Address =
    name === OFFSETS_TOPIC
      ? { broker: ctx.self, actor: actorNames.groups(partition) }
      : replicaOn(ctx.self, topic.id, partition)
  const { producerId, producerEpoch, coordinatorEpoch, transactionResult: commit, transactionVersion } = marker
  ctx.ask<WriteTxnMarker, MarkerWritten>(
    to,
    { kind: 'writeTxnMarker', producerId, producerEpoch, coordinatorEpoch, commit, transactionVersion },
    (body) => then(isFailed(body) ? replicaFailure(body) : body.error),
  )
}

function shape(
  request: WriteTxnMarkersRequest,
  errorOf: (marker: number, topic: string, partition: number) => ErrorCode,
): WriteTxnMarkersResponseInput {
  return {
    markers: request.markers.map(({ producerId, topics }, m) => ({
      producerId,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => ({
          partitionIndex,
          errorCode: errorOf(m, name, partitionIndex),
        })),
      })),
    })),
  }
}
