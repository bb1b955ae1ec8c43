/**
 * Clients that do the same things: ours, Java's, librdkafka and KafkaJS. Bytes are hex, so that all say the same.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { Admin, Consumer, Producer } from '@troupe/client'
import { javaOptions } from '@troupe/tools/reference/java'
import { CompressionCodecs, CompressionTypes, Kafka, logLevel } from 'kafkajs'

export interface PeerRecord {
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string | null])[]
}

/** Partition, offset, timestamp, key, value, headers. */
export type Seen = [number, number, number, string | null, string | null, [string, string | null][]]

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
export type Isolation = 'read_committed' | 'read_uncommitted'

export interface Round {
  readonly commit: boolean
  readonly records: readonly PeerRecord[]
}

export interface Peer {
  readonly name: string
  readonly codecs: readonly Codec[]
  produce(topic: string, partition: number, codec: Codec, records: readonly PeerRecord[]): Promise<unknown>
  transactions(topic: string, partition: number, id: string, rounds: readonly Round[]): Promise<unknown>
  /** The whole topic. */
  consume(topic: string, isolation: Isolation): Promise<Seen[]>
  close(): Promise<void>
}

const all: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
export const bytes = (hex: string | null): Buffer | null => (hex === null ? null : Buffer.from(hex, 'hex'))
export const hex = (data: Uint8Array | null | undefined): string | null =>
  data == null ? null : Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')

// --- other processes

/** A process that answers a line with a line. */
export class Talker {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>()
  #next = 1
  #stderr = ''

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.#child.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${command} has ended: ${this.#stderr}`))
    })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const { id, is, failed } = JSON.parse(line) as { id: number; is: unknown; failed?: string }
      const { resolve, reject } = this.#waiting.get(id)!
      this.#waiting.delete(id)
      if (failed === undefined) resolve(is)
      else reject(new Error(`${failed}\n${this.#stderr.slice(-2000)}`))
    })
  }

  ask<Answer>(op: string, question: object): Promise<Answer> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject })
      this.#child.stdin!.write(`${JSON.stringify({ id, op, ...question })}\n`)
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null) return resolve()
      this.#child.on('close', () => resolve())
      this.#child.stdin!.end()
    })
  }
}

export function javaTalker(classpath: string, bootstrap: string): Talker {
  return new Talker('java', [...javaOptions, '-Dtroupe.log.level=error', '-cp', classpath, 'ClientPeer', bootstrap])
}

export function pythonTalker(python: string, bootstrap: string): Talker {
  return new Talker(python, [join(import.meta.dirname, '../python/client_peer.py'), bootstrap])
}

/** Java's and librdkafka's properties have the same names. */
export function talkingPeer(name: string, talker: Talker): Peer {
  return {
    name,
    codecs: all,
    produce: (topic, partition, codec, records) =>
      talker.ask('produce', { topic, partition, records, properties: { 'compression.type': codec, 'linger.ms': '5' } }),
    transactions: (topic, partition, id, rounds) =>
      talker.ask('transactions', { topic, partition, rounds, properties: { 'transactional.id': id } }),
    consume: (topic, isolation) => talker.ask('consume', { topic, properties: { 'isolation.level': isolation } }),
    close: () => talker.close(),
  }
}

// --- ours

