/**
 * The metadata image: the state that the records of `__cluster_metadata` describe.
 *
 * `replay.ts` is the only code that changes it, on the controller (as the records are written) and on every broker (as they
 * are committed) alike; K6: equal offsets mean equal images. Partition and broker views are replaced, never changed in place,
 * so whoever took one may keep it for the step. Source: Kafka's MetadataImage and the controller's ControlManagers.
 */
import type { ClusterView } from '@troupe/actor'
import type { MetadataEntry } from '../records.ts'
import type { BrokerImage, ConfigType, TopicImage } from './types.ts'
import { configKey, emptyDelta, type MetadataDelta } from './delta.ts'
import { replay } from './replay.ts'

const NOTHING: ReadonlyMap<string, string> = new Map()

export class MetadataImage implements ClusterView {
  clusterId: string
  /** Last offset applied, −1 at the beginning. */
  offset = -1
  epoch = -1
  /** Time of the last batch applied. */
  timestamp = -1
  controllerId = -1
  readonly brokers = new Map<number, BrokerImage>()
  /** Kept by the `broker` actor, not by replay: what clients of this broker may still believe. */
  readonly lostAt = new Map<number, number>()
  readonly topicsById = new Map<string, TopicImage>()
  readonly topicsByName = new Map<string, TopicImage>()
  /** By `type:name`. */
  readonly configTable = new Map<string, Map<string, string>>()
  readonly features = new Map<string, number>()
  /** The first producer id of the next block, and who got the last one. */
  producerIds = { nextProducerId: 0, brokerId: -1, brokerEpoch: -1 }
  /** Kinds that are kept for the next snapshot but not acted on here (ACLs, quotas, SCRAM, controllers), by identity. */
  readonly others = new Map<string, MetadataEntry>()
  /** Records since BeginTransactionRecord (KIP-868), applied at EndTransactionRecord; null outside of a transaction. */
  transaction: MetadataEntry[] | null = null

  constructor(clusterId = '') {
    this.clusterId = clusterId
  }

  topic(name: string): TopicImage | undefined {
    return this.topicsByName.get(name)
  }

  topicById(id: string): TopicImage | undefined {
    return this.topicsById.get(id)
  }

  topics(): Iterable<TopicImage> {
    return this.topicsById.values()
  }

  configs(type: ConfigType, name: string): ReadonlyMap<string, string> {
    return this.configTable.get(configKey(type, name)) ?? NOTHING
  }

  /** Applies one batch. `offset` is that of its last record. */
  apply(
    entries: readonly MetadataEntry[],
    offset: number,
    epoch: number,
    timestamp: number,
    delta = emptyDelta(),
  ): MetadataDelta {
    for (const entry of entries) replay(this, entry, delta)
    this.offset = offset
    this.epoch = epoch
    this.timestamp = timestamp
    return delta
  }

  /** Forgets everything; the records of a snapshot come next. */
  clear(): void {
    this.offset = -1
    this.epoch = -1
    this.timestamp = -1
    this.brokers.clear()
    this.topicsById.clear()
    this.topicsByName.clear()
    this.configTable.clear()
    this.features.clear()
    this.producerIds = { nextProducerId: 0, brokerId: -1, brokerEpoch: -1 }
    this.others.clear()
    this.transaction = null
  }
}
