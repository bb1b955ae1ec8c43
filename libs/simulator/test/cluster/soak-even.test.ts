/** Half of the seeds that CI runs: together 200 run twice, and 10⁷ events. (Two files, so that two processes share them.) */
import { expect, test } from 'vitest'
import { interesting } from './interesting.ts'
import { soak } from './soak.ts'

test('even seeds: 100 of them twice, 5 million events, nothing violated', { timeout: 1_200_000 }, () => {
  const { doubleRuns, events, witnesses } = soak(2, 100, 5_000_000)
  expect(doubleRuns).toBe(100)
  expect(events).toBeGreaterThanOrEqual(5_000_000)
  // A soak that never came to these states would show nothing.
  expect(interesting.filter((name) => witnesses[name] === undefined)).toEqual([])
})
