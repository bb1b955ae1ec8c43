/**
 * The network of a simulated cluster: links between processes, and clients' connections over them.
 *
 * A connection keeps order, as TCP does, and so does the way from one broker to another. Two connections do not, also
 * between the same two processes: a request on a new one overtakes what is late on the old one. A cut link loses what is
 * sent, and its ends learn of it a while later: whoever asked gets `Failed`, whoever had a connection hears that it is
 * lost. What is on its way when a client gives up a connection arrives all the same, and late: a request outlives its
 * connection.
 */
import type { Failed, Message, ReplyToken } from '@troupe/actor'
import type { Host } from '../kernel/host.ts'
import type { Random } from '../kernel/random.ts'
import type { NetworkOptions } from './options.ts'

/** What the network needs of the cluster it connects. */
export interface Processes {
  readonly now: number
  host(id: number): Host
  /** At that virtual time, outside of every process. */
  at(time: number, run: () => void): void
  /** As `at`, in the process: later while it is paused, never if that life of it is over (`gone` runs then). */
  in(host: Host, time: number, run: () => void, gone?: () => void, key?: number): void
  /** How the policy orders what is due at one time. */
  drawKey(host: number): number
  /** A broker takes connections. */
  serves(broker: number): boolean
  /** `lost` events of the trace. */
  lost(from: number, to: number, what: string): void
}

export interface Connection {
  readonly id: number
  readonly client: number
  readonly broker: number
  /** Lives of both ends. */
  readonly clientLife: number
  brokerLife: number
  openAtClient: boolean
  openAtBroker: boolean
  muted: boolean
  readonly held: Uint8Array[]
  readonly toBroker: Lane
  readonly toClient: Lane
}

/** What keeps its order. */
interface Lane {
  lastArrival: number
  lastKey: number
}

/** The way from one process to another. */
interface Link extends Lane {
  readonly random: Random
  cut: number
  slowedMs: number
}

const newLane = (): Lane => ({ lastArrival: 0, lastKey: 0 })

export class Network {
  readonly connections = new Map<number, Connection>()
  private readonly links = new Map<number, Link>()
  private readonly processes: Processes
  private readonly random: Random
  private options: NetworkOptions
  private nextConnection = 1

  constructor(processes: Processes, random: Random, options: NetworkOptions) {
    this.processes = processes
    this.random = random
    this.options = options
  }

  /** From now on no message is slow by chance: progress is promised to a network that has become one. */
  calm(): void {
    this.options = { ...this.options, slowPerMille: 0 }
  }

  // --- faults

  cut(from: number, to: number): void {
    this.link(from, to).cut++
    for (const connection of this.connections.values()) {
      if (connection.client === from && connection.broker === to) this.breakConnection(connection)
      if (connection.client === to && connection.broker === from) this.breakConnection(connection)
    }
  }

  heal(from: number, to: number): void {
    const link = this.link(from, to)
    if (link.cut > 0) link.cut--
  }

  slow(from: number, to: number, byMs: number): void {
    this.link(from, to).slowedMs += byMs
  }

  healAll(): void {
    for (const link of this.links.values()) {
      link.cut = 0
      link.slowedMs = 0
    }
  }

  isCut(from: number, to: number): boolean {
    return this.link(from, to).cut > 0
  }

  /** Both ends hear of it, each in its own time. */
  breakConnection(connection: Connection): void {
    this.tellClient(connection, this.detect())
    this.tellBroker(connection, this.detect())
  }

  // --- between brokers

  send(from: Host, to: Host, actor: string, message: Message): void {
    const { replyTo } = message
    if (this.isCut(from.id, to.id)) {
      this.processes.lost(from.id, to.id, message.kind)
      if (replyTo !== undefined) this.fail(replyTo)
      return
    }
    const deliver = (): void => {
      to.deliver(actor, message, from.id)
      to.drain()
    }
    const gone = (): void => {
      if (replyTo !== undefined) this.fail(replyTo)
    }
    if (to.up) this.carry(from.id, to, deliver, gone)
    else gone()
  }

