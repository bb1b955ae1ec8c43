/** `auto.offset.reset`, and durations as Java's Duration.parse reads them. */
import { expect, test } from 'vitest'
import { parseDuration, resetTarget } from '../src/consumer/reset-policy.ts'

test.each([
  ['PT20.345S', 20_345],
  ['PT15M', 900_000],
  ['PT10H', 36_000_000],
  ['P2D', 172_800_000],
  ['P2DT3H4M', 183_840_000],
  ['PT-6H3M', -21_420_000],
  ['-PT6H', -21_600_000],
  ['-PT-6H+3M', 21_420_000],
  ['pt0.001s', 1],
])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

test.each(['', 'P', 'PT', 'P1DT', '1H', 'PT1', 'P1W', 'PT1S2M', 'PT1.5H', 'PT 1S'])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined()
})

test('policies, by now', () => {
  expect(['earliest', 'latest', 'none', 'by_duration:PT1S'].map((each) => resetTarget(each, 5000))).toEqual([
    'earliest',
    'latest',
    null,
    { timestamp: 4000 },
  ])
  expect(resetTarget('by_duration:P1D', 5000)).toEqual({ timestamp: 0 })
})

test.each(['by_duration:', 'by_duration:-PT1S', 'by_duration:PT', 'newest'])('%s is refused', (policy) => {
  expect(() => resetTarget(policy, 0)).toThrow(policy)
})
