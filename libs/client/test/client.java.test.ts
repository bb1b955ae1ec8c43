/**
 * The pure parts of the client side by side with those of Apache Kafka's own: where a record goes, the bytes of a batch,
 * the consumer's embedded protocol, the classes of errors. Random, by a seed that `SEED` replaces.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kafkaClasspath } from '@troupe/tools/reference/maven'
import { errorName, isRetriable } from '@troupe/wire/errors'
import { BATCH_OVERHEAD, buildBatch, readBatch } from '@troupe/wire/record-batch'
import { decodeAssignment, encodeAssignment, encodeSubscription } from '../src/consumer/protocol.ts'
import { isInvalidMetadata } from '../src/errors.ts'
import { askPartitioner, partitionForKey } from '../src/producer/partitioner.ts'
import { installNative } from '@troupe/wire/native.node'
import { newProducerState, type Step } from '../src/producer/state.ts'
import { hex, Oracle } from './java/oracle.ts'
import { ProducerStage } from './producer-stage.ts'

const classpath = kafkaClasspath()
const title = typeof classpath === 'string' ? 'as Apache Kafka' : `as Apache Kafka (skipped: ${classpath.skipped})`
const seed = Number(process.env.SEED ?? 480)
const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number): T[] => fc.sample(arbitrary, { numRuns, seed })

describe.skipIf(typeof classpath !== 'string')(title, () => {
  let oracle: Oracle
  beforeAll(() => {
    installNative()
    oracle = new Oracle(classpath as string)
  })
  afterAll(() => oracle[Symbol.asyncDispose]())

  test('10,000 keys go to the same partitions', async () => {
    const lengths = fc.oneof(fc.nat(40), fc.nat(400)).chain((n) => fc.uint8Array({ minLength: n, maxLength: n }))
    const keys = [new Uint8Array(0), ...sample(lengths, 9999)]
    const counts = sample(fc.constantFrom(1, 2, 3, 6, 7, 12, 50, 1000, 65_537), keys.length)
    const theirs = await oracle.ask<number[]>('partitionForKey', { keys: keys.map(hex), counts })
    expect(keys.map((key, index) => partitionForKey(key, counts[index]))).toEqual(theirs)
  })

  test('without a key, the same partition until as many bytes have gone there', async () => {
    const arrayOf = (size: number): fc.Arbitrary<number[]> => fc.array(fc.nat(size), { minLength: 20, maxLength: 80 })
    const records = fc.oneof(arrayOf(300), arrayOf(2500))
    const leaders = fc.array(fc.constantFrom(1, 2, 3, -1), { minLength: 1, maxLength: 8 })
    const cases = sample(fc.record({ sizes: records, leaders, batchSize: fc.constantFrom(100, 1000, 2000) }), 60)
    let moves = 0
    for (const each of cases) {
      if (each.leaders.every((leader) => leader < 0)) each.leaders[0] = 2
      const draws = sample(fc.nat(0x7fffffff), 200)
      const chosen = ourSticky(each, draws)
      moves += chosen.filter((partition, index) => index > 0 && partition !== chosen[index - 1]).length
      expect(chosen, JSON.stringify(each)).toEqual(await oracle.ask('sticky', { ...each, draws }))
    }
    expect(moves).toBeGreaterThan(100)
  })

  test('a longer queue is chosen less often', async () => {
    const one = fc.record({ queues: fc.array(fc.nat(6), { minLength: 2, maxLength: 6 }), draw: fc.nat(0x7fffffff) })
    const cases = sample(one, 300)
    const theirs = await oracle.ask<number[]>('adaptive', { cases })
    expect(cases.map(({ queues, draw }) => ourAdaptive(queues, draw))).toEqual(theirs)
  })

  test('round robin, over the partitions that have a leader', async () => {
    const clusters = sample(fc.array(fc.constantFrom(1, 2, -1), { minLength: 3, maxLength: 3 }), 50)
    expect(ourRoundRobin(clusters)).toEqual(await oracle.ask('roundRobin', { clusters }))
  })

  test('uncompressed batches are the same bytes', async () => {
    for (const each of sample(batch, 300)) {
      const ours = buildBatch({ ...each, isTransactional: each.transactional })
      expect(hex(ours), JSON.stringify(each)).toBe(await oracle.ask('batch', question(each, 'none')))
    }
  })

  const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const
  test.each(codecs)('%s: the same headers and records; each reads the other', async (codec) => {
    for (const each of sample(batch, 60)) {
      const compression = (codecs.indexOf(codec) + 1) as 1 | 2 | 3 | 4
      const ours = buildBatch({ ...each, isTransactional: each.transactional, compression })
      const theirs = Buffer.from(await oracle.ask<string>('batch', question(each, codec)), 'hex')
      expect(headerOf(ours)).toBe(headerOf(theirs))
      expect(readBatch(theirs).records).toEqual(readBatch(buildBatch(each)).records)
      const plain = buildBatch({ ...each, isTransactional: each.transactional })
      const [read, reference] = [ours, plain].map((bytes) => oracle.ask<unknown[]>('readBatch', { bytes: hex(bytes) }))
      expect([codec, ...((await read)[0] as unknown[]).slice(1)]).toEqual((await read)[0])
      expect((await read).slice(1)).toEqual((await reference).slice(1))
    }
  })

  test('subscriptions and assignments are the same bytes', async () => {
    const partition = fc.tuple(fc.constantFrom('t', 'u', 'zebra', 'äpfel'), fc.nat(20))
    const partitions = fc.uniqueArray(partition, { maxLength: 12, selector: String })
    const bytes = fc.option(fc.uint8Array({ maxLength: 20 }))
    const subscription = fc.record({
      topics: fc.uniqueArray(fc.constantFrom('b', 'a', 't', 'Zebra', 'zebra', 'äpfel'), { maxLength: 5 }),
      owned: partitions,
      generation: fc.integer({ min: -1, max: 9 }),
      userData: bytes,
    })
    for (const { topics, owned, generation: generationId, userData } of sample(subscription, 200)) {
      const asked = { topics, owned, generation: generationId, userData: hex(userData) }
      const ours = encodeSubscription({ topics, owned: owned.map(named), generationId, userData })
      expect(hex(ours), JSON.stringify(asked)).toBe(await oracle.ask('subscription', asked))
    }
    for (const [own, userData] of sample(fc.tuple(partitions, bytes), 200)) {
      const ours = encodeAssignment(own.map(named), userData)
      const theirs = await oracle.ask<string>('assignment', { partitions: own, userData: hex(userData) })
      expect(hex(ours), JSON.stringify(own)).toBe(theirs)
      const names = await oracle.ask<string[]>('readAssignment', { bytes: hex(ours) })
      const read = decodeAssignment(Buffer.from(theirs, 'hex')).partitions
      expect(names).toEqual(read.map(({ topic, partition: p }) => `${topic}-${p}`))
    }
  })

  test('every error has the same name, and is retriable or of stale metadata alike', async () => {
    const theirs = await oracle.ask<[number, string, string[]][]>('errors')
    expect(theirs.length).toBeGreaterThan(130)
    const ours = theirs.map(([code]) => [code, errorName(code), isRetriable(code), isInvalidMetadata(code)])
    const expected = theirs.map(([code, name, classes]) => [
      code,
      name,
      classes.includes('RetriableException'),
      classes.includes('InvalidMetadataException'),
    ])
    expect(ours).toEqual(expected)
  })
})

// --- partitioners

interface StickyCase {
  readonly sizes: readonly number[]
  readonly leaders: readonly number[]
  readonly batchSize: number
}

/** A producer that may have no request in flight never empties its queues. */
function stageOf(leaders: readonly number[], batchSize: number, adaptive: boolean): ProducerStage {
  const stage = new ProducerStage({
    'batch.size': batchSize,
    'linger.ms': 60_000,
    'max.in.flight.requests.per.connection': 0,
    'partitioner.adaptive.partitioning.enable': adaptive,
  })
  stage.brokers.add('t', leaders)
  return stage
}

