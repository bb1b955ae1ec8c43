/**
 * One request from its frame to its response: what a handler may see and do.
 *
 * A handler asks actors and sets timers; their answers come in later steps and run its callbacks. After the response
 * (or when the connection is gone) no callback of the request runs any more.
 */
import { actorNames, type Address, type Failed, type Message } from '@troupe/actor'
import { errorName, KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { ApiSpec } from '@troupe/wire/apis'
import type { AnyApiHandler } from './api.ts'
import { closeConnection, flushResponses } from './connection.ts'
import { encodeFrame } from './response-frame.ts'
import type { Connection, FrontState } from './state.ts'
import type { FrontEnv } from './transport.ts'

/** A message before the front put its reply token on. */
export type Unasked<M extends Message> = Omit<M, 'replyTo'>

// A handler narrows Response; those who only carry contexts around do not care.
// oxlint-disable-next-line no-explicit-any
export class RequestContext<Response = any> {
  readonly front: FrontState
  readonly connection: Connection
  readonly handler: AnyApiHandler
  readonly spec: ApiSpec
  readonly version: number
  readonly correlationId: number
  readonly clientId: string
  readonly receivedMs: number
  request: unknown = null
  /** Answered, or given up. */
  settled = false
  /** The encoded response, while earlier ones of the connection have not left. */
  frame: Uint8Array | null = null
  /** Runs when the connection is lost before the answer. */
  onAbandon: (() => void) | null = null
  private timerIds: number[] | null = null

  constructor(
    front: FrontState,
    connection: Connection,
    handler: AnyApiHandler,
    spec: ApiSpec,
    version: number,
    correlationId: number,
    clientId: string | null,
  ) {
    this.front = front
    this.connection = connection
    this.handler = handler
    this.spec = spec
    this.version = version
    this.correlationId = correlationId
    this.clientId = clientId ?? ''
    this.receivedMs = front.env.now
  }

  get env(): FrontEnv {
    return this.front.env
  }

  /** This broker's id. */
  get self(): number {
    return this.front.env.self.broker
  }

  /** Sends `message` to an actor; `then` gets its answer, or the shell's `Failed`. Returns the token's id. */
  ask<M extends Message, Body>(to: Address, message: Unasked<M>, then: (body: Body | Failed) => void): number {
    const { front } = this
    const id = front.nextId++
    front.asks.set(id, { request: this, resume: then as (body: unknown) => void })
    const self = front.env.self
    const asked = { ...message, replyTo: { broker: self.broker, actor: self.actor, id } }
    front.out.send(to, asked as unknown as Message)
    return id
  }

  /** Asks an actor of this broker. */
  askLocal<M extends Message, Body>(actor: string, message: Unasked<M>, then: (body: Body | Failed) => void): number {
    return this.ask<M, Body>({ broker: this.self, actor }, message, then)
  }

  /** Tells an actor something that is not answered. */
  tell(to: Address, message: Message): void {
    this.front.out.send(to, message)
  }

  /** The answer to this ask is of no interest any more. */
  forget(id: number): void {
    this.front.asks.delete(id)
  }

  /** Runs `then` in `delayMs`, unless the request was answered before. */
  timer(delayMs: number, then: () => void): number {
    const { front } = this
    const id = front.nextId++
    front.timers.set(id, { request: this, resume: then })
    front.out.setTimer(`request-${id}`, front.env.now + delayMs, { kind: 'timer', id } as Message)
    this.timerIds ??= []
    this.timerIds.push(id)
    return id
  }

  respond(response: Response): void {
    if (this.settled) return
    this.complete(encodeFrame(this, response))
  }

  /** For a handler that encoded the response itself, into `transport.acquire`d memory. */
  respondFrame(frame: Uint8Array): void {
    if (this.settled) this.env.transport.release(frame)
    else this.complete(frame)
  }

  /** Produce with acks=0 has no response. */
  respondNothing(): void {
    if (!this.settled) this.complete(null)
  }

  /** Ends the client's connection instead of an answer. */
  hangUp(reason: string): void {
    this.front.out.trace('request.hung-up', { api: this.spec.name, version: this.version, reason })
    closeConnection(this.front, this.connection)
  }

  /** Answers with the error that `thrown` stands for, or hangs up where no response can carry it. */
  fail(thrown: unknown): void {
    if (this.settled) return
    const refused = thrown instanceof Refusal
    const error = refused ? thrown.code : KafkaError.UNKNOWN_SERVER_ERROR
    this.front.out.trace(refused ? 'request.refused' : 'request.failed', {
      api: this.spec.name,
      version: this.version,
      client: this.clientId,
      error: errorName(error),
      cause: refused ? thrown.message : describe(thrown),
    })
    try {
      const response = this.handler.failure(this.request, error, this.version)
      if (response === null) this.hangUp(errorName(error))
      else this.respond(response)
    } catch (again) {
      this.hangUp(describe(again))
    }
  }

  /** The connection is lost: nobody waits any more. */
  abandon(): void {
    if (this.settled) return
    this.settle()
    this.onAbandon?.()
  }

  private complete(frame: Uint8Array | null): void {
    this.settle()
    this.env.traffic?.answered(this.spec.key, this.env.now - this.receivedMs)
    this.frame = frame
    flushResponses(this.front, this.connection)
  }

  private settle(): void {
    this.settled = true
    if (this.timerIds === null) return
    for (const id of this.timerIds) {
      if (this.front.timers.delete(id)) this.front.out.cancelTimer(`request-${id}`)
    }
  }
}

/** Where a replica is reached. */
export function replicaOn(broker: number, topicId: string, partition: number): Address {
  return { broker, actor: actorNames.replica(topicId, partition) }
}

/** A handler's refusal of a whole request, with Kafka's error for it. */
class Refusal extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, reason: string) {
    super(reason)
    this.code = code
  }
}

export function refuse(error: ErrorCode, reason: string): never {
  throw new Refusal(error, reason)
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}
