/**
 * A topology as text, in the manner of Kafka Streams' Topology#describe.
 */
import type { Topology, TopologyNode } from '../topology.ts'

export function describeTopology({ nodes, subtopologies }: Topology): string {
  const parts = subtopologies.map(({ id, nodes: names }) => {
    const lines = names.map((name) => `    ${describeNode(nodes.get(name)!)}\n`)
    return `   Sub-topology: ${id}\n${lines.join('')}\n`
  })
  return `Topologies:\n${parts.join('')}`
}

function describeNode(node: TopologyNode): string {
  const { name } = node
  const before = `\n      <-- ${list(node.predecessors)}`
  const after = `\n      --> ${list(node.successors)}`
  switch (node.kind) {
    case 'source':
      return `Source: ${name} (topics: [${node.topics.join(', ')}])${after}`
    case 'processor':
      return `Processor: ${name} (stores: [${node.stores.join(', ')}])${after}${before}`
    case 'sink':
      return `Sink: ${name} (${typeof node.topic === 'string' ? `topic: ${node.topic}` : 'topic chosen for each record'})${before}`
    case 'external':
      return `Sink: ${name} (outside: ${node.sink.name})${before}`
  }
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}
