/**
 * One metadata record applied to the image: the only mutation path, live, at recovery and on brokers.
 *
 * Source: the `replay` methods of Kafka's ReplicationControlManager, ClusterControlManager, ConfigurationControlManager,
 * FeatureControlManager, ProducerIdControlManager.
 */
import type {
  BrokerRegistrationChangeRecord,
  ClearElrRecord,
  ConfigRecord,
  FeatureLevelRecord,
  PartitionChangeRecord,
  PartitionChangeRecordInput,
  PartitionRecord,
  ProducerIdsRecord,
  RegisterBrokerRecord,
  RemoveTopicRecord,
  TopicRecord,
  UnregisterBrokerRecord,
} from '@troupe/wire/messages'
import type { MetadataEntry } from '../records.ts'
import { configKey, touchPartition, type MetadataDelta } from './delta.ts'
import type { MetadataImage } from './image.ts'
import {
  configTypeOf,
  isInternalTopic,
  LEADER_UNCHANGED,
  RECOVERED,
  UNASSIGNED_DIRECTORY,
  type BrokerImage,
  type PartitionImage,
  type TopicImage,
} from './types.ts'

/** The log says something that can't be: this copy of the metadata must not be acted on. */
export class MetadataCorrupt extends Error {
  override readonly name = 'MetadataCorrupt'
}

export function replay(image: MetadataImage, entry: MetadataEntry, delta: MetadataDelta): void {
  switch (entry.type) {
    case 'BeginTransactionRecord':
      image.transaction = []
      return
    case 'AbortTransactionRecord':
      image.transaction = null
      return
    case 'EndTransactionRecord': {
      const held = image.transaction ?? []
      image.transaction = null
      for (const inner of held) replayOne(image, inner, delta)
      return
    }
    default:
      if (image.transaction) image.transaction.push(entry)
      else replayOne(image, entry, delta)
  }
}

function replayOne(image: MetadataImage, { type, value }: MetadataEntry, delta: MetadataDelta): void {
  // The records of a decision have the input form, those of the log the decoded one; every field that has no
  // default is set in both, so optional ones are read with their default here.
  switch (type) {
    case 'RegisterBrokerRecord':
      return registerBroker(image, value as RegisterBrokerRecord, delta)
    case 'UnregisterBrokerRecord':
      return unregisterBroker(image, value as UnregisterBrokerRecord, delta)
    case 'BrokerRegistrationChangeRecord':
      return changeRegistration(image, value as BrokerRegistrationChangeRecord, delta)
    case 'FenceBrokerRecord':
      return setFenced(image, value as { id: number; epoch: number }, true, delta)
    case 'UnfenceBrokerRecord':
      return setFenced(image, value as { id: number; epoch: number }, false, delta)
    case 'TopicRecord':
      return addTopic(image, value as TopicRecord, delta)
    case 'RemoveTopicRecord':
      return removeTopic(image, value as RemoveTopicRecord, delta)
    case 'PartitionRecord':
      return setPartition(image, value as PartitionRecord, delta)
    case 'PartitionChangeRecord':
      return changePartition(image, value as PartitionChangeRecord, delta)
    case 'ClearElrRecord':
      return clearElr(image, value as ClearElrRecord, delta)
    case 'ConfigRecord':
      return setConfig(image, value as ConfigRecord, delta)
    case 'FeatureLevelRecord':
      return setFeature(image, value as FeatureLevelRecord, delta)
    case 'ProducerIdsRecord':
      return setProducerIds(image, value as ProducerIdsRecord)
    case 'NoOpRecord':
    case 'ZkMigrationStateRecord':
      return
    default:
      return keep(image, { type, value })
  }
}

function registerBroker(image: MetadataImage, record: RegisterBrokerRecord, delta: MetadataDelta): void {
  image.brokers.set(record.brokerId, {
    id: record.brokerId,
    epoch: record.brokerEpoch,
    incarnationId: record.incarnationId,
    fenced: record.fenced ?? true,
    inControlledShutdown: record.inControlledShutdown ?? false,
    rack: record.rack ?? null,
    listeners: record.endPoints.map(({ name, host, port, securityProtocol }) => ({
      name,
      host,
      port,
      securityProtocol,
    })),
    features: record.features.map(({ name, minSupportedVersion, maxSupportedVersion }) => ({
      name,
      minSupportedVersion,
      maxSupportedVersion,
    })),
    logDirs: record.logDirs ?? [],
    cordonedLogDirs: record.cordonedLogDirs ?? [],
  })
  delta.brokers.add(record.brokerId)
}

