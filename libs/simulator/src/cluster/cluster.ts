/**
 * A whole cluster with its clients in one thread: owns time, network, disks and processes. Everything that happens is
 * one event of one queue; the same options give the same run.
 */
import { actorNames, allSafeguards, type Address, type Message, type ReplyToken, type Safeguards } from '@troupe/actor'
import { StorageError } from '@troupe/log/file-system'
import type { EffectList } from '@troupe/actor/effect-list'
import { EventQueue, type QueuedEvent } from '../kernel/event-queue.ts'
import { Host, type Cell, type World } from '../kernel/host.ts'
import { Random } from '../kernel/random.ts'
import { RollingHash } from '../kernel/rolling-hash.ts'
import { BrokerProcess } from './broker-process.ts'
import { ClientProcess } from './client-process.ts'
import { Network, type Processes } from './network.ts'
import type { Observer } from './observer.ts'
import type { ClusterOptions } from './options.ts'
import { firstClient, labProcess } from './processes.ts'
import { labActor } from './lab-actor.ts'
import { mixStep } from './step-digest.ts'

/** Virtual time begins here: an ordinary date, so that nothing takes it for "unset". */
export const startOfTime = 1_700_000_000_000

const rebootAfterStorageErrorMs = 1000

export class Cluster implements World, Processes {
  readonly options: ClusterOptions
  readonly brokers = new Map<number, BrokerProcess>()
  readonly clients = new Map<number, ClientProcess>()
  readonly network: Network
  readonly random: Random
  readonly hash = new RollingHash()
  readonly observers: Observer[] = []
  /** Steps of actors so far. */
  events = 0
  now = startOfTime
  readonly safeguards: Safeguards
  private readonly lab: Host
  private readonly queue = new EventQueue()
  private readonly hosts = new Map<number, Host>()
  private readonly pausedUntil = new Map<number, number>()
  private readonly skews = new Map<number, number>()
  private readonly order: Random
  private readonly priorities = new Map<number, number>()

  constructor(options: ClusterOptions) {
    this.options = options
    this.random = new Random(options.seed)
    this.order = this.random.stream('order')
    this.safeguards = Object.freeze({ ...allSafeguards, ...options.safeguards })
    this.network = new Network(this, this.random.stream('network'), options.network)
    for (let id = 1; id <= options.brokers; id++) this.addBroker(id)
    this.lab = this.addHost(labProcess, 'lab')
    this.lab.begin(new Map([['lab', { definition: labActor, ports: () => ({}) }]]))
    this.lab.spawn('lab', 'lab', null)
    options.clients.forEach((_, index) => {
      const id = firstClient + index
      this.clients.set(id, new ClientProcess(this.addHost(id, `c${index + 1}`), this.network))
    })
  }

  // --- running

  /** Runs everything that happens until then, or until `stop` says so; returns whether it did. */
  runUntil(time: number, stop: () => boolean = () => false): boolean {
    while (this.queue.nextAt() <= time) {
      const event = this.queue.take()!
      if (event.at > this.now) this.now = event.at
      event.run()
      if (stop()) return true
    }
    this.now = Math.max(this.now, time)
    return stop()
  }

  at(time: number, run: () => void): void {
    this.queue.add(Math.max(time, this.now), this.drawKey(0), run)
  }

  in(host: Host, time: number, run: () => void, gone?: () => void, key = this.drawKey(host.id)): void {
    const { life } = host
    const event = this.queue.add(Math.max(time, this.now), key, () => {
      if (host.life !== life || !host.up) return gone?.()
      if (this.isPostponed(host, event)) return
      run()
    })
  }

  private isPostponed(host: Host, event: QueuedEvent): boolean {
    const until = this.pausedUntil.get(host.id)
    if (until === undefined || until <= this.now) return false
    this.queue.postpone(event, until)
    return true
  }

  /** Ties of time are broken by the policy. */
  drawKey(host: number): number {
    const { policy } = this.options
    if (policy === 'fifo') return 0
    if (policy === 'random') return this.order.u32()
    let priority = this.priorities.get(host)
    // Changes now and then, so that nobody always wins.
    if (priority === undefined || this.order.below(64) === 0) {
      priority = this.order.below(8)
      this.priorities.set(host, priority)
    }
    return priority
  }

