/** The Effect face, on Troupe and on Apache Kafka: layers, typed errors, a pulled stream, transactions as regions. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Deferred, Effect, Fiber, Layer, Stream } from 'effect'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cluster } from '../../../../tools/src/cluster.ts'
import { startApacheKafka, type ApacheKafka } from '../../../../tools/src/reference/apache-kafka.ts'
import { kafkaClasspath } from '../../../../tools/src/reference/maven.ts'
import { string } from '../../src/serdes.ts'
import {
  Admin,
  Consumer,
  KafkaClient,
  makeConsumer,
  makeProducer,
  Producer,
  type KafkaFailure,
} from '../../src/shell/effect/index.ts'

const classpath = process.env.EFFECT_TROUPE_ONLY ? { skipped: 'asked to' } : kafkaClasspath()
const directory = mkdtempSync(join(tmpdir(), 'troupe-effect-'))
let troupe: Cluster
let kafka: ApacheKafka | null = null

beforeAll(async () => {
  troupe = await Cluster.start({ brokers: 1 })
  const heap = '256M'
  if (typeof classpath === 'string')
    kafka = await startApacheKafka({ classpath, directory, nodes: 1, heap, silent: true })
})
afterAll(async () => {
  await Promise.all([troupe?.stop(), kafka?.stop('SIGKILL')])
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
})

const clusters = typeof classpath === 'string' ? ['Troupe', 'Apache Kafka'] : ['Troupe']

describe.each(clusters)('%s', (name) => {
  type Services = KafkaClient | Admin | Producer | Consumer

  const run = <A, E>(program: Effect.Effect<A, E, Services>): Promise<A> => {
    const bootstrap = name === 'Troupe' ? troupe.bootstrap : kafka!.bootstrap
    const client = KafkaClient.layer({ 'bootstrap.servers': bootstrap })
    const consumer = { 'group.id': 'g', 'auto.offset.reset': 'earliest', 'isolation.level': 'read_committed' }
    const all = Layer.mergeAll(Admin.layer, Producer.layer(), Consumer.layer({ ...consumer, 'max.poll.records': 2 }))
    return Effect.runPromise(Effect.provide(program, Layer.provideMerge(all, client)))
  }

  const made = (topic: string): Effect.Effect<void, KafkaFailure, Admin> =>
    Effect.gen(function* () {
      const admin = yield* Admin
      yield* admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1 }])
    })

  const text = new TextDecoder()

  test('layers: a topic is made, records are sent, and read as a stream', async () => {
    const program = Effect.gen(function* () {
      yield* made('lines')
      const producer = yield* Producer
      const consumer = yield* Consumer
      yield* Effect.forEach(['a', 'b', 'c'], (value) => producer.send({ topic: 'lines', value }))
      yield* consumer.subscribe(['lines'])
      const read = yield* Stream.runCollect(Stream.take(consumer.records, 3))
      yield* consumer.commitRecord(read[1]!)
      const committed = yield* consumer.use((it) => it.committed([{ topic: 'lines', partition: 0 }]))
      return [read.map(({ value }) => text.decode(value!)), committed.map(({ offset }) => offset)]
    })
    expect(await run(program)).toEqual([['a', 'b', 'c'], [2]])
  })

  test('errors are tagged by Kafka’s name and say what may be done', async () => {
    const program = Effect.gen(function* () {
      const admin = yield* Admin
      yield* made('twice')
      const again = yield* made('twice').pipe(
        Effect.as('made'),
        Effect.catchTag('TOPIC_ALREADY_EXISTS', ({ retriable, code }) => Effect.succeed([retriable, code])),
      )
      const settled = yield* admin.use((it) => it.deleteTopics(['twice', 'nowhere']).settled())
      const missing = yield* Effect.flip(admin.deleteTopics(['nowhere']))
      return [again, [...settled.values()].map(({ status }) => status), missing._tag, missing.retriable]
    })
    const expected = [[false, 36], ['fulfilled', 'rejected'], 'UNKNOWN_TOPIC_OR_PARTITION', true]
    expect(await run(program)).toEqual(expected)
  })

  test('bad properties are a failure of the layer, not a defect', async () => {
    const layer = KafkaClient.layer({ 'bootstrap.servers': 'nowhere' })
    const failure = await Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(layer))))
    expect(failure._tag).toBe('ConfigException')
  })

  test('a stream polls only when it is pulled', async () => {
    const program = Effect.gen(function* () {
      yield* made('many')
      const producer = yield* Producer
      yield* producer.sendBatch(['a', 'b', 'c', 'd', 'e', 'f'].map((value) => ({ topic: 'many', value })))
      let polls = 0
      const onConsume = <T>(records: T): T => (polls++, records)
      const consumer = yield* makeConsumer<string, string>(
        { 'group.id': 'slow', 'auto.offset.reset': 'earliest', 'max.poll.records': 1 },
        { value: string, interceptors: [{ onConsume }] },
      )
      yield* consumer.subscribe(['many'])
      const seen: [string, number][] = []
      yield* consumer.records.pipe(
        Stream.take(4),
        Stream.runForEach(({ value }) => Effect.sync(() => seen.push([value, polls]))),
      )
      return seen
    })
    // Each record was there before the next one was asked for.
    expect(await run(Effect.scoped(program))).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['d', 4],
    ])
  })

  test('a stream that is interrupted while it waits ends, and its consumer goes on', async () => {
    const program = Effect.gen(function* () {
      yield* made('quiet')
      const producer = yield* Producer
      const consumer = yield* Consumer
      yield* consumer.assign([{ topic: 'quiet', partition: 0 }])
      const fiber = yield* Effect.forkChild(Stream.runDrain(consumer.records))
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* Fiber.interrupt(fiber)
      yield* producer.send({ topic: 'quiet', value: 'late' })
      const [record] = yield* Stream.runCollect(Stream.take(consumer.records, 1))
      return text.decode(record!.value!)
    })
    expect(await run(program)).toBe('late')
  })

  test('a transaction commits when it succeeds, and aborts when it fails, dies or is interrupted', async () => {
    const program = Effect.gen(function* () {
      yield* made('ledger')
      const producer = yield* makeProducer({ 'transactional.id': 'tx' }, { value: string })
      const send = (value: string) => producer.send({ topic: 'ledger', value })
      const failed = yield* Effect.flip(
        producer.transaction(Effect.andThen(send('failed'), Effect.fail('no' as const))),
      )
      const died = yield* Effect.exit(producer.transaction(Effect.andThen(send('died'), Effect.die('bug'))))
      const sent = yield* Deferred.make<void>()
      const hanging = send('interrupted').pipe(
        Effect.andThen(Deferred.succeed(sent, undefined)),
        Effect.andThen(Effect.never),
      )
      const fiber = yield* Effect.forkChild(producer.transaction(hanging))
      yield* Deferred.await(sent)
      yield* Fiber.interrupt(fiber)
      const both = [producer.transaction(send('one')), producer.transaction(send('two'))]
      const committed = yield* Effect.all(both, { concurrency: 2 })
      const consumer = yield* Consumer
      yield* consumer.assign([{ topic: 'ledger', partition: 0 }])
      const read = yield* Stream.runCollect(Stream.take(consumer.records, 2))
      return {
        failed,
        died: died._tag,
        committed: committed.length,
        read: read.map(({ value }) => text.decode(value!)).sort(),
      }
    })
    const expected = { failed: 'no', died: 'Failure', committed: 2, read: ['one', 'two'] }
    expect(await run(Effect.scoped(program))).toEqual(expected)
  })

  test('offsets count with the transaction; whoever was fenced is told so', async () => {
    const program = Effect.gen(function* () {
      yield* made('input')
      yield* made('output')
      const admin = yield* Admin
      yield* (yield* Producer).sendBatch(['a', 'b'].map((value) => ({ topic: 'input', value })))
      const producer = yield* makeProducer({ 'transactional.id': 'copier' }, { value: string })
      const consumer = yield* makeConsumer(
        { 'group.id': 'copier', 'auto.offset.reset': 'earliest', 'enable.auto.commit': false },
        { value: string },
      )
      yield* consumer.subscribe(['input'])
      const copy = consumer.records.pipe(
        Stream.take(2),
        Stream.runForEach(({ topic, partition, offset, value }) =>
          producer.transaction(
            Effect.gen(function* () {
              yield* producer.send({ topic: 'output', value })
              yield* producer.sendOffsets([{ topic, partition, offset: offset + 1 }], yield* consumer.groupMetadata)
            }),
          ),
        ),
      )
      yield* copy
      const listed = yield* admin.listConsumerGroupOffsets([{ groupId: 'copier' }], { requireStable: true })
      yield* admin.fenceProducers(['copier'])
      // As in Java: the send fails with the old epoch, and the abort finds out that somebody else is in charge.
      const zombie = Effect.flip(producer.transaction(producer.send({ topic: 'output', value: 'zombie' })))
      const [first, second] = [yield* zombie, yield* zombie]
      const offset = listed.get('copier')!.get('input-0')!.offset
      return [offset, first._tag, first.fatal, second._tag, second.fatal]
    })
    expect(await run(Effect.scoped(program))).toEqual([2, 'INVALID_PRODUCER_EPOCH', false, 'PRODUCER_FENCED', true])
  })
})
