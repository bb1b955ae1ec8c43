/** Outside systems: what may come before them, and what they are given. */
import { int64, string } from '@troupe/client/serdes'
import { expect, test } from 'vitest'
import { pipeline } from '../../src/dsl/pipeline.ts'
import { TestDriver } from '../../src/engine/test-driver.ts'
import type { Sink } from '../../src/topology.ts'

const text = { key: string, value: string }

function sink<K, V>(name: string): Sink<K, V> {
  return { name, open: () => expect.fail('the core does not open sinks') }
}

test('toSink - a stateless pipeline of one topic writes there directly, with the offsets of its input', () => {
  const app = pipeline('app', (p) => {
    p.stream('in', text)
      .flatMapValues((value) => value.split(','))
      .toSink(sink<string, string>('db'))
  })
  expect(app.topology().subtopologies.map(({ external }) => external?.name)).toEqual(['db'])
  const driver = new TestDriver(app)
  driver.pipe({ topic: 'in', key: 'k', value: 'a,b', timestamp: 1 })
  driver.pipe({ topic: 'in', key: 'k', value: 'c', timestamp: 2 })
  const seen = driver.readSink<string, string>('db').map(({ key, value, offset }) => [key, value, offset])
  expect(seen).toEqual([
    ['k', 'a', 0],
    ['k', 'b', 0],
    ['k', 'c', 1],
  ])
})

test.each<[string, Parameters<typeof pipeline>[1]]>([
  ['state', (p) => p.stream('in', text).groupByKey().count({ store: 'n' }).toStream().toSink(sink('db'))],
  ['several topics', (p) => p.stream(['in', 'b'], text).toSink(sink('db'))],
  [
    'another output',
    (p) => {
      const stream = p.stream('in', text)
      stream.to('out')
      stream.toSink(sink('db'))
    },
  ],
])('toSink - after %s a topic comes before it', (_why, describe) => {
  const app = pipeline('app', describe)
  const { subtopologies } = app.topology()
  expect(subtopologies.map(({ external }) => external?.name ?? null)).toEqual([null, 'db'])
  const [topic] = subtopologies[1]!.sourceTopics
  expect(topic).toMatch(/^app-EXTERNAL-SINK-\d{10}-repartition$/)
  expect(subtopologies[1]).toMatchObject({ stores: [], sinkTopics: [], sourceTopics: [topic] })
  const driver = new TestDriver(app)
  driver.pipe({ topic: 'in', key: 'k', value: 'v', timestamp: 1 })
  expect(driver.readSink('db')).toMatchObject([{ key: 'k', offset: 0, timestamp: 1 }])
})

test('serdes - one that nobody gave is missed when the pipeline is put together', () => {
  const app = pipeline('app', (p) =>
    p
      .stream('in', text)
      .map((key, value) => [value, key])
      .to('out'),
  )
  expect(() => app.topology()).toThrow(
    'Please specify a key serde for KSTREAM-SINK-0000000002, or set default.key.serde',
  )
  const defaults = { 'default.key.serde': string, 'default.value.serde': int64 }
  expect(pipeline('app', (p) => p.stream('in').to('out'), defaults).topology().nodes.size).toBe(2)
})

test('names - a store or processor cannot be there twice, overlapping sources cannot be told apart', () => {
  const twice = (): unknown =>
    pipeline('app', (p) => {
      p.table('a', { ...text, store: 'rows' })
      p.table('b', { ...text, store: 'rows' })
    })
  expect(twice).toThrow('A different StateStore has already been added with the name rows')
  const overlapping = (): unknown =>
    pipeline('app', (p) => {
      p.stream(['a', 'b'], text)
      p.stream('b', text)
    })
  expect(overlapping).toThrow('overlapping but not equal input topics')
})

test('suppress - until a window closes needs windows', () => {
  const app = (): unknown => pipeline('app', (p) => p.table('t', text).suppress('untilWindowCloses'))
  expect(app).toThrow('Window close time is only defined for windowed computations')
})