  reply(from: Host, token: ReplyToken, body: unknown): void {
    const to = this.processes.host(token.broker)
    if (this.isCut(from.id, to.id)) {
      this.processes.lost(from.id, to.id, 'reply')
      return this.fail(token)
    }
    if (!to.up) return
    this.carry(from.id, to, () => {
      to.deliverReply(token, body, from.id)
      to.drain()
    })
  }

  /** Nobody will answer: the shell does. */
  fail(token: ReplyToken): void {
    const to = this.processes.host(token.broker)
    if (!to.up) return
    const body: Failed = { kind: 'failed', reason: 'broker-down' }
    this.processes.in(to, this.processes.now + this.detect(), () => {
      to.deliverReply(token, body)
      to.drain()
    })
  }

  // --- clients

  connect(client: Host, broker: number): number {
    const id = this.nextConnection++
    const { processes } = this
    const connection: Connection = {
      id,
      client: client.id,
      broker,
      clientLife: client.life,
      brokerLife: -1,
      openAtClient: true,
      openAtBroker: false,
      muted: false,
      held: [],
      toBroker: newLane(),
      toClient: newLane(),
    }
    this.connections.set(id, connection)
    const refused = (): void => this.tellClient(connection, this.detect())
    if (this.isCut(client.id, broker)) refused()
    else {
      const accept = (): void => {
        if (!connection.openAtClient || !processes.serves(broker)) return refused()
        this.accept(connection)
      }
      const host = processes.host(broker)
      if (host.up) this.carry(client.id, host, accept, refused, connection.toBroker)
      else refused()
    }
    return id
  }

  private accept(connection: Connection): void {
    const host = this.processes.host(connection.broker)
    connection.brokerLife = host.life
    connection.openAtBroker = true
    const { id, client } = connection
    this.processes.in(host, this.processes.now, () => {
      const opened = {
        kind: 'connectionOpened',
        connection: id,
        remoteAddress: `10.0.0.${client % 256}`,
        listener: 'PLAINTEXT',
      }
      host.deliver('front', opened as Message)
      host.drain()
    })
    this.toClient(connection, { kind: 'connected', connection: id } as Message)
  }

  sendRequest(connection: Connection, frame: Uint8Array): void {
    if (!connection.openAtClient) return
    if (this.isCut(connection.client, connection.broker)) {
      return this.processes.lost(connection.client, connection.broker, 'request')
    }
    // Without the length in front; the sender may use its buffer again.
    const bytes = frame.slice(4)
    this.toBroker(connection, () => this.frameArrives(connection, bytes))
  }

  private frameArrives(connection: Connection, bytes: Uint8Array): void {
    if (!connection.openAtBroker) return
    if (connection.muted) {
      connection.held.push(bytes)
      return
    }
    const host = this.processes.host(connection.broker)
    host.deliver('front', { kind: 'frame', connection: connection.id, bytes } as Message, connection.client)
    host.drain()
  }

  sendResponse(connection: Connection, frame: Uint8Array): void {
    if (!connection.openAtBroker) return
    if (this.isCut(connection.broker, connection.client)) {
      return this.processes.lost(connection.broker, connection.client, 'response')
    }
    this.toClient(connection, { kind: 'frame', connection: connection.id, bytes: frame.subarray(4) } as Message)
  }

  mute(connection: Connection): void {
    connection.muted = true
  }

  unmute(connection: Connection): void {
    connection.muted = false
    const host = this.processes.host(connection.broker)
    for (const bytes of connection.held.splice(0)) {
      this.processes.in(host, this.processes.now, () => this.frameArrives(connection, bytes))
    }
  }

  /** By the client: no message of it follows there; the broker reads what was sent before. */
  closeByClient(connection: Connection): void {
    if (!connection.openAtClient) return
    connection.openAtClient = false
    if (connection.brokerLife < 0) return
    this.toBroker(connection, () => this.closedAtBroker(connection))
  }

