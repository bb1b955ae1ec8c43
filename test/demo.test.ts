/**
 * The demo's scenario on its small data set, as a user would run it.
 */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run } from './support/run.ts'

test('the demo counts every flight exactly once while brokers and pipeline are killed', async () => {
  const main = join(import.meta.dirname, '../apps/troupe/src/demo/main.ts')
  const { stdout, stderr, status } = await run(process.execPath, [main, '--data', '20k', '--kills', '2', '--json'])
  expect(status, stderr).toBe(0)
  const { exactly, plain } = JSON.parse(stdout)
  expect(exactly).toMatchObject({ produced: 20_000, counted: 20_000, wrongKeys: 0, brokerCrashes: 2, pipelineKills: 2 })
  // Without transactions nothing is lost either, but it may be counted more than once.
  expect(plain.counted).toBeGreaterThanOrEqual(20_000)
})
