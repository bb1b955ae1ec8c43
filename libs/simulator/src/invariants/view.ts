/**
 * What the replication invariants may see of a world: the controller's registry, each broker's replica and its log.
 * Read-only, and the same for the model checker and the whole cluster, which each make it from what they have.
 */

/** One batch as it lies in a log. */
export interface BatchSeen {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly epoch: number
  /** Of its bytes, offset and epoch included: equal means the same batch. */
  readonly digest: number
}

export interface LogSeen {
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly highWatermark: number
  /** In order of offset. */
  readonly batches: readonly BatchSeen[]
  /** Largest epoch that starts at or before the offset, −1 without one: the leader-epoch cache. */
  epochForOffset(offset: number): number
}

/** What the leader knows of a follower. */
export interface ProgressSeen {
  readonly logEndOffset: number
  readonly brokerEpoch: number
}

/** A replica that runs. */
export interface ReplicaSeen {
  readonly broker: number
  readonly role: 'none' | 'leader' | 'follower' | 'offline'
  readonly leader: number
  readonly leaderEpoch: number
  readonly leaderEpochStartOffset: number
  readonly partitionEpoch: number
  /** Of a leader: as it knows it to be committed, and with what it has proposed. */
  readonly isr: readonly number[]
  readonly maximalIsr: readonly number[]
  readonly isPending: boolean
  readonly followers: ReadonlyMap<number, ProgressSeen>
  readonly log: LogSeen
}

/** The partition as the controller has it. */
export interface PartitionSeen {
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly elr: readonly number[]
  readonly lastKnownElr: readonly number[]
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly isRecovering: boolean
}

export interface BrokerSeen {
  readonly epoch: number
  readonly fenced: boolean
  readonly inControlledShutdown: boolean
}

export interface ReplicationSeen {
  readonly partition: PartitionSeen
  readonly brokers: ReadonlyMap<number, BrokerSeen>
  readonly minIsr: number
  readonly isElrEnabled: boolean
  /** Replicas that run, by broker. */
  readonly replicas: readonly ReplicaSeen[]
  /** Logs of brokers that are down. */
  readonly stopped: readonly LogSeen[]
}
