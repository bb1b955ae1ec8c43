/**
 * One client process's actors, run in this event loop: `network`, `admin`, and any producers and consumers.
 *
 * The actors are the pure ones that the simulator runs too; here they get sockets, a clock and Promises. Whoever is
 * outside of them (the Promise faces, a pipeline's `run`) speaks through `ask`, `tell` and `listen`. What is said within
 * one synchronous piece of work runs together, in the microtask behind it.
 *
 * A node keeps the process alive by its sockets, and as long as an answer is awaited; its timers do not.
 */
// Codecs and checksums for the core.
import '@troupe/wire/native.node'
import { isFailed, type Address, type Failed, type Message, type ReplyToken } from '@troupe/actor'
import { ActorHost, type ActorKind } from '@troupe/actor/host/actor-host'
import { Alarm } from '@troupe/actor/host/alarm.node'
import { MonotonicClock } from '@troupe/actor/host/clock.node'
import { allSafeguards } from '@troupe/actor/safeguards'
import { adminActor } from '../admin.ts'
import { consumerActor } from '../consumer.ts'
import { clientActorNames, type MetadataSnapshot, type OAuthToken } from '../messages.ts'
import { networkActor } from '../network.ts'
import { producerActor } from '../producer.ts'
import type { Connector } from './connector.ts'
import { KafkaError } from './errors.ts'
import { silentLogger, type Logger } from './logger.ts'
import { nodeProperties } from './properties.ts'
import type { Properties } from './property.ts'
import type { ClientKind } from './definitions.ts'
import { saslCrypto } from './sasl-crypto.ts'
import { askForToken, tokenProvider, type TokenProvider } from './sasl-tokens.ts'
import { tcpConnector } from './tcp-connector.ts'

export interface ClientNodeOptions {
  /** Of connections, metadata, security and the admin, by Kafka's names; others are passed over. */
  readonly properties: Properties
  /** Whose defaults hold where the clients' differ. */
  readonly client?: ClientKind
  /** Default: TCP and TLS. */
  readonly connector?: Connector
  /** Further kinds of actors that `spawn` knows, by name. */
  readonly kinds?: ReadonlyMap<string, ActorKind>
  /** Tokens for OAUTHBEARER. Default: as `sasl.jaas.config` and `sasl.oauthbearer.token.endpoint.url` say. */
  readonly tokens?: TokenProvider
  readonly logger?: Logger
}

/** Everything outside of the actors, on every node. No node has this number. */
const APPLICATION = 0
let lastNode = APPLICATION

const noPorts = (): object => ({})

export class ClientNode {
  /** Unique in this process. */
  readonly id = ++lastNode
  readonly logger: Logger
  readonly #host: ActorHost
  readonly #clock = new MonotonicClock()
  readonly #alarm: Alarm
  readonly #transport: ReturnType<Connector>
  readonly #tokens: TokenProvider
  readonly #answers = new Map<number, (body: unknown) => void>()
  readonly #listeners = new Map<string, (message: Message) => void>()
  readonly #keepAlive = new KeepAlive()
  /** Why an actor was restarted the last time. */
  readonly #failures = new Map<string, unknown>()
  #nextQuestion = 0
  #nextName = 0
  #scheduled = false
  #closed = false

