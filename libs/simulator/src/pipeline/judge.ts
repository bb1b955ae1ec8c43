/**
 * Whether what a pipeline has committed is what some order of its inputs gives, each input once.
 *
 * Inputs, outputs and committed offsets are read from the logs when everything is over. For each task the commits say
 * which inputs it took between which others; where a task reads several partitions, the journal says in which orders it
 * took them. The same engine, without a cluster, runs each order from the first input to the last: some order must give
 * exactly the records that the output topics hold.
 */
import type { InputRecord, OutputRecord, Processed } from '@troupe/pipeline/engine/contract'
import { createTask } from '@troupe/pipeline/engine/task'
import type { SinkRecord, Subtopology, Topology } from '@troupe/pipeline/topology'
import type { Cluster } from '../cluster/cluster.ts'
import { commitsOf, keyOf, type Commit } from './commits.ts'
import { withNotedEffects, type Effect } from './effects.ts'
import { expectOutputs, type Given } from './expect.ts'
import type { Journal, Taken } from './journal.ts'
import { committedRecords, partitionCount, type CommittedRecord } from './logs.ts'
import type { OutsideSystem } from './sinks.ts'

export type Report = (invariant: string, detail: string) => void

interface TaskInputs {
  readonly task: string
  readonly subtopology: number
  readonly partition: number
  /** Records of each input partition by its key. */
  readonly records: ReadonlyMap<string, readonly CommittedRecord[]>
  readonly names: ReadonlyMap<string, { readonly topic: string; readonly partition: number }>
}

/** Of the orders in which a task may have taken its inputs, so many are tried. */
const mostOrders = 64

export interface Evidence {
  readonly cluster: Cluster
  readonly topology: Topology
  /** The same from a process that has just begun: what its functions remember is nothing. */
  readonly fresh: () => Topology
  /** Partitions of every topic. */
  readonly counts: ReadonlyMap<string, number>
  readonly journal: Journal
  readonly effects: readonly Effect[]
  readonly outside: OutsideSystem
  /** Where poison records go; null: nowhere. */
  readonly deadLetters: string | null
  readonly report: Report
}

export function judgePipeline(evidence: Evidence): void {
  const { cluster, topology, counts, journal, outside, report } = evidence
  const commits = commitsOf(cluster, topology.applicationId)
  const choices: Given[][] = []
  for (const subtopology of topology.subtopologies) {
    const said = subtopology.external === null ? commits : writesOf(outside)
    for (const inputs of tasksOf(cluster, subtopology, counts)) {
      const orders = ordersOf(inputs, said, journal, report)
      if (orders === null) return
      choices.push(orders.map((order) => given(evidence, inputs, order)))
    }
  }
  expectOutputs(evidence, choices)
}

/** What the outside system has accepted, in the form of commits. */
function writesOf({ writes }: OutsideSystem): Commit[] {
  return [...writes].flatMap(([key, ends]) => ends.map((to) => new Map([[key, to]])))
}

function* tasksOf(
  cluster: Cluster,
  subtopology: Subtopology,
  counts: ReadonlyMap<string, number>,
): Iterable<TaskInputs> {
  const { id, sourceTopics } = subtopology
  const partitions = Math.max(0, ...sourceTopics.map((topic) => counts.get(topic) ?? 0))
  for (let partition = 0; partition < partitions; partition++) {
    const records = new Map<string, CommittedRecord[]>()
    const names = new Map<string, { topic: string; partition: number }>()
    for (const topic of sourceTopics) {
      if (partition >= (counts.get(topic) ?? partitionCount(cluster, topic))) continue
      records.set(keyOf(topic, partition), committedRecords(cluster, topic, partition))
      names.set(keyOf(topic, partition), { topic, partition })
    }
    yield { task: `${id}_${partition}`, subtopology: id, partition, records, names }
  }
}

/** The orders in which the task may have taken all of its inputs; null when its commits leave none. */
function ordersOf(inputs: TaskInputs, commits: readonly Commit[], journal: Journal, report: Report): Taken[][] | null {
  const at = new Map([...inputs.records.keys()].map((key) => [key, 0]))
  let orders: Taken[][] = [[]]
  for (const commit of commits) {
    const wanted: Taken[] = []
    for (const [key, records] of inputs.records) {
      const to = commit.get(key)
      if (to === undefined) continue
      const from = at.get(key)!
      if (to < from) {
        report('offset-moved-back', `${key}: ${to} was committed after ${from}`)
        return null
      }
      at.set(key, to)
      const name = inputs.names.get(key)!
      for (const { offset } of records) if (offset >= from && offset < to) wanted.push({ ...name, offset })
    }
    if (wanted.length === 0) continue
    const partitions = new Set(wanted.map(({ topic, partition }) => keyOf(topic, partition)))
    const steps = partitions.size === 1 ? [wanted] : journal.ordersOf(inputs.task, wanted)
    if (steps.length === 0) {
      const what = wanted.map(({ topic, partition, offset }) => `${keyOf(topic, partition)}@${offset}`).join(' ')
      report('unknown-order', `task ${inputs.task} committed ${what}, which nobody took one after the other`)
      return null
    }
    orders = orders.flatMap((order) => steps.map((step) => [...order, ...step]))
    if (orders.length > mostOrders) orders = orders.slice(0, mostOrders)
  }
  for (const [key, records] of inputs.records) {
    const left = records.find(({ offset }) => offset >= at.get(key)!)
    if (left === undefined) continue
    report('input-not-counted', `${key}@${left.offset} was never committed by task ${inputs.task}`)
    return null
  }
  return orders
}

/** What the engine makes of this order. */
function given(
  { fresh, counts, deadLetters }: Evidence,
  { task: name, subtopology, partition, records }: TaskInputs,
  order: readonly Taken[],
): Given {
  const effects: Effect[] = []
  const noted = withNotedEffects(fresh(), (effect) => effects.push(effect))
  const task = createTask(noted, subtopology, partition, { counts, partitionCount: (topic) => counts.get(topic) })
  const outputs: OutputRecord[] = []
  const external: SinkRecord[] = []
  const byKey = new Map([...records].map(([key, list]) => [key, new Map(list.map((each) => [each.offset, each]))]))
  const take = (processed: Processed): void => {
    outputs.push(...processed.outputs)
    external.push(...processed.external)
    if (deadLetters !== null) outputs.push(...processed.poison.map(({ record }) => deadLetter(deadLetters, record)))
  }
  for (const { topic, partition: of, offset } of order) {
    const record = byKey.get(keyOf(topic, of))!.get(offset)!
    task.add([{ topic, partition: of, ...record }])
    while (task.buffered() > 0) take(task.process(1))
  }
  take(task.flush())
  return { task: name, outputs, external, effects }
}

function deadLetter(topic: string, { key, value, headers, timestamp }: InputRecord): OutputRecord {
  return { topic, partition: null, key, value, headers, timestamp: Math.max(timestamp, 0) }
}
