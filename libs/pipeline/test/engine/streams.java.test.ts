/**
 * Our engine beside Kafka Streams' own, in its TopologyTestDriver: the same topologies on the same random input, with
 * late records, missing keys and tombstones, give the same records on every topic: output, repartition and changelog
 * topics, byte by byte, with timestamps and headers. Nodes, stores and topics have the same names.
 */
import fc from 'fast-check'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { compileJava, runJava } from '@troupe/tools/reference/java'
import { streamsClasspath } from '@troupe/tools/reference/maven'
import { TestDriver } from '../../src/engine/test-driver.ts'
import type { OutputRecord } from '../../src/engine/contract.ts'
import { inputsOf, type Input } from './inputs.ts'
import { topologies } from './topologies.ts'

const RUNS = Number(process.env.RUNS ?? 3)
const SEED = Number(process.env.SEED ?? 4310)

const classpath = streamsClasspath()
const title = typeof classpath === 'string' ? 'Kafka Streams' : `Kafka Streams (skipped: ${classpath.skipped})`

/** With a cache the changes of a record's own making are one: `flatMap`, a hopping window, a merged session. */
type Mode = 'case' | 'cached'

describe.skipIf(typeof classpath !== 'string')(title, () => {
  const names = [...topologies.keys()]
  const inputs = new Map(names.map((name) => [name, fc.sample(inputsOf(name), { numRuns: RUNS, seed: SEED })]))
  const descriptions = new Map<string, string>()
  const answers = new Map<string, string[]>()

  beforeAll(async () => {
    const compiled = compileJava(join(import.meta.dirname, '../java'), classpath as string)
    const questions = names.flatMap((name) => {
      const asked = (mode: Mode): string[] => inputs.get(name)!.map((input) => question(mode, name, input))
      return [`describe ${name}`, ...asked('case'), ...asked('cached')]
    })
    const { stdout, stderr } = await runJava(compiled, 'StreamsOracle', [], `${questions.join('\n')}\n`)
    const blocks = stdout.split(/^end\n/m)
    expect(blocks.length, stderr).toBe(questions.length + 1)
    for (const name of names) {
      descriptions.set(name, blocks.shift()!)
      answers.set(`case ${name}`, blocks.splice(0, RUNS))
      answers.set(`cached ${name}`, blocks.splice(0, RUNS))
    }
  }, 300_000)

  test.each(names)('%s - the same nodes, stores and topics', (name) => {
    const mine = topologies.get(name)!.describe().replaceAll(`${name}-`, '')
    expect(nodesOf(mine)).toEqual(nodesOf(descriptions.get(name)!))
  })

  test.each(names)('%s - the same records on every topic', (name) => compare('case', name))

  // In Kafka Streams a session that its store has forgotten may still be in the cache, as long as there is room.
  const cached = names.filter((name) => !/session(?!-retained)/.test(name))

  test.each(cached)('%s - the same records with a cache', (name) => compare('cached', name))

  function compare(mode: Mode, name: string): void {
    const theirs = answers.get(`${mode} ${name}`)!
    inputs.get(name)!.forEach((input, at) => {
      const shown = input.map((each) => JSON.stringify(each)).join('\n')
      expect(comparable(ours(mode, name, input)), shown).toBe(comparable(theirs[at]!))
    })
    expect(theirs.join('').split('\n').length).toBeGreaterThan(RUNS * 10)
  }
})

function question(mode: Mode, name: string, input: readonly Input[]): string {
  const lines = input.map(({ topic, key, value, timestamp }, at) =>
    [topic, key ?? '~', value ?? '~', timestamp, at].join('\t'),
  )
  return [`${mode} ${name}`, ...lines, 'end'].join('\n')
}

function ours(mode: Mode, name: string, input: readonly Input[]): string {
  const driver = new TestDriver(topologies.get(name)!, {
    properties: { 'application.id': 'app' },
    caching: mode === 'cached',
  })
  input.forEach(({ topic, key, value, timestamp }, at) => {
    const headers = [{ key: 'n', value: bytes(String(at)) }]
    driver.pipe({ topic, key, value, timestamp, headers })
  })
  return driver
    .producedTopics()
    .flatMap((topic) => driver.readBytes(topic).map(line))
    .join('')
}

/** What `suppress` logs has the producer's time and the order of a hash table. */
function comparable(lines: string): string {
  const isSuppress = (each: string): boolean => /^app-(\S*SUPPRESS|final-)/.test(each)
  const all = lines.split('\n')
  const suppressed = all.filter(isSuppress).map((each) => each.split('\t').toSpliced(3, 1).join('\t'))
  return [...suppressed.sort(), ...all.filter((each) => !isSuppress(each))].join('\n')
}

function line({ topic, key, value, timestamp, headers }: OutputRecord): string {
  const shown = headers.map((each) => `${each.key}=${hex(each.value)}`).join(',')
  return `${[topic, hex(key), hex(value), timestamp, shown].join('\t')}\n`
}

function hex(data: Uint8Array | null): string {
  return data === null ? '~' : Buffer.from(data).toString('hex')
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** One entry for each node, with its subtopology; what Kafka Streams keeps in hash tables is sorted. */
function nodesOf(text: string): string[] {
  const subtopologies = text.split('Sub-topology: ').slice(1)
  return subtopologies
    .flatMap((part) => {
      const [id, ...rest] = part.split('\n')
      const nodes = rest.join('\n').split(/\n(?= {4}\S)/)
      return nodes.filter((node) => node.trim() !== '').map((node) => `${id} ${sortedLists(node.trim())}`)
    })
    .sort()
}

function sortedLists(node: string): string {
  const sorted = (list: string): string => list.split(', ').sort().join(', ')
  return node.replace(/(?<=\[).*(?=\])/, sorted).replaceAll(/(?<=(?:-->|<--) ).*/g, sorted)
}