export function troupePeer(bootstrap: string): Peer {
  const message = (topic: string, partition: number, { timestamp, key, value, headers }: PeerRecord) => ({
    topic,
    partition,
    timestamp,
    key: bytes(key),
    value: bytes(value),
    headers: headers.map(([name, data]) => ({ key: name, value: bytes(data) })),
  })
  const open = (properties: Record<string, string>): Producer<Uint8Array | null, Uint8Array | null> =>
    new Producer<Uint8Array | null, Uint8Array | null>({ 'bootstrap.servers': bootstrap, ...properties })
  return {
    name: 'Troupe',
    codecs: all,
    async produce(topic, partition, codec, records) {
      await using producer = open({ 'compression.type': codec, 'linger.ms': '5' })
      await Promise.all(records.map((record) => producer.send(message(topic, partition, record))))
    },
    async transactions(topic, partition, id, rounds) {
      await using producer = open({ 'transactional.id': id })
      await producer.initTransactions()
      for (const { commit, records } of rounds) {
        await producer.beginTransaction()
        await Promise.all(records.map((record) => producer.send(message(topic, partition, record))))
        await (commit ? producer.commitTransaction() : producer.abortTransaction())
      }
    },
    async consume(topic, isolation) {
      await using consumer = new Consumer({ 'bootstrap.servers': bootstrap, 'isolation.level': isolation })
      await using admin = new Admin({ 'bootstrap.servers': bootstrap })
      const described = (await admin.describeTopics([topic])).get(topic)!
      const partitions = described.partitions.map(({ partition }) => ({ topic, partition }))
      consumer.assign(partitions)
      consumer.seekToBeginning(partitions)
      const ends = await consumer.endOffsets(partitions)
      if (ends.length < partitions.length) throw new Error(`${topic}: only ${ends.length} partitions have an end`)
      const left = async (): Promise<boolean> => {
        const positions = await Promise.all(partitions.map((each) => consumer.position(each)))
        return ends.some(
          ({ offset, partition }) => positions[partitions.findIndex((p) => p.partition === partition)]! < offset,
        )
      }
      const seen: Seen[] = []
      while (await left())
        for (const { partition, offset, timestamp, key, value, headers } of await consumer.poll({ timeoutMs: 200 }))
          seen.push([partition, offset, timestamp, hex(key), hex(value), headers.map((h) => [h.key, hex(h.value)])])
      return seen
    },
    close: async () => {},
  }
}

// --- KafkaJS

/** Its codecs beyond gzip are packages of others; zstd is Node's own. */
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: (encoder: { buffer: Buffer }) => Promise.resolve(zstdCompressSync(encoder.buffer)),
  decompress: (buffer: Buffer) => Promise.resolve(zstdDecompressSync(buffer)),
})

const jsCodecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, zstd: CompressionTypes.ZSTD } as const

export function kafkajsPeer(bootstrap: string): Peer {
  const kafka = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING })
  const message = (partition: number, { timestamp, key, value, headers }: PeerRecord) => ({
    partition,
    timestamp: String(timestamp),
    key: bytes(key),
    value: bytes(value),
    headers: Object.fromEntries(headers.map(([name, data]) => [name, bytes(data)!])),
  })
  return {
    name: 'KafkaJS',
    codecs: ['none', 'gzip', 'zstd'],
    async produce(topic, partition, codec, records) {
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
      await producer.connect()
      const messages = records.map((record) => message(partition, record))
      await producer.send({ topic, messages, acks: -1, compression: jsCodecs[codec as keyof typeof jsCodecs] })
      await producer.disconnect()
    },
    async transactions(topic, partition, id, rounds) {
      const producer = kafka.producer({ transactionalId: id, idempotent: true, maxInFlightRequests: 1 })
      await producer.connect()
      for (const { commit, records } of rounds) {
        const transaction = await producer.transaction()
        await transaction.send({ topic, messages: records.map((record) => message(partition, record)), acks: -1 })
        await (commit ? transaction.commit() : transaction.abort())
      }
      await producer.disconnect()
    },
    async consume(topic, isolation) {
      const admin = kafka.admin()
      await admin.connect()
      const ends = await admin.fetchTopicOffsets(topic)
      await admin.disconnect()
      const groupId = `kafkajs-${topic}-${isolation}`
      const consumer = kafka.consumer({
        groupId,
        readUncommitted: isolation === 'read_uncommitted',
        maxWaitTimeInMs: 100,
      })
      await consumer.connect()
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      const seen: Seen[] = []
      const left = new Map(
        ends.filter(({ high }) => high !== '0').map(({ partition, high }) => [partition, Number(high)]),
      )
      await new Promise<void>((resolve, reject) => {
        consumer.on('consumer.crash', ({ payload }) => reject(payload.error))
        consumer.on('consumer.end_batch_process', ({ payload: { partition, lastOffset } }) => {
          if (Number(lastOffset) + 1 >= (left.get(partition) ?? Infinity)) left.delete(partition)
          if (left.size === 0) resolve()
        })
        void consumer.run({
          eachMessage: ({ partition, message: { offset, timestamp, key, value, headers = {} } }) => {
            const pairs = Object.entries(headers).map(([name, data]): [string, string | null] => [
              name,
              Array.isArray(data) ? null : hex(data as Buffer),
            ])
            seen.push([partition, Number(offset), Number(timestamp), hex(key), hex(value), pairs])
            return Promise.resolve()
          },
        })
      })
      await consumer.disconnect()
      return seen
    },
    close: async () => {},
  }
}
