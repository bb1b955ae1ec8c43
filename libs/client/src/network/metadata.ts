/**
 * What the node knows of the cluster, and when it asks again.
 *
 * Asked for: topics that some actor watches. A partition's leader is taken over only with a leader epoch that is not older
 * than the known one (KIP-320), unless the topic's id has changed: then it is another topic of the same name, and its
 * epochs began anew (KIP-516, KAFKA-12257). Source: Metadata, MetadataSnapshot, NetworkClient.DefaultMetadataUpdater.
 */
import { KafkaError } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/io'
import type { MetadataResponse, MetadataResponse_MetadataResponseTopic } from '@troupe/wire/generated/03-metadata'
import { backoff } from '../config.ts'
import { isInvalidMetadata } from '../errors.ts'
import type { BrokerEndpoint, LeaderHints, MetadataSnapshot, PartitionMetadata, TopicMetadata } from '../messages.ts'
import { NEVER, type MetadataState, type NetworkState, type Step } from './state.ts'

export const METADATA = 3

export function wantMetadata(state: NetworkState, when: 'soon' | 'now'): void {
  const { metadata } = state
  if (metadata.wanted === 'no' || when === 'now') metadata.wanted = when
}

/** When the next request is due; NEVER while one is under way, or while nobody watches. */
export function refreshAt({ metadata, config }: NetworkState): number {
  if (metadata.inFlight || metadata.watchers.size === 0) return NEVER
  const { failures, attemptAt, updatedAt, wanted } = metadata
  // Doubling without spread: the time is asked for again and again and must not change meanwhile.
  const pause = backoff(config['retry.backoff.ms'], config['retry.backoff.max.ms'], failures - 1, () => 0x8000_0000)
  const earliest = failures > 0 || wanted === 'soon' ? attemptAt + pause : 0
  return wanted === 'no' ? Math.max(earliest, updatedAt + config['metadata.max.age.ms']) : earliest
}

export function metadataRequest({ metadata }: NetworkState): object {
  const watchers = [...metadata.watchers.values()]
  return {
    topics: asksForAll(metadata) ? null : namesToAsk(metadata).map((name) => ({ name })),
    allowAutoTopicCreation: watchers.some(({ allowAutoTopicCreation }) => allowAutoTopicCreation),
  }
}

function watchesAll({ watchers }: MetadataState): boolean {
  for (const { topics } of watchers.values()) if (topics === null) return true
  return false
}

export function asksForAll(metadata: MetadataState): boolean {
  return watchesAll(metadata) && metadata.missing.length === 0
}

function namesToAsk(metadata: MetadataState): string[] {
  const watched = watchedTopics(metadata)
  if (!watchesAll(metadata)) return watched
  return [...new Set([...(metadata.snapshot?.topics.keys() ?? []), ...watched])].sort()
}

function watchedTopics({ watchers }: MetadataState): string[] {
  return [...new Set([...watchers.values()].flatMap(({ topics }) => topics ?? []))].sort()
}

/** `refusal`: asking again would not help; who watches is told. */
export function metadataFailed(step: Step, refusal?: { readonly error: number; readonly detail: string }): void {
  const { metadata } = step.state
  metadata.inFlight = false
  metadata.failures++
  wantMetadata(step.state, 'soon')
  if (refusal === undefined) return
  for (const { address } of metadata.watchers.values())
    step.out.send(address, { kind: 'metadataFailed', ...refusal } as never)
}

export function onMetadataResponse(step: Step, response: MetadataResponse): void {
  const { metadata } = step.state
  metadata.inFlight = false
  const old = metadata.snapshot
  const { asksForAll: all } = metadata
  const topics = mergeTopics(metadata, old, response.topics)
  metadata.missing = all ? watchedTopics(metadata).filter((name) => !topics.has(name)) : []
  for (const name of metadata.missing) topics.set(name, unknownTopic(name))
  metadata.updatedAt = step.env.now
  metadata.snapshot = {
    version: 0,
    clusterId: response.clusterId,
    controllerId: response.controllerId,
    brokers: response.brokers
      .map(({ nodeId, host, port, rack }) => ({ id: nodeId, host, port, rack }))
      .sort((a, b) => a.id - b.id),
    topics,
    ...(watchesAll(metadata) && (all || old?.all) ? { all: true } : {}),
    features: step.state.features,
  }
  // Asked for a leader that is being elected, or a topic that is being made: it will come.
  if (response.topics.some(isUnsettled) || metadata.missing.length > 0) {
    metadata.failures++
    wantMetadata(step.state, 'soon')
  } else metadata.failures = 0
  const late = watchesAll(metadata) && !metadata.snapshot.all
  if (late || watchedTopics(metadata).some((name) => !topics.has(name))) wantMetadata(step.state, 'now')
  publish(step)
}

