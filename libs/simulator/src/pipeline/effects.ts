/**
 * Functions at the end of a stream (`forEach`): side effects that no transaction holds back. In a simulated run they are
 * not called but written down, so that the judge can count them.
 */
import type { Topology, TopologyNode } from '@troupe/pipeline/topology'

export interface Effect {
  readonly node: string
  readonly key: unknown
  readonly value: unknown
}

/** The same topology, with every such function replaced by `note`. */
export function withNotedEffects(topology: Topology, note: (effect: Effect) => void): Topology {
  const nodes = new Map<string, TopologyNode>()
  for (const [name, node] of topology.nodes) nodes.set(name, isEffect(node) ? noted(node, note) : node)
  return { ...topology, nodes }
}

type Peek = Extract<TopologyNode, { kind: 'processor' }>

function isEffect(node: TopologyNode): node is Peek {
  return node.kind === 'processor' && node.operation.type === 'peek' && node.successors.length === 0
}

function noted(node: Peek, note: (effect: Effect) => void): Peek {
  const action = (key: unknown, value: unknown): void => note({ node: node.name, key, value })
  return { ...node, operation: { type: 'peek', action } }
}