  closeByBroker(connection: Connection): void {
    if (!connection.openAtBroker) return
    const host = this.processes.host(connection.broker)
    this.processes.in(host, this.processes.now, () => this.closedAtBroker(connection))
    this.tellClient(connection, 0)
  }

  /** The broker's process has ended. */
  brokerGone(broker: number): void {
    for (const connection of this.connections.values()) {
      if (connection.broker !== broker || connection.brokerLife < 0) continue
      connection.openAtBroker = false
      this.tellClient(connection, this.detect())
    }
  }

  clientGone(client: number): void {
    for (const connection of this.connections.values()) {
      if (connection.client !== client) continue
      connection.openAtClient = false
      this.tellBroker(connection, this.detect())
    }
  }

  private tellClient(connection: Connection, afterMs: number): void {
    if (!connection.openAtClient) return this.forget(connection)
    const host = this.processes.host(connection.client)
    if (host.life !== connection.clientLife) return
    // Nothing of a connection comes after its end.
    this.arrive(connection.toClient, this.processes.now + afterMs, host, () => {
      if (!connection.openAtClient) return
      connection.openAtClient = false
      host.deliver('network', { kind: 'disconnected', connection: connection.id } as Message)
      host.drain()
      this.forget(connection)
    })
  }

  private tellBroker(connection: Connection, afterMs: number): void {
    const host = this.processes.host(connection.broker)
    if (!connection.openAtBroker || host.life !== connection.brokerLife) return this.forget(connection)
    this.processes.in(host, this.processes.now + afterMs, () => this.closedAtBroker(connection))
  }

  private closedAtBroker(connection: Connection): void {
    if (!connection.openAtBroker) return
    connection.openAtBroker = false
    const host = this.processes.host(connection.broker)
    host.deliver('front', { kind: 'connectionClosed', connection: connection.id } as Message)
    host.drain()
    this.tellClient(connection, this.detect())
    this.forget(connection)
  }

  private forget(connection: Connection): void {
    if (!connection.openAtBroker && !connection.openAtClient) this.connections.delete(connection.id)
  }

  private toBroker(connection: Connection, run: () => void): void {
    const host = this.processes.host(connection.broker)
    if (connection.brokerLife >= 0 && host.life !== connection.brokerLife) return
    this.carry(connection.client, host, run, undefined, connection.toBroker)
  }

  private toClient(connection: Connection, message: Message): void {
    const host = this.processes.host(connection.client)
    if (host.life !== connection.clientLife || !connection.openAtClient) return
    const deliver = (): void => {
      if (!connection.openAtClient) return
      host.deliver('network', message, connection.broker)
      host.drain()
    }
    this.carry(connection.broker, host, deliver, undefined, connection.toClient)
  }

  /** Something travels: it arrives after everything that was sent before it on its lane. */
  private carry(from: number, to: Host, run: () => void, gone?: () => void, lane?: Lane): void {
    const link = this.link(from, to.id)
    const { minDelayMs, maxDelayMs, slowPerMille, slowMs } = this.options
    let delay = link.slowedMs + link.random.between(minDelayMs, maxDelayMs)
    if (slowPerMille > 0 && link.random.below(1000) < slowPerMille) delay += link.random.below(slowMs + 1)
    this.arrive(lane ?? link, this.processes.now + delay, to, run, gone)
  }

  private arrive(lane: Lane, earliest: number, to: Host, run: () => void, gone?: () => void): void {
    const at = Math.max(earliest, lane.lastArrival)
    const drawn = this.processes.drawKey(to.id)
    const key = at === lane.lastArrival ? Math.max(drawn, lane.lastKey) : drawn
    lane.lastArrival = at
    lane.lastKey = key
    this.processes.in(to, at, run, gone, key)
  }

  private detect(): number {
    return this.random.below(this.options.detectMs + 1)
  }

  private link(from: number, to: number): Link {
    const key = from * 65536 + to
    let link = this.links.get(key)
    if (link === undefined) {
      link = { random: this.random.stream(`${from}→${to}`), ...newLane(), cut: 0, slowedMs: 0 }
      this.links.set(key, link)
    }
    return link
  }
}
