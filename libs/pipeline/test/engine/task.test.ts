/** What a task promises to the thread that runs it. */
import { int32, json, string } from '@troupe/client/serdes'
import { expect, test } from 'vitest'
import { partitionForKey } from '@troupe/client/producer/partitioner'
import { pipeline } from '../../src/dsl/pipeline.ts'
import type { InputRecord, Task } from '../../src/engine/contract.ts'
import { decodeOffsetMetadata, encodeOffsetMetadata } from '../../src/engine/offset-metadata.ts'
import { createTask } from '../../src/engine/task.ts'
import { TestDriver } from '../../src/engine/test-driver.ts'
import { tumbling } from '../../src/windows.ts'

const text = { key: string, value: string }

function record(topic: string, offset: number, value: string | null, timestamp: number, key = 'k'): InputRecord {
  const bytes = value === null ? null : string.serialize(value)
  return {
    topic,
    partition: 0,
    offset,
    leaderEpoch: 3,
    timestamp,
    key: string.serialize(key),
    value: bytes,
    headers: [],
  }
}

function task(describe: Parameters<typeof pipeline>[1], topics: string[]): Task {
  return createTask(pipeline('app', describe).topology(), 0, 0, { counts: new Map(topics.map((topic) => [topic, 1])) })
}

test('task - takes the smallest timestamp at the head of its inputs, and keeps the order of a partition', () => {
  const merged = task((p) => p.stream(['a', 'b'], text).to('out'), ['a', 'b'])
  merged.add([record('a', 0, 'a5', 5), record('a', 1, 'a1', 1), record('b', 7, 'b3', 3), record('b', 8, 'b9', 9)])
  expect(merged.buffered()).toBe(4)
  const values = merged.process(3).outputs.map(({ value }) => string.deserialize(value))
  expect(values).toEqual(['b3', 'a5', 'a1'])
  expect(merged.streamTime).toBe(5)
  expect(merged.empty()).toEqual([{ topic: 'a', partition: 0 }])
  expect(merged.consumed().map(({ topic, offset, leaderEpoch }) => [topic, offset, leaderEpoch])).toEqual([
    ['a', 2, 3],
    ['b', 8, 3],
  ])
})

test('task - a poison record ends the batch, is left out at its node, and the rest goes on', () => {
  const app = task(
    (p) => {
      const numbers = p.stream('in', { key: string, value: json<{ n: number }>() })
      numbers.mapValues(({ n }) => n, { name: 'unwrap' }).to('numbers', { key: string, value: int32 })
      numbers.to('copies')
    },
    ['in'],
  )
  app.add([
    record('in', 0, '{"n":1}', 0),
    record('in', 1, 'no json', 0),
    record('in', 2, 'null', 0),
    record('in', 3, '{"n":2}', 0),
  ])
  const first = app.process(10)
  expect(first.taken).toBe(2)
  expect(first.outputs.map(({ topic }) => topic)).toEqual(['numbers', 'copies'])
  expect(first.poison).toMatchObject([
    { kind: 'deserialization', node: 'KSTREAM-SOURCE-0000000000', record: { offset: 1 } },
  ])
  const second = app.process(10)
  expect(second.taken).toBe(1)
  expect(second.outputs.map(({ topic }) => topic)).toEqual(['copies'])
  expect(second.poison).toMatchObject([{ kind: 'processing', node: 'unwrap', record: { offset: 2 } }])
  expect(app.process(10)).toMatchObject({ taken: 1, poison: [] })
  expect(app.consumed()[0]!.offset).toBe(4)
})

test('task - what cannot be serialised is a production poison', () => {
  const app = task(
    (p) =>
      p
        .stream('in', text)
        .to('out', { value: { ...string, serialize: () => expect.fail('not of this type') } } as never),
    ['in'],
  )
  app.add([record('in', 0, 'v', 0)])
  expect(app.process(1)).toMatchObject({
    taken: 1,
    outputs: [],
    poison: [{ kind: 'production', record: { offset: 0 } }],
  })
})

test('task - a negative timestamp is poison, unless an extractor knows better', () => {
  const plain = task((p) => p.stream('in', text).to('out'), ['in'])
  plain.add([record('in', 0, 'v', -1)])
  expect(plain.process(1).poison).toHaveLength(1)
  const extracted = task(
    (p) => p.stream('in', { ...text, timestamp: (_record, _key, value) => Number(value) }).to('out'),
    ['in'],
  )
  extracted.add([record('in', 0, '42', -1)])
  expect(extracted.process(1)).toMatchObject({ outputs: [{ timestamp: 42 }], poison: [] })
})

test('task - a windowed key goes to the partition of the key alone', () => {
  const app = pipeline('app', (p) => {
    const counted = p.stream('in', text).groupByKey().windowedBy(tumbling(10)).count()
    counted.toStream().to('out')
  })
  const partitionCount = (topic: string): number | undefined => (topic === 'out' ? 7 : undefined)
  const topology = app.topology()
  expect(topology.subtopologies[0]!.countedTopics).toEqual(['out'])
  const counting = createTask(topology, 0, 0, { counts: new Map([['in', 1]]), partitionCount })
  counting.add(['p', 'q', 'r'].map((key, at) => record('in', at, 'v', 5, key)))
  const out = counting.process(9).outputs.filter(({ topic }) => topic === 'out')
  expect(out.map(({ partition }) => partition)).toEqual(
    ['p', 'q', 'r'].map((key) => partitionForKey(string.serialize(key)!, 7)),
  )
})

test('metadata - is what Kafka Streams writes beside an offset', () => {
  // TopicPartitionMetadata: version 2, partition time; ProcessorMetadata: count, then name and time.
  expect(encodeOffsetMetadata({ partitionTime: 5, times: new Map() })).toBe('AgAAAAAAAAAF')
  const encoded = encodeOffsetMetadata({ partitionTime: 5, times: new Map([['store', 7]]) })
  expect(encoded).toBe(
    Buffer.from('020000000000000005000000010000000573746f72650000000000000007', 'hex').toString('base64'),
  )
  expect(decodeOffsetMetadata(encoded)).toEqual({ partitionTime: 5, times: new Map([['store', 7]]) })
  for (const foreign of ['', 'somebody else’s', 'AAAA', null])
    expect(decodeOffsetMetadata(foreign).partitionTime).toBe(-1)
})

test('late records - stay too late after a restart', () => {
  const app = pipeline('app', (p) => {
    const counted = p.stream('in', text).groupByKey().windowedBy(tumbling(10, 5)).count()
    counted.toStream((window) => `${window.key}@${window.start}`).to('out', { key: string })
  })
  const driver = new TestDriver(app)
  driver.pipe({ topic: 'in', key: 'k', value: 'v', timestamp: 20 })
  driver.restart()
  driver.pipe({ topic: 'in', key: 'k', value: 'late', timestamp: 4 })
  driver.pipe({ topic: 'in', key: 'k', value: 'in time', timestamp: 18 })
  expect(driver.readBytes('out').map(({ key }) => string.deserialize(key))).toEqual(['k@20', 'k@10'])
})
