/**
 * A topology as a Mermaid flowchart: topics round, stores as cylinders, each subtopology in its box.
 */
import type { Topology, TopologyNode } from '../topology.ts'

export function diagramTopology({ nodes, subtopologies }: Topology): string {
  const ids = new Map<string, string>()
  const id = (kind: string, name: string): string => {
    const key = `${kind}:${name}`
    if (!ids.has(key)) ids.set(key, `${kind}${ids.size}`)
    return ids.get(key)!
  }
  const topics = new Set<string>()
  const boxes: string[] = []
  const edges: string[] = []
  const topicEdge = (topic: string, node: string, reads: boolean): void => {
    topics.add(topic)
    const [topicId, nodeId] = [id('t', topic), id('n', node)]
    edges.push(reads ? `  ${topicId} --> ${nodeId}` : `  ${nodeId} --> ${topicId}`)
  }
  for (const { id: number, nodes: names, stores } of subtopologies) {
    boxes.push(`  subgraph s${number}["Sub-topology ${number}"]`)
    for (const name of names) boxes.push(`    ${id('n', name)}["${label(nodes.get(name)!)}"]`)
    for (const store of stores) boxes.push(`    ${id('d', store)}[("${escape(store)}")]`)
    boxes.push('  end')
    for (const name of names) {
      const node = nodes.get(name)!
      for (const next of node.successors) edges.push(`  ${id('n', name)} --> ${id('n', next)}`)
      if (node.kind === 'source') for (const topic of node.topics) topicEdge(topic, name, true)
      if (node.kind === 'sink')
        topicEdge(typeof node.topic === 'string' ? node.topic : 'chosen for each record', name, false)
      if (node.kind === 'external') topicEdge(node.sink.name, name, false)
      if (node.kind === 'processor')
        for (const store of node.stores) edges.push(`  ${id('n', name)} -.- ${id('d', store)}`)
    }
  }
  const round = [...topics].map((topic) => `  ${id('t', topic)}(["${escape(topic)}"])`)
  return ['flowchart TD', ...round, ...boxes, ...edges, ''].join('\n')
}

function label(node: TopologyNode): string {
  if (node.kind !== 'processor') return escape(node.name)
  return escape(`${node.operation.type}: ${node.name}`)
}

function escape(text: string): string {
  return text.replaceAll('"', '#quot;')
}
