/** The consumer's face against brokers of both kinds: positions, commits, iteration, groups, the end. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Consumer, Producer, serdes, type ConsumerConfig, type ConsumerRecord } from '@troupe/client'
import { collect, take } from './collect.ts'
import { targets, type Brokers } from './targets.ts'

const { string } = serdes

describe.each(targets)('consumer on $name', (target) => {
  let brokers: Brokers
  let producer: Producer
  beforeAll(async () => {
    if (target.skipped !== null) return
    brokers = await target.start()
    producer = new Producer({ 'bootstrap.servers': brokers.bootstrap })
  })
  afterAll(async () => {
    await producer?.close()
    await brokers?.stop()
  })

  const it = test.skipIf(target.skipped !== null)

  function consume(more: ConsumerConfig = {}) {
    const properties = { 'bootstrap.servers': brokers.bootstrap, 'auto.offset.reset': 'earliest', ...more }
    return new Consumer(properties, { key: string, value: string })
  }

  async function filled(count: number, partitions = 1): Promise<string> {
    const topic = await brokers.topic(partitions)
    const record = (n: number) => ({ topic, value: String(n), partition: n % partitions, timestamp: 1000 + n })
    await producer.sendBatch(Array.from({ length: count }, (_, n) => record(n)))
    return topic
  }

  const values = (records: readonly ConsumerRecord<string, string>[]) => records.map(({ value }) => Number(value))
  const upTo = (count: number, from = 0) => Array.from({ length: count - from }, (_, n) => from + n)

  it('reads assigned partitions from where it is told to', async () => {
    const topic = await filled(100)
    const at = { topic, partition: 0 }
    await using consumer = consume()
    consumer.assign([at])
    expect(consumer.assignment()).toEqual([at])
    expect(values(await collect(consumer, 100))).toEqual(upTo(100))
    expect(await consumer.position(at)).toBe(100)
    consumer.seek(at, 42)
    expect(await consumer.position(at)).toBe(42)
    expect(values(await collect(consumer, 58))).toEqual(upTo(100, 42))
    consumer.seekToBeginning()
    expect(values(await consumer.poll({ timeoutMs: 5000, maxRecords: 3 }))).toEqual([0, 1, 2])
    consumer.seekToEnd()
    expect(await consumer.poll({ timeoutMs: 100 })).toEqual([])
    expect(await consumer.position(at)).toBe(100)
    expect(() => consumer.seek({ topic, partition: 1 }, 0)).toThrow(/No current assignment for partition/)
  })

  it('tells offsets: beginning, end, and by time', async () => {
    const topic = await filled(50, 2)
    const partitions = [0, 1].map((partition) => ({ topic, partition }))
    await using consumer = consume()
    const offsets = (found: readonly { partition: number; offset: number }[]) =>
      found.map(({ partition, offset }) => [partition, offset]).sort()
    expect(offsets(await consumer.beginningOffsets(partitions))).toEqual([
      [0, 0],
      [1, 0],
    ])
    expect(offsets(await consumer.endOffsets(partitions))).toEqual([
      [0, 25],
      [1, 25],
    ])
    const asked = [
      { topic, partition: 0, timestamp: 1009 },
      { topic, partition: 1, timestamp: 99_999 },
    ]
    expect(await consumer.offsetsForTimes(asked)).toMatchObject([{ topic, partition: 0, offset: 5, timestamp: 1010 }])
    consumer.assign([{ topic, partition: 0 }])
    consumer.seekToTime(1020)
    expect(values(await consumer.poll({ timeoutMs: 5000 }))[0]).toBe(20)
  })

  it('does not hand out records of paused partitions', async () => {
    const topic = await filled(20, 2)
    const [zero, one] = [0, 1].map((partition) => ({ topic, partition })) as [never, never]
    await using consumer = consume()
    consumer.assign([zero, one])
    consumer.pause([one])
    expect(consumer.paused()).toEqual([one])
    expect((await collect(consumer, 10)).every(({ partition }) => partition === 0)).toBe(true)
    expect(await consumer.poll({ timeoutMs: 200 })).toEqual([])
    consumer.resume([one])
    expect((await collect(consumer, 10)).every(({ partition }) => partition === 1)).toBe(true)
  })

  it('pausing within a loop holds back what was pulled already', async () => {
    const topic = await filled(20, 2)
    const one = { topic, partition: 1 }
    await using consumer = consume()
    consumer.assign([{ topic, partition: 0 }, one])
    const seen: ConsumerRecord<string, string>[] = []
    for await (const record of consumer) {
      if (seen.length === 0) consumer.pause([one])
      seen.push(record)
      if (seen.filter(({ partition }) => partition === 0).length === 10) break
    }
    expect(seen.filter(({ partition }) => partition === 1).length).toBeLessThanOrEqual(1)
    consumer.resume([one])
    const rest = await collect(consumer, 20 - seen.length)
    expect(values([...seen, ...rest]).sort((a, b) => a - b)).toEqual(upTo(20))
  })

  it('iterates by pulling; after a break the next loop goes on where it was', async () => {
    const topic = await filled(1200)
    await using consumer = consume({ 'max.poll.records': 100 })
    consumer.assign([{ topic, partition: 0 }])
    const seen: number[] = []
    for (const stop of [7, 450, 1200]) {
      for await (const record of consumer) {
        seen.push(Number(record.value))
        if (seen.length === stop) break
      }
      expect(await consumer.position({ topic, partition: 0 })).toBe(stop)
    }
    expect(seen).toEqual(upTo(1200))
  })

  it('iterates poll by poll', async () => {
    const topic = await filled(250)
    await using consumer = consume({ 'max.poll.records': 100 })
    consumer.assign([{ topic, partition: 0 }])
    const sizes: number[] = []
    for await (const batch of consumer.batches()) {
      sizes.push(batch.length)
      if (sizes.reduce((sum, size) => sum + size) === 250) break
    }
    expect(Math.max(...sizes)).toBe(100)
  })

  it('commits what was handed out, and not what a loop has pulled beside', async () => {
    const topic = await filled(100)
    const group = { 'group.id': `g-${topic}`, 'enable.auto.commit': false }
    const at = [{ topic, partition: 0 }]
    await using consumer = consume(group)
    consumer.subscribe([topic])
    expect(values(await take(consumer, 10))).toEqual(upTo(10))
    await consumer.commit()
    expect(await consumer.committed(at)).toMatchObject([{ offset: 10 }])
    await consumer.commit([{ topic, partition: 0, offset: 5, metadata: 'half' }])
    expect(await consumer.committed(at)).toMatchObject([{ offset: 5, metadata: 'half' }])
    await consumer.commit([{ topic, partition: 0, offset: 6 }], { once: true })
    expect(await consumer.committed(at)).toMatchObject([{ offset: 6 }])
  })

  it('close commits what was handed out when enable.auto.commit says so', async () => {
    const topic = await filled(100)
    const group = { 'group.id': `g-${topic}` }
    const first = consume(group)
    first.subscribe([topic])
    expect(values(await take(first, 33))).toEqual(upTo(33))
    await first.close()
    await using second = consume(group)
    second.subscribe([topic])
    expect(values(await collect(second, 67))).toEqual(upTo(100, 33))
  })

  it('subscribes by expression, also to topics that are made later', async () => {
    const prefix = await brokers.topic()
    const first = await filled(3)
    await using consumer = consume({ 'group.id': `g-${prefix}`, 'metadata.max.age.ms': 200 })
    consumer.subscribe(new RegExp(`^${first}|-later-${prefix}$`))
    expect(new Set((await collect(consumer, 3)).map(({ topic }) => topic))).toEqual(new Set([first]))
    const later = `x-later-${prefix}`
    await producer.send({ topic: later, value: '1' })
    expect((await collect(consumer, 1))[0]).toMatchObject({ topic: later })
  })

  it('stops at a record that cannot be read, until the application seeks past it', async () => {
    const topic = await brokers.topic()
    await producer.sendBatch(['1', '2', 'poison', '4'].map((value) => ({ topic, value })))
    const properties = { 'bootstrap.servers': brokers.bootstrap, 'auto.offset.reset': 'earliest' }
    await using consumer = new Consumer(properties, { value: serdes.json<number>() })
    consumer.assign([{ topic, partition: 0 }])
    expect((await consumer.poll({ timeoutMs: 5000 })).map(({ value }) => value)).toEqual([1, 2])
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(consumer.poll({ timeoutMs: 5000 })).rejects.toMatchObject({
        name: 'RecordDeserializationException',
        topic,
        partition: 0,
        offset: 2,
      })
    expect(await consumer.position({ topic, partition: 0 })).toBe(2)
    consumer.seek({ topic, partition: 0 }, 3)
    expect((await collect(consumer, 1)).map(({ value }) => value)).toEqual([4])
  })

  it('auto.offset.reset=none says that there is no offset', async () => {
    const topic = await filled(1)
    await using consumer = consume({ 'auto.offset.reset': 'none', 'group.id': `g-${topic}` })
    consumer.assign([{ topic, partition: 0 }])
    const error = await consumer.poll({ timeoutMs: 5000 }).then(
      () => null,
      (thrown: Error) => thrown,
    )
    expect(error?.message).toMatch(/offset/i)
  })

  it('a wakeup, an aborted signal and a close end a poll that waits', async () => {
    const topic = await brokers.topic()
    const consumer = consume()
    consumer.assign([{ topic, partition: 0 }])
    const waiting = consumer.poll({ timeoutMs: 60_000 })
    consumer.wakeup()
    await expect(waiting).rejects.toMatchObject({ name: 'WakeupException' })
    const abort = new AbortController()
    const aborted = consumer.poll({ timeoutMs: 60_000, signal: abort.signal })
    abort.abort(new RangeError('enough'))
    await expect(aborted).rejects.toThrow('enough')
    const stop = new AbortController()
    const loop = (async () => {
      const seen: number[] = []
      for await (const { value } of consumer.records({ signal: stop.signal })) {
        seen.push(Number(value))
        stop.abort()
      }
      return seen
    })()
    await producer.sendBatch(upTo(5).map((n) => ({ topic, value: String(n) })))
    expect(await loop).toEqual([0])
    expect(values(await collect(consumer, 4))).toEqual(upTo(5, 1))
    const last = consumer.poll({ timeoutMs: 60_000 })
    await consumer.close()
    expect(await last).toEqual([])
    await expect(consumer.poll()).rejects.toThrow('This consumer has already been closed.')
  })

  it('refuses two polls at once, and polls without a subscription', async () => {
    const topic = await brokers.topic()
    await using consumer = consume()
    await expect(consumer.poll()).rejects.toMatchObject({ name: 'IllegalStateException' })
    expect(() => consumer.subscribe([topic])).toThrow(/valid group.id/)
    consumer.assign([{ topic, partition: 0 }])
    const first = consumer.poll({ timeoutMs: 300 })
    await expect(consumer.poll()).rejects.toMatchObject({ name: 'ConcurrentModificationException' })
    await first
  })
})
