/** Carries out the drawn faults at their times, within the budget, takes them back, and heals everything at the end. */
import type { Message } from '@troupe/actor'
import { mayEnd, mayLose, newestImage, partitionsOf } from './budget.ts'
import type { Cluster } from './cluster.ts'
import { describeFault, type Fault } from './faults.ts'

/** What a checkpoint in the background could not write is told at the one after it: two intervals, and a little. */
const lateErrorMs = 12_000

/** Room that a full disk has left: a few batches go in, one is torn. */
const roomOfFullDisk = 700

export class Nemesis {
  private readonly cluster: Cluster
  private readonly onKillClient: (client: number, forMs: number) => void
  private readonly askController: (message: Message) => void
  private healed = false
  /** Faults that happened; the others were over budget or hit what was down already. */
  done = 0

  constructor(
    cluster: Cluster,
    hooks: { killClient(client: number, forMs: number): void; askController(message: Message): void },
  ) {
    this.cluster = cluster
    this.onKillClient = hooks.killClient
    this.askController = hooks.askController
  }

  schedule(from: number): void {
    for (const fault of this.cluster.options.faults) {
      this.cluster.at(from + fault.at, () => {
        if (this.healed || !this.apply(fault)) return
        this.done++
        this.cluster.happened('fault', 'net', describeFault(fault))
      })
    }
  }

  /** From now on nothing goes wrong any more. `dead` stay as they are. */
  heal(dead: ReadonlySet<number>): void {
    this.healed = true
    const { cluster } = this
    cluster.happened('heal', 'net', dead.size > 0 ? `but for ${[...dead].map((id) => `b${id}`).join(' ')}` : '')
    cluster.network.healAll()
    cluster.resumeAll()
    for (const broker of cluster.brokers.values()) {
      broker.disk.fault = null
      broker.disk.capacity = Infinity
      broker.syncDelayMs = 0
      if (!dead.has(broker.id)) this.restart(broker.id)
    }
  }

  private apply(fault: Fault): boolean {
    const { cluster } = this
    switch (fault.kind) {
      case 'kill':
        return mayEnd(cluster, fault.broker) && this.crash(fault.broker, 'kill', fault)
      case 'power-loss':
        if (!this.isUp(fault.broker) || !mayLose(cluster, fault.broker)) return false
        cluster.broker(fault.broker).hasLost = true
        return this.crash(fault.broker, 'power-loss', fault)
      case 'disk-replaced':
        return this.replaceDisk(fault.broker, fault)
      case 'stop':
        if (!this.isUp(fault.broker) || !mayEnd(cluster, fault.broker)) return false
        cluster.requestStop(fault.broker)
        this.later(fault, () => this.restart(fault.broker))
        return true
      case 'pause':
        if (!this.isUp(fault.broker)) return false
        cluster.pause(fault.broker, cluster.now + fault.forMs)
        return true
      case 'pause-client':
        // A smaller run may have fewer clients.
        if (!cluster.clients.has(fault.client)) return false
        cluster.pause(fault.client, cluster.now + fault.forMs)
        return true
      case 'kill-client':
        this.onKillClient(fault.client, fault.forMs)
        return true
      case 'cut':
        return this.cut(fault)
      case 'slow-link':
        cluster.network.slow(fault.from, fault.to, fault.byMs)
        this.later(fault, () => cluster.network.slow(fault.from, fault.to, -fault.byMs))
        return true
      case 'drop-connections':
        for (const connection of cluster.network.connections.values()) {
          if (connection.client === fault.client && connection.broker === fault.broker) {
            cluster.network.breakConnection(connection)
          }
        }
        return true
      case 'skew':
        cluster.skew(fault.broker, fault.byMs)
        return true
      case 'elect':
        this.askController(electPreferred())
        return true
      case 'reassign':
        return this.reassign(fault)
      case 'settings':
        if (!this.isUp(fault.broker) || !mayEnd(cluster, fault.broker)) return false
        cluster.broker(fault.broker).settings = fault.properties
        return this.crash(fault.broker, 'kill', { ...fault, told: true })
      case 'disk-error':
      case 'disk-full':
      case 'disk-slow':
        return mayEnd(cluster, fault.broker) && this.spoilDisk(fault)
    }
  }

