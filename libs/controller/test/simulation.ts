/**
 * A small seeded cluster: the real `controller` and `broker` actors over disks that forget, and a network that delays, drops
 * and parts. Nothing else runs here: replicas and shards are only noted.
 */
import {
  actorNames,
  allSafeguards,
  type ActorDefinition,
  type Address,
  type Env,
  type Message,
  type Outbox,
  type ReplyToken,
  type Safeguards,
} from '@troupe/actor'
import { resolveBrokerConfig } from '@troupe/config'
import { MemoryFileSystem } from '@troupe/log/memory-file-system'
import { brokerActor } from '../src/broker/actor.ts'
import type { BrokerEnv, BrokerState } from '../src/broker/state.ts'
import type { ControllerActor, ControllerEnv } from '../src/actor-state.ts'
import { controllerActor } from '../src/controller-actor.ts'
import { MetadataImage } from '../src/image/image.ts'
import { FileQuorumStore } from '../src/store/file-quorum-store.ts'

export const CLUSTER_ID = 'c2ltdWxhdGVkY2x1c3Rlcg'
export const directoryIdOf = (broker: number): string => `ZGlyZWN0b3J5b2Zicm9r${'QRSTUVWX'[broker]}A`

/** xorshift32: the same seed, the same run. */
export function randomStream(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0 || 1
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    return (state >>>= 0)
  }
}

interface Event {
  readonly at: number
  readonly order: number
  run(): void
}

interface Node {
  readonly id: number
  readonly files: MemoryFileSystem
  life: number
  clean: boolean
  cleanEpoch: number
  actors: Map<string, { definition: ActorDefinition<any, any, any, any>; state: unknown; env: Env; life: number }>
  image: MetadataImage | null
  controller: ControllerActor | null
  broker: BrokerState | null
  /** Effects on actors that are not simulated: `spawn replica:…`, `elected groups:3`, … */
  noted: string[]
  sent: { actor: string; message: Message }[]
}

export interface Faults {
  minDelayMs: number
  maxDelayMs: number
  /** Out of 1000 messages between brokers. */
  dropPerMille: number
}

export interface SimulationOptions {
  readonly brokers: number
  readonly voters?: readonly number[]
  readonly seed: number
  readonly config?: Readonly<Record<string, string>>
  readonly safeguards?: Partial<Safeguards>
  readonly segmentBytes?: number
  /** Disks that say they have synced and have not. */
  readonly lyingDisks?: boolean
}

class LyingDisk extends MemoryFileSystem {
  override syncInode(): void {}
}

export class Simulation {
  readonly nodes = new Map<number, Node>()
  readonly random: () => number
  readonly faults: Faults = { minDelayMs: 0, maxDelayMs: 1, dropPerMille: 0 }
  readonly cut = new Set<string>()
  readonly traces: string[] = []
  now = 1_000_000
  /** Runs after every event. */
  check: (() => void) | null = null
  /** Sees every answer together with what it answers. */
  onReply: ((question: Message, from: number, body: unknown) => void) | null = null
  readonly #options: SimulationOptions
  readonly #events: Event[] = []
  readonly #timers = new Map<string, Event>()
  readonly #lastArrival = new Map<string, number>()
  readonly #questions = new Map<string, { message: Message; at: number }>()
  readonly #clients = new Map<number, (body: unknown) => void>()
  #order = 0
  #clientId = 0

  constructor(options: SimulationOptions) {
    this.#options = options
    this.random = randomStream(options.seed)
    for (let id = 1; id <= options.brokers; id++) {
      this.nodes.set(id, {
        id,
        files: new (options.lyingDisks ? LyingDisk : MemoryFileSystem)({ syncAtOnce: true }),
        life: 0,
        clean: false,
        cleanEpoch: -1,
        actors: new Map(),
        image: null,
        controller: null,
        broker: null,
        noted: [],
        sent: [],
      })
    }
  }

  get voters(): readonly number[] {
    return this.#options.voters ?? [...this.nodes.keys()]
  }

  isUp(id: number): boolean {
    return this.nodes.get(id)!.actors.size > 0
  }