/** Where each record has landed: records are numbered in the order of the sends. */
function placesOf(stage: ProducerStage): number[] {
  const places: [number, number][] = []
  for (const { partition, batches } of stage.producer.partitions.values())
    for (const { records } of batches) for (const { n } of records) places.push([n, partition])
  return places.sort(([a], [b]) => a - b).map(([, partition]) => partition)
}

function ourSticky({ sizes, leaders, batchSize }: StickyCase, draws: readonly number[]): number[] {
  const stage = stageOf(leaders, batchSize, false)
  stage.do('partitionsFor', { topic: 't' })
  let next = 0
  stage.random = () => draws[next++]
  for (const size of sizes) stage.sendRecord({ topic: 't', value: new Uint8Array(size), timestamp: 1000 })
  return placesOf(stage)
}

function ourAdaptive(queues: readonly number[], draw: number): number {
  const leaders = queues.map(() => 1)
  const stage = stageOf(leaders, 100, true)
  for (const [partition, length] of queues.entries())
    for (let n = 0; n < length; n++) stage.sendRecord({ topic: 't', partition, value: new Uint8Array(90) })
  stage.random = () => draw
  stage.sendRecord({ topic: 't', value: new Uint8Array(90) })
  return placesOf(stage).at(-1)!
}

function ourRoundRobin(clusters: readonly (readonly number[])[]): number[] {
  const state = newProducerState({ 'partitioner.class': 'org.apache.kafka.clients.producer.RoundRobinPartitioner' })
  const record = { topic: 't', partition: null, key: null, value: null }
  return clusters.map((leaders) => {
    const partitions = leaders.map((leader, partition) => ({ partition, leader, leaderEpoch: 0 }))
    const topic = { name: 't', partitions } as unknown as Parameters<typeof askPartitioner>[1]
    return askPartitioner({ state } as Step, topic, record) as number
  })
}

