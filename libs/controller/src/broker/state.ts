/** State of the `broker` actor: the broker's life towards the controller, and what runs here because of the metadata. */
import { defineEdges } from '@troupe/actor/edges'
import type { Env, ListenerView, Outbox, ReplyToken } from '@troupe/actor'
import type { BrokerConfig } from '@troupe/config'
import type { LogStore } from '@troupe/log/contract'
import type { ReplicaConfig } from '@troupe/replication/messages'
import type { MetadataImage } from '../image/image.ts'

export interface BrokerEnv extends Env {
  /** Owned: everyone else on this broker reads it as `ClusterView`. */
  readonly image: MetadataImage
  readonly logs: LogStore
  readonly config: BrokerConfig
  /** What clients are told. */
  readonly listeners: readonly ListenerView[]
  /** A uuid of this life of the broker's worker; a new one at every start. */
  readonly incarnationId: string
}

/**
 *   starting   asks for a broker epoch
 *   recovery   registered and fenced: catches up with its own registration
 *   running    unfenced
 *   stopping   controlled shutdown: leaders move away first
 *   failed     its log directory has failed: has itself fenced, then ends
 *   stopped    may go
 */
export type BrokerPhase = 'starting' | 'recovery' | 'running' | 'stopping' | 'failed' | 'stopped'

export const brokerEdges = defineEdges<BrokerPhase>({
  starting: ['starting', 'recovery', 'stopping', 'failed'],
  recovery: ['starting', 'recovery', 'running', 'stopping', 'failed'],
  running: ['starting', 'recovery', 'running', 'stopping', 'failed'],
  stopping: ['stopping', 'stopped', 'failed'],
  failed: ['failed'],
  stopped: ['stopped'],
})

/** A replica that runs here. */
export interface LocalReplica {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** Leader epoch under which the coordinator shard was told that it is elected; −1: it is not. */
  electedEpoch: number
  /** It is told with its start, so the first time that it asks is answered already. */
  isNew: boolean
}

export interface BrokerState {
  phase: BrokerPhase
  brokerEpoch: number
  /** What the heartbeat in flight is waited for under; 0: none. */
  askedId: number
  nextId: number
  lastAnswerMs: number
  readonly ready: ReplyToken[]
  readonly stopping: ReplyToken[]
  /** Why the log directory counts as failed, null while it does not. */
  failure: string | null
  /** The metadata has come to the registration of this life: from then on replicas act on it. */
  isKnown: boolean
  /** By `topicId:partition`. */
  readonly local: Map<string, LocalReplica>
  /** A snapshot that is older than what is known already, until it has caught up (the controller actor was restarted). */
  shadow: MetadataImage | null
  /** Logs whose partitions are not assigned here were looked for once. */
  straysRemoved: boolean
  /** Broker configuration with dynamic values; null when they have changed. */
  config: BrokerConfig | null
  /** What replicas are told, by topic name; until a configuration changes. */
  readonly topicConfigs: Map<string, ReplicaConfig>
  /** Brokers that may join an ISR; until a broker changes. */
  eligible: ReadonlyMap<number, number> | null
  /** Brokers that were unfenced at the last change: who of them is fenced next has gone without a word. */
  readonly seenAlive: Set<number>
}

export interface BrokerIo {
  readonly state: BrokerState
  readonly env: BrokerEnv
  readonly out: Outbox
}

export const localKey = (topicId: string, partition: number): string => `${topicId}:${partition}`