function unregisterBroker(
  image: MetadataImage,
  { brokerId, brokerEpoch }: UnregisterBrokerRecord,
  delta: MetadataDelta,
): void {
  brokerOf(image, brokerId, brokerEpoch)
  image.brokers.delete(brokerId)
  delta.brokers.add(brokerId)
}

function changeRegistration(image: MetadataImage, record: BrokerRegistrationChangeRecord, delta: MetadataDelta): void {
  const broker = brokerOf(image, record.brokerId, record.brokerEpoch)
  const { fenced = 0, inControlledShutdown = 0, logDirs = [], cordonedLogDirs = null } = record
  image.brokers.set(broker.id, {
    ...broker,
    fenced: fenced === 0 ? broker.fenced : fenced > 0,
    inControlledShutdown: inControlledShutdown === 0 ? broker.inControlledShutdown : inControlledShutdown > 0,
    logDirs: logDirs.length > 0 ? logDirs : broker.logDirs,
    cordonedLogDirs: cordonedLogDirs ?? broker.cordonedLogDirs,
  })
  delta.brokers.add(broker.id)
}

function setFenced(
  image: MetadataImage,
  { id, epoch }: { id: number; epoch: number },
  fenced: boolean,
  delta: MetadataDelta,
): void {
  image.brokers.set(id, { ...brokerOf(image, id, epoch), fenced })
  delta.brokers.add(id)
}

function brokerOf(image: MetadataImage, id: number, epoch: number): BrokerImage {
  const broker = image.brokers.get(id)
  if (!broker || broker.epoch !== epoch) throw new MetadataCorrupt(`no broker ${id} of epoch ${epoch}`)
  return broker
}

function addTopic(image: MetadataImage, { name, topicId }: TopicRecord, delta: MetadataDelta): void {
  if (image.topicsByName.has(name)) throw new MetadataCorrupt(`topic ${name} exists`)
  const topic: TopicImage = { name, id: topicId, internal: isInternalTopic(name), partitions: [] }
  image.topicsById.set(topicId, topic)
  image.topicsByName.set(name, topic)
  delta.partitions.set(topicId, new Set())
}

function removeTopic(image: MetadataImage, { topicId }: RemoveTopicRecord, delta: MetadataDelta): void {
  const topic = topicOf(image, topicId)
  image.topicsById.delete(topicId)
  image.topicsByName.delete(topic.name)
  image.configTable.delete(configKey('topic', topic.name))
  delta.partitions.delete(topicId)
  delta.deletedTopics.push(topic)
}

function topicOf(image: MetadataImage, id: string): TopicImage {
  return image.topicsById.get(id) ?? corrupt(`no topic ${id}`)
}

function setPartition(image: MetadataImage, record: PartitionRecord, delta: MetadataDelta): void {
  const { partitionId, topicId, replicas } = record
  const { directories = [] } = record
  topicOf(image, topicId).partitions[partitionId] = {
    partition: partitionId,
    replicas,
    isr: record.isr,
    elr: record.eligibleLeaderReplicas ?? [],
    lastKnownElr: record.lastKnownElr ?? [],
    addingReplicas: record.addingReplicas ?? [],
    removingReplicas: record.removingReplicas ?? [],
    leader: record.leader,
    leaderEpoch: record.leaderEpoch,
    partitionEpoch: record.partitionEpoch,
    leaderRecoveryState: record.leaderRecoveryState ?? RECOVERED,
    directories: directories.length > 0 ? directories : replicas.map(() => UNASSIGNED_DIRECTORY),
  }
  touchPartition(delta, topicId, partitionId)
}

function changePartition(image: MetadataImage, record: PartitionChangeRecord, delta: MetadataDelta): void {
  const { partitionId, topicId } = record
  const { partitions } = topicOf(image, topicId)
  partitions[partitionId] = afterChange(
    partitions[partitionId] ?? corrupt(`no partition ${partitionId} of ${topicId}`),
    record,
  )
  touchPartition(delta, topicId, partitionId)
}

