/**
 * The mesh between broker workers: one MessagePort for each pair, one posted array for each destination and turn.
 *
 * Bulk payloads travel as a place in the pair's shared ring and are released by an acknowledgement that rides on
 * the next batch the other way; when the ring is full they are copied and transferred instead. Delivery is in
 * order and reliable while both ends live; when a worker ends, everything on its way is lost and `onDown` is told.
 */
import type { MessagePort } from 'node:worker_threads'
import type { Message, Payload, ReplyToken } from '@troupe/actor'
import type { Remote } from '@troupe/actor/host/actor-host'
import { isSlice, payloadPlace, restore, strip } from './payload.ts'
import { RingReader, RingWriter } from './ring.ts'

/** What of a MessagePort the bus uses: a test can put something of its own in between. */
export type BusPort = Pick<MessagePort, 'postMessage' | 'on' | 'removeAllListeners' | 'close'>

/** One end of the connection of a pair, as the supervisor hands it to a worker (port transferred, rings shared). */
export interface MeshLink {
  readonly peer: number
  /** Which life of the peer this leads to. */
  readonly incarnationId: string
  readonly port: BusPort
  readonly outgoing: SharedArrayBuffer
  readonly incoming: SharedArrayBuffer
}

/** What the bus does with what arrives. */
export interface BusReceiver {
  message(actor: string, message: Message): void
  reply(from: number, token: ReplyToken, body: unknown): void
  moved(from: number, token: ReplyToken, broker: number): void
  /** A batch is in: process it now, payloads are released when this returns. */
  batchEnd(): void
  down(peer: number, incarnationId: string): void
}

/**
 * A batch is one flat array, because cloning many small objects costs more: acknowledged ring position, own ring
 * position, then for each message actor, message, tag, payload place, payload offset (or the bytes), payload length.
 */
type Batch = unknown[]
const headerFields = 2
const fieldsOfMessage = 6

/** Tag of a message that is no answer; ≥ 0 is the incarnation that an answer is for. */
const tag = { message: -2, replyToAny: -1, moved: -3 } as const

interface Peer {
  readonly link: MeshLink
  readonly out: RingWriter
  readonly in: RingReader
  batch: Batch | null
  transfers: ArrayBuffer[]
}

export interface BusStatistics {
  batches: number
  messages: number
  payloadBytes: number
  /** Payloads that found no room in the ring. */
  copiedPayloads: number
}

export class Bus implements Remote {
  readonly statistics: BusStatistics = { batches: 0, messages: 0, payloadBytes: 0, copiedPayloads: 0 }
  readonly #broker: number
  readonly #receiver: BusReceiver
  readonly #wake: () => void
  readonly #onError: (error: unknown, kind: string) => void
  readonly #peers = new Map<number, Peer>()

  constructor(
    broker: number,
    receiver: BusReceiver,
    wake: () => void,
    onError: (error: unknown, kind: string) => void,
  ) {
    this.#broker = broker
    this.#receiver = receiver
    this.#wake = wake
    this.#onError = onError
  }

