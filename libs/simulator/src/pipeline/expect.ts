/**
 * The records that the tasks should have written, against what the output topics hold.
 *
 * Per topic they must be the same records, and of a key that one task alone writes also in the same order. Changelogs
 * are compacted, so of them the last record of each key must be the same; those of `suppress` carry the stream time of
 * the commit that wrote them, which may be any. Which partition a record without a key goes
 * to is the producer's own business, and not compared.
 */
import type { OutputRecord } from '@troupe/pipeline/engine/contract'
import type { SinkRecord, Topology } from '@troupe/pipeline/topology'
import type { Cluster } from '../cluster/cluster.ts'
import type { Effect } from './effects.ts'
import { committedRecords, partitionCount } from './logs.ts'
import type { Evidence } from './judge.ts'
import type { OutsideSystem } from './sinks.ts'

/** What one task gives in one order of its inputs. */
export interface Given {
  readonly task: string
  readonly outputs: readonly OutputRecord[]
  readonly external: readonly SinkRecord[]
  readonly effects: readonly Effect[]
}

interface Written {
  readonly key: string
  readonly text: string
  /** Without the timestamp. */
  readonly value: string
  readonly isTombstone: boolean
}

/** `choices`: for each task what its possible orders give; one choice of each must explain everything. */
export function expectOutputs(evidence: Evidence, choices: readonly (readonly Given[])[]): void {
  const { cluster, topology, report } = evidence
  const topics = new Set<string>()
  for (const orders of choices) for (const { outputs } of orders) for (const { topic } of outputs) topics.add(topic)
  for (const { sinkTopics } of topology.subtopologies) for (const topic of sinkTopics) topics.add(topic)
  const held = new Map([...topics].map((topic) => [topic, contentsOf(cluster, topic)]))
  let first: [string, string] | null = null
  for (const chosen of combinations(choices)) {
    const difference = differs(evidence, chosen, held)
    if (difference === null) return
    first ??= difference
  }
  if (first !== null) report(...first)
}

/** All of them, up to a thousand. */
function* combinations(choices: readonly (readonly Given[])[]): Iterable<readonly Given[]> {
  const at = choices.map(() => 0)
  for (let tried = 0; tried < 1000; tried++) {
    yield choices.map((orders, index) => orders[at[index]!]!)
    let index = 0
    while (index < at.length && ++at[index]! === choices[index]!.length) at[index++] = 0
    if (index === at.length) return
  }
}

function contentsOf(cluster: Cluster, topic: string): Written[] {
  const found: Written[] = []
  for (let partition = 0; partition < partitionCount(cluster, topic); partition++) {
    for (const record of committedRecords(cluster, topic, partition)) found.push(written(record))
  }
  return found
}

function written({ key, value, timestamp }: Pick<OutputRecord, 'key' | 'value' | 'timestamp'>): Written {
  const text = `${show(key)} = ${show(value)} at ${timestamp}`
  return { key: show(key), text, value: show(value), isTombstone: value === null }
}

function differs(
  { topology, effects, outside }: Evidence,
  chosen: readonly Given[],
  held: ReadonlyMap<string, readonly Written[]>,
): [string, string] | null {
  for (const [topic, actual] of held) {
    const byTask = chosen.map(({ outputs }) => outputs.filter((one) => one.topic === topic).map(written))
    const found =
      topology.internalTopics.get(topic)?.kind === 'changelog'
        ? compareLast(topology, topic, byTask, actual)
        : compareAll(topic, byTask, actual)
    if (found !== null) return found
  }
  return compareOutside(topology, chosen, outside) ?? compareEffects(chosen, effects)
}

function compareAll(topic: string, byTask: readonly Written[][], actual: readonly Written[]): [string, string] | null {
  const writers = new Map<string, number>()
  for (const records of byTask)
    for (const key of new Set(records.map((one) => one.key))) writers.set(key, (writers.get(key) ?? 0) + 1)
  const wrong = countDifference(
    byTask.flat().map(({ text }) => text),
    actual.map(({ text }) => text),
  )
  if (wrong !== null) {
    const [text, wanted, found] = wrong
    const invariant = found > wanted ? 'counted-twice' : 'not-counted'
    return [invariant, `${topic}: ${text} is there ${times(found)}, the inputs give it ${times(wanted)}`]
  }
  for (const records of byTask) {
    const wanted = byKey(records)
    const there = byKey(actual)
    for (const [key, texts] of wanted) {
      if (key === 'null' || writers.get(key) !== 1 || texts.join() === there.get(key)?.join()) continue
      return ['wrong-order', `${topic}: key ${key} has ${there.get(key)?.join(', ')}, not ${texts.join(', ')}`]
    }
  }
  return null
}

