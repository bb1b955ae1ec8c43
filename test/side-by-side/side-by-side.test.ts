/**
 * Troupe beside Apache Kafka 4.3.1: both are asked the same, and every answer is compared.
 */
import { kafkaClasspath } from '@troupe/tools/reference/maven'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compareSteps, describeDifference, matches } from './harness/compare.ts'
import { playScenario } from './harness/play.ts'
import { startKafka, startTroupe, type Running } from './harness/targets.ts'
import { knownDifferences } from './known-differences.ts'
import { scenarios } from './scenarios/index.ts'

const classpath = kafkaClasspath()
const skipped = typeof classpath === 'string' ? '' : ` (skipped: ${classpath.skipped})`

describe.skipIf(skipped !== '')(`side by side with Apache Kafka${skipped}`, () => {
  let kafka: Running
  let troupe: Running
  const used = new Set<number>()
  const table: { scenario: string; steps: number; known: number; unexpected: number }[] = []

  beforeAll(async () => {
    ;[kafka, troupe] = await Promise.all([startKafka(String(classpath), 1), startTroupe(1)])
  })
  afterAll(async () => {
    await Promise.all([kafka?.stop(), troupe?.stop()])
    const line = (name: string, ...numbers: (number | string)[]): string =>
      name.padEnd(60) + numbers.map((each) => String(each).padStart(12)).join('')
    console.log(
      [
        line('scenario', 'steps', 'known', 'unexpected'),
        ...table.map((row) => line(row.scenario, row.steps, row.known, row.unexpected)),
      ].join('\n'),
    )
  })

  for (const scenario of scenarios) {
    test(scenario.name, async () => {
      const [theirs, ours] = await Promise.all([
        playScenario(scenario, kafka.target),
        playScenario(scenario, troupe.target),
      ])
      expect(theirs.length).toBeGreaterThan(0)
      const differences = compareSteps(scenario.name, theirs, ours)
      const unexpected = differences.filter((difference) => {
        const hits = knownDifferences.flatMap((known, index) => (matches(known, difference) ? [index] : []))
        for (const index of hits) used.add(index)
        return hits.length === 0
      })
      table.push({
        scenario: scenario.name,
        steps: theirs.length,
        known: differences.length - unexpected.length,
        unexpected: unexpected.length,
      })
      expect(unexpected.map(describeDifference).join('\n')).toBe('')
      expect(
        theirs.map(({ label }) => label),
        'a script that breaks off compares nothing',
      ).not.toContain('the script broke off')
    })
  }

  test('every known difference is still one', () => {
    expect(knownDifferences.filter((_, index) => !used.has(index))).toEqual([])
  })
})
