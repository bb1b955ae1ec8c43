/**
 * The control plane between the main thread and a broker's worker: the calls (comlink), and the plain data they carry.
 * None of it is on the path of a request.
 */
import type { BrokerConfig } from '@troupe/config'
import type { MeshLink } from './bus.ts'
import type { ListenerAddress } from './sockets.ts'
import type { SyncChannel } from './sync-channel.ts'

/** What a worker is started with (`workerData`). Configuration follows with `boot`, so that modules load meanwhile. */
export interface WorkerSeed {
  readonly broker: number
  /** URL of the module whose `assemble` makes the actors. */
  readonly assembly: string
  /** A port on which the worker posts arrays of `Report`. */
  readonly reports: import('node:worker_threads').MessagePort
  /** Directory of Node's compile cache, null when it is off. */
  readonly compileCache: string | null
  /** The way to the thread that may fsync. */
  readonly sync: SyncChannel
  /** The way to the pool for long computations. */
  readonly jobs: import('node:worker_threads').MessagePort
  /** URL of the module that the thread loads first. */
  readonly entry: string
  /** For an assembly that is not the real one: what its maker wants it to have. */
  readonly attachment?: unknown
}

export interface BootOptions {
  readonly config: BrokerConfig
  /** The broker's own directory under `log.dirs`. */
  readonly directory: string
  readonly clusterId: string
  /** A uuid of this life of the worker. */
  readonly incarnationId: string
  /** Ids of all brokers. */
  readonly brokers: readonly number[]
  /** Ids of the voters of the metadata quorum; the other brokers observe it. */
  readonly voters: readonly number[]
  readonly listeners: readonly ListenerAddress[]
  readonly advertised: readonly ListenerAddress[]
  readonly links: readonly MeshLink[]
  /** Incarnations of its actors are counted from here. */
  readonly firstIncarnation: number
  readonly seed: string
  /** Least level of traces that are reported. */
  readonly level: ReportLevel
}

export interface BootResult {
  /** With the ports that are really in use. */
  readonly listeners: readonly ListenerAddress[]
  readonly adapter: 'onread' | 'data'
  readonly bootMs: number
}

export interface BrokerControl {
  boot(options: BootOptions): Promise<BootResult>
  connect(link: MeshLink): void
  /** Resolves when the broker is unfenced and has caught up with the metadata; clients are served from then on. */
  ready(): Promise<void>
  /** Leaders move away first when `controlled`; then everything is closed cleanly. Resolves before the worker ends. */
  stop(controlled: boolean): Promise<void>
  describe(): BrokerDescription
  metrics(): BrokerMetrics
  /** Answers at once, if the worker's event loop still turns. */
  heartbeat(): void
}

export const reportLevels = ['debug', 'info', 'warn', 'error'] as const
export type ReportLevel = (typeof reportLevels)[number]

/** A trace on its way to the log. */
export interface Report {
  readonly level: ReportLevel
  readonly broker: number
  readonly actor: string
  readonly event: string
  readonly fields: Record<string, unknown>
}

export interface BrokerDescription {
  readonly id: number
  /** Position of this broker's copy of the metadata: whoever is further knows better. */
  readonly metadataOffset: number
  readonly controllerId: number
  readonly brokers: readonly {
    readonly id: number
    readonly epoch: number
    readonly fenced: boolean
    readonly inControlledShutdown: boolean
  }[]
  readonly partitions: readonly PartitionDescription[]
  readonly replicas: readonly ReplicaDescription[]
}

export interface PartitionDescription {
  readonly topic: string
  readonly topicId: string
  readonly internal: boolean
  readonly partition: number
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly elr: readonly number[]
}

/** A log on this broker. */
export interface ReplicaDescription {
  readonly topicId: string
  readonly partition: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logEndOffset: number
  readonly sizeInBytes: number
  readonly offline: boolean
}

export interface TrafficDescription {
  readonly topics: readonly {
    readonly topic: string
    readonly messagesIn: number
    readonly bytesIn: number
    readonly bytesOut: number
  }[]
  readonly requestTimes: readonly {
    readonly apiKey: number
    readonly totalMs: number
    /** By the bounds of `@troupe/broker/traffic`. */
    readonly counts: readonly number[]
  }[]
}

export interface BrokerMetrics {
  readonly id: number
  readonly connections: number
  readonly connectionsAccepted: number
  readonly connectionsRefused: number
  readonly frames: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly requests: readonly (readonly [apiKey: number, count: number])[]
  readonly isrShrinks: number
  readonly isrExpands: number
  readonly traffic: TrafficDescription
  readonly groupStates: Readonly<Record<string, number>>
  readonly actors: number
  readonly actorRestarts: number
  readonly timers: number
  readonly owed: number
  readonly messages: number
  readonly busBatches: number
  readonly busMessages: number
  readonly busPayloadBytes: number
  readonly busCopiedPayloads: number
  readonly heapUsedBytes: number
  readonly eventLoopUtilization: number
}

/** Exit code of a worker of which an actor has used up its restarts: its supervisor decides what comes next. */
export const exitCodeGivenUp = 86
/** Exit code of a worker whose log directory cannot be used: tried again and again, without costing the budget. */
export const exitCodeStorage = 87
/** Exit code of a worker that ended because it was asked to. */
export const exitCodeStopped = 0