  // --- World

  clockOf(host: Host): number {
    return this.now + (this.skews.get(host.id) ?? 0)
  }

  schedule(host: Host, at: number, run: () => void): QueuedEvent {
    const time = Math.max(at - (this.skews.get(host.id) ?? 0), this.now)
    const { life } = host
    const event = this.queue.add(time, this.drawKey(host.id), () => {
      if (host.life !== life || !host.up || this.isPostponed(host, event)) return
      run()
    })
    return event
  }

  cancel(event: QueuedEvent): void {
    this.queue.remove(event)
  }

  randomOf(host: Host, actor: string): Random {
    return this.random.stream(`${host.name}/${actor}`)
  }

  sendAway(host: Host, to: Address, message: Message): void {
    this.network.send(host, this.host(to.broker), to.actor, withOwnBytes(message))
  }

  replyAway(host: Host, token: ReplyToken, body: unknown): void {
    this.network.reply(host, token, bodyWithOwnBytes(body))
  }

  stepped(host: Host, cell: Cell, message: Message, effects: EffectList): void {
    this.events++
    mixStep(this.hash, this.now, host, cell, message, effects)
    for (const observer of this.observers) observer.stepped?.(host, cell, message, effects)
  }

  traced(host: Host, cell: Cell, event: string, fields: Record<string, unknown>): void {
    for (const observer of this.observers) observer.traced?.(host, cell, event, fields)
  }

  threw(host: Host, cell: Cell, message: Message | null, error: unknown): boolean {
    for (const observer of this.observers) observer.threw?.(host, cell, message, error)
    const broker = this.brokers.get(host.id)
    if (error instanceof StorageError && broker !== undefined) {
      this.at(this.now, () => this.storageFailed(broker, error.message))
      return false
    }
    return true
  }

  // --- Processes

  host(id: number): Host {
    const host = this.hosts.get(id)
    if (host === undefined) throw new RangeError(`there is no process ${id}`)
    return host
  }

  serves(broker: number): boolean {
    const asked = this.brokers.get(broker)
    return asked !== undefined && asked.host.up && asked.serving && !asked.stopping
  }

  lost(from: number, to: number, what: string): void {
    for (const observer of this.observers) observer.lost?.(this.host(from), this.host(to), what)
  }

  // --- lives of brokers

  startBroker(id: number): void {
    const broker = this.broker(id)
    if (broker.host.up) return
    try {
      broker.boot({
        onReady: () => (broker.serving = true),
        onMayStop: () => this.at(this.now, () => this.stopCleanly(broker)),
        endWorker: (reason) => this.at(this.now, () => this.storageFailed(broker, reason)),
      })
      this.happened('start', broker.host.name, '')
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      this.storageFailed(broker, error.message)
    }
  }

  /** The process ends without a word. `told`: the survivors' shells know at once, as in one machine. */
  crashBroker(id: number, how: 'kill' | 'power-loss', told: boolean): void {
    const broker = this.broker(id)
    if (!broker.host.up) return
    this.happened(how, broker.host.name, '')
    if (how === 'kill') broker.disk.kill()
    else {
      const random = this.random.stream(`disk/b${id}/${broker.host.life}`)
      broker.disk.crash({ random: () => random.u32(), zeroTails: true })
    }
    this.endBroker(broker, told)
  }

  requestStop(id: number): void {
    const broker = this.broker(id)
    if (!broker.host.up || broker.stopping) return
    broker.stopping = true
    this.happened('stop', broker.host.name, '')
    this.in(broker.host, this.now, () => {
      broker.host.deliver(actorNames.shell, { kind: 'stop' } as Message)
      broker.host.drain()
    })
  }

  private stopCleanly(broker: BrokerProcess): void {
    if (!broker.host.up) return
    try {
      broker.closeCleanly()
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
    }
    broker.disk.kill()
    this.happened('stopped', broker.host.name, '')
    this.endBroker(broker, true)
  }

