/** The producer's face against brokers of both kinds: acknowledgements, codecs, batches, transactions, errors. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Consumer, KafkaError, Producer, serdes, type ProducerConfig, type RecordMetadata } from '@troupe/client'
import { collect } from './collect.ts'
import { targets, type Brokers } from './targets.ts'

const { string, json, int32, float64 } = serdes

describe.each(targets)('producer on $name', (target) => {
  let brokers: Brokers
  beforeAll(async () => {
    if (target.skipped === null) brokers = await target.start()
  })
  afterAll(() => brokers?.stop())

  const it = test.skipIf(target.skipped !== null)
  const servers = (more: ProducerConfig = {}): ProducerConfig => ({ 'bootstrap.servers': brokers.bootstrap, ...more })

  async function readAll(topic: string, count: number, isolation = 'read_committed') {
    await using consumer = new Consumer(servers({ 'auto.offset.reset': 'earliest', 'isolation.level': isolation }), {
      key: string,
      value: string,
    })
    const partitions = await partitionsOf(topic)
    consumer.assign(partitions)
    return await collect(consumer, count)
  }

  async function partitionsOf(topic: string) {
    await using producer = new Producer(servers())
    return (await producer.partitionsFor(topic)).map(({ partition }) => ({ topic, partition }))
  }

  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('sends %s batches that a consumer reads', async (codec) => {
    const topic = await brokers.topic(2)
    await using producer = new Producer(servers({ 'compression.type': codec, 'linger.ms': 20 }))
    const sent = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        producer.send({ topic, key: `k${n % 7}`, value: `value ${n} ${'x'.repeat(n)}` }),
      ),
    )
    expect(
      sent
        .map(({ offset }) => offset)
        .sort((a, b) => a - b)
        .at(-1),
    ).toBeGreaterThanOrEqual(99)
    const read = await readAll(topic, 200)
    expect(read.map(({ value }) => value).sort()).toEqual(
      Array.from({ length: 200 }, (_, n) => `value ${n} ${'x'.repeat(n)}`).sort(),
    )
    const placed = new Set(read.map(({ key, partition }) => `${key} ${partition}`))
    expect(placed.size).toBe(7)
  })

  it.each([
    ['0', -1],
    ['1', 0],
    ['all', 0],
  ])('acks=%s: the record is in the log, its offset %i', async (acks, offset) => {
    const topic = await brokers.topic()
    await using producer = new Producer(servers({ acks }))
    const metadata = await producer.send({ topic, value: 'v', timestamp: 1234 })
    expect(metadata).toEqual({ topic, partition: 0, offset, timestamp: 1234 } satisfies RecordMetadata)
    const [record] = await readAll(topic, 1)
    expect(record).toMatchObject({ topic, offset: 0, timestamp: 1234, key: null, value: 'v' })
  })

  it('carries headers, tombstones and typed values', async () => {
    const topic = await brokers.topic()
    await using producer = new Producer(servers(), { key: int32, value: serdes.nullable(json<{ n: number }>()) })
    await producer.send({ topic, key: 7, value: { n: 1 }, headers: { trace: 'é', empty: null } })
    await producer.send({ topic, key: 7, value: null, headers: [{ key: 'a', value: Uint8Array.of(1) }] })
    await using consumer = new Consumer(servers({ 'auto.offset.reset': 'earliest' }), {
      key: int32,
      value: serdes.nullable(json<{ n: number }>()),
    })
    consumer.assign([{ topic, partition: 0 }])
    const [first, second] = await collect(consumer, 2)
    expect(first).toMatchObject({ key: 7, value: { n: 1 } })
    expect(first!.headers.map(({ key, value }) => [key, value && string.deserialize(value)])).toEqual([
      ['trace', 'é'],
      ['empty', null],
    ])
    expect(second).toMatchObject({ key: 7, value: null })
    expect([...second!.headers[0]!.value!]).toEqual([1])
  })

  it('sends a batch with one Promise, in order, with the metadata of each', async () => {
    const topic = await brokers.topic()
    await using producer = new Producer(servers())
    const sent = await producer.sendBatch(Array.from({ length: 1000 }, (_, n) => ({ topic, value: String(n) })))
    expect(sent.map(({ offset }) => offset)).toEqual(Array.from({ length: 1000 }, (_, n) => n))
    expect((await readAll(topic, 1000)).map(({ value }) => Number(value))).toEqual(sent.map(({ offset }) => offset))
  })

  it('tells how much is under way, and lets a sender wait for room', async () => {
    const topic = await brokers.topic()
    await using producer = new Producer(servers({ 'buffer.memory': 40_000, 'linger.ms': 0 }))
    const all: Promise<RecordMetadata>[] = []
    let most = 0
    for (let n = 0; n < 300; n++) {
      await producer.ready()
      all.push(producer.send({ topic, value: 'x'.repeat(1000) }))
      most = Math.max(most, producer.bufferedBytes)
    }
    await Promise.all(all)
    expect(most).toBeGreaterThan(39_000)
    expect(most).toBeLessThan(42_000)
    expect(producer.bufferedBytes).toBe(0)
  })

  it('flush is kept when everything sent before is in the log, whatever linger.ms says', async () => {
    const topic = await brokers.topic()
    await using producer = new Producer(servers({ 'linger.ms': 60_000, 'delivery.timeout.ms': 120_000 }))
    let acknowledged = false
    void producer.send({ topic, value: 'v' }).then(() => (acknowledged = true))
    await producer.flush()
    expect(acknowledged).toBe(true)
  })

  it('refuses a record that is too large, and a partition that is not there', async () => {
    const topic = await brokers.topic()
    await using producer = new Producer(servers({ 'max.block.ms': 300 }))
    await expect(producer.send({ topic, value: 'x'.repeat(1_100_000) })).rejects.toMatchObject({
      name: 'MESSAGE_TOO_LARGE',
      retriable: false,
    })
    await expect(producer.send({ topic, value: 'x', partition: 9 })).rejects.toMatchObject({
      name: 'REQUEST_TIMED_OUT',
      retriable: true,
    })
    await expect(producer.send({ topic, value: 'x', partition: -1 })).rejects.toMatchObject({
      name: 'IllegalArgumentException',
    })
    await expect(producer.send({ topic, value: 1 as never })).rejects.toMatchObject({ name: 'SerializationException' })
  })

  it('places records as a partitioner of the application says', async () => {
    const topic = await brokers.topic(3)
    await using producer = new Producer(servers(), { value: float64, partitioner: (_t, _k, _v, count) => count - 1 })
    expect(await producer.send({ topic, value: 0.5 })).toMatchObject({ partition: 2 })
  })

  it('tells interceptors what is sent and what became of it', async () => {
    const topic = await brokers.topic()
    const heard: unknown[] = []
    await using producer = new Producer(servers(), {
      interceptors: [
        {
          onSend: (record) => ({ ...record, value: `${record.value}!` }),
          onAcknowledgement: (metadata, error, { value }) => heard.push([metadata?.offset, error, value]),
        },
      ],
    })
    await producer.send({ topic, value: 'a' })
    await producer.sendBatch([{ topic, value: 'b' }])
    expect(heard).toEqual([
      [0, null, 'a!'],
      [1, null, 'b!'],
    ])
    expect((await readAll(topic, 2)).map(({ value }) => value)).toEqual(['a!', 'b!'])
  })

  it('commits and aborts transactions; read_committed sees only what was committed', async () => {
    const topic = await brokers.topic()
    await using producer = new Producer(servers({ 'transactional.id': `tx-${topic}` }))
    await producer.initTransactions()
    for (const outcome of ['commit', 'abort', 'commit'] as const) {
      await producer.beginTransaction()
      await producer.send({ topic, value: outcome })
      if (outcome === 'commit') await producer.commitTransaction()
      else await producer.abortTransaction()
    }
    expect((await readAll(topic, 2)).map(({ value }) => value)).toEqual(['commit', 'commit'])
    expect((await readAll(topic, 3, 'read_uncommitted')).map(({ value }) => value)).toEqual([
      'commit',
      'abort',
      'commit',
    ])
  })

  it('commits a consumer’s offsets with a transaction', async () => {
    const topic = await brokers.topic()
    await using producer = new Producer(servers({ 'transactional.id': `tx-${topic}` }))
    await producer.initTransactions()
    await producer.beginTransaction()
    await producer.send({ topic, value: 'in' })
    await producer.commitTransaction()
    const group = { 'group.id': `g-${topic}`, 'enable.auto.commit': false, 'auto.offset.reset': 'earliest' }
    await using consumer = new Consumer(servers({ ...group, 'isolation.level': 'read_committed' }))
    consumer.subscribe([topic])
    const [record] = await collect(consumer, 1)
    await producer.beginTransaction()
    const offsets = [{ topic, partition: 0, offset: record!.offset + 1 }]
    await producer.sendOffsetsToTransaction(offsets, await consumer.groupMetadata())
    await producer.commitTransaction()
    expect(await consumer.committed([{ topic, partition: 0 }])).toMatchObject([{ topic, partition: 0, offset: 1 }])
  })

  it('is fenced by a second producer of the same transactional.id: fatal', async () => {
    const topic = await brokers.topic()
    const config = servers({ 'transactional.id': `tx-${topic}` })
    await using zombie = new Producer(config)
    await zombie.initTransactions()
    await zombie.beginTransaction()
    await zombie.send({ topic, value: 'zombie' })
    await using successor = new Producer(config)
    await successor.initTransactions()
    const error = await zombie.commitTransaction().then(
      () => null,
      (thrown: KafkaError) => thrown,
    )
    expect(error).toBeInstanceOf(KafkaError)
    expect(error).toMatchObject({ fatal: true, retriable: false, abortable: false })
    expect(error!.name).toMatch(/PRODUCER_FENCED|INVALID_PRODUCER_EPOCH/)
  })

  it('says what is wrong with the order of transactional calls', async () => {
    await using producer = new Producer(servers({ 'transactional.id': 'order' }))
    await expect(producer.beginTransaction()).rejects.toMatchObject({ name: 'IllegalStateException', fatal: false })
    await using plain = new Producer(servers())
    await expect(plain.initTransactions()).rejects.toMatchObject({ name: 'IllegalStateException' })
  })

  it('is closed once, and refuses everything then', async () => {
    const topic = await brokers.topic()
    const producer = new Producer(servers({ 'linger.ms': 1000 }))
    const sent = producer.send({ topic, value: 'last' })
    await Promise.all([producer.close(), producer.close()])
    expect(await sent).toMatchObject({ offset: 0 })
    await expect(producer.send({ topic, value: 'late' })).rejects.toMatchObject({ name: 'IllegalStateException' })
    await expect(producer.flush()).rejects.toMatchObject({ name: 'IllegalStateException' })
  })
})
