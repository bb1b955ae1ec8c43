/**
 * A client of a few lines, for what the ready-made ones cannot measure: the first Metadata answer of a starting
 * broker, and pre-encoded produce frames sent so fast that the broker is the bottleneck.
 */
import { connect, type Socket } from 'node:net'
import { apiByKey } from '@troupe/wire/apis'
import { Reader, Writer } from '@troupe/wire/io'
import {
  decodeMetadataResponse,
  decodeResponseHeader,
  encodeMetadataRequest,
  encodeProduceRequest,
  encodeRequestHeader,
} from '@troupe/wire/messages'
import { buildBatch } from '@troupe/wire/record-batch'

const metadataVersion = 12
const produceVersion = 9

/** A whole frame with its length in front. */
export function requestFrame(
  apiKey: number,
  version: number,
  correlationId: number,
  encode: (writer: Writer) => void,
): Uint8Array {
  const writer = new Writer()
  writer.int32(0)
  const headerVersion = apiByKey(apiKey)!.requestHeaderVersion(version)
  encodeRequestHeader(
    writer,
    { requestApiKey: apiKey, requestApiVersion: version, correlationId, clientId: 'troupe-bench' },
    headerVersion,
  )
  encode(writer)
  const frame = writer.bytes().slice()
  new DataView(frame.buffer).setInt32(0, frame.length - 4)
  return frame
}

/** Asks every few milliseconds until Metadata names all brokers. */
export async function firstMetadata(
  bootstrap: string,
  brokers: number,
  deadline = performance.now() + 60_000,
): Promise<void> {
  const [host, port] = bootstrap.split(',')[0]!.split(':') as [string, string]
  const frame = requestFrame(3, metadataVersion, 1, (writer) =>
    encodeMetadataRequest(writer, { topics: [] }, metadataVersion),
  )
  while (performance.now() < deadline) {
    const answer = await roundTrip(host, Number(port), frame)
    if (answer) {
      const reader = new Reader(answer)
      decodeResponseHeader(reader, apiByKey(3)!.responseHeaderVersion(metadataVersion))
      if (decodeMetadataResponse(reader, metadataVersion).brokers.length === brokers) return
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new RawClientFailed('no Metadata answer with all brokers within a minute')
}

export class RawClientFailed extends Error {}

function roundTrip(host: string, port: number, frame: Uint8Array): Promise<Uint8Array | null> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    const chunks: Buffer[] = []
    socket.on('error', () => resolve(null))
    socket.on('close', () => resolve(null))
    socket.on('connect', () => socket.write(frame))
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      const all = Buffer.concat(chunks)
      if (all.length < 4 || all.length < 4 + all.readInt32BE(0)) return
      resolve(all.subarray(4, 4 + all.readInt32BE(0)))
      socket.destroy()
    })
  })
}

export interface ReplayOptions {
  readonly host: string
  readonly port: number
  readonly topic: string
  readonly partition: number
  readonly recordBytes: number
  readonly recordsPerBatch: number
  readonly inFlight: number
  readonly seconds: number
}

/** Sends the same pre-encoded frame over and over; returns acknowledged records per second. */
export async function replayProduce(options: ReplayOptions): Promise<number> {
  const value = new Uint8Array(options.recordBytes - 8).fill(120)
  const records = Array.from({ length: options.recordsPerBatch }, (_, offsetDelta) => ({
    key: null,
    value,
    timestamp: Date.now(),
    offsetDelta,
  }))
  const batch = buildBatch({ baseOffset: 0, records })
  const frame = requestFrame(0, produceVersion, 7, (writer) =>
    encodeProduceRequest(
      writer,
      {
        acks: -1,
        timeoutMs: 30_000,
        topicData: [{ name: options.topic, partitionData: [{ index: options.partition, records: batch }] }],
      },
      produceVersion,
    ),
  )
  const socket = connect(options.port, options.host)
  socket.setNoDelay(true)
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  const started = performance.now()
  const acknowledged = await pump(socket, frame, options.inFlight, started + options.seconds * 1000)
  const elapsed = (performance.now() - started) / 1000
  socket.destroy()
  return (acknowledged * options.recordsPerBatch) / elapsed
}

/** Keeps `inFlight` frames under way until the deadline, then waits for the rest; returns the number of answers. */
function pump(socket: Socket, frame: Uint8Array, inFlight: number, deadline: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let sent = 0
    let answered = 0
    let pending: Buffer = Buffer.alloc(0)
    const send = (): void => {
      socket.write(frame)
      sent++
    }
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      let position = 0
      while (pending.length - position >= 4 && pending.length - position >= 4 + pending.readInt32BE(position)) {
        position += 4 + pending.readInt32BE(position)
        answered++
        if (performance.now() < deadline) send()
      }
      pending = pending.subarray(position)
      if (answered === sent) resolve(answered)
    })
    for (let i = 0; i < inFlight; i++) send()
  })
}
