/**
 * From the metadata to what runs on this broker: replicas and coordinator shards are started, told and stopped.
 *
 * Only those are told whom a change concerns: the partition's own record, its topic's or the broker's configuration, or the
 * state of a broker that holds one of its replicas. Source: Kafka's BrokerMetadataPublisher, ReplicaManager.applyDelta.
 */
import { actorNames, type Address } from '@troupe/actor'
import { resolveTopicConfig } from '@troupe/config'
import type { PartitionUpdate, ReplicaArgs, ReplicaConfig } from '@troupe/replication/messages'
import { overlay } from '../controller/cluster.ts'
import type { MetadataDelta } from '../image/delta.ts'
import type { PartitionImage, TopicImage } from '../image/types.ts'
import { localKey, type BrokerIo, type LocalReplica } from './state.ts'

/** Internal topics whose partitions carry a coordinator. */
const coordinators: ReadonlyMap<string, { kind: string; nameOf: (partition: number) => string }> = new Map([
  ['__consumer_offsets', { kind: 'groups', nameOf: actorNames.groups }],
  ['__transaction_state', { kind: 'transactions', nameOf: actorNames.transactions }],
])

export function publish(io: BrokerIo, delta: MetadataDelta): void {
  const { state, env } = io
  const brokerConfigChanges = delta.configs.has('broker:') || delta.configs.has(`broker:${env.self.broker}`)
  if (brokerConfigChanges) state.config = null
  if (delta.configs.size > 0 || delta.deletedTopics.length > 0) state.topicConfigs.clear()
  if (delta.brokers.size > 0) {
    noteLost(io, delta)
    state.eligible = null
  }
  removeDeleted(io, delta)
  const told = new Set<string>()
  for (const [topicId, partitions] of delta.partitions) {
    const topic = env.image.topicById(topicId)
    if (!topic) continue
    for (const index of partitions) {
      if (place(io, topic, topic.partitions[index]!)) told.add(localKey(topicId, index))
    }
  }
  for (const replica of state.local.values()) {
    if (
      !told.has(localKey(replica.topicId, replica.partition)) &&
      (brokerConfigChanges || isConcerned(io, delta, replica))
    )
      tell(io, replica)
  }
}

/** Who has just gone without a word, and who is back. */
function noteLost({ state, env }: BrokerIo, delta: MetadataDelta): void {
  for (const id of delta.brokers) {
    const broker = env.image.brokers.get(id)
    if (!broker?.fenced || broker.inControlledShutdown) {
      env.image.lostAt.delete(id)
      if (broker && !broker.fenced) state.seenAlive.add(id)
      else state.seenAlive.delete(id)
    } else if (state.seenAlive.delete(id)) env.image.lostAt.set(id, env.now)
  }
}

function isConcerned({ env }: BrokerIo, delta: MetadataDelta, replica: LocalReplica): boolean {
  if (delta.configs.has(`topic:${replica.topic}`) || delta.brokers.has(env.self.broker)) return true
  const replicas = env.image.topicById(replica.topicId)?.partitions[replica.partition]?.replicas ?? []
  return delta.brokers.size > 0 && replicas.some((id) => delta.brokers.has(id))
}

/** Starts, updates or stops the replica of one changed partition. Returns whether one runs here now. */
function place(io: BrokerIo, topic: TopicImage, partition: PartitionImage): boolean {
  const { state, env } = io
  const key = localKey(topic.id, partition.partition)
  const assigned = partition.replicas.includes(env.self.broker)
  let replica = state.local.get(key)
  if (!assigned) {
    if (replica) remove(io, replica)
    return false
  }
  if (!replica) {
    replica = { topic: topic.name, topicId: topic.id, partition: partition.partition, electedEpoch: -1, isNew: true }
    state.local.set(key, replica)
    spawn(io, replica)
  }
  tell(io, replica)
  return true
}

function spawn(io: BrokerIo, { topic, topicId, partition }: LocalReplica): void {
  const { out } = io
  const args: ReplicaArgs = { topic, topicId, partition, config: replicaConfig(io, topic) }
  out.spawn(actorNames.replica(topicId, partition), 'replica', args)
  const coordinator = coordinators.get(topic)
  if (coordinator) out.spawn(coordinator.nameOf(partition), coordinator.kind, { partition, topicId, topic })
}

