/**
 * Metadata (3), versions 0–13: brokers, controller, topics and their leaders, as seen from the client's listener.
 *
 * - v0: an empty list means all topics; v1+: null does
 * - v4 `allowAutoTopicCreation`; v8–10 cluster operations, v8+ topic operations (KIP-430)
 * - v6 LISTENER_NOT_FOUND; v7 leader epoch (KIP-320); v10 topic ids in the answer, v12 in the request (KIP-516)
 * - v13 a top-level error for rebootstrapping (KIP-1102); we never ask a client to rebootstrap
 *
 * A topic that is created for this very request is waited for, so that the answer usually has its leaders; otherwise
 * UNKNOWN_TOPIC_OR_PARTITION, as Kafka answers at once.
 */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/io'
import type {
  MetadataRequest,
  MetadataResponse_MetadataResponseTopicInput,
  MetadataResponseInput,
} from '@troupe/wire/messages'
import type { TopicView } from '@troupe/actor'
import { defineApi } from '../api.ts'
import { refuse, type RequestContext } from '../context.ts'
import { aliveEndpoint, listedEndpoints } from '../endpoints.ts'
import { createAndAwait } from '../internal-topics.ts'
import { isInternalTopic, isLegalTopicName } from '../topic-names.ts'
import { CLUSTER_OPERATIONS, NO_OPERATIONS, partitionMetadata, TOPIC_OPERATIONS, topicsByName } from '../topic-view.ts'

export const gaps: readonly string[] = [
  'The controller id is the active controller where it is also a broker that clients can reach; Kafka names a random broker.',
  'Authorized operations are all operations, because there is no authorizer.',
]

type TopicAnswer = MetadataResponse_MetadataResponseTopicInput

export const metadata = defineApi<MetadataRequest, MetadataResponseInput>({
  key: 3,
  minVersion: 0,
  maxVersion: 13,
  gaps,
  handle(request, ctx) {
    const names = wantedNames(request, ctx)
    if (names === null)
      return ctx.respond(
        answer(
          request,
          ctx,
          topicsByName(ctx.env.cluster).map(({ name }) => name),
        ),
      )
    const { cluster, config } = ctx.env
    const missing = names.filter((name) => !cluster.topic(name) && isLegalTopicName(name))
    const create = missing.length > 0 && config['auto.create.topics.enable'] && request.allowAutoTopicCreation
    if (!create) return ctx.respond(answer(request, ctx, names))
    createAndAwait(ctx, missing, () => ctx.respond(answer(request, ctx, names)))
  },
  failure(request, errorCode) {
    const topics = (request.topics ?? []).map(({ name, topicId }) => ({ name: name ?? '', topicId, errorCode }))
    return { topics }
  },
})

/** Null: all of them. Topics asked for by id are named where they are known; unknown ids are answered apart. */
function wantedNames(request: MetadataRequest, ctx: RequestContext): string[] | null {
  if (request.topics === null || (ctx.version === 0 && request.topics.length === 0)) return null
  const names = new Set<string>()
  const byId = request.topics.some(({ topicId }) => topicId !== zeroUuid)
  for (const { name, topicId } of request.topics) {
    if (ctx.version < 12) {
      if (name === null) refuse(KafkaError.INVALID_REQUEST, 'topic name is null')
      if (topicId !== zeroUuid) refuse(KafkaError.INVALID_REQUEST, 'topic ids are not supported in this version')
    }
    const found = byId ? ctx.env.cluster.topicById(topicId)?.name : name
    if (found !== undefined && found !== null) names.add(found)
  }
  return [...names]
}

function answer(request: MetadataRequest, ctx: RequestContext, names: readonly string[]): MetadataResponseInput {
  const { cluster, config, now } = ctx.env
  const { listener } = ctx.connection
  const controller = aliveEndpoint(cluster, cluster.controllerId, listener) ? cluster.controllerId : ctx.self
  const everything = request.includeClusterAuthorizedOperations && ctx.version >= 8 && ctx.version <= 10
  const unknownIds = (request.topics ?? [])
    .filter(({ topicId }) => topicId !== zeroUuid && !cluster.topicById(topicId))
    .map(({ topicId }): TopicAnswer => ({
      name: ctx.version < 12 ? '' : null,
      topicId,
      errorCode: KafkaError.UNKNOWN_TOPIC_ID,
    }))
  return {
    brokers: listedEndpoints(cluster, listener, now, config['broker.session.timeout.ms']),
    clusterId: cluster.clusterId,
    controllerId: controller,
    topics: [...unknownIds, ...names.map((name) => describeTopic(request, ctx, name))],
    clusterAuthorizedOperations: everything ? CLUSTER_OPERATIONS : NO_OPERATIONS,
  }
}

function describeTopic(request: MetadataRequest, ctx: RequestContext, name: string): TopicAnswer {
  const operations = request.includeTopicAuthorizedOperations && ctx.version >= 8 ? TOPIC_OPERATIONS : NO_OPERATIONS
  const topic = ctx.env.cluster.topic(name)
  if (!topic) {
    const errorCode: ErrorCode = isLegalTopicName(name)
      ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION
      : KafkaError.INVALID_TOPIC_EXCEPTION
    return { name, errorCode, isInternal: isInternalTopic(name), topicAuthorizedOperations: operations }
  }
  return { ...describeKnown(ctx, topic), topicAuthorizedOperations: operations }
}

function describeKnown(ctx: RequestContext, topic: TopicView): TopicAnswer {
  const rules = {
    listener: ctx.connection.listener,
    errorUnavailableEndpoints: ctx.version === 0,
    errorUnavailableListeners: ctx.version >= 6,
  }
  return {
    errorCode: KafkaError.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: topic.partitions.map((view) => partitionMetadata(ctx.env.cluster, view, rules)),
  }
}