// --- batches

const bytesOrNull = fc.option(fc.uint8Array({ maxLength: 60 }))
const record = fc.record({
  timestamp: fc.oneof(fc.constant(0), fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 })),
  key: bytesOrNull,
  value: fc.oneof(
    bytesOrNull,
    fc.nat(3000).map((n) => new Uint8Array(n).fill(n % 7)),
  ),
  headers: fc.array(fc.record({ key: fc.string({ maxLength: 9 }), value: bytesOrNull }), { maxLength: 4 }),
})
const batch = fc
  .tuple(
    fc.array(record, { minLength: 1, maxLength: 30 }),
    fc.option(fc.tuple(fc.maxSafeNat(), fc.nat(32_767), fc.nat(0x7fffffff), fc.boolean())),
  )
  .map(([records, producer]) => {
    const [producerId, producerEpoch, baseSequence, transactional] = producer ?? [-1, -1, -1, false]
    return { records, producerId, producerEpoch, baseSequence, transactional }
  })

type Batch = typeof batch extends fc.Arbitrary<infer B> ? B : never

function question({ records, ...producer }: Batch, compression: string): object {
  const asked = records.map(({ timestamp, key, value, headers }) => ({
    timestamp,
    key: hex(key),
    value: hex(value),
    headers: headers.map((header) => [header.key, hex(header.value)]),
  }))
  return { compression, records: asked, ...producer }
}

/** All of the header but length and checksum, which depend on what the compressor made of the records. */
function headerOf(bytes: Uint8Array): string {
  const header = Uint8Array.from(bytes.subarray(0, BATCH_OVERHEAD))
  header.fill(0, 8, 12).fill(0, 17, 21)
  return hex(header)!
}

function named([topic, partition]: readonly [string, number]): { topic: string; partition: number } {
  return { topic, partition }
}
