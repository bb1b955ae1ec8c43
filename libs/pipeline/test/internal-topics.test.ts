/** How long changelogs keep what windows may still need. */
import { string } from '@troupe/client/serdes'
import { expect, test } from 'vitest'
import { pipeline } from '../src/dsl/pipeline.ts'
import { pipelineDefaults } from '../src/thread/config.ts'
import { internalTopicConfig } from '../src/thread/internal-topics.ts'
import { hopping, sessions } from '../src/windows.ts'

const topology = pipeline('app', (p) => {
  const grouped = p.stream('lines', { key: string, value: string }).groupByKey()
  grouped.windowedBy(hopping(600, 200, 50)).count({ store: 'windows' })
  grouped.windowedBy(sessions(300, 40)).count({ store: 'sessions' })
  grouped.count({ store: 'all' })
}).topology()

const dayMs = 86_400_000

test('changelogs of windows are kept a day longer than the window, or as long as the property says', () => {
  const retention = (store: string, additionalMs = dayMs): string | undefined => {
    const properties = { ...pipelineDefaults, 'windowstore.changelog.additional.retention.ms': additionalMs }
    return internalTopicConfig(topology, `app-${store}-changelog`, properties)['retention.ms']
  }
  expect(retention('windows')).toBe(String(650 + dayMs))
  expect(retention('sessions')).toBe(String(340 + dayMs))
  expect(retention('windows', 7 * dayMs)).toBe(String(650 + 7 * dayMs))
  expect(retention('all')).toBeUndefined()
})

test('what is not internal gets no properties', () => {
  expect(internalTopicConfig(topology, 'dead-letters', pipelineDefaults)).toEqual({})
})