  private storageFailed(broker: BrokerProcess, reason: string): void {
    if (broker.host.up) {
      this.happened('disk-failed', broker.host.name, reason)
      broker.disk.kill()
      this.endBroker(broker, true)
    }
    this.at(this.now + rebootAfterStorageErrorMs, () => this.startBroker(broker.id))
  }

  private endBroker(broker: BrokerProcess, told: boolean): void {
    const { host } = broker
    const incarnationId = broker.life?.image.brokers.get(broker.id)?.incarnationId
    const owed = host.end()
    broker.life = null
    broker.serving = false
    this.network.brokerGone(broker.id)
    for (const token of owed) if (token.broker !== broker.id) this.network.fail(token)
    if (!told) return
    for (const other of this.brokers.values()) {
      if (other === broker || !other.host.up || this.network.isCut(broker.id, other.id)) continue
      const message = { kind: 'brokerDown', broker: broker.id, incarnationId } as Message
      this.in(other.host, this.now + this.options.network.minDelayMs, () => {
        other.host.deliver(actorNames.controller, message)
        other.host.drain()
      })
    }
  }

  pause(id: number, untilMs: number): void {
    this.pausedUntil.set(id, untilMs)
    this.happened('pause', this.host(id).name, `for ${untilMs - this.now} ms`)
  }

  resumeAll(): void {
    this.pausedUntil.clear()
  }

  skew(id: number, byMs: number): void {
    this.skews.set(id, byMs)
  }

  /** The run itself asks an actor; `heard` gets its answer, or `Failed`. */
  ask(to: Address, message: Message, heard: (body: unknown) => void): void {
    this.lab.deliver('lab', { kind: 'ask', to, message, heard } as Message)
    this.lab.drain()
  }

  /** Tells the observers of something that was done to the cluster. */
  happened(what: string, node: string, detail: string): void {
    for (const observer of this.observers) observer.happened?.(what, node, detail)
  }

  broker(id: number): BrokerProcess {
    return this.brokers.get(id)!
  }

  private addHost(id: number, name: string): Host {
    const host = new Host(this, id, name, this.safeguards)
    this.hosts.set(id, host)
    return host
  }

  private addBroker(id: number): void {
    const { properties, voters, disk } = this.options
    const host = this.addHost(id, `b${id}`)
    const broker = new BrokerProcess(host, this.network, { properties, voters, safeguards: this.safeguards })
    let wanted = false
    broker.disk.onSyncWanted = () => {
      if (wanted) return
      wanted = true
      this.at(this.now + disk.syncMs + broker.syncDelayMs, () => {
        wanted = false
        broker.disk.completeSyncs()
      })
    }
    this.brokers.set(id, broker)
  }
}

/** Bytes of a message are valid during its step only: what travels takes its own along. */
function withOwnBytes(message: Message): Message {
  return ownBytesIn(message) as Message
}

function bodyWithOwnBytes(body: unknown): unknown {
  return typeof body === 'object' && body !== null ? ownBytesIn(body) : body
}

function ownBytesIn(value: object): object {
  let copy: Record<string, unknown> | null = null
  for (const key in value) {
    const before = (value as Record<string, unknown>)[key]
    if (typeof before !== 'object' || before === null) continue
    const after = ownBytes(before)
    if (after === before) continue
    copy ??= { ...value }
    copy[key] = after
  }
  return copy ?? value
}

function ownBytes(value: object): object {
  if (value instanceof Uint8Array) return value.slice()
  const slice = value as { readInto?: (target: Uint8Array, at: number) => number; sizeInBytes?: number }
  if (typeof slice.readInto === 'function') {
    const bytes = new Uint8Array(slice.sizeInBytes!)
    return bytes.subarray(0, slice.readInto(bytes, 0))
  }
  const records = (value as { records?: unknown }).records
  if (typeof records !== 'object' || records === null || Array.isArray(records)) return value
  const owned = ownBytes(records)
  return owned === records ? value : { ...value, records: owned }
}