  /** Adds the connection to a broker; one to an earlier life of it is taken as lost. */
  connect(link: MeshLink): void {
    this.disconnect(link.peer)
    const peer: Peer = {
      link,
      out: new RingWriter(link.outgoing),
      in: new RingReader(link.incoming),
      batch: null,
      transfers: [],
    }
    this.#peers.set(link.peer, peer)
    link.port.on('message', (batch: Batch) => this.#receive(peer, batch))
    link.port.on('close', () => {
      if (this.#peers.get(link.peer) === peer) this.disconnect(link.peer)
    })
  }

  disconnect(broker: number): void {
    const peer = this.#peers.get(broker)
    if (peer === undefined) return
    this.#peers.delete(broker)
    peer.link.port.removeAllListeners('message')
    peer.link.port.close()
    this.#receiver.down(broker, peer.link.incarnationId)
  }

  isUp(broker: number): boolean {
    return this.#peers.has(broker)
  }

  send(broker: number, actor: string, message: Message): void {
    this.#add(broker, actor, message, tag.message)
  }

  reply(broker: number, actor: string, incarnation: number, id: number, body: unknown): void {
    this.#add(broker, actor, { kind: 'reply', id, body } as Message, incarnation < 0 ? tag.replyToAny : incarnation)
  }

  moved(asker: number, token: ReplyToken, broker: number): void {
    this.#add(asker, token.actor, { kind: 'moved', token, broker } as Message, tag.moved)
  }

  /** Posts what has been collected; once a turn. */
  flush(): void {
    for (const peer of this.#peers.values()) {
      if (peer.batch === null && peer.in.isDue) peer.batch = [0, 0]
      if (peer.batch !== null) this.#post(peer, peer.batch)
    }
  }

  #add(broker: number, actor: string, message: Message, kind: number): void {
    const peer = this.#peers.get(broker)
    if (peer === undefined) return
    const stripped = strip(message)
    if (peer.batch === null) {
      peer.batch = [0, 0]
      this.#wake()
    }
    const batch = peer.batch
    if (stripped.payload === null) {
      batch.push(actor, stripped.message, kind, payloadPlace.none, 0, 0)
      return
    }
    const [at, length] = this.#carry(peer, stripped.payload)
    batch.push(actor, stripped.message, kind, stripped.place, at, length)
  }

  /** Copies the payload into the ring (its offset is returned) or into a buffer of its own. */
  #carry(peer: Peer, payload: Payload): [number | Uint8Array, number] {
    const size = isSlice(payload) ? payload.sizeInBytes : payload.length
    const offset = peer.out.reserve(size)
    const target = offset < 0 ? new Uint8Array(size) : peer.out.bytes
    const at = Math.max(offset, 0)
    let length = size
    if (isSlice(payload)) length = payload.readInto(target, at)
    else target.set(payload, at)
    this.statistics.payloadBytes += length
    if (offset >= 0) {
      peer.out.shrink(size, length)
      return [offset, length]
    }
    this.statistics.copiedPayloads++
    peer.transfers.push(target.buffer as ArrayBuffer)
    return [target, length]
  }

  #post(peer: Peer, batch: Batch): void {
    const { transfers } = peer
    peer.batch = null
    if (transfers.length > 0) peer.transfers = []
    batch[0] = peer.in.acknowledged = peer.in.processed
    batch[1] = peer.out.position
    this.statistics.batches++
    this.statistics.messages += (batch.length - headerFields) / fieldsOfMessage
    try {
      peer.link.port.postMessage(batch, transfers)
    } catch (error) {
      this.#postOneByOne(peer, batch, error)
    }
  }

  /** Something in the batch cannot be cloned, which is a mistake of the actor that sent it: the others go their way. */
  #postOneByOne(peer: Peer, batch: Batch, cause: unknown): void {
    for (let at = headerFields; at < batch.length; at += fieldsOfMessage) {
      const fields = batch.slice(at, at + fieldsOfMessage)
      const bytes = fields[4]
      try {
        peer.link.port.postMessage(
          [batch[0], batch[1], ...fields],
          bytes instanceof Uint8Array ? [bytes.buffer as ArrayBuffer] : [],
        )
      } catch {
        this.#onError(cause, (fields[1] as Message).kind)
      }
    }
  }

  #receive(peer: Peer, batch: Batch): void {
    const from = peer.link.peer
    peer.out.acknowledge(batch[0] as number)
    for (let at = headerFields; at < batch.length; at += fieldsOfMessage) {
      const actor = batch[at] as string
      const message = batch[at + 1] as Message
      const place = batch[at + 3] as number
      if (place !== payloadPlace.none)
        restore(message, place, this.#payload(peer, batch[at + 4], batch[at + 5] as number))
      this.#dispatch(from, actor, message, batch[at + 2] as number)
    }
    this.#receiver.batchEnd()
    peer.in.processed = batch[1] as number
    if (peer.in.isDue) this.#wake()
  }

  #payload(peer: Peer, at: unknown, length: number): Uint8Array {
    return at instanceof Uint8Array ? at.subarray(0, length) : peer.in.view(at as number, length)
  }

  #dispatch(from: number, actor: string, message: Message, kind: number): void {
    if (kind === tag.message) {
      this.#receiver.message(actor, message)
    } else if (kind === tag.moved) {
      const { token, broker } = message as Message & { token: ReplyToken; broker: number }
      this.#receiver.moved(from, token, broker)
    } else {
      const { id, body } = message as Message & { id: number; body: unknown }
      const token: ReplyToken = { broker: this.#broker, actor, id }
      this.#receiver.reply(from, kind === tag.replyToAny ? token : { ...token, incarnation: kind }, body)
    }
  }
}