function compareLast(
  { internalTopics, stores }: Topology,
  topic: string,
  byTask: readonly Written[][],
  actual: readonly Written[],
): [string, string] | null {
  const compared = stores.get(internalTopics.get(topic)!.store!)!.kind === 'suppress' ? 'value' : 'text'
  const wanted = new Map(byTask.flat().map((one) => [one.key, one]))
  const there = new Map(actual.map((one) => [one.key, one]))
  for (const [key, one] of wanted) {
    const found = there.get(key)
    // Gone is gone, whenever, and a tombstone may be gone itself.
    if (one.isTombstone ? found === undefined || found.isTombstone : found?.[compared] === one[compared]) continue
    return ['wrong-state', `${topic}: ${found?.text ?? `nothing for ${key}`}, the inputs give ${one.text}`]
  }
  return null
}

/** What outside systems hold. */
function compareOutside(topology: Topology, chosen: readonly Given[], outside: OutsideSystem): [string, string] | null {
  for (const { id, external } of topology.subtopologies) {
    if (external === null) continue
    const wanted = chosen.filter(({ task }) => task.startsWith(`${id}_`)).flatMap((one) => one.external)
    const describe = ({ key, value, timestamp }: SinkRecord): string =>
      `${JSON.stringify(key)} = ${JSON.stringify(value)} at ${timestamp}`
    const wrong = countDifference(wanted.map(describe), (outside.records.get(external.name) ?? []).map(describe))
    if (wrong === null) continue
    const [text, expected, found] = wrong
    const what = `${external.name}: ${text} is there ${times(found)}, the inputs give it ${times(expected)}`
    return [found > expected ? 'counted-twice' : 'not-counted', what]
  }
  return null
}

/** Functions at the end of a stream: each input calls them once, or it is an effect outside of the transaction. */
function compareEffects(chosen: readonly Given[], effects: readonly Effect[]): [string, string] | null {
  const describe = ({ node, key, value }: Effect): string => `${node}(${JSON.stringify(key)}, ${JSON.stringify(value)})`
  const wrong = countDifference(chosen.flatMap((one) => one.effects).map(describe), effects.map(describe))
  if (wrong === null) return null
  const [text, wanted, found] = wrong
  return ['side-effect', `${text} has happened ${times(found)}, the inputs give it ${times(wanted)}`]
}

function countDifference(wanted: readonly string[], found: readonly string[]): [string, number, number] | null {
  const counts = new Map<string, [number, number]>()
  const count = (text: string, index: 0 | 1): void => {
    const both = counts.get(text) ?? [0, 0]
    both[index]++
    counts.set(text, both)
  }
  for (const text of wanted) count(text, 0)
  for (const text of found) count(text, 1)
  // Duplicates say more than what is missing in their place.
  const wrong = [...counts].filter(([, [a, b]]) => a !== b).sort(([, [a, b]], [, [c, d]]) => d - c - (b - a))
  return wrong.length === 0 ? null : [wrong[0]![0], ...wrong[0]![1]]
}

function byKey(records: readonly Written[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { key, text } of records) {
    const list = found.get(key)
    if (list === undefined) found.set(key, [text])
    else list.push(text)
  }
  return found
}

const times = (count: number): string => (count === 1 ? 'once' : count === 0 ? 'never' : `${count} times`)

const decoder = new TextDecoder('utf-8', { fatal: true })
const firstPrintable = 0x20

/** Text where it is text, else hexadecimal. */
export function show(bytes: Uint8Array | null): string {
  if (bytes === null) return 'null'
  try {
    if (bytes.every((byte) => byte >= firstPrintable)) return JSON.stringify(decoder.decode(bytes))
  } catch {
    // Not text.
  }
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
