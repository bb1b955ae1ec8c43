/** Pipelines in the simulator: what is right is found right, what is wrong is found, and the same seed is the same run. */
import { describe, expect, test } from 'vitest'
import { drawPipelineRun } from '../../src/pipeline/draw.ts'
import { explore, runPipeline } from '../../src/pipeline/run.ts'
import { NotExactlyOnce, simulate } from '../../src/pipeline/simulate.node.ts'
import type { Scenario } from '../../src/pipeline/scenario.ts'
import * as scenarios from './scenarios.ts'

const { upperCase, wordCount, windows, finalWindows, sessionCounts, enriched, clicks, outside, deadLetters, mails } =
  scenarios
const seeds = 6

describe('exactly_once_v2: each input counts once, whatever is killed, paused or cut off', () => {
  const right: Record<string, Scenario> = {
    upperCase,
    wordCount,
    windows,
    finalWindows,
    sessionCounts,
    enriched,
    clicks,
    outside,
    deadLetters,
  }
  test.each(Object.keys(right))('%s', (name) => {
    const { failure, faults, inputs } = explore(right[name]!, { seeds })
    expect(failure?.detail ?? null).toBeNull()
    expect([faults > 10, inputs > 200]).toEqual([true, true])
  })
})

describe('what is wrong is found, and told in few lines', () => {
  test('at_least_once: a record counts twice', () => {
    const scenario = { ...upperCase, properties: { 'processing.guarantee': 'at_least_once' } }
    const { failure } = explore(scenario, { seeds: 40, shrinkRuns: 40 })
    expect(failure?.invariant).toBe('counted-twice')
    expect(failure!.options.faults.length).toBeLessThan(drawPipelineRun(failure!.seed, scenario).faults.length)
    const takes = failure!.story.match(/task 0_\d processes lines-\d@\d+/g)!
    expect(takes.length).toBeGreaterThan(new Set(takes).size)
  })

  test('a function at the end of a stream is called again for what is done again', () => {
    const { failure } = explore(mails, { seeds: 40, shrinkRuns: 0 })
    expect(failure).toMatchObject({ invariant: 'side-effect', detail: expect.stringContaining('has happened 2 times') })
  })

  test('state beside the stores is neither restored nor rolled back', () => {
    expect(explore(scenarios.forgetful, { seeds: 3, faults: [] }).failure).toBeNull()
    const { failure } = explore(scenarios.forgetful, { seeds: 20, shrinkRuns: 0 })
    expect(failure?.invariant).toMatch(/counted/)
  })

  test('what never gets in is told of a run that still has a feeder and an instance', () => {
    const { failure } = explore(scenarios.refused, { seeds: 1, shrinkRuns: 20, safetyMs: 2000 })
    expect(failure).toMatchObject({ invariant: 'L7', detail: '10 records are not fed yet' })
    expect(failure!.options.clients.map(({ role }) => role)).toEqual(['feeder', 'pipeline'])
  })

  test('as a test helper it throws what it has found', async () => {
    const properties = { 'processing.guarantee': 'at_least_once' }
    const failing = simulate(upperCase.pipeline, { ...upperCase, properties, seeds: 40, shrinkRuns: 0 })
    await expect(failing).rejects.toThrow(NotExactlyOnce)
    await expect(simulate(upperCase.pipeline, { ...upperCase, seeds: 1 })).resolves.toMatchObject({ seeds: 1 })
  })
})

test('where many messages are slow it is right in the end, when they are not any more', () => {
  const seed = 410
  const { network } = drawPipelineRun(seed, wordCount)
  expect([network.slowPerMille > 10, network.slowMs > 3000]).toEqual([true, true])
  expect(explore(wordCount, { seeds: 1, firstSeed: seed, shrinkRuns: 0 }).failure).toBeNull()
})

test('the same seed is the same run', () => {
  const options = drawPipelineRun(7, wordCount)
  expect(runPipeline(wordCount, options).hash).toBe(runPipeline(wordCount, options).hash)
})
