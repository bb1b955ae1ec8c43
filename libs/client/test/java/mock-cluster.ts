/**
 * Three brokers on sockets that answer as `FakeBrokers` do, write down what they are asked, and refuse as a script says:
 * the same for a client of Apache Kafka's and for ours.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { errorName } from '@troupe/wire/errors'
import { FakeBrokers, committed, partitionsOf } from '../brokers.ts'
import { decodeRequest, encodeResponse, type Body, type Received } from '../stage.ts'

const nobody = { nodeId: -1, host: '', port: -1 }

/** The first `times` requests of that name get that error. */
export interface Refusal {
  readonly api: string
  readonly error: number
  readonly times?: number
}

export interface Frame {
  readonly name: string
  readonly version: number
  /** Without length and correlation id. */
  readonly hex: string
}

export class MockCluster implements AsyncDisposable {
  readonly brokers = new FakeBrokers()
  readonly told: string[] = []
  readonly frames: Frame[] = []
  readonly #servers = new Map<number, Server>()
  readonly #sockets = new Set<Socket>()
  #awaited = Infinity
  #arrived: (() => void) | null = null
  readonly #refusals: { readonly api: string; readonly error: number; left: number }[]

  constructor(transactionVersion: number, refusals: readonly Refusal[] = []) {
    this.brokers.features.transactionVersion = transactionVersion
    this.brokers.add('orders', [1, 2])
    this.#refusals = refusals.map(({ api, error, times = 1 }) => ({ api, error, left: times }))
  }

  /** Answers with the bootstrap servers. */
  async start(): Promise<string> {
    for (const id of this.brokers.ids) {
      const server = createServer((socket) => this.#serve(id, socket))
      this.#servers.set(id, server)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    }
    return `127.0.0.1:${this.#port(1)}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all([...this.#servers.values()].map((server) => new Promise((done) => server.close(done))))
  }

  /** Requests that nobody waits for may still be on their way. */
  arrived(count: number): Promise<void> {
    this.#awaited = count
    if (this.frames.length >= count) return Promise.resolve()
    return new Promise((resolve) => (this.#arrived = resolve))
  }

  #port(broker: number): number {
    return (this.#servers.get(broker)!.address() as AddressInfo).port
  }

  #serve(broker: number, socket: Socket): void {
    let rest: Buffer = Buffer.alloc(0)
    this.#sockets.add(socket)
    socket.setNoDelay()
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const end = 4 + rest.readInt32BE(0)
        this.#received(broker, socket, Uint8Array.from(rest.subarray(0, end)))
        rest = rest.subarray(end)
      }
    })
  }

  #received(broker: number, socket: Socket, frame: Uint8Array): void {
    const request = decodeRequest(frame, broker, 0)
    const described = this.brokers.describe(request)
    if (described !== null) {
      this.told.push(request.name === 'FindCoordinator' ? `${described} ${request.body.keyType}` : described)
      const { name, version } = request
      this.frames.push({ name, version, hex: Buffer.from(frame.subarray(4, 8)).toString('hex') + hexOf(frame, 12) })
    }
    if (this.frames.length >= this.#awaited) this.#arrived?.()
    if (request.name === 'Produce' && request.body.acks === 0) return
    const bytes = encodeResponse(request, this.#answer(request))
    const length = Buffer.alloc(4)
    length.writeInt32BE(bytes.length)
    socket.write(Buffer.concat([length, bytes]))
  }

  #answer(request: Received): Body {
    const asked = request.name === 'FindCoordinator' && request.body.keyType === 0 ? 'FindGroup' : request.name
    const refusal = this.#refusals.find(({ api, left }) => api === asked && left > 0)
    if (refusal === undefined) return this.#located(request, this.brokers.answer(request))
    refusal.left--
    return this.#refused(request, refusal.error)
  }

  #refused(request: Received, errorCode: number): Body {
    const { name, body } = request
    switch (name) {
      case 'FindCoordinator':
        return { coordinators: [{ ...nobody, key: body.coordinatorKeys[0], errorCode, errorMessage: errorName(errorCode) }] }
      case 'InitProducerId':
      case 'EndTxn':
        return { errorCode, producerId: -1, producerEpoch: -1 }
      case 'AddPartitionsToTxn':
        return { resultsByTopicV3AndBelow: partitionsOf(body.v3AndBelowTopics, errorCode) }
      case 'AddOffsetsToTxn':
        return { errorCode }
      case 'TxnOffsetCommit':
        return { topics: committed(body.topics, () => errorCode) }
      default:
        return this.brokers.produce(request, () => ({ errorCode }))
    }
  }

  /** The brokers' own addresses are of a stage. */
  #located({ name }: Received, body: Body): Body {
    const at = (nodeId: number): object => ({ host: '127.0.0.1', port: this.#port(nodeId) })
    const moved = (all: Body[]): Body[] => all.map((each) => ({ ...each, ...at(each.nodeId) }))
    if (name === 'Metadata') return { ...body, brokers: moved(body.brokers) }
    if (name === 'FindCoordinator') return { ...body, coordinators: moved(body.coordinators) }
    return body
  }
}

function hexOf(frame: Uint8Array, from: number): string {
  return Buffer.from(frame.buffer, frame.byteOffset + from, frame.length - from).toString('hex')
}
