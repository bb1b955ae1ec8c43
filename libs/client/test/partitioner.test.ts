/** Where records go. The hashes are those of Java's Utils.murmur2, as its own test has them. */
import { expect, test } from 'vitest'
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
