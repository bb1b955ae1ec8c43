/**
 * `pipeline(name, describe)`: runs `describe` once and keeps what it said as data.
 */
import { describeTopology } from '../render/describe.ts'
import { diagramTopology } from '../render/diagram.ts'
import type { Serde, Topology } from '../topology.ts'
import { compile } from './compile.ts'
import { Graph } from './graph.ts'
import type { ConsumedOptions, MaterializedOptions } from './options.ts'
import { Stream } from './stream.ts'
import { Table } from './table.ts'

/** What `describe` gets: where records come from. Kafka Streams' StreamsBuilder. */
export class PipelineBuilder {
  private readonly graph: Graph

  constructor(graph: Graph) {
    this.graph = graph
  }

  /** The records of one topic or several. */
  stream<K, V>(topics: string | readonly string[], options: ConsumedOptions<K, V> = {}): Stream<K, V> {
    const { graph } = this
    const { name: given, key = null, value = null, timestamp = null, offsetReset = null } = options
    const name = graph.nameOr(given, 'KSTREAM-SOURCE-')
    const references = [topics].flat().map((topic) => ({ name: topic as string, internal: false }))
    const { name: node } = graph.addSource({
      kind: 'source',
      name,
      topics: references,
      key,
      value,
      timestamp,
      offsetReset,
    })
    return new Stream({ graph, name, node, key, value, sources: new Set([node]), repartitionRequired: false })
  }

  /** A topic as a table: the newest value of each key; no value: the row is gone. */
  table<K, V>(topic: string, options: ConsumedOptions<K, V> & MaterializedOptions<K, V> = {}): Table<K, V> {
    return Table.ofTopic(this.graph, topic, options)
  }
}

export interface PipelineDefaults {
  readonly 'default.key.serde'?: Serde<any>
  readonly 'default.value.serde'?: Serde<any>
}

export interface Pipeline {
  readonly name: string
  /** `application.id` defaults to the pipeline's name. */
  topology(properties?: { readonly 'application.id'?: string }): Topology
  /** As text, in the manner of Kafka Streams' Topology#describe. */
  describe(): string
  /** As a Mermaid flowchart. */
  diagram(): string
}

export function pipeline(
  name: string,
  describe: (builder: PipelineBuilder) => void,
  defaults: PipelineDefaults = {},
): Pipeline {
  const graph = new Graph({
    key: defaults['default.key.serde'] ?? null,
    value: defaults['default.value.serde'] ?? null,
  })
  describe(new PipelineBuilder(graph))
  const topology = (properties: { readonly 'application.id'?: string } = {}): Topology =>
    compile(graph, name, properties['application.id'] ?? name)
  return {
    name,
    topology,
    describe: () => describeTopology(topology()),
    diagram: () => diagramTopology(topology()),
  }
}
