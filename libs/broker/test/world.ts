/**
 * A broker's world for tests of its front: one queue, a virtual clock, scripted actors, connections that decode what comes
 * back. A frame's memory and every released buffer are overwritten, so that whoever keeps them too long is found out.
 */
import { allSafeguards, type ActorDefinition, type Env, type Message, type ReplyToken } from '@troupe/actor'
import { resolveBrokerConfig } from '@troupe/config'
import type { LogStore } from '@troupe/log/contract'
import { apiByKey } from '@troupe/wire/apis'
import { encodeRequestHeader } from '@troupe/wire/messages'
import { Reader, Writer } from '@troupe/wire/io'
import { front } from '../src/front.ts'
import type { FrontState } from '../src/state.ts'
import type { FrontEnv, FrontMessage, Transport } from '../src/transport.ts'
import { FakeCluster } from './cluster.ts'

/** Answers a request; `undefined` leaves it open, to be answered by `world.reply`. */
export type Script = (message: Message & Record<string, never>, world: World) => unknown

export interface Answer {
  readonly correlationId: number
  // Tests know which response they asked for.
  // oxlint-disable-next-line no-explicit-any
  readonly body: any
}

const POISON = 0xa5

class FakeTransport implements Transport {
  readonly frames = new Map<number, Uint8Array[]>()
  readonly closed = new Set<number>()
  readonly muted = new Set<number>()
  readonly out = new Set<ArrayBufferLike>()
  readonly onClose: (connection: number) => void

  constructor(onClose: (connection: number) => void) {
    this.onClose = onClose
  }

  send(connection: number, frame: Uint8Array): void {
    if (this.closed.has(connection)) throw new RangeError('sent to a closed connection')
    const sent = this.frames.get(connection) ?? []
    this.frames.set(connection, sent)
    sent.push(frame.slice())
    this.release(frame)
  }

  close(connection: number): void {
    if (this.closed.has(connection)) return
    this.closed.add(connection)
    this.onClose(connection)
  }

  mute(connection: number): void {
    this.muted.add(connection)
  }

  unmute(connection: number): void {
    this.muted.delete(connection)
  }

  acquire(size: number): Uint8Array {
    const buffer = new Uint8Array(size).fill(POISON)
    this.out.add(buffer.buffer)
    return buffer
  }

  release(buffer: Uint8Array): void {
    this.out.delete(buffer.buffer)
    new Uint8Array(buffer.buffer).fill(POISON)
  }
}

export class World {
  now = 1_000_000
  readonly cluster = new FakeCluster()
  readonly transport = new FakeTransport((connection) => this.tell({ kind: 'connectionClosed', connection }))
  /** By actor name; the first whose name matches a prefix otherwise. */
  readonly scripts = new Map<string, Script>()
  /** Everything that was said to anybody but the front. */
  readonly said: { actor: string; message: Message }[] = []
  readonly traces: { event: string; fields: Record<string, unknown> }[] = []
  readonly env: FrontEnv
  readonly state: FrontState
  private readonly queue: (() => void)[] = []
  private readonly timers = new Map<string, { owner: string; at: number; message: Message }>()
  private readonly hosted = new Map<string, (message: Message) => void>()
  private seed = 1
  private readonly decoded = new Map<number, number>()
  private readonly asked = new Map<number, { key: number; version: number }[]>()

  constructor(properties: Record<string, string> = {}, logs: Partial<LogStore> = {}) {
    const now = (): number => this.now
    this.env = {
      self: { broker: 1, actor: 'front' },
      get now() {
        return now()
      },
      random: () => this.random(),
      safeguards: allSafeguards,
      transport: this.transport,
      cluster: this.cluster,
      config: resolveBrokerConfig(new Map(Object.entries(properties))).config,
      logs: logs as LogStore,
    } as FrontEnv
    this.state = this.effects((out) => front.start(undefined, this.env, out))
  }

  random(): number {
    this.seed = (Math.imul(this.seed, 1103515245) + 12345) >>> 0
    return (this.seed ^ (this.seed << 16)) >>> 0
  }

  // --- clients

  open(connection: number, listener = 'PLAINTEXT'): void {
    this.tell({ kind: 'connectionOpened', connection, remoteAddress: '127.0.0.1', listener })
    this.run()
  }

  /** Sends a request and lets everything happen that follows at once. */
  request(connection: number, key: number, version: number, body: object, correlationId = 1): void {
    this.sendBytes(connection, encodeRequest(key, version, body, correlationId), { key, version })
  }

  sendBytes(connection: number, bytes: Uint8Array, api = { key: -1, version: 0 }): void {
    const asked = this.asked.get(connection) ?? []
    this.asked.set(connection, asked)
    asked.push(api)
    this.tell({ kind: 'frame', connection, bytes })
    this.run()
    bytes.fill(POISON)
  }

  /** The next response of the connection; fails when there is none. `version` for answers in another version. */
  response(connection: number, version?: number): Answer {
    const index = this.decoded.get(connection) ?? 0
    const frame = this.transport.frames.get(connection)?.[index]
    if (!frame) throw new RangeError(`connection ${connection} has no response ${index}`)
    this.decoded.set(connection, index + 1)
    const api = this.asked.get(connection)![index]
    return decodeResponse(frame, api.key, version ?? api.version)
  }

