/**
 * How many partitions internal topics have, and so which tasks there are. Source: RepartitionTopics,
 * CopartitionedTopicsEnforcer, PartitionGrouper.
 */
import { TopologyException, type Topology, type TopicPartition } from '../topology.ts'
import type { TaskId } from './contract.ts'

/** A topic that the pipeline reads does not exist. Kafka Streams' exception of that name. */
export class MissingSourceTopicException extends Error {
  override readonly name = 'MissingSourceTopicException'
  readonly topics: readonly string[]

  constructor(topics: readonly string[]) {
    super(`Missing source topics: ${topics.join(', ')}`)
    this.topics = topics
  }
}

/**
 * Partitions of every topic the tasks read or log to: source topics as `lookup` knows them, repartition topics as large
 * as the largest topic before them, changelogs as many as there are tasks. Throws when a source topic is missing or
 * topics that are joined differ.
 */
export function partitionCounts(
  topology: Topology,
  lookup: (topic: string) => number | undefined,
): Map<string, number> {
  const counts = new Map<string, number>()
  const missing: string[] = []
  for (const { sourceTopics, repartitionSources } of topology.subtopologies) {
    for (const topic of sourceTopics) {
      if (repartitionSources.includes(topic)) continue
      const count = lookup(topic)
      if (count === undefined) missing.push(topic)
      else counts.set(topic, count)
    }
  }
  if (missing.length > 0) throw new MissingSourceTopicException(missing)
  const repartitions = [...topology.internalTopics.values()].filter(({ kind }) => kind === 'repartition')
  for (const { name, partitions } of repartitions) if (partitions !== null) counts.set(name, partitions)
  deriveRepartitions(
    topology,
    counts,
    repartitions.map(({ name }) => name),
  )
  for (const { copartitioned } of topology.subtopologies)
    for (const topics of copartitioned) copartition(topology, counts, topics)
  for (const { name, kind, subtopology } of topology.internalTopics.values()) {
    if (kind === 'changelog') counts.set(name, taskCount(topology, subtopology, counts))
  }
  return counts
}

function deriveRepartitions(topology: Topology, counts: Map<string, number>, topics: readonly string[]): void {
  for (;;) {
    const open = topics.filter((topic) => !counts.has(topic))
    if (open.length === 0) return
    const known = open.flatMap((topic) => {
      const before = topology.subtopologies.filter(({ sinkTopics }) => sinkTopics.includes(topic))
      const sizes = before.flatMap(({ sourceTopics }) => sourceTopics.flatMap((source) => counts.get(source) ?? []))
      return sizes.length > 0 ? [[topic, Math.max(...sizes)] as const] : []
    })
    if (known.length === 0) throw new TopologyException(`Failed to compute number of partitions for ${open.join(', ')}`)
    for (const [topic, count] of known) counts.set(topic, count)
  }
}

function copartition(topology: Topology, counts: Map<string, number>, topics: readonly string[]): void {
  const isRepartition = (topic: string): boolean => topology.internalTopics.has(topic)
  const external = topics.filter((topic) => !isRepartition(topic))
  const enforced = topics.filter((topic) => topology.internalTopics.get(topic)?.partitions != null)
  const shown = (list: readonly string[]): string =>
    `{${[...list]
      .sort()
      .map((topic) => `${topic}=${counts.get(topic)}`)
      .join(', ')}}`
  const differ = (list: readonly string[]): boolean => new Set(list.map((topic) => counts.get(topic))).size > 1
  if (differ(external)) throw new TopologyException(`Invalid topology: Topics not co-partitioned: [${shown(external)}]`)
  if (external.length === 0 && differ(enforced)) {
    const text = `Following topics do not have the same number of partitions: [${shown(enforced)}]`
    throw new TopologyException(`Invalid topology: ${text}`)
  }
  const rule = external[0] ?? enforced[0]
  const count = rule === undefined ? Math.max(...topics.map((topic) => counts.get(topic)!)) : counts.get(rule)!
  for (const topic of topics.filter(isRepartition)) {
    if (enforced.includes(topic) && counts.get(topic) !== count) {
      const found = `Number of partitions [${counts.get(topic)}] of repartition topic [${topic}]`
      throw new TopologyException(
        `Invalid topology: ${found} doesn't match number of partitions [${count}] of the source topic.`,
      )
    }
    counts.set(topic, count)
  }
}

function taskCount(topology: Topology, subtopology: number, counts: ReadonlyMap<string, number>): number {
  return Math.max(...topology.subtopologies[subtopology]!.sourceTopics.map((topic) => counts.get(topic)!))
}

export interface TaskDescription {
  readonly id: TaskId
  readonly subtopology: number
  readonly partition: number
  readonly inputs: readonly TopicPartition[]
}

/** Every task of the pipeline, in the order of their ids. */
export function tasksOf(topology: Topology, counts: ReadonlyMap<string, number>): TaskDescription[] {
  return topology.subtopologies.flatMap(({ id: subtopology, sourceTopics }) =>
    Array.from({ length: taskCount(topology, subtopology, counts) }, (_, partition) => {
      const inputs = sourceTopics
        .filter((topic) => partition < counts.get(topic)!)
        .map((topic) => ({ topic, partition }))
      return { id: taskId(subtopology, partition), subtopology, partition, inputs }
    }),
  )
}

export function taskId(subtopology: number, partition: number): TaskId {
  return `${subtopology}_${partition}`
}
