/** Where records go. The hashes are those of Java's Utils.murmur2, as its own test has them. */
import { expect, test } from 'vitest'
import { KafkaError } from '@troupe/wire/errors'
import { murmur2, partitionForKey } from '../src/producer/partitioner.ts'
import { ProducerStage } from './producer-stage.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test('murmur2 is that of Java', () => {
  const known: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ]
  for (const [text, hash] of known) expect([text, murmur2(bytes(text))]).toEqual([text, hash])
  expect(murmur2(new Uint8Array([97, 98, 99]))).toBe(479470107)
})

test('a key always goes to the same partition, also a negative hash', () => {
  expect([partitionForKey(bytes('21'), 10), (-973932308 & 0x7fffffff) % 10]).toEqual([0, 0])
  const stage = new ProducerStage()
  const partitions = ['21', 'foobar', 'abc', '21'].map((key) => {
    const id = stage.sendRecord({ key: bytes(key) })
    return stage.answer(id).partition
  })
  expect(partitions).toEqual(['21', 'foobar', 'abc', '21'].map((key) => partitionForKey(bytes(key), 2)))
})

test('without a key, records stay on a partition for a batch of bytes, and then move on', () => {
  const stage = new ProducerStage({
    'batch.size': 1000,
    'linger.ms': 5,
    'partitioner.adaptive.partitioning.enable': false,
  })
  stage.brokers.add('wide', [1, 2, 3, 1, 2, 3])
  let draw = 0
  stage.random = () => draw++
  const ids = Array.from({ length: 60 }, () => stage.sendRecord({ topic: 'wide', value: new Uint8Array(100) }))
  stage.advance(100)
  const partitions = ids.map((id) => stage.answer(id).partition)
  const changes = partitions.filter((partition, index) => index > 0 && partition !== partitions[index - 1])
  expect(changes.length).toBeGreaterThanOrEqual(3)
  expect(changes.length).toBeLessThanOrEqual(8)
})

test('a partition with a long queue gets fewer records', () => {
  const stage = new ProducerStage({ 'batch.size': 200, 'max.in.flight.requests.per.connection': 1 })
  stage.brokers.add('two', [1, 2])
  stage.held.add('Produce')
  let seed = 7
  stage.random = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 1
  for (let n = 0; n < 100; n++) stage.sendRecord({ topic: 'two', value: new Uint8Array(150) })
  const queues = [0, 1].map((n) => stage.producer.partitions.get(`two-${n}`)!.batches.length)
  expect(queues[0]! + queues[1]!).toBeGreaterThanOrEqual(50)
  // Pure chance would differ by more than this in the longer run; the shorter queue is preferred.
  expect(Math.abs(queues[0]! - queues[1]!)).toBeLessThan(12)
})

test('roundrobin: every partition that has a leader in turn, whatever the key', () => {
  for (const name of ['roundrobin', 'org.apache.kafka.clients.producer.RoundRobinPartitioner']) {
    const stage = new ProducerStage({ 'partitioner.class': name })
    stage.brokers.add('wide', [1, -1, 2, 3])
    const ids = [0, 1, 2, 3, 4].map(() => stage.sendRecord({ topic: 'wide', key: bytes('same') }))
    expect(ids.map((id) => stage.answer(id).partition)).toEqual([0, 2, 3, 0, 2])
  }
})

test('a turn is taken once, also by a record that waits for memory', () => {
  const stage = new ProducerStage({ 'partitioner.class': 'roundrobin', 'batch.size': 200, 'buffer.memory': 200 })
  stage.held.add('Produce')
  const ids = [0, 1, 2].map(() => stage.sendRecord({ value: new Uint8Array(100) }))
  for (let n = 0; n < 3; n++) stage.respondAsBroker(stage.open('Produce'))
  expect(ids.map((id) => stage.answer(id).partition)).toEqual([0, 1, 0])
})

test('a partitioner that nobody knows is refused at the start', () => {
  expect(() => new ProducerStage({ 'partitioner.class': 'com.example.Mine' })).toThrow('com.example.Mine')
})

test('the partitioner of the application is asked for every record without a partition', () => {
  const asked: unknown[] = []
  const stage = new ProducerStage({}, {}, 2, (topic, key, value, count, available) => {
    asked.push([topic, key, value, count, available])
    return key === null ? 7 : key[0]!
  })
  stage.brokers.add('wide', [1, -1, 2])
  const ids = [
    stage.sendRecord({ topic: 'wide', key: Uint8Array.of(2), value: null }),
    stage.sendRecord({ topic: 'wide', key: null }),
    stage.sendRecord({ topic: 'wide', partition: 0 }),
  ]
  expect(asked.map((each) => JSON.stringify(each))).toEqual([
    '["wide",{"0":2},null,3,[0,2]]',
    '["wide",null,{"0":118},3,[0,2]]',
  ])
  expect(ids.map((id) => [stage.answer(id).error, stage.answer(id).partition])).toEqual([
    [0, 2],
    [KafkaError.INVALID_PARTITIONS, -1],
    [0, 0],
  ])
})

test('a partitioner that throws fails its record, not the producer', () => {
  const stage = new ProducerStage({}, {}, 2, (_, key) => {
    if (key === null) throw new TypeError('no key')
    return 0
  })
  const ids = [stage.sendRecord({}), stage.sendRecord({ key: bytes('k') })]
  expect(ids.map((id) => stage.answer(id).detail)).toEqual(['the partitioner threw: no key', null])
})

test('KIP-794: the partitions of a broker that takes nothing are left out after partitioner.availability.timeout.ms', () => {
  const share = (timeoutMs: number): number => {
    const stage = new ProducerStage({
      'batch.size': 200,
      'partitioner.availability.timeout.ms': timeoutMs,
      'max.in.flight.requests.per.connection': 2,
    })
    stage.brokers.add('two', [1, 2])
    let draw = 0
    stage.random = () => draw++
    stage.sendRecord({ topic: 'two', partition: 1, value: new Uint8Array(150) })
    stage.held.add('Produce')
    // Broker 2 has got two requests and does not answer; the next batch waits.
    for (let n = 0; n < 3; n++) stage.sendRecord({ topic: 'two', partition: 1, value: new Uint8Array(150) })
    stage.advance(150)
    stage.held.delete('Produce')
    const ids = Array.from({ length: 30 }, () => stage.sendRecord({ topic: 'two', value: new Uint8Array(150) }))
    return ids.filter((id) => stage.answer(id) === undefined).length
  }
  expect([share(0) > 0, share(100)]).toEqual([true, 0])
})
