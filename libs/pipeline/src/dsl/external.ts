/**
 * An outside system stores the offsets of exactly one input beside its records. So what ends in it has one source
 * topic, no state and no other output; where the pipeline is not so, a topic comes before the sink.
 */
import type { Graph, GraphExternal, GraphNode, RepartitionTopic } from './graph.ts'
import { groups } from './groups.ts'

export function withExternalTopics(graph: Graph): {
  readonly nodes: ReadonlyMap<string, GraphNode>
  readonly repartitionTopics: ReadonlyMap<string, RepartitionTopic>
} {
  const nodes = new Map<string, GraphNode>()
  const repartitionTopics = new Map(graph.repartitionTopics)
  const groupOf = groups(graph.nodes)
  for (const node of graph.nodes.values()) {
    if (node.kind !== 'external' || isAlone(node, graph, groupOf)) {
      nodes.set(node.name, node)
      continue
    }
    const { name, parents, key, value } = node
    const topic = { name: `${name}-repartition`, internal: true }
    repartitionTopics.set(topic.name, { name: topic.name, partitions: null })
    const source = `${topic.name}-source`
    nodes.set(`${topic.name}-sink`, {
      kind: 'sink',
      name: `${topic.name}-sink`,
      parents,
      topic,
      key,
      value,
      partitioner: null,
    })
    nodes.set(source, {
      kind: 'source',
      name: source,
      topics: [topic],
      key,
      value,
      timestamp: null,
      offsetReset: 'earliest',
    })
    nodes.set(name, { ...node, parents: [source] })
  }
  return { nodes, repartitionTopics }
}

function isAlone(sink: GraphExternal, { nodes }: Graph, groupOf: ReadonlyMap<string, number>): boolean {
  const group = [...nodes.values()].filter(({ name }) => groupOf.get(name) === groupOf.get(sink.name))
  const topics = group.flatMap((node) => (node.kind === 'source' ? node.topics : []))
  const stateless = group.every((node) => node.kind !== 'processor' || node.stores.size === 0)
  const outputs = group.filter(({ kind }) => kind === 'sink' || kind === 'external')
  return topics.length === 1 && stateless && outputs.length === 1
}
