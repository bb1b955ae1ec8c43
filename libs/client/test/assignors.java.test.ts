/**
 * The assignors side by side with those of Apache Kafka's own client, on random groups: different subscriptions, what
 * was owned in the same, an earlier or no generation, claims that contradict each other, static members. The
 * subscriptions go over as bytes, so that their codec is compared as well.
 *
 * Where Java iterates over a hash map of members, ours takes the order in which they are given; single letters are in
 * the same order in both.
 */
import fc from 'fast-check'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compileJava, runJava } from '@troupe/tools/reference/java'
import { kafkaClasspath } from '@troupe/tools/reference/maven'
import { assignors } from '../src/consumer/assignors/index.ts'
import { encodeSubscription } from '../src/consumer/protocol.ts'
import { subscriptionsOf, type Group, group } from './assignor-groups.ts'

const GROUPS = Number(process.env.RUNS ?? 3000)

const classpath = kafkaClasspath()
const title = typeof classpath === 'string' ? 'Apache Kafka' : `Apache Kafka (skipped: ${classpath.skipped})`

describe.skipIf(typeof classpath !== 'string')(title, () => {
  test('the same assignments', async () => {
    const groups = fc.sample(group, { numRuns: GROUPS, seed: Number(process.env.SEED ?? 429) })
    const compiled = compileJava(join(import.meta.dirname, 'java'), classpath as string)
    const { stdout, stderr } = await runJava(compiled, 'AssignorOracle', [], groups.map(question).join('\n'))
    const theirs = stdout.trimEnd().split('\n')
    expect(theirs.length, stderr).toBe(GROUPS)
    let failed = 0
    const different = groups.flatMap((each, index) => {
      if (ours(each) === theirs[index]) return []
      if (isJavasMistake(each, theirs[index])) return (failed++, [])
      return [`${JSON.stringify(each)}\nKafka  ${theirs[index]}\nTroupe ${ours(each)}`]
    })
    expect(failed).toBeLessThan(GROUPS / 25)
    different.sort((a, b) => a.length - b.length)
    expect(different.slice(0, 3).join('\n\n'), `${different.length} of ${GROUPS} differ`).toBe('')
  }, 120_000)
})

/**
 * A partition's former owner gets it back though it has unsubscribed from the topic, or is not found any more; or, under
 * the cooperative protocol, while the one who was given it in a later generation still has it.
 */
function isJavasMistake({ assignor, members }: Group, answer: string): boolean {
  if (answer.startsWith('java.lang.NullPointerException')) return true
  return answer.split(' ').some((each) => {
    const [id, own] = each.split('=')
    const { topics } = members.find((member) => member.id === id)!
    if (own === '') return false
    return own.split(',').some((key) => {
      if (!topics.includes(key.split('-')[0])) return true
      const claims = members.filter(({ owned }) => owned.some(([topic, partition]) => `${topic}-${partition}` === key))
      const mine = claims.find((member) => member.id === id)
      if (assignor !== 'cooperative-sticky' || mine === undefined) return false
      return claims.some((other) => other !== mine && other.generation >= mine.generation)
    })
  })
}

function question(each: Group): string {
  const topics = Object.entries(each.topics).map(([topic, count]) => `${topic}=${count}`)
  const members = [...subscriptionsOf(each)].flatMap(([id, member]) => [
    id,
    member.groupInstanceId ?? '-',
    Buffer.from(encodeSubscription(member)).toString('hex'),
  ])
  return [each.assignor, topics.join(','), ...members].join('\t')
}

function ours(each: Group): string {
  const partitions = new Map(Object.entries(each.topics).filter(([, count]) => count > 0))
  const members = subscriptionsOf(each)
  const assignments = assignors.get(each.assignor)!.assign(partitions, members, { useGeneration: true })
  return [...assignments]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([id, own]) =>
        `${id}=${own
          .map(({ topic, partition }) => `${topic}-${partition}`)
          .sort()
          .join(',')}`,
    )
    .join(' ')
}
