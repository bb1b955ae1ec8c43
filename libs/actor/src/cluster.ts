/**
 * What a broker knows of the cluster: its copy of the metadata, replayed from `__cluster_metadata` up to the committed offset.
 *
 * One broker's copy lags behind another's; whoever acts on it carries epochs along. The image is changed by
 * the `broker` actor only; everyone else holds this read-only view.
 */

export interface BrokerView {
  readonly id: number
  readonly epoch: number
  readonly incarnationId: string
  /** A fenced broker leads nothing and is not shown to clients. */
  readonly fenced: boolean
  readonly inControlledShutdown: boolean
  readonly rack: string | null
  readonly listeners: readonly ListenerView[]
}

export interface ListenerView {
  readonly name: string
  readonly host: string
  readonly port: number
  /** 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL (Kafka's SecurityProtocol ids). */
  readonly securityProtocol: number
}

export interface PartitionView {
  readonly partition: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly elr: readonly number[]
  readonly lastKnownElr: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
  /** Broker id, −1 when there is none. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  /** 0 RECOVERED, 1 RECOVERING (after an unclean election). */
  readonly leaderRecoveryState: number
}

export interface TopicView {
  readonly name: string
  readonly id: string
  readonly internal: boolean
  /** Index = partition number. */
  readonly partitions: readonly PartitionView[]
}

export interface ClusterView {
  readonly clusterId: string
  /** Last committed metadata offset applied here, and its epoch. */
  readonly offset: number
  readonly epoch: number
  /** Active controller as known here, −1 if none. */
  readonly controllerId: number
  readonly brokers: ReadonlyMap<number, BrokerView>
  /** Brokers that were alive and were fenced without a controlled shutdown: when (ms) this broker heard of it. */
  readonly lostAt: ReadonlyMap<number, number>
  topic(name: string): TopicView | undefined
  topicById(id: string): TopicView | undefined
  topics(): Iterable<TopicView>
  /** Values set explicitly (not defaults), by property. `name` is '' for cluster-wide broker defaults. */
  configs(type: 'topic' | 'broker' | 'group' | 'client-metrics', name: string): ReadonlyMap<string, string>
  /** Finalised feature levels, e.g. `metadata.version` → 30, `transaction.version` → 2. */
  readonly features: ReadonlyMap<string, number>
}
