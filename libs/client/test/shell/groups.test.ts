/** Consumer groups through the face: rebalances of both protocols, listeners, static members. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Consumer, Producer, type ConsumerConfig, type RebalanceListener, type TopicPartition } from '@troupe/client'
import { pollUntil } from './collect.ts'
import { targets, type Brokers } from './targets.ts'

describe.each(targets)('groups on $name', (target) => {
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
  const numbers = (partitions: readonly TopicPartition[]) => partitions.map(({ partition }) => partition).sort()

  /** A member that writes down what its listener hears. */
  function member(group: string, name: string, heard: string[], more: ConsumerConfig = {}) {
    const consumer: Consumer<never, never> = new Consumer({
      'bootstrap.servers': brokers.bootstrap,
      'group.id': group,
      'auto.offset.reset': 'earliest',
      'heartbeat.interval.ms': 100,
      ...more,
    })
    const listener: RebalanceListener = {
      onAssigned: (partitions) => void heard.push(`${name} + ${numbers(partitions)}`),
      onRevoked: (partitions) => void heard.push(`${name} - ${numbers(partitions)}`),
      onLost: (partitions) => void heard.push(`${name} lost ${numbers(partitions)}`),
    }
    return { consumer, listener }
  }

  it('eager: everything is given up, and shared out anew', async () => {
    const topic = await brokers.topic(4)
    const heard: string[] = []
    const eager = { 'partition.assignment.strategy': 'range' }
    const a = member(`g-${topic}`, 'a', heard, eager)
    await using first = a.consumer
    first.subscribe([topic], a.listener)
    await pollUntil([first], () => first.assignment().length === 4)
    const b = member(`g-${topic}`, 'b', heard, eager)
    const second = b.consumer
    second.subscribe([topic], b.listener)
    await pollUntil([first, second], () => first.assignment().length === 2 && second.assignment().length === 2)
    expect(heard.slice(0, 2)).toEqual(['a + 0,1,2,3', 'a - 0,1,2,3'])
    expect(
      heard
        .slice(2)
        .map((line) => line.slice(1))
        .sort(),
    ).toEqual([' + 0,1', ' + 2,3'])
    await second.close()
    expect(heard.at(-1)).toMatch(/^b - /)
    await pollUntil([first], () => first.assignment().length === 4)
  })

  it('cooperative: only what moves is given up', async () => {
    const topic = await brokers.topic(4)
    const heard: string[] = []
    const cooperative = { 'partition.assignment.strategy': 'cooperative-sticky' }
    const a = member(`g-${topic}`, 'a', heard, cooperative)
    const b = member(`g-${topic}`, 'b', heard, cooperative)
    await using first = a.consumer
    await using second = b.consumer
    first.subscribe([topic], a.listener)
    await pollUntil([first], () => first.assignment().length === 4)
    second.subscribe([topic], b.listener)
    await pollUntil([first, second], () => first.assignment().length === 2 && second.assignment().length === 2)
    const kept = numbers(first.assignment())
    const moved = numbers(second.assignment())
    expect([...kept, ...moved].sort()).toEqual([0, 1, 2, 3])
    const said = heard.filter((line) => !/[+-] $/.test(line))
    expect(said).toEqual(['a + 0,1,2,3', `a - ${moved}`, `b + ${moved}`])
  })

  it('a listener is awaited: what it commits before giving up is where the next owner begins', async () => {
    const topic = await brokers.topic(1)
    await producer.sendBatch(Array.from({ length: 10 }, (_, n) => ({ topic, value: String(n) })))
    const config = { 'enable.auto.commit': false, 'max.poll.records': 4, 'partition.assignment.strategy': 'range' }
    const first = member(`g-${topic}`, 'a', [], config).consumer
    first.subscribe([topic], {
      async onRevoked() {
        await new Promise((resolve) => setImmediate(resolve))
        await first.commit()
      },
    })
    const seen: number[] = []
    while (seen.length < 4) seen.push(...(await first.poll()).map(({ offset }) => offset))
    await first.close()
    await using second = member(`g-${topic}`, 'b', [], config).consumer
    second.subscribe([topic])
    const [next] = await untilRecords(second)
    expect(next!.offset).toBe(4)
  })

  async function untilRecords(consumer: Consumer<never, never>) {
    for (;;) {
      const records = await consumer.poll()
      if (records.length > 0) return records
    }
  }

  it('a static member that comes back has its partitions at once, and nobody else hears of it', async () => {
    const topic = await brokers.topic(2)
    const heard: string[] = []
    const config = (id: string) => ({ 'group.instance.id': id, 'partition.assignment.strategy': 'range' })
    const a = member(`g-${topic}`, 'a', heard, config('one'))
    const b = member(`g-${topic}`, 'b', heard, config('two'))
    await using first = a.consumer
    first.subscribe([topic], a.listener)
    b.consumer.subscribe([topic], b.listener)
    await pollUntil(
      [first, b.consumer],
      () => first.assignment().length + b.consumer.assignment().length === 2 && first.assignment().length === 1,
    )
    const mine = numbers(b.consumer.assignment())
    await b.consumer.close()
    const before = heard.filter((line) => line.startsWith('a')).length
    const again = member(`g-${topic}`, 'b', heard, config('two'))
    await using back = again.consumer
    back.subscribe([topic], again.listener)
    await pollUntil([first, back], () => back.assignment().length === 1)
    expect(numbers(back.assignment())).toEqual(mine)
    expect(heard.filter((line) => line.startsWith('a')).length).toBe(before)
  })

  it('what a listener throws comes out of poll', async () => {
    const topic = await brokers.topic(1)
    await using consumer = member(`g-${topic}`, 'a', []).consumer
    consumer.subscribe([topic], {
      onAssigned() {
        throw new RangeError('not ready')
      },
    })
    const error = await (async () => {
      for (;;) await consumer.poll()
    })().catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ name: 'KafkaException', cause: expect.objectContaining({ message: 'not ready' }) })
    expect(consumer.assignment().length).toBe(1)
  })

  it('unsubscribe gives everything up and leaves', async () => {
    const topic = await brokers.topic(2)
    const heard: string[] = []
    const { consumer, listener } = member(`g-${topic}`, 'a', heard)
    consumer.subscribe([topic], listener)
    await pollUntil([consumer], () => consumer.assignment().length === 2)
    await consumer.unsubscribe()
    expect(consumer.assignment()).toEqual([])
    expect(heard).toEqual(['a + 0,1', 'a - 0,1'])
    consumer.assign([{ topic, partition: 1 }])
    expect(await consumer.position({ topic, partition: 1 })).toBe(0)
    await consumer.close()
  })
})
