/**
 * Side by side with the GroupCoordinatorShard of Apache Kafka 4.3.1 itself: the same requests in the same order at the
 * same times; every answer, every record and what can be seen of the group after each step must be equal.
 *
 * Known differences: Kafka writes a record of generation 0 when a group is made (left out on its side); parked
 * requests that their own client repeats, and the parked SyncGroup of a member that leaves, are answered here and never
 * there (left out on ours).
 */
import fc from 'fast-check'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compileJava, runJava } from '@troupe/tools/reference/java'
import { kafkaClasspath } from '@troupe/tools/reference/maven'
import { Ours, script } from './script.ts'

const SCENARIOS = Number(process.env.RUNS ?? 400)

const classpath = kafkaClasspath()
const title = typeof classpath === 'string' ? 'Apache Kafka' : `Apache Kafka (skipped: ${classpath.skipped})`

describe.skipIf(typeof classpath !== 'string')(title, () => {
  test('the same answers, records and groups', async () => {
    const scenarios = fc
      .sample(script, { numRuns: SCENARIOS, seed: Number(process.env.SEED ?? 431) })
      .map((actions) => {
        const ours = new Ours()
        for (const each of actions) ours.run(each)
        return ours
      })
    const compiled = compileJava(join(import.meta.dirname, 'java'), classpath as string)
    const input = scenarios.flatMap(({ lines }) => ['new', ...lines]).join('\n')
    const { stdout, stderr } = await runJava(compiled, 'GroupOracle', [], input)
    const theirs = stdout.split('.\n')
    expect(theirs.length - 1, stderr).toBe(scenarios.reduce((sum, { lines }) => sum + lines.length, 0))
    const different: string[] = []
    let at = 0
    for (const { lines, said } of scenarios) {
      const first = lines.findIndex((_, i) => comparable(said[i]) !== comparable(theirs[at + i].trimEnd().split('\n')))
      if (first >= 0) {
        different.push(
          `${lines.slice(0, first + 1).join('\n')}\n--- Kafka\n${theirs[at + first]}--- Troupe\n${said[first].join('\n')}`,
        )
      }
      at += lines.length
    }
    different.sort((a, b) => a.length - b.length)
    expect(different.slice(0, 3).join('\n\n'), `${different.length} of ${SCENARIOS} scenarios differ`).toBe('')
    expect(new Set(theirs.map((each) => each.match(/^group (\w+)/m)?.[1])).size).toBeGreaterThan(4)
  }, 120_000)
})

/**
 * The time in a record that has members is left out: it is that of the join phase's end here, there also of the
 * sync.
 */
function comparable(lines: readonly string[]): string {
  return lines
    .map((line) => line.replace(/^(record group v3 .*) \d+ (?=\S)/, '$1 '))
    .sort()
    .join('\n')
}
