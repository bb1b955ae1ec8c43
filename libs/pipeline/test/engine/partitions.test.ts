/** Partitions of internal topics, and what Kafka Streams refuses. */
import { string } from '@troupe/client/serdes'
import { expect, test } from 'vitest'
import { pipeline, type PipelineBuilder } from '../../src/dsl/pipeline.ts'
import { partitionCounts, tasksOf } from '../../src/engine/partitions.ts'
import { within } from '../../src/windows.ts'

const text = { key: string, value: string }

function counts(topics: Record<string, number>, describe: (p: PipelineBuilder) => void): Record<string, number> {
  return Object.fromEntries(partitionCounts(pipeline('app', describe).topology(), (topic) => topics[topic]))
}

test('partitions - a repartition topic is as large as the largest topic before it, a changelog as its task', () => {
  const app = (p: PipelineBuilder): void => {
    const merged = p.stream('a', text).merge(p.stream('b', text))
    merged
      .groupBy((_key, value) => value, { ...text, name: 'x' })
      .count({ store: 'n' })
      .toStream()
      .to('out')
  }
  expect(counts({ a: 2, b: 5 }, app)).toEqual({ a: 2, b: 5, 'app-x-repartition': 5, 'app-n-changelog': 5 })
  const topology = pipeline('app', app).topology()
  const tasks = tasksOf(
    topology,
    partitionCounts(topology, (topic) => ({ a: 2, b: 5 })[topic]),
  )
  expect(tasks.map(({ id }) => id)).toEqual(['0_0', '0_1', '0_2', '0_3', '0_4', '1_0', '1_1', '1_2', '1_3', '1_4'])
  expect(tasks[3]!.inputs).toEqual([{ topic: 'b', partition: 3 }])
})

test('partitions - topics that are joined must have equally many', () => {
  const join = (p: PipelineBuilder): void =>
    p
      .stream('a', text)
      .join(p.stream('b', text), (left) => left, within(5))
      .to('out', text)
  expect(() => counts({ a: 2, b: 3 }, join)).toThrow('Topics not co-partitioned: [{a=2, b=3}]')
  expect(counts({ a: 3, b: 3 }, join)).toMatchObject({ 'app-KSTREAM-JOINTHIS-0000000004-store-changelog': 3 })
})

test('partitions - a repartition topic follows the one it is joined with, or is refused', () => {
  const join = (partitions?: number) => (p: PipelineBuilder) => {
    const through = p.stream('a', text).through({ ...text, name: 'x', ...(partitions && { partitions }) })
    through.join(p.table('t', text), (left) => left).to('out', text)
  }
  expect(counts({ a: 2, t: 4 }, join())).toMatchObject({ 'app-x-repartition': 4 })
  expect(() => counts({ a: 2, t: 4 }, join(3))).toThrow(
    "Number of partitions [3] of repartition topic [app-x-repartition] doesn't match number of partitions [4] of the source topic.",
  )
})

test('partitions - a missing topic is named', () => {
  expect(() => counts({}, (p) => p.stream('nowhere', text).to('out'))).toThrow('Missing source topics: nowhere')
})

test('internal topics - have the properties that Kafka Streams gives them', () => {
  const { internalTopics } = pipeline('app', (p) => {
    p.stream('a', text)
      .groupBy((_key, value) => value, text)
      .reduce((left) => left, { store: 'newest' })
    p.table('t', { ...text, store: 'rows' })
  }).topology({ 'application.id': 'other' })
  expect([...internalTopics.keys()]).toEqual(
    ['other-newest-repartition', 'other-newest-changelog', 'other-rows-changelog'].filter((name) =>
      internalTopics.has(name),
    ),
  )
  expect(internalTopics.get('other-newest-repartition')!.config).toMatchObject({
    'cleanup.policy': 'delete',
    'retention.ms': '-1',
  })
  expect(internalTopics.get('other-newest-changelog')!.config).toMatchObject({ 'cleanup.policy': 'compact' })
})
