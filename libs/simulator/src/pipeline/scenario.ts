/** What `simulate` is told: a pipeline, what it is fed, and how it is run. */
import type { Pipeline } from '@troupe/pipeline/dsl/pipeline'
import type { Serde, Topology } from '@troupe/pipeline/topology'

export interface Scenario {
  /**
   * What `pipeline(…)` has returned; or a function that returns it, which each life of each process calls anew, so that
   * variables beside the pipeline are as forgetful as they are outside of the simulator.
   */
  readonly pipeline: Pipeline | (() => Pipeline)
  /** Records by topic, or a function that draws them. Keys and values as the pipeline's sources read them. */
  readonly inputs: Inputs | ((draw: Draw) => Inputs)
  /** Partitions of the topics the pipeline names; default 2. */
  readonly partitions?: Readonly<Record<string, number>>
  /** Processes that share the work; default 2. */
  readonly instances?: number
  /** Of the pipeline, Kafka Streams' names. Default: `processing.guarantee` exactly_once_v2, and short time-outs. */
  readonly properties?: Readonly<Record<string, unknown>>
}

export type Inputs = Readonly<Record<string, readonly InputRecord[]>>

export interface InputRecord {
  readonly key: unknown
  readonly value: unknown
  /** Milliseconds; default: a virtual time of a day in 2023, one second further with each record. */
  readonly timestamp?: number
  /** Default: by the key. */
  readonly partition?: number
  /** With it key and value are sent as these bytes, whatever the source's serdes are: a record that nobody can read. */
  readonly raw?: boolean
}

/** The seed's own random numbers. */
export interface Draw {
  /** 0 … limit − 1. */
  below(limit: number): number
  pick<Item>(items: readonly Item[]): Item
}

export interface FedRecord {
  readonly topic: string
  readonly partition: number | null
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestamp: number
}

/** The pipeline as one process has it. */
export function pipelineOf({ pipeline }: Pick<Scenario, 'pipeline'>): Pipeline {
  return typeof pipeline === 'function' ? pipeline() : pipeline
}

/** Where the pipeline's poison records go; null: nowhere. */
export function deadLetterTopic({ properties = {} }: Scenario): string | null {
  return (properties['errors.dead.letter.queue.topic.name'] as string | undefined) ?? null
}

/** Source topics that others write, sorted. */
export function sourceTopics({ nodes, internalTopics }: Topology): string[] {
  const topics = new Set<string>()
  for (const node of nodes.values()) if (node.kind === 'source') for (const topic of node.topics) topics.add(topic)
  return [...topics].filter((topic) => !internalTopics.has(topic)).sort()
}

/** Output topics of the pipeline's own naming, sorted. */
export function sinkTopics({ subtopologies, internalTopics }: Topology): string[] {
  const topics = new Set(subtopologies.flatMap((subtopology) => subtopology.sinkTopics))
  return [...topics].filter((topic) => !internalTopics.has(topic)).sort()
}

/** The records in the order in which they are fed: topics take turns, each keeps its own order. */
export function feedOf(topology: Topology, inputs: Inputs, startMs: number): FedRecord[] {
  const queues = Object.entries(inputs).map(([topic, records]) => ({
    topic,
    records,
    at: 0,
    ...serdesOf(topology, topic),
  }))
  const fed: FedRecord[] = []
  for (let any = true; any;) {
    any = false
    for (const queue of queues) {
      const record = queue.records[queue.at++]
      if (record === undefined) continue
      any = true
      const { partition = null, timestamp = startMs + 1000 * queue.at, raw = false } = record
      const key = raw ? (record.key as Uint8Array | null) : serialized(queue.key, record.key)
      const value = raw ? (record.value as Uint8Array | null) : serialized(queue.value, record.value)
      fed.push({ topic: queue.topic, partition, key, value, timestamp })
    }
  }
  return fed
}

function serdesOf(topology: Topology, topic: string): { key: Serde<unknown>; value: Serde<unknown> } {
  for (const node of topology.nodes.values()) {
    if (node.kind === 'source' && node.topics.includes(topic)) return { key: node.key, value: node.value }
  }
  throw new RangeError(`no source of ${topology.name} reads ${topic}`)
}

function serialized(serde: Serde<unknown>, value: unknown): Uint8Array | null {
  return value === null || value === undefined ? null : serde.serialize(value)
}