/** The partition as it is now: to its replica, and to the coordinator that lives on it. */
export function tell(io: BrokerIo, replica: LocalReplica): void {
  const { state, env, out } = io
  const view = env.image.topicById(replica.topicId)!.partitions[replica.partition]!
  const update: PartitionUpdate = {
    kind: 'partition',
    view,
    config: replicaConfig(io, replica.topic),
    eligibleBrokers: eligibleBrokers(io),
    brokerEpoch: state.brokerEpoch,
  }
  out.send(here(io, actorNames.replica(replica.topicId, replica.partition)), update)
  const coordinator = coordinators.get(replica.topic)
  if (!coordinator) return
  const shard = here(io, coordinator.nameOf(replica.partition))
  if (view.leader === env.self.broker && view.leaderEpoch !== replica.electedEpoch) {
    replica.electedEpoch = view.leaderEpoch
    out.send(shard, { kind: 'elected', leaderEpoch: view.leaderEpoch } as { kind: 'elected' })
  } else if (view.leader !== env.self.broker && replica.electedEpoch >= 0) {
    replica.electedEpoch = -1
    out.send(shard, { kind: 'resigned', leaderEpoch: view.leaderEpoch } as { kind: 'resigned' })
  }
}

const here = ({ env }: BrokerIo, actor: string): Address => ({ broker: env.self.broker, actor })

function remove({ state, env, out }: BrokerIo, { topic, topicId, partition }: LocalReplica): void {
  state.local.delete(localKey(topicId, partition))
  const coordinator = coordinators.get(topic)
  if (coordinator) out.stop(coordinator.nameOf(partition))
  out.stop(actorNames.replica(topicId, partition))
  deleteLog({ env, out }, topicId, partition)
}

function deleteLog({ env, out }: Pick<BrokerIo, 'env' | 'out'>, topicId: string, partition: number): void {
  out.send({ broker: env.self.broker, actor: actorNames.logManager }, { kind: 'deleteLog', topicId, partition } as {
    kind: 'deleteLog'
  })
}

function removeDeleted(io: BrokerIo, { deletedTopics }: MetadataDelta): void {
  const { state, out } = io
  if (deletedTopics.length === 0) return
  for (const topic of deletedTopics) {
    for (const { partition } of topic.partitions) {
      const replica = state.local.get(localKey(topic.id, partition))
      if (replica) remove(io, replica)
    }
  }
  // Offsets of deleted topics are forgotten by the coordinators that run here.
  const topics = deletedTopics.map(({ name }) => name)
  for (const { topic, partition } of state.local.values()) {
    if (topic === '__consumer_offsets')
      out.send(here(io, actorNames.groups(partition)), { kind: 'topicsDeleted', topics } as { kind: 'topicsDeleted' })
  }
}

/** KIP-841, KIP-903: who may join an ISR, with the epoch it must have fetched under. */
function eligibleBrokers({ state, env }: BrokerIo): ReadonlyMap<number, number> {
  if (state.eligible) return state.eligible
  const eligible = new Map<number, number>()
  for (const { id, epoch, fenced, inControlledShutdown } of env.image.brokers.values()) {
    if (!fenced && !inControlledShutdown) eligible.set(id, epoch)
  }
  return (state.eligible = eligible)
}

function replicaConfig({ state, env }: BrokerIo, topic: string): ReplicaConfig {
  const known = state.topicConfigs.get(topic)
  if (known) return known
  state.config ??= overlay(
    env.config,
    env.image.configs('broker', ''),
    env.image.configs('broker', String(env.self.broker)),
  )
  const broker = state.config
  const config = resolveTopicConfig(broker, env.image.configs('topic', topic))
  const resolved: ReplicaConfig = {
    log: { ...config, 'producer.id.expiration.ms': broker['producer.id.expiration.ms'] } as ReplicaConfig['log'],
    'min.insync.replicas': config['min.insync.replicas'],
    'replica.lag.time.max.ms': broker['replica.lag.time.max.ms'],
    'replica.fetch.wait.max.ms': broker['replica.fetch.wait.max.ms'],
    'replica.fetch.max.bytes': broker['replica.fetch.max.bytes'],
    'replica.fetch.backoff.ms': broker['replica.fetch.backoff.ms'],
    'unclean.leader.election.enable': config['unclean.leader.election.enable'],
  }
  state.topicConfigs.set(topic, resolved)
  return resolved
}

/** Once, when this broker knows all that happened while it was away: logs of partitions that are not here any more. */
export function removeStrays(io: BrokerIo): void {
  const { state, env, out } = io
  if (state.straysRemoved || state.phase !== 'running') return
  state.straysRemoved = true
  for (const { topic, topicId, partition } of env.logs.onDisk()) {
    const assigned = env.image.topicById(topicId)?.partitions[partition]?.replicas.includes(env.self.broker)
    if (assigned || topic === '__cluster_metadata') continue
    out.trace('stray-log', { topic, topicId, partition })
    deleteLog(io, topicId, partition)
  }
}
