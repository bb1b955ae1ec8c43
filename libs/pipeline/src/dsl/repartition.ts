/**
 * A repartition topic in the middle of a pipeline: filter, sink, topic, source. Source:
 * KStreamImpl#createRepartitionedSource.
 */
import type { StreamPartitioner } from '../topology.ts'
import type { AnySerde, Graph } from './graph.ts'

const generated = /KSTREAM.*-[0-9]{10}$/
const suffix = '-repartition'

export interface Repartition {
  readonly graph: Graph
  readonly parent: string
  /** The topic's name without the application's id; `-repartition` is appended. */
  readonly topic: string
  readonly key: AnySerde | null
  readonly value: AnySerde | null
  readonly partitions?: number | null
  readonly partitioner?: StreamPartitioner | null
}

/** Returns the name of the source node after the topic. */
export function repartition({ graph, parent, topic: prefix, key, value, ...options }: Repartition): string {
  const topic = prefix.endsWith(suffix) ? prefix : prefix + suffix
  const sink = graph.newName('KSTREAM-SINK-')
  const filter = graph.newName('KSTREAM-FILTER-')
  const source = graph.newName('KSTREAM-SOURCE-')
  const names = generated.test(prefix)
    ? { sink, filter, source }
    : { sink: `${topic}-sink`, filter: `${topic}-filter`, source: `${topic}-source` }
  const node = graph.addProcessor(names.filter, [parent], { type: 'filter', predicate: (each) => each !== null })
  graph.nullKeyFilters.push(node)
  addTopic({ graph, topic, sink: names.sink, source: names.source, parent: names.filter, key, value, ...options })
  return names.source
}

export interface RepartitionNames {
  readonly graph: Graph
  readonly topic: string
  readonly sink: string
  readonly source: string
  readonly parent: string
  readonly key: AnySerde | null
  readonly value: AnySerde | null
  readonly partitions?: number | null
  readonly partitioner?: StreamPartitioner | null
  /** Carries changes of a table. */
  readonly changes?: boolean
}

export function addTopic(names: RepartitionNames): void {
  const {
    graph,
    topic,
    sink,
    source,
    parent,
    key,
    value,
    partitions = null,
    partitioner = null,
    changes = false,
  } = names
  graph.repartitionTopics.set(topic, { name: topic, partitions })
  const reference = { name: topic, internal: true }
  graph.add({ kind: 'sink', name: sink, parents: [parent], topic: reference, key, value, partitioner, changes })
  graph.add({
    kind: 'source',
    name: source,
    topics: [reference],
    key,
    value,
    timestamp: null,
    offsetReset: 'earliest',
    changes,
  })
}