/** Any change raises the partition epoch; a leader that is named, be it the same, raises the leader epoch. */
export function afterChange(before: PartitionImage, record: PartitionChangeRecordInput): PartitionImage {
  const { leader = LEADER_UNCHANGED, leaderRecoveryState = -1 } = record
  const changes = leader !== LEADER_UNCHANGED
  return {
    partition: before.partition,
    replicas: record.replicas ?? before.replicas,
    isr: record.isr ?? before.isr,
    elr: record.eligibleLeaderReplicas ?? before.elr,
    lastKnownElr: record.lastKnownElr ?? before.lastKnownElr,
    addingReplicas: record.addingReplicas ?? before.addingReplicas,
    removingReplicas: record.removingReplicas ?? before.removingReplicas,
    leader: changes ? leader : before.leader,
    leaderEpoch: changes ? before.leaderEpoch + 1 : before.leaderEpoch,
    partitionEpoch: before.partitionEpoch + 1,
    leaderRecoveryState: leaderRecoveryState >= 0 ? leaderRecoveryState : before.leaderRecoveryState,
    directories: record.directories ?? before.directories,
  }
}

/** ELR was switched off, or min.insync.replicas changed: what was promised under the old value does not hold. */
function clearElr(image: MetadataImage, { topicName }: ClearElrRecord, delta: MetadataDelta): void {
  const named = topicName ? [image.topicsByName.get(topicName)] : [...image.topicsById.values()]
  for (const topic of named) {
    topic?.partitions.forEach((partition, index) => {
      if (partition.elr.length === 0 && partition.lastKnownElr.length === 0) return
      topic.partitions[index] = {
        ...partition,
        elr: [],
        lastKnownElr: [],
        partitionEpoch: partition.partitionEpoch + 1,
      }
      touchPartition(delta, topic.id, index)
    })
  }
}

function setConfig(image: MetadataImage, record: ConfigRecord, delta: MetadataDelta): void {
  const type = configTypeOf(record.resourceType)
  if (!type) return
  const key = configKey(type, record.resourceName)
  delta.configs.add(key)
  const values = image.configTable.get(key)
  if (record.value !== null && record.value !== undefined) {
    if (values) values.set(record.name, record.value)
    else image.configTable.set(key, new Map([[record.name, record.value]]))
  } else if (values) {
    values.delete(record.name)
    if (values.size === 0) image.configTable.delete(key)
  }
}

function setFeature(image: MetadataImage, { name, featureLevel }: FeatureLevelRecord, delta: MetadataDelta): void {
  if (featureLevel === 0) image.features.delete(name)
  else image.features.set(name, featureLevel)
  delta.features = true
}

function setProducerIds(image: MetadataImage, record: ProducerIdsRecord): void {
  const { nextProducerId, brokerId, brokerEpoch } = record
  if (nextProducerId <= image.producerIds.nextProducerId)
    throw new MetadataCorrupt(`producer id block ${nextProducerId} again`)
  image.producerIds = { nextProducerId, brokerId, brokerEpoch }
}

/** Records this version does not act on are carried from snapshot to snapshot. */
function keep(image: MetadataImage, entry: MetadataEntry): void {
  const value = entry.value as Record<string, unknown>
  switch (entry.type) {
    case 'AccessControlEntryRecord':
      image.others.set(`acl:${value.id}`, entry)
      return
    case 'RemoveAccessControlEntryRecord':
      image.others.delete(`acl:${value.id}`)
      return
    case 'RegisterControllerRecord':
      image.others.set(`controller:${value.controllerId}`, entry)
      return
    case 'UserScramCredentialRecord':
      image.others.set(`scram:${value.mechanism}:${value.name}`, entry)
      return
    case 'RemoveUserScramCredentialRecord':
      image.others.delete(`scram:${value.mechanism}:${value.name}`)
      return
    case 'DelegationTokenRecord':
      image.others.set(`token:${value.tokenId}`, entry)
      return
    case 'RemoveDelegationTokenRecord':
      image.others.delete(`token:${value.tokenId}`)
      return
    case 'ClientQuotaRecord': {
      const key = `quota:${value.key}:${JSON.stringify(value.entity)}`
      if (value.remove) image.others.delete(key)
      else image.others.set(key, entry)
      return
    }
    default:
      throw new MetadataCorrupt(`unknown record ${entry.type}`)
  }
}

function corrupt(what: string): never {
  throw new MetadataCorrupt(what)
}
