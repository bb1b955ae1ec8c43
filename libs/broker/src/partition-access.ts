/**
 * From a partition that a client names to the replica that answers for it, or Kafka's error.
 *
 * Source: ReplicaManager.getPartitionOrError and KafkaApis' lookups: unknown to the metadata is
 * UNKNOWN_TOPIC_OR_PARTITION (UNKNOWN_TOPIC_ID by id), known but not here is NOT_LEADER_OR_FOLLOWER.
 */
import type { Failed, TopicView } from '@troupe/actor'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { RequestContext } from './context.ts'
import { aliveEndpoint, type Endpoint } from './endpoints.ts'

/** The topic by the name or, where the version has ids, by the id. */
export function findTopic(ctx: RequestContext, name: string, topicId: string, byId: boolean): TopicView | ErrorCode {
  const { cluster } = ctx.env
  if (byId) return cluster.topicById(topicId) ?? KafkaError.UNKNOWN_TOPIC_ID
  return cluster.topic(name) ?? KafkaError.UNKNOWN_TOPIC_OR_PARTITION
}

/** NONE when a replica of the partition is on this broker. */
export function localError(ctx: RequestContext, topic: TopicView, partition: number): ErrorCode {
  const view = topic.partitions[partition]
  if (!view) return KafkaError.UNKNOWN_TOPIC_OR_PARTITION
  return view.replicas.includes(ctx.self) ? KafkaError.NONE : KafkaError.NOT_LEADER_OR_FOLLOWER
}

/** NONE when this broker leads the partition as far as its metadata says. */
export function leaderError(ctx: RequestContext, topic: TopicView, partition: number): ErrorCode {
  const view = topic.partitions[partition]
  if (!view) return KafkaError.UNKNOWN_TOPIC_OR_PARTITION
  return view.leader === ctx.self ? KafkaError.NONE : KafkaError.NOT_LEADER_OR_FOLLOWER
}

/**
 * What a client is told when a replica will not answer. It crashed or went away: whether it did what was asked
 * is open, and the client has to look for the leader anew either way.
 */
export function replicaFailure(_failed: Failed): ErrorCode {
  return KafkaError.NOT_LEADER_OR_FOLLOWER
}

export function isMisdirected(error: ErrorCode): boolean {
  return error === KafkaError.NOT_LEADER_OR_FOLLOWER || error === KafkaError.FENCED_LEADER_EPOCH
}

export interface LeaderHint {
  readonly leaderId: number
  readonly leaderEpoch: number
}

/** KIP-951: the leader as known here, from the replica or from the metadata, whichever is newer. */
export function leaderHint(
  topic: TopicView | undefined,
  partition: number,
  replica?: { leader: number; leaderEpoch: number },
): LeaderHint {
  const view = topic?.partitions[partition]
  if (replica && replica.leader >= 0 && replica.leaderEpoch >= (view?.leaderEpoch ?? -1)) {
    return { leaderId: replica.leader, leaderEpoch: replica.leaderEpoch }
  }
  return { leaderId: view?.leader ?? -1, leaderEpoch: view?.leaderEpoch ?? -1 }
}

/** KIP-951: the endpoints of hinted leaders, each once. */
export function hintedEndpoints(ctx: RequestContext, hints: Iterable<LeaderHint>): Endpoint[] {
  const endpoints = new Map<number, Endpoint>()
  for (const { leaderId } of hints) {
    if (leaderId < 0 || endpoints.has(leaderId)) continue
    const endpoint = aliveEndpoint(ctx.env.cluster, leaderId, ctx.connection.listener)
    if (endpoint) endpoints.set(leaderId, endpoint)
  }
  return [...endpoints.values()]
}
