/**
 * A client on a stage: its actors in virtual time, brokers whose answers the test writes, a transcript of both.
 *
 * Every frame is decoded and encoded by the real codecs, and overwritten after the step that got it. What brokers say is
 * by default what healthy ones would; a test holds an API back, or puts another answer in the place of the next one.
 * Every step of an actor without ports is taken by a copy of its state as well, and must have the same outcome.
 */
import { isDeepStrictEqual } from 'node:util'
import { allSafeguards, type ActorDefinition, type Env, type Message, type Safeguards } from '@troupe/actor'
import { apiByKey, apis, type ApiSpec } from '@troupe/wire/apis'
import { decodeRequestHeader } from '@troupe/wire/generated/headers'
import { Reader, Writer } from '@troupe/wire/io'
import type { ClientCrypto } from '../src/network/sasl/crypto.ts'
import type { ClientTransport } from '../src/transport.ts'
import { FakeBrokers } from './brokers.ts'

// Bodies are of every API; tests know which one they look at.
// oxlint-disable-next-line no-explicit-any
export type Body = any

export interface Received {
  readonly broker: number
  readonly connection: number
  readonly name: string
  readonly version: number
  readonly correlationId: number
  readonly body: Body
  answered: boolean
}

// oxlint-disable-next-line no-explicit-any
type AnyActor = ActorDefinition<any, any, any, any>

export class Stage {
  now = 1_000_000
  readonly transcript: string[] = []
  readonly requests: Received[] = []
  readonly brokers = new FakeBrokers()
  /** Names of APIs that are left open. */
  readonly held = new Set<string>()
  /** Answers for the next requests of an API, before the brokers' own; `close` loses the connection after the effect. */
  readonly next = new Map<string, (Body | 'close' | ((request: Received) => Body))[]>()
  readonly answers = new Map<number, Body>()
  /** Of OAUTHBEARER: the numbers of tokens that were asked for. */
  readonly tokensAsked: number[] = []
  crypto: ClientCrypto | undefined = undefined
  safeguards: Safeguards = allSafeguards
  private readonly actors = new Map<string, { definition: AnyActor; state: unknown; env: Env }>()
  private readonly timers = new Map<string, { owner: string; at: number; message: Message }>()
  private readonly connections = new Map<number, number>()
  private readonly queue: (() => void)[] = []
  private nextConnection = 1
  private nextAsk = 1
  private seed = 42
  random: () => number = () => {
    this.seed = (Math.imul(this.seed, 1103515245) + 12345) >>> 0
    return (this.seed ^ (this.seed << 16)) >>> 0
  }

  host(name: string, definition: AnyActor, args: unknown): void {
    // oxlint-disable-next-line no-this-alias
    const stage = this
    const env = {
      self: { broker: 100, actor: name },
      get now() {
        return stage.now
      },
      random: () => this.random(),
      get safeguards() {
        return stage.safeguards
      },
      transport: this.transport,
      crypto: this.crypto,
      tokens: { request: (id: number) => this.tokensAsked.push(id) },
    }
    const actor = { definition, state: undefined as unknown, env }
    this.actors.set(name, actor)
    this.effects(name, (out) => (actor.state = definition.start(args, env as never, out)))
    this.run()
  }

  state<State>(name: string): State {
    return this.actors.get(name)!.state as State
  }

  /** Says something to an actor; the returned number is that of its answer. */
  ask(actor: string, message: object): number {
    const id = this.nextAsk++
    this.tell(actor, { ...message, replyTo: { broker: 100, actor: 'test', id } } as never)
    this.run()
    return id
  }

  answer(id: number): Body {
    return this.answers.get(id)
  }

  tell(actor: string, message: Message): void {
    this.queue.push(() => this.step(actor, message))
  }

  run(): void {
    for (let next = this.queue.shift(); next; next = this.queue.shift()) next()
  }

  advance(ms: number): void {
    const until = this.now + ms
    for (let turns = 0; ; turns++) {
      if (turns > 10_000) throw new RangeError('a timer sets itself again and again')
      const [due] = [...this.timers].filter(([, { at }]) => at <= until).sort((a, b) => a[1].at - b[1].at)
      if (!due) break
      this.timers.delete(due[0])
      this.now = Math.max(this.now, due[1].at)
      this.tell(due[1].owner, due[1].message)
      this.run()
    }
    this.now = until
  }

  /** The oldest request of an API that is open. */
  open(name: string): Received {
    const found = this.requests.find((request) => request.name === name && !request.answered)
    if (!found) throw new RangeError(`no ${name} is open; there were ${this.requests.map((r) => r.name).join(' ')}`)
    return found
  }

  count(name: string): number {
    return this.requests.filter((request) => request.name === name).length
  }

  respond(request: Received, body: Body): void {
    request.answered = true
    if (!this.connections.has(request.connection)) return
    const bytes = encodeResponse(request, body)
    this.frame(request.connection, bytes)
    this.run()
  }

  /** What the broker would have said. */
  respondAsBroker(request: Received): void {
    this.respond(request, this.brokers.answer(request))
  }

  lose(connection: number): void {
    this.connections.delete(connection)
    this.tell('network', { kind: 'disconnected', connection } as never)
    this.run()
  }

  /** Loses every connection to a broker; `down` refuses new ones. */
  crash(broker: number): void {
    this.brokers.down.add(broker)
    for (const [connection, to] of this.connections) if (to === broker) this.lose(connection)
  }

