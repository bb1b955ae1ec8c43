/**
 * The controls' own requests: any request of the protocol to one broker, over a connection of their own.
 *
 * Not the public client: it would retry and route by itself, and who controls wants to know what this broker says now.
 */
import type { MessagePort } from 'node:worker_threads'
import { Reader, Writer } from '@troupe/wire/io'
import { apis, type ApiSpec } from '@troupe/wire/apis'
import { encodeRequestHeader } from '@troupe/wire/generated/headers'
import { controlsClientId } from './faults.ts'

const lengthBytes = 4
const apiVersionsKey = 18

/** The broker does not run, or ended before it answered. */
export class BrokerUnreachable extends Error {
  override readonly name = 'BrokerUnreachable'
}

/** The API of this name (`Produce`) or key. */
export function apiOf(nameOrKey: string | number): ApiSpec {
  const found =
    typeof nameOrKey === 'number' ? apis.get(nameOrKey) : [...apis.values()].find(({ name }) => name === nameOrKey)
  if (found === undefined) throw new TypeError(`there is no API ${nameOrKey}`)
  return found
}

interface Waiting {
  readonly spec: ApiSpec
  readonly version: number
  readonly resolve: (body: never) => void
  readonly reject: (error: Error) => void
}

export class RequestChannel {
  readonly #broker: number
  readonly #port: MessagePort
  readonly #waiting = new Map<number, Waiting>()
  #versions: Promise<ReadonlyMap<number, number>> | null = null
  #nextId = 0
  isOpen = true

  constructor(broker: number, port: MessagePort) {
    this.#broker = broker
    this.#port = port
    port.on('message', (frames: Uint8Array[]) => {
      for (const frame of frames) this.#received(frame)
    })
    port.on('close', () => this.#closed())
  }

  /** `body`: the codec's input. Rejects with `BrokerUnreachable` only; errors of the protocol are in the answer. */
  async ask<Response>(api: string | number, body: object): Promise<Response> {
    const spec = apiOf(api)
    this.#versions ??= this.#askVersions()
    const version = (await this.#versions).get(spec.key)
    if (version === undefined) throw new TypeError(`the broker does not serve ${spec.name}`)
    return this.#send<Response>(spec, version, body)
  }

  close(): void {
    this.#port.close()
    this.#closed()
  }

  async #askVersions(): Promise<ReadonlyMap<number, number>> {
    const software = { clientSoftwareName: 'troupe', clientSoftwareVersion: '0.1.0' }
    const { apiKeys } = await this.#send<{ apiKeys: { apiKey: number; maxVersion: number }[] }>(
      apiOf(apiVersionsKey),
      3,
      software,
    )
    return new Map(apiKeys.map(({ apiKey, maxVersion }) => [apiKey, maxVersion]))
  }

  #send<Response>(spec: ApiSpec, version: number, body: object): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>()
    if (!this.isOpen) throw new BrokerUnreachable(`broker ${this.#broker} is not there`)
    const correlationId = this.#nextId++
    this.#waiting.set(correlationId, { spec, version, resolve: resolve as (body: never) => void, reject })
    this.#port.postMessage([encode(spec, version, correlationId, body)])
    return promise
  }

  #received(frame: Uint8Array): void {
    const reader = new Reader(frame.subarray(lengthBytes))
    const correlationId = reader.int32()
    const { spec, version, resolve, reject } = this.#waiting.get(correlationId)!
    this.#waiting.delete(correlationId)
    try {
      if (spec.responseHeaderVersion(version) >= 1) reader.unknownTags({})
      resolve(spec.decodeResponse(reader, version) as never)
    } catch (error) {
      reject(error as Error)
    }
  }

  #closed(): void {
    this.isOpen = false
    for (const { reject } of this.#waiting.values()) {
      reject(new BrokerUnreachable(`broker ${this.#broker} ended before it answered`))
    }
    this.#waiting.clear()
  }
}

function encode(spec: ApiSpec, version: number, correlationId: number, body: object): Uint8Array {
  const writer = new Writer(256, lengthBytes)
  const header = { requestApiKey: spec.key, requestApiVersion: version, correlationId, clientId: controlsClientId }
  encodeRequestHeader(writer, header, spec.requestHeaderVersion(version))
  spec.encodeRequest(writer, body, version)
  const end = writer.position
  writer.reset(0)
  writer.int32(end - lengthBytes)
  writer.reset(end)
  return new Uint8Array(writer.bytes())
}