function isUnsettled({ errorCode, partitions }: MetadataResponse_MetadataResponseTopic): boolean {
  return isInvalidMetadata(errorCode) || partitions.some((partition) => isInvalidMetadata(partition.errorCode))
}

function mergeTopics(
  metadata: MetadataState,
  old: MetadataSnapshot | null,
  received: readonly MetadataResponse_MetadataResponseTopic[],
): Map<string, TopicMetadata> {
  const everything = watchesAll(metadata)
  const wanted = new Set(watchedTopics(metadata))
  const merged = new Map<string, TopicMetadata>()
  for (const topic of received) {
    if (topic.name === null || (!everything && !wanted.has(topic.name))) continue
    merged.set(topic.name, mergeTopic(old?.topics.get(topic.name), topic, topic.name))
  }
  return new Map([...merged].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function unknownTopic(name: string): TopicMetadata {
  return { name, id: zeroUuid, error: KafkaError.UNKNOWN_TOPIC_OR_PARTITION, internal: false, partitions: [] }
}

function mergeTopic(
  old: TopicMetadata | undefined,
  topic: MetadataResponse_MetadataResponseTopic,
  name: string,
): TopicMetadata {
  const sameTopic = old !== undefined && (old.id === topic.topicId || old.id === zeroUuid || topic.topicId === zeroUuid)
  const partitions: PartitionMetadata[] = topic.partitions
    .map((partition) => ({
      partition: partition.partitionIndex,
      leader: partition.leaderId,
      leaderEpoch: partition.leaderEpoch,
      replicas: partition.replicaNodes,
      isr: partition.isrNodes,
      offlineReplicas: partition.offlineReplicas,
      error: partition.errorCode,
    }))
    .map((partition) => (sameTopic ? newer(old.partitions[partition.partition], partition) : partition))
    .sort((a, b) => a.partition - b.partition)
  return { name, id: topic.topicId, error: topic.errorCode, internal: topic.isInternal, partitions }
}

/** A response of a broker that lags behind must not bring an older leader back. */
function newer(old: PartitionMetadata | undefined, received: PartitionMetadata): PartitionMetadata {
  return old && received.leaderEpoch >= 0 && received.leaderEpoch < old.leaderEpoch ? old : received
}

/** KIP-951: a broker that is not the leader has said who is. */
export function onLeaderHints(step: Step, { leaders, brokers }: LeaderHints): void {
  const { snapshot } = step.state.metadata
  if (!snapshot) return
  const topics = new Map(snapshot.topics)
  let changed = false
  for (const hint of leaders) {
    const topic = topics.get(hint.topic)
    const known = topic?.partitions[hint.partition]
    const reachable = [...brokers, ...snapshot.brokers].some(({ id }) => id === hint.leader)
    if (!topic || !known || !reachable || hint.leaderEpoch <= known.leaderEpoch) continue
    const partition = { ...known, leader: hint.leader, leaderEpoch: hint.leaderEpoch, error: KafkaError.NONE }
    topics.set(hint.topic, { ...topic, partitions: topic.partitions.with(hint.partition, partition) })
    changed = true
  }
  if (!changed) return
  step.state.metadata.snapshot = { ...snapshot, topics, brokers: mergeBrokers(snapshot.brokers, brokers) }
  publish(step)
}

function mergeBrokers(known: readonly BrokerEndpoint[], named: readonly BrokerEndpoint[]): BrokerEndpoint[] {
  const byId = new Map([...known, ...named].map((broker) => [broker.id, broker]))
  return [...byId.values()].sort((a, b) => a.id - b.id)
}

/** Gives what is known now a new number and tells all watchers. */
export function publish(step: Step): void {
  const { metadata, features } = step.state
  if (!metadata.snapshot) return
  metadata.snapshot = { ...metadata.snapshot, features, version: ++metadata.version }
  for (const { address } of metadata.watchers.values())
    step.out.send(address, { kind: 'metadataChanged', metadata: metadata.snapshot } as never)
}