  frame(connection: number, bytes: Uint8Array): void {
    this.queue.push(() => {
      this.step('network', { kind: 'frame', connection, bytes } as never)
      bytes.fill(0xa5)
    })
  }

  private readonly transport: ClientTransport = {
    connect: (_host, port) => {
      const connection = this.nextConnection++
      const broker = this.brokers.byPort(port)
      this.queue.push(() => {
        const up = !this.brokers.down.has(broker)
        if (up) this.connections.set(connection, broker)
        this.step('network', { kind: up ? 'connected' : 'disconnected', connection } as never)
      })
      return connection
    },
    send: (connection, frame) => this.received(connection, frame.slice()),
    close: (connection) => {
      this.connections.delete(connection)
    },
  }

  private received(connection: number, frame: Uint8Array): void {
    const broker = this.connections.get(connection)
    if (broker === undefined) return
    const request = decodeRequest(frame, broker, connection)
    this.requests.push(request)
    const line = this.brokers.describe(request)
    if (line) this.transcript.push(`  b${broker} ← ${line}`)
    const instead = this.next.get(request.name)?.shift()
    if (instead === 'close') {
      request.answered = true
      this.brokers.answer(request)
      this.queue.push(() => this.lose(connection))
      return
    }
    if (instead === undefined && this.held.has(request.name)) return
    request.answered = true
    const body = instead === undefined ? this.brokers.answer(request) : this.bodyOf(instead, request)
    if (body !== null) this.frame(connection, encodeResponse(request, body))
  }

  private bodyOf(instead: Body, request: Received): Body {
    return typeof instead === 'function' ? instead(request) : instead
  }

  private step(name: string, message: Message): void {
    if (name === 'test') return
    const actor = this.actors.get(name)
    if (!actor) return
    const before = name === 'network' || hasFunctions(actor.state) ? null : structuredClone(actor.state)
    const draws: number[] = []
    const random = (): number => {
      draws.push(this.random())
      return draws.at(-1)!
    }
    const effects: unknown[] = []
    this.effects(name, (out) => {
      actor.definition.step(
        actor.state,
        message,
        { ...actor.env, now: this.now, random } as never,
        recording(out, effects),
      )
    })
    if (before === null || !this.actors.has(name)) return
    // The same step of a copy: plain data, that nobody else holds, and nothing else decides.
    const again: unknown[] = []
    const env = { ...actor.env, now: this.now, random: () => draws.shift() }
    actor.definition.step(before, message, env as never, recording(null, again))
    if (!isDeepStrictEqual(before, actor.state)) throw new RangeError(`${message.kind} changes a copy otherwise`)
    if (!isDeepStrictEqual(again, effects)) throw new RangeError(`${message.kind} of a copy has other effects`)
  }

  private effects(owner: string, step: (out: Parameters<AnyActor['step']>[3]) => void): void {
    const after: (() => void)[] = []
    step({
      send: (to, message) => after.push(() => this.tell(to.actor, message)),
      reply: ({ actor, id }, body) =>
        after.push(() => {
          if (actor !== 'test') return this.tell(actor, { kind: 'reply', id, body } as never)
          if (this.answers.has(id)) throw new RangeError(`question ${id} is answered twice`)
          this.answers.set(id, body)
          this.transcript.push(`#${id} ${this.brokers.describeAnswer(body)}`)
        }),
      setTimer: (name, at, message) => after.push(() => this.timers.set(`${owner} ${name}`, { owner, at, message })),
      cancelTimer: (name) => after.push(() => this.timers.delete(`${owner} ${name}`)),
      spawn: () => undefined,
      stop: (name) => after.push(() => this.actors.delete(name)),
      trace: () => undefined,
    })
    for (const effect of after) effect()
  }
}

/** An application's partitioner: such a state cannot be copied. */
function hasFunctions(state: unknown): boolean {
  return Object.values(state as object).some((field) => typeof field === 'function')
}

type Out = Parameters<AnyActor['step']>[3]

/** Notes every effect, and hands it on if there is somebody to hand it to. */
function recording(out: Out | null, effects: unknown[]): Out {
  return new Proxy({} as Out, {
    get:
      (_, kind: keyof Out) =>
      (...args: unknown[]) => {
        effects.push([kind, ...args])
        if (out) (out[kind] as (...given: unknown[]) => void)(...args)
      },
  })
}

const byName = new Map([...apis.values()].map((spec) => [spec.name, spec]))

export function apiNamed(name: string): ApiSpec {
  return byName.get(name)!
}

export function decodeRequest(frame: Uint8Array, broker: number, connection: number): Received {
  const peek = new Reader(frame, 4)
  const spec = apiByKey(peek.int16())!
  const version = peek.int16()
  const reader = new Reader(frame, 4)
  const { correlationId } = decodeRequestHeader(reader, spec.requestHeaderVersion(version))
  const body = spec.decodeRequest(reader, version)
  if (reader.remaining !== 0) throw new RangeError(`${reader.remaining} bytes after ${spec.name}`)
  return { broker, connection, name: spec.name, version, correlationId, body, answered: false }
}

export function encodeResponse({ name, version, correlationId }: Received, body: Body): Uint8Array {
  const spec = apiNamed(name)
  const writer = new Writer(256)
  writer.int32(correlationId)
  if (spec.responseHeaderVersion(version) >= 1) writer.unsignedVarint(0)
  spec.encodeResponse(writer, body, version)
  return writer.bytes().slice()
}