  start(id: number): void {
    const node = this.nodes.get(id)!
    node.life += 1
    node.noted = []
    node.image = new MetadataImage(CLUSTER_ID)
    const config = resolveBrokerConfig(
      new Map(Object.entries({ 'node.id': String(id), ...this.#options.config })),
    ).config
    const safeguards: Safeguards = { ...allSafeguards, ...this.#options.safeguards }
    const envOf = (actor: string): Env => {
      const stream = randomStream(this.random())
      const env = { self: { broker: id, actor }, random: stream, safeguards }
      return Object.defineProperty(env, 'now', { get: () => this.now }) as unknown as Env
    }
    const quorum = new FileQuorumStore(node.files, {
      path: '/data',
      clusterId: CLUSTER_ID,
      directoryId: directoryIdOf(id),
      segmentBytes: this.#options.segmentBytes,
    })
    const controllerEnv = Object.assign(Object.create(envOf(actorNames.controller)) as Env, {
      quorum,
      config,
      voters: this.voters,
    }) as ControllerEnv
    const listeners = [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9091 + id, securityProtocol: 0 }]
    const incarnationId = `aW5jYXJuYXRpb24${id}${String(node.life).padStart(5, '0')}A`
    const logs = {
      directoryId: directoryIdOf(id),
      cleanShutdown: node.clean,
      previousBrokerEpoch: node.cleanEpoch,
      onDisk: () => [],
    }
    const brokerEnv = Object.assign(Object.create(envOf(actorNames.broker)) as Env, {
      image: node.image,
      logs,
      config,
      listeners,
      incarnationId,
    }) as unknown as BrokerEnv
    node.clean = false
    this.#spawn(node, actorNames.controller, controllerActor, controllerEnv)
    this.#spawn(node, actorNames.broker, brokerActor, brokerEnv)
    node.controller = node.actors.get(actorNames.controller)!.state as ControllerActor
    node.broker = node.actors.get(actorNames.broker)!.state as BrokerState
  }

  #spawn(node: Node, name: string, definition: ActorDefinition<any, any, any, any>, env: Env): void {
    const out = new Effects()
    const state = definition.start(null, env, out)
    node.actors.set(name, { definition, state, env, life: node.life })
    for (const { actor, message } of this.#carryOut(node, name, out))
      this.#later(0, () => this.#deliver(node, actor, message))
  }

  /** Power loss: everything that was not synced may be gone. Survivors are told by the shell, the controller among them. */
  crash(id: number, options: { tellOthers?: boolean; keepBytes?: boolean } = {}): void {
    const node = this.nodes.get(id)!
    this.#end(node)
    if (options.keepBytes) node.files.kill()
    else node.files.crash({ random: this.random })
    if (options.tellOthers === false) return
    for (const [key, question] of this.#questions) {
      if (question.at === id) this.#fail(key, question.message.replyTo!, 'broker-down')
    }
    for (const other of this.nodes.values()) {
      if (other.actors.size > 0)
        this.#later(1, () => this.#deliver(other, actorNames.controller, { kind: 'brokerDown', broker: id } as Message))
    }
  }

  #end(node: Node): void {
    node.actors.clear()
    node.controller = null
    node.broker = null
    node.image = null
    node.life += 1
    for (const key of this.#timers.keys()) if (key.startsWith(`${node.id}/`)) this.#timers.delete(key)
  }

  /** Ordered stop, as the shell does it; the broker is down when it is granted. */
  shutDown(id: number): Promise<void> | void {
    const node = this.nodes.get(id)!
    this.ask(id, actorNames.broker, { kind: 'beginShutdown' } as Message, () => {
      const epoch = node.broker!.brokerEpoch
      for (const { definition, state, env } of node.actors.values()) definition.stop?.(state, env)
      this.#end(node)
      node.clean = true
      node.cleanEpoch = epoch
    })
  }

  /** A client of broker `id`; hears the answer, or `Failed`. */
  ask(id: number, actor: string, message: Message, heard: (body: any) => void): void {
    const client = ++this.#clientId
    this.#clients.set(client, heard)
    const replyTo: ReplyToken = { broker: 0, actor: 'client', id: client }
    this.#later(0, () => this.#deliver(this.nodes.get(id)!, actor, { ...message, replyTo } as Message))
  }

  request(id: number, api: string, body: object, heard: (body: any) => void): void {
    this.ask(id, actorNames.controller, { kind: 'controllerRequest', api, body } as unknown as Message, heard)
  }

  #later(delay: number, run: () => void): Event {
    const event: Event = { at: this.now + delay, order: this.#order++, run }
    // Insertion from the back: most events are near the end.
    let index = this.#events.length
    while (index > 0 && this.#events[index - 1]!.at > event.at) index--
    this.#events.splice(index, 0, event)
    return event
  }

  schedule(delay: number, run: () => void): void {
    this.#later(delay, run)
  }

  #deliver(node: Node, actor: string, message: Message): void {
    const queue: { actor: string; message: Message }[] = [{ actor, message }]
    while (queue.length > 0) {
      const next = queue.shift()!
      const cell = node.actors.get(next.actor)
      const token = next.message.replyTo
      if (token) this.#questions.set(keyOf(token), { message: next.message, at: node.id })
      if (!cell) {
        node.sent.push(next)
        if (token) this.#fail(keyOf(token), token, node.actors.size > 0 ? 'no-such-actor' : 'broker-down')
        continue
      }
      const out = new Effects()
      cell.definition.step(cell.state, next.message, cell.env, out)
      cell.definition.invariants?.(cell.state)
      queue.push(...this.#carryOut(node, next.actor, out))
    }
  }

  /** Local messages are returned: they are delivered in the same turn. */
  #carryOut(node: Node, self: string, out: Effects): { actor: string; message: Message }[] {
    const local: { actor: string; message: Message }[] = []
    for (const effect of out.list) {
      switch (effect.kind) {
        case 'send':
          if (effect.to.broker === node.id) local.push({ actor: effect.to.actor, message: effect.message })
          else this.#transmit(node.id, effect.to, effect.message)
          break
        case 'reply':
          this.#answer(node, effect.token, effect.body)
          break
        case 'setTimer':
          this.#setTimer(node, self, effect)
          break
        case 'cancelTimer':
          this.#timers.delete(`${node.id}/${self}/${effect.name}`)
          break
        case 'spawn':
          node.noted.push(`spawn ${effect.name}`)
          break
        case 'stop':
          node.noted.push(`stop ${effect.name}`)
          break
        case 'trace':
          this.traces.push(`${this.now} ${node.id} ${effect.event} ${JSON.stringify(effect.fields)}`)
      }
    }
    for (const { actor, message } of local) {
      if (!node.actors.has(actor) && actor !== actorNames.controller) node.noted.push(`${message.kind} ${actor}`)
    }
    return local
  }

  #setTimer(node: Node, actor: string, { name, at, message }: { name: string; at: number; message: Message }): void {
    const key = `${node.id}/${actor}/${name}`
    const { life } = node
    const event = this.#later(Math.max(0, at - this.now), () => {
      if (this.#timers.get(key) !== event || node.life !== life) return
      this.#timers.delete(key)
      this.#deliver(node, actor, message)
    })
    this.#timers.set(key, event)
  }

  #transmit(from: number, to: Address, message: Message): void {
    const token = message.replyTo
    if (token) this.#questions.set(keyOf(token), { message, at: to.broker })
    if (this.#isLost(from, to.broker)) return
    const node = this.nodes.get(to.broker)!
    const { life } = node
    this.#after(from, to.broker, () => {
      if (node.life === life && this.isUp(to.broker)) this.#deliver(node, to.actor, message)
      else if (token) this.#fail(keyOf(token), token, 'broker-down')
    })
  }

  #isLost(from: number, to: number): boolean {
    if (this.cut.has(`${from}-${to}`) || this.cut.has(`${to}-${from}`)) return true
    return this.random() % 1000 < this.faults.dropPerMille
  }

  #after(from: number, to: number, run: () => void): void {
    const pair = `${from}-${to}`
    const { minDelayMs, maxDelayMs } = this.faults
    const arrival = this.now + minDelayMs + (this.random() % (maxDelayMs - minDelayMs + 1))
    const at = Math.max(arrival, this.#lastArrival.get(pair) ?? 0)
    this.#lastArrival.set(pair, at)
    this.#later(at - this.now, run)
  }

  #answer(from: Node, token: ReplyToken, body: unknown): void {
    const key = keyOf(token)
    const question = this.#questions.get(key)
    this.#questions.delete(key)
    if (question) this.onReply?.(question.message, from.id, body)
    if (token.broker === 0) {
      const heard = this.#clients.get(token.id)
      this.#clients.delete(token.id)
      heard?.(body)
      return
    }
    if (token.broker !== from.id && this.#isLost(from.id, token.broker)) return
    const node = this.nodes.get(token.broker)!
    const { life } = node
    const arrive = (): void => {
      if (node.life === life && node.actors.has(token.actor))
        this.#deliver(node, token.actor, { kind: 'reply', id: token.id, body } as Message)
    }
    if (token.broker === from.id) this.#later(0, arrive)
    else this.#after(from.id, token.broker, arrive)
  }

  #fail(key: string, token: ReplyToken, reason: string): void {
    this.#questions.delete(key)
    const body = { kind: 'failed', reason }
    if (token.broker === 0) {
      const heard = this.#clients.get(token.id)
      this.#clients.delete(token.id)
      heard?.(body)
      return
    }
    const node = this.nodes.get(token.broker)!
    const { life } = node
    this.#later(1, () => {
      if (node.life === life && node.actors.has(token.actor))
        this.#deliver(node, token.actor, { kind: 'reply', id: token.id, body } as Message)
    })
  }

  /** Runs until `done`, or throws after `limitMs` of simulated time. */
  runUntil(done: () => boolean, limitMs: number, what = 'condition'): void {
    const end = this.now + limitMs
    while (!done()) {
      const event = this.#events[0]
      if (!event || event.at > end)
        throw new Error(`no ${what} within ${limitMs} ms:\n${this.traces.slice(-40).join('\n')}`)
      this.#next()
    }
  }

  runFor(ms: number): void {
    const end = this.now + ms
    while (this.#events.length > 0 && this.#events[0]!.at <= end) this.#next()
    this.now = end
  }

  #next(): void {
    const event = this.#events.shift()!
    this.now = Math.max(this.now, event.at)
    event.run()
    this.check?.()
  }

  active(): number[] {
    return [...this.nodes.values()].filter(({ controller }) => controller?.active).map(({ id }) => id)
  }

  allRunning(ids: Iterable<number> = this.nodes.keys()): boolean {
    return [...ids].every((id) => {
      const node = this.nodes.get(id)!
      const own = node.image?.brokers.get(id)
      return (
        node.broker?.phase === 'running' && own !== undefined && !own.fenced && own.epoch === node.broker.brokerEpoch
      )
    })
  }
}