  get pendingResponses(): number {
    let count = 0
    for (const [connection, frames] of this.transport.frames)
      count += frames.length - (this.decoded.get(connection) ?? 0)
    return count
  }

  hasResponse(connection: number): boolean {
    return (this.transport.frames.get(connection)?.length ?? 0) > (this.decoded.get(connection) ?? 0)
  }

  ask(key: number, version: number, body: object): Answer['body'] {
    const connection = 90_000 + this.transport.frames.size + this.transport.closed.size + this.asked.size
    this.open(connection)
    this.request(connection, key, version, body)
    return this.response(connection).body
  }

  // --- actors

  on(actor: string, script: Script): void {
    this.scripts.set(actor, script)
  }

  reply(token: ReplyToken, body: unknown): void {
    this.tell({ kind: 'reply', id: token.id, body })
    this.run()
  }

  tell(message: FrontMessage): void {
    this.queue.push(() => this.effects((out) => front.step(this.state, message, this.env, out)))
  }

  /** To an actor of this broker, from outside. */
  send(actor: string, message: Message): void {
    this.queue.push(() => this.deliver(actor, message))
    this.run()
  }

  run(): void {
    for (let next = this.queue.shift(); next; next = this.queue.shift()) next()
  }

  /** Moves the clock, timers in order. */
  advance(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const [due] = [...this.timers].filter(([, { at }]) => at <= until).sort((a, b) => a[1].at - b[1].at)
      if (!due) break
      this.timers.delete(due[0])
      this.now = Math.max(this.now, due[1].at)
      const { owner, message } = due[1]
      if (owner === 'front') this.tell(message as FrontMessage)
      else this.hosted.get(owner)!(message)
      this.run()
    }
    this.now = until
  }

  get timerCount(): number {
    return this.timers.size
  }

  /** Runs a real actor of this broker. */
  host<State, M extends Message, E extends Env, Args>(
    name: string,
    definition: ActorDefinition<State, M, E, Args>,
    args: Args,
    ports: object,
  ): void {
    const now = (): number => this.now
    const env = {
      ...this.env,
      ...ports,
      self: { broker: 1, actor: name },
      get now() {
        return now()
      },
    } as unknown as E
    const state = this.effects((out) => definition.start(args, env, out), name)
    this.hosted.set(name, (message) => this.effects((out) => definition.step(state, message as M, env, out), name))
  }

  private effects<Result>(
    step: (out: Parameters<ActorDefinition<unknown, Message, Env>['step']>[3]) => Result,
    owner = 'front',
  ): Result {
    const after: (() => void)[] = []
    const result = step({
      send: (to, message) => after.push(() => this.queue.push(() => this.deliver(to.actor, message))),
      reply: ({ actor, id }, body) =>
        after.push(() => {
          const message = { kind: 'reply', id, body } as const
          if (actor === 'front') this.tell(message)
          else this.queue.push(() => this.hosted.get(actor)?.(message))
        }),
      setTimer: (name, at, message) => after.push(() => this.timers.set(`${owner} ${name}`, { owner, at, message })),
      cancelTimer: (name) => after.push(() => this.timers.delete(`${owner} ${name}`)),
      spawn: () => {
        throw new RangeError('the front spawns nothing')
      },
      stop: () => {
        throw new RangeError('the front stops nothing')
      },
      trace: (event, fields) => this.traces.push({ event, fields }),
    })
    for (const effect of after) effect()
    return result
  }

  private deliver(actor: string, message: Message): void {
    this.said.push({ actor, message })
    const hosted = this.hosted.get(actor)
    if (hosted) return hosted(message)
    const script = this.scripts.get(actor) ?? this.scripts.get(actor.split(':')[0])
    const body = script ? script(message as never, this) : { kind: 'failed', reason: 'no-such-actor' }
    if (body !== undefined && message.replyTo) this.tell({ kind: 'reply', id: message.replyTo.id, body })
  }
}

export function encodeRequest(key: number, version: number, body: object, correlationId = 1): Uint8Array {
  const spec = apiByKey(key)!
  const writer = new Writer(64)
  const header = { requestApiKey: key, requestApiVersion: version, correlationId, clientId: 'test' }
  encodeRequestHeader(writer, header, spec.requestHeaderVersion(version))
  spec.encodeRequest(writer, body, version)
  return writer.bytes().slice()
}

/** Checks the length in front and that nothing is left over. */
export function decodeResponse(frame: Uint8Array, key: number, version: number): Answer {
  const spec = apiByKey(key)!
  const reader = new Reader(frame)
  if (reader.int32() !== frame.length - 4) throw new RangeError('wrong length in front')
  const correlationId = reader.int32()
  if (spec.responseHeaderVersion(version) === 1 && reader.unsignedVarint() !== 0) throw new RangeError('tags in header')
  const body = spec.decodeResponse(reader, version)
  if (reader.remaining !== 0) throw new RangeError(`${reader.remaining} bytes after the ${spec.name} response`)
  return { correlationId, body }
}