  private spoilDisk(fault: Extract<Fault, { kind: 'disk-error' | 'disk-full' | 'disk-slow' }>): boolean {
    const broker = this.cluster.broker(fault.broker)
    const { disk } = broker
    if (fault.kind === 'disk-slow') {
      broker.syncDelayMs = fault.byMs
      this.later(fault, () => (broker.syncDelayMs = 0))
    } else if (fault.kind === 'disk-full') {
      disk.capacity = disk.usedBytes() + roomOfFullDisk
      this.later(fault, () => {
        disk.capacity = Infinity
        broker.ailingUntil = this.cluster.now + lateErrorMs
      })
    } else {
      // The quorum's directory stays readable: without it a voter could not even start to be asked.
      disk.fault = (operation, path) =>
        operation === fault.operation && !path.includes('__cluster_metadata') ? 'EIO' : undefined
      this.later(fault, () => {
        disk.fault = null
        broker.ailingUntil = this.cluster.now + lateErrorMs
      })
    }
    return true
  }

  private replaceDisk(id: number, fault: Extract<Fault, { kind: 'disk-replaced' }>): boolean {
    if (!this.isUp(id) || !mayLose(this.cluster, id)) return false
    const broker = this.cluster.broker(id)
    broker.hasLost = true
    this.crash(id, 'kill', fault)
    broker.replaceDisk()
    return true
  }

  private reassign({ partition, brokers }: Extract<Fault, { kind: 'reassign' }>): boolean {
    const image = newestImage(this.cluster)
    const all = image === null ? [] : [...partitionsOf(image)]
    const chosen = all[partition % Math.max(1, all.length)]
    if (chosen === undefined) return false
    const { topic, view } = chosen
    this.askController(reassignTo(topic, view.partition, brokers.slice(0, view.replicas.length)))
    return true
  }

  private cut(fault: Extract<Fault, { kind: 'cut' }>): boolean {
    const { network } = this.cluster
    const links: [number, number][] = []
    for (const from of fault.from) for (const to of fault.to) links.push([from, to])
    if (!fault.oneWay) for (const [from, to] of links.slice()) links.push([to, from])
    for (const [from, to] of links) network.cut(from, to)
    this.later(fault, () => {
      for (const [from, to] of links) network.heal(from, to)
    })
    return true
  }

  private crash(id: number, how: 'kill' | 'power-loss', fault: { forMs: number; told: boolean }): boolean {
    if (!this.isUp(id)) return false
    this.cluster.crashBroker(id, how, fault.told)
    this.later(fault, () => this.restart(id))
    return true
  }

  /** A broker that is still in its ordered stop is asked again a little later. */
  private restart(id: number): void {
    const { cluster } = this
    const { host, stopping } = cluster.broker(id)
    if (!host.up) cluster.startBroker(id)
    else if (stopping) cluster.at(cluster.now + 500, () => this.restart(id))
  }

  private later({ forMs }: { forMs: number }, undo: () => void): void {
    this.cluster.at(this.cluster.now + forMs, () => {
      if (!this.healed) undo()
    })
  }

  private isUp(id: number): boolean {
    const { host, stopping } = this.cluster.broker(id)
    return host.up && !stopping
  }
}

/** What a controller is asked to elect: every partition's preferred leader. */
function electPreferred(): Message {
  return {
    kind: 'controllerRequest',
    api: 'ElectLeaders',
    body: { electionType: 0, topicPartitions: null, timeoutMs: 5000 },
  } as unknown as Message
}

function reassignTo(name: string, partitionIndex: number, replicas: readonly number[]): Message {
  const topics = [{ name, partitions: [{ partitionIndex, replicas }] }]
  const body = { timeoutMs: 5000, allowReplicationFactorChange: true, topics }
  return { kind: 'controllerRequest', api: 'AlterPartitionReassignments', body } as unknown as Message
}