const keyOf = (token: ReplyToken): string => `${token.broker}/${token.actor}/${token.id}`

type Listed =
  | { kind: 'send'; to: Address; message: Message }
  | { kind: 'reply'; token: ReplyToken; body: unknown }
  | { kind: 'setTimer'; name: string; at: number; message: Message }
  | { kind: 'cancelTimer'; name: string }
  | { kind: 'spawn'; name: string }
  | { kind: 'stop'; name: string }
  | { kind: 'trace'; event: string; fields: Record<string, unknown> }

export class Effects implements Outbox {
  readonly list: Listed[] = []
  send(to: Address, message: Message): void {
    this.list.push({ kind: 'send', to, message })
  }
  reply(token: ReplyToken, body: unknown): void {
    this.list.push({ kind: 'reply', token, body })
  }
  setTimer(name: string, at: number, message: Message): void {
    this.list.push({ kind: 'setTimer', name, at, message })
  }
  cancelTimer(name: string): void {
    this.list.push({ kind: 'cancelTimer', name })
  }
  spawn(name: string): void {
    this.list.push({ kind: 'spawn', name })
  }
  stop(name: string): void {
    this.list.push({ kind: 'stop', name })
  }
  trace(event: string, fields: Record<string, unknown>): void {
    this.list.push({ kind: 'trace', event, fields })
  }
}