  constructor({ properties, client = 'admin', connector, kinds, tokens, logger = silentLogger }: ClientNodeOptions) {
    this.logger = logger
    const parsed = nodeProperties(properties, client)
    this.#tokens = tokens ?? tokenProvider(parsed.network)
    this.#transport = (connector ?? tcpConnector(properties, logger))((message) => {
      if (this.#closed) return
      this.#host.deliver(clientActorNames.network, message)
      this.#drain()
    })
    this.#host = new ActorHost({
      broker: this.id,
      firstIncarnation: 0,
      seed: `${this.id}/${Math.random()}`,
      clock: this.#clock,
      safeguards: allSafeguards,
      kinds: new Map([...this.#ownKinds(), ...(kinds ?? [])]),
      remote: {
        send: (_broker, actor, message) => this.#listeners.get(actor)?.(message),
        reply: (_broker, _actor, _incarnation, id, body) => {
          // An actor's failure is told a moment after those that it owes an answer.
          if (isFailed(body)) queueMicrotask(() => this.#answered(id, body))
          else this.#answered(id, body)
        },
        moved: () => {},
        isUp: () => true,
      },
      trace: (actor, event, fields) => this.#trace(actor, event, fields),
      wake: () => void setImmediate(() => this.#turn()),
      onGiveUp: (actor, error) => logger.error(`${actor} keeps failing and is given up`, { error: String(error) }),
    })
    this.#alarm = new Alarm(this.#host.timers, this.#clock, () => this.#host.drain(), { keepsAlive: false })
    this.spawn(clientActorNames.network, 'network', { properties: parsed.network })
    this.spawn(clientActorNames.admin, 'admin', { properties: parsed.admin })
  }

  #ownKinds(): Map<string, ActorKind> {
    const definitions = [producerActor, consumerActor, adminActor]
    return new Map<string, ActorKind>([
      ['network', { definition: networkActor, ports: () => this.#networkPorts() }],
      ...definitions.map((definition): [string, ActorKind] => [definition.kind, { definition, ports: noPorts }]),
    ])
  }

  #networkPorts(): object {
    const provider = this.#tokens
    const deliver = (message: OAuthToken): void => this.tell(clientActorNames.network, message)
    return {
      transport: this.#transport,
      crypto: saslCrypto,
      tokens: { request: (id: number) => askForToken(provider, id, deliver) },
    }
  }

  get closed(): boolean {
    return this.#closed
  }

  /** A name for an actor or a listener that nobody on this node has yet. */
  newName(kind: string): string {
    return `${kind}:${++this.#nextName}`
  }

  addressOf(actor: string): Address {
    return { broker: this.id, actor }
  }

  /** Starts an actor; replaces nothing that runs under that name. */
  spawn(name: string, kind: string, args: unknown): void {
    this.#host.spawn(name, kind, args)
    this.#schedule()
  }

  tell(actor: string, message: Message): void {
    if (this.#closed) return
    this.#host.deliver(actor, message)
    this.#schedule()
  }

  /** `replyTo` is added to the message. Rejects when the actor fails, does not exist, or the node is closed. */
  ask<T>(actor: string, message: Message): Promise<T> {
    return new Promise((resolve, reject) => {
      this.question(actor, message, (body) => {
        if (isFailed(body)) reject(this.failure(actor, body))
        else resolve(body as T)
      })
    })
  }

  /** Like `ask`, without a Promise. `onAnswer` is called exactly once, never at once, and must not throw. */
  question(actor: string, message: Message, onAnswer: (body: unknown) => void): void {
    this.tell(actor, { ...message, replyTo: this.expect(onAnswer) })
  }

  /** The token under which one answer will reach `onAnswer`, as for `question`. */
  expect(onAnswer: (body: unknown) => void): ReplyToken {
    const id = this.#nextQuestion++
    this.#answers.set(id, onAnswer)
    if (this.#closed) queueMicrotask(() => this.#answered(id, { kind: 'failed', reason: 'no-such-actor' }))
    else if (this.#answers.size === 1) this.#keepAlive.on()
    return { broker: APPLICATION, actor: '', id, incarnation: APPLICATION }
  }

  /**
   * One token for several answers: for itself, and for as many numbers behind it as there are `onAnswers`. When the
   * first one is a failure, it is the answer of those that have none.
   */
  expectEach(onAnswers: readonly ((body: unknown) => void)[]): ReplyToken {
    const token = this.expect((body) => {
      if (isFailed(body)) for (let n = 1; n <= onAnswers.length; n++) this.#answered(token.id + n, body)
    })
    for (const each of onAnswers) this.#answers.set(this.#nextQuestion++, each)
    return token
  }

  /** What actors send to the returned address goes to `onMessage`, which must not throw. */
  listen(name: string, onMessage: (message: Message) => void): Address {
    this.#listeners.set(name, onMessage)
    return { broker: APPLICATION, actor: name }
  }

  unlisten(name: string): void {
    this.#listeners.delete(name)
  }

  /** The next picture of the cluster that `wanted` accepts, with these topics in it; null after `timeoutMs`. */
  metadata(
    topics: readonly string[] | null,
    timeoutMs: number,
    wanted: (metadata: MetadataSnapshot) => boolean,
    allowAutoTopicCreation = false,
  ): Promise<MetadataSnapshot | null> {
    const name = this.newName('metadata')
    const { promise, resolve } = deferred<MetadataSnapshot | null>()
    const late = setTimeout(() => resolve(null), timeoutMs)
    const from = this.listen(name, (message) => {
      if (message.kind !== 'metadataChanged') return
      const { metadata } = message as unknown as { metadata: MetadataSnapshot }
      if (wanted(metadata)) resolve(metadata)
    })
    this.tell(clientActorNames.network, { kind: 'watchMetadata', from, topics, allowAutoTopicCreation } as Message)
    return promise.finally(() => {
      clearTimeout(late)
      this.unlisten(name)
      this.tell(clientActorNames.network, { kind: 'unwatchMetadata', from } as Message)
    })
  }

  /** Ends all actors and connections at once; who still waits for an answer gets an error. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#host.stopAll()
    this.#alarm.stop()
    this.#transport.close()
    for (const id of this.#answers.keys()) this.#answered(id, { kind: 'failed', reason: 'no-such-actor' })
    this.#listeners.clear()
    this.#keepAlive.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  /** What becomes of a question that no actor answers. */
  failure(actor: string, { reason }: Failed): KafkaError {
    if (reason === 'no-such-actor') return new KafkaError('IllegalStateException', `${actor} is closed`)
    const cause = this.#failures.get(actor)
    return new KafkaError('KafkaException', `${actor} has failed`, { cause })
  }

  #answered(id: number, body: unknown): void {
    const onAnswer = this.#answers.get(id)
    if (onAnswer === undefined) return
    this.#answers.delete(id)
    if (this.#answers.size === 0) this.#keepAlive.off()
    onAnswer(body)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      if (!this.#closed) this.#drain()
    })
  }

  #drain(): void {
    this.#host.drain()
    this.#alarm.arm()
  }

  #turn(): void {
    if (this.#closed) return
    this.#host.turn()
    this.#alarm.arm()
  }

  #trace(actor: string, event: string, fields: Record<string, unknown>): void {
    const { level } = fields
    if (event === 'actor-failed') this.#failures.set(actor, fields.error)
    if (level === 'error' || level === 'warn') this.logger[level](`${actor}: ${event}`, fields)
    else this.logger.debug?.(`${actor}: ${event}`, fields)
  }
}

/** A real timer, far away, that holds the process while something is awaited. */
class KeepAlive {
  #timer: NodeJS.Timeout | null = null

  on(): void {
    this.#timer ??= setInterval(() => {}, 2 ** 30)
    this.#timer.ref()
  }

  off(): void {
    this.#timer?.unref()
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((done) => (resolve = done))
  return { promise, resolve }
}
