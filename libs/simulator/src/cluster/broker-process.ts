/**
 * One broker of a simulated cluster, over all its lives: its disk stays, its actors come and go.
 *
 * The actors are the production ones (`brokerActors`); this file gives them a disk in memory and connections over the
 * simulated network.
 */
import { resolveBrokerConfig, type BrokerConfig } from '@troupe/config'
import { brokerActors, epochOfLife, rootActors } from '@troupe/broker/actors'
import type { Transport } from '@troupe/broker/transport'
import { MetadataImage } from '@troupe/controller/image'
import { FileQuorumStore } from '@troupe/controller/store/file-quorum-store'
import { LogDirectory } from '@troupe/log/log-directory'
import type { Safeguards } from '@troupe/actor'
import type { Host, HostedKind } from '../kernel/host.ts'
import { SimulatedDisk } from './disk.ts'
import type { Network } from './network.ts'
import { shellActor, type ShellPorts } from './shell-actor.ts'

export const clusterId = 'c2ltdWxhdGVkY2x1c3Rlcg'
const directory = '/data'
const metadataSegmentBytes = 16 * 1024

export interface BrokerLife {
  readonly config: BrokerConfig
  readonly image: MetadataImage
  readonly logs: LogDirectory
  readonly incarnationId: string
}

export class BrokerProcess {
  readonly id: number
  readonly host: Host
  readonly disk = new SimulatedDisk()
  /** null while it is down. */
  life: BrokerLife | null = null
  /** It takes connections. */
  serving = false
  stopping = false
  /** What it has synced may be less than what it acknowledged: it is not in every ISR again since its disk lost something. */
  hasLost = false
  /** Until then it may still fall over what its disk could not do a while ago. */
  ailingUntil = 0
  /** A slow disk: what a background sync takes in addition. */
  syncDelayMs = 0
  /** Settings of the next life beside the cluster's. */
  settings: Readonly<Record<string, string>> = {}
  private readonly network: Network
  private readonly properties: Readonly<Record<string, string>>
  private readonly voters: readonly number[]
  private readonly safeguards: Safeguards

  constructor(
    host: Host,
    network: Network,
    given: {
      readonly properties: Readonly<Record<string, string>>
      readonly voters: readonly number[]
      readonly safeguards: Safeguards
    },
  ) {
    this.id = host.id
    this.host = host
    this.network = network
    this.properties = given.properties
    this.voters = given.voters
    this.safeguards = given.safeguards
  }

  /** Begins a life; throws StorageError when the disk does not let it. */
  boot(shell: ShellPorts): void {
    const properties = { 'node.id': String(this.id), ...this.properties, ...this.settings }
    const config = configOf(properties)
    const identity = { clusterId, nodeId: this.id, directoryId: uuidOf('RGlyZWN0b3J5', this.id, 0) }
    const logs = LogDirectory.open(this.disk, directory, identity, { safeguards: this.safeguards })
    const image = new MetadataImage(clusterId)
    const incarnationId = uuidOf('SW5jYXJuYXRp', this.id, this.host.life + 1)
    this.life = { config, image, logs, incarnationId }
    this.serving = false
    this.stopping = false
    this.ailingUntil = 0
    const kinds: Map<string, HostedKind> = brokerActors({
      config,
      image,
      logs,
      listeners: [{ name: 'PLAINTEXT', host: `broker-${this.id}`, port: 9092, securityProtocol: 0 }],
      incarnationId,
      voters: this.voters,
      openQuorum: () =>
        new FileQuorumStore(this.disk, {
          path: directory,
          clusterId,
          directoryId: logs.directoryId,
          segmentBytes: metadataSegmentBytes,
        }),
      transport: this.transport(),
      offloadBytes: Infinity,
      onFrontRestart: () => this.closeConnections(),
    })
    kinds.set('shell', { definition: shellActor, ports: () => shell })
    this.host.begin(kinds)
    for (const kind of rootActors) this.host.spawn(kind, kind, null)
    this.host.spawn('shell', 'shell', null)
    this.host.drain()
  }

  /** What an ordered stop leaves behind. */
  closeCleanly(): void {
    const { life } = this
    if (life === null) return
    this.host.stopActors()
    life.logs.closeCleanly(epochOfLife(life, this.id))
  }

  /** Partition directories are gone; what the quorum has promised is on another disk. */
  replaceDisk(): void {
    for (const name of this.disk.list(directory)) {
      if (name === '__cluster_metadata-0' || name === 'meta.properties') continue
      this.disk.removeTree(`${directory}/${name}`)
    }
  }

  private transport(): Transport {
    const { network } = this
    const find = (connection: number) => network.connections.get(connection)
    return {
      send: (id, frame) => {
        const connection = find(id)
        if (connection !== undefined) network.sendResponse(connection, frame)
      },
      close: (id) => {
        const connection = find(id)
        if (connection !== undefined) network.closeByBroker(connection)
      },
      mute: (id) => {
        const connection = find(id)
        if (connection !== undefined) network.mute(connection)
      },
      unmute: (id) => {
        const connection = find(id)
        if (connection !== undefined) network.unmute(connection)
      },
      acquire: (size) => new Uint8Array(size),
      release: () => {},
    }
  }

  private closeConnections(): void {
    for (const connection of this.network.connections.values()) {
      if (connection.broker === this.id) this.network.closeByBroker(connection)
    }
  }
}

/** 16 bytes in Kafka's base64: a word, and two numbers. */
function uuidOf(word: string, first: number, second: number): string {
  return `${word}${String(first).padStart(4, '0')}${String(second).padStart(5, '0')}A`
}

const configs = new Map<string, BrokerConfig>()

/** Resolving hundreds of properties at each start would be most of what a run does. */
function configOf(properties: Readonly<Record<string, string>>): BrokerConfig {
  const key = JSON.stringify(properties)
  let config = configs.get(key)
  if (config === undefined) {
    config = resolveBrokerConfig(new Map(Object.entries(properties))).config
    if (configs.size < 64) configs.set(key, config)
  }
  return config
}
