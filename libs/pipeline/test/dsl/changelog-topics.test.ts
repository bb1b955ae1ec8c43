/** How changelogs are cleaned: what a store overwrites is compacted, what windows outlive is deleted. */
import { string } from '@troupe/client/serdes'
import { expect, test } from 'vitest'
import { pipeline } from '../../src/dsl/pipeline.ts'
import { tumbling, within } from '../../src/windows.ts'

const text = { key: string, value: string }

/** Source: KAFKA-13345. */
test('the buffers of a join are deleted by time and never compacted', () => {
  const { internalTopics } = pipeline('app', (p) => {
    const left = p.stream('left', text)
    left.groupByKey().count({ store: 'all' })
    left.groupByKey().windowedBy(tumbling(10)).count({ store: 'windows' })
    left.leftJoin(p.stream('right', text), (a, b) => `${a}${b}`, within(10), {
      ...text,
      otherValue: string,
      store: 'join',
    })
  }).topology()
  const policies = [...internalTopics.values()].map(({ store, config }) => [store, config['cleanup.policy']])
  expect(Object.fromEntries(policies)).toEqual({
    all: 'compact',
    windows: 'compact,delete',
    'join-this-join-store': 'delete',
    'join-outer-other-join-store': 'delete',
    'join-left-shared-join-store': 'compact',
  })
})
