/**
 * Which nodes belong together: those with an edge or a store in common. Numbered in the order of the nodes.
 */
import type { GraphNode } from './graph.ts'

export function groups(nodes: ReadonlyMap<string, GraphNode>): Map<string, number> {
  const parent = new Map<string, string>()
  const root = (name: string): string => {
    const above = parent.get(name) ?? name
    if (above === name) return name
    const top = root(above)
    parent.set(name, top)
    return top
  }
  const unite = (left: string, right: string): void => void parent.set(root(left), root(right))
  const usersOf = new Map<string, string>()
  for (const node of nodes.values()) {
    if (node.kind === 'source') continue
    for (const each of node.parents) unite(node.name, each)
    if (node.kind !== 'processor') continue
    for (const store of node.stores) {
      const user = usersOf.get(store)
      if (user === undefined) usersOf.set(store, node.name)
      else unite(node.name, user)
    }
  }
  const ids = new Map<string, number>()
  const result = new Map<string, number>()
  for (const name of nodes.keys()) {
    const top = root(name)
    if (!ids.has(top)) ids.set(top, ids.size)
    result.set(name, ids.get(top)!)
  }
  return result
}
