/** The ten lines of TypeScript: a first pipeline, run without brokers. */
import { int64, string } from '@troupe/client/serdes'
import { expect, test } from 'vitest'
import { pipeline } from '../../src/dsl/pipeline.ts'
import { TestDriver } from '../../src/engine/test-driver.ts'

const app = pipeline('word-count', (p) => {
  p.stream('lines', { key: string, value: string })
    .flatMap((_key, line) => line.split(' ').map((word) => [word, word] as const))
    .groupByKey({ key: string, value: string })
    .count({ store: 'counts' })
    .toStream()
    .to('counts', { key: string, value: int64 })
})

test('word count - counts every word across two subtopologies', () => {
  const driver = new TestDriver(app, { partitions: 3 })
  driver.pipe({ topic: 'lines', value: 'to be or', timestamp: 5 })
  driver.pipe({ topic: 'lines', value: 'not to be', timestamp: 3 })
  const counted = driver.read('counts', { key: string, value: int64 })
  expect(counted.map(({ key, value, timestamp }) => `${key} ${value} @${timestamp}`).sort()).toEqual([
    'be 1 @5',
    'be 2 @5',
    'not 1 @3',
    'or 1 @5',
    'to 1 @5',
    'to 2 @5',
  ])
  expect(driver.readBytes('word-count-counts-repartition')).toHaveLength(6)
  expect(driver.readBytes('word-count-counts-changelog')).toHaveLength(6)
  expect(
    driver
      .store('counts')
      .map(({ key, value }) => `${key} ${value}`)
      .sort(),
  ).toEqual(['be 2', 'not 1', 'or 1', 'to 2'])
})

test('word count - describes itself as Kafka Streams would', () => {
  expect(app.describe()).toBe(`Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000000 (topics: [lines])
      --> KSTREAM-FLATMAP-0000000001
    Processor: KSTREAM-FLATMAP-0000000001 (stores: [])
      --> counts-repartition-filter
      <-- KSTREAM-SOURCE-0000000000
    Processor: counts-repartition-filter (stores: [])
      --> counts-repartition-sink
      <-- KSTREAM-FLATMAP-0000000001
    Sink: counts-repartition-sink (topic: word-count-counts-repartition)
      <-- counts-repartition-filter

   Sub-topology: 1
    Source: counts-repartition-source (topics: [word-count-counts-repartition])
      --> KSTREAM-AGGREGATE-0000000002
    Processor: KSTREAM-AGGREGATE-0000000002 (stores: [counts])
      --> KTABLE-TOSTREAM-0000000006
      <-- counts-repartition-source
    Processor: KTABLE-TOSTREAM-0000000006 (stores: [])
      --> KSTREAM-SINK-0000000007
      <-- KSTREAM-AGGREGATE-0000000002
    Sink: KSTREAM-SINK-0000000007 (topic: counts)
      <-- KTABLE-TOSTREAM-0000000006

`)
  expect(app.diagram()).toContain('subgraph s1["Sub-topology 1"]')
})
