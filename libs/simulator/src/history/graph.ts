/**
 * Directed graphs of operations with labelled edges: strongly connected components (Tarjan) and shortest cycles.
 *
 * Flat arrays and no recursion: a history of a million operations has some ten million edges.
 */

/** Relations, one bit each, so that a set of them is a mask. */
export const WW = 1
export const WR = 2
export const RW = 4
export const PROCESS = 8
export const REALTIME = 16

export interface Graph {
  readonly nodes: number
  /** Edges of node n are entries `start[n]` to `start[n + 1]`. */
  readonly start: Int32Array
  readonly target: Int32Array
  readonly relation: Uint8Array
  /** Number of the value that the edge is about, -1 for process and realtime. */
  readonly value: Int32Array
}

/** An edge as it is met on a cycle. */
export interface Step {
  readonly from: number
  readonly to: number
  readonly relation: number
  readonly value: number
}

export class GraphBuilder {
  #size = 0
  #from = new Int32Array(1024)
  #target = new Int32Array(1024)
  #relation = new Uint8Array(1024)
  #value = new Int32Array(1024)

  add(from: number, to: number, relation: number, value: number): void {
    if (from === to) return
    if (this.#size === this.#from.length) this.#grow()
    this.#from[this.#size] = from
    this.#target[this.#size] = to
    this.#relation[this.#size] = relation
    this.#value[this.#size++] = value
  }

  build(nodes: number): Graph {
    const start = new Int32Array(nodes + 1)
    for (let edge = 0; edge < this.#size; edge++) start[this.#from[edge]! + 1]!++
    for (let node = 0; node < nodes; node++) start[node + 1]! += start[node]!
    const next = start.slice()
    const target = new Int32Array(this.#size)
    const relation = new Uint8Array(this.#size)
    const value = new Int32Array(this.#size)
    for (let edge = 0; edge < this.#size; edge++) {
      const place = next[this.#from[edge]!]!++
      target[place] = this.#target[edge]!
      relation[place] = this.#relation[edge]!
      value[place] = this.#value[edge]!
    }
    return { nodes, start, target, relation, value }
  }

  #grow(): void {
    const twice = <T extends Int32Array | Uint8Array>(from: T, to: T): T => {
      to.set(from)
      return to
    }
    const size = this.#size * 2
    this.#from = twice(this.#from, new Int32Array(size))
    this.#target = twice(this.#target, new Int32Array(size))
    this.#relation = twice(this.#relation, new Uint8Array(size))
    this.#value = twice(this.#value, new Int32Array(size))
  }
}

/** Components of more than one node, over the edges in `mask`: `component[n]` is its number, or -1. */
export interface Components {
  readonly component: Int32Array
  readonly members: readonly (readonly number[])[]
}

/** `within` are components over more edges: what is in none of them is in no smaller one either. */
export function components(graph: Graph, mask: number, within?: Components): Components {
  const { nodes, start, target, relation } = graph
  const order = new Int32Array(nodes)
  const low = new Int32Array(nodes)
  const edge = new Int32Array(nodes)
  const onStack = new Uint8Array(nodes)
  const component = new Int32Array(nodes).fill(-1)
  const members: number[][] = []
  const path: number[] = []
  const stack: number[] = []
  let seen = 0
  const enter = (node: number): void => {
    order[node] = low[node] = ++seen
    edge[node] = start[node]!
    onStack[node] = 1
    path.push(node)
    stack.push(node)
  }
  const leave = (node: number): void => {
    path.pop()
    const parent = path[path.length - 1]
    if (parent !== undefined && low[node]! < low[parent]!) low[parent] = low[node]!
    if (low[node] !== order[node]) return
    const found = stack.splice(stack.lastIndexOf(node))
    for (const member of found) onStack[member] = 0
    if (found.length < 2) return
    for (const member of found) component[member] = members.length
    members.push(found)
  }
  for (let root = 0; root < nodes; root++) {
    if (order[root] !== 0 || within?.component[root] === -1) continue
    enter(root)
    while (path.length > 0) {
      const node = path[path.length - 1]!
      if (edge[node] === start[node + 1]) {
        leave(node)
        continue
      }
      const at = edge[node]!++
      if ((relation[at]! & mask) === 0) continue
      const to = target[at]!
      if (within !== undefined && within.component[to] !== within.component[node]) continue
      if (order[to] === 0) enter(to)
      else if (onStack[to] === 1 && order[to]! < low[node]!) low[node] = order[to]!
    }
  }
  return { component, members }
}

/** Which edges may follow each other on a cycle; the state of the walk is a number below 8. */
export interface CycleRule {
  readonly mask: number
  /** The cycle begins with an edge of one of these. */
  readonly first: number
  /** State after an edge, -1 if it may not be taken. `state` is -1 for the first edge. */
  step(state: number, relation: number): number
  accepts(state: number): boolean
}

/** Nodes that may be looked at in one search, so that a huge component cannot hold up the rest. */
const budget = 2_000_000

/** A shortest cycle within the component that follows the rule, null if there is none (or none was found in time). */
export function shortestCycle(
  graph: Graph,
  { component, members }: Components,
  number: number,
  rule: CycleRule,
): readonly Step[] | null {
  let best: readonly Step[] | null = null
  let left = budget
  for (const node of members[number]!) {
    for (let edge = graph.start[node]!; edge < graph.start[node + 1]!; edge++) {
      if ((graph.relation[edge]! & rule.first) === 0 || component[graph.target[edge]!] !== number) continue
      if (left <= 0 || best?.length === 2) return best
      const limit = best === null ? Infinity : best.length - 1
      const walk = back(graph, component, node, edge, rule, limit, left)
      left -= walk.visited
      if (walk.cycle !== null) best = walk.cycle
    }
  }
  return best
}

/** Breadth first from the end of `first` back to where it begins. */
function back(
  graph: Graph,
  component: Int32Array,
  origin: number,
  first: number,
  rule: CycleRule,
  limit: number,
  left: number,
): { readonly cycle: readonly Step[] | null; readonly visited: number } {
  const number = component[origin]!
  const cameBy = new Map<number, { readonly previous: number; readonly from: number; readonly edge: number }>()
  const state = rule.step(-1, graph.relation[first]!)
  let frontier = state === -1 ? [] : [graph.target[first]! * 8 + state]
  cameBy.set(frontier[0] ?? -1, { previous: -1, from: origin, edge: first })
  for (let depth = 1; frontier.length > 0 && depth < limit && cameBy.size < left; depth++) {
    const next: number[] = []
    for (const place of frontier) {
      const node = Math.floor(place / 8)
      for (let edge = graph.start[node]!; edge < graph.start[node + 1]!; edge++) {
        const relation = graph.relation[edge]!
        const to = graph.target[edge]!
        if ((relation & rule.mask) === 0 || component[to] !== number) continue
        const after = rule.step(place % 8, relation)
        if (after === -1) continue
        const arrived = to * 8 + after
        if (cameBy.has(arrived)) continue
        cameBy.set(arrived, { previous: place, from: node, edge })
        if (to === origin && rule.accepts(after)) return { cycle: unwind(graph, cameBy, arrived), visited: cameBy.size }
        if (to !== origin) next.push(arrived)
      }
    }
    frontier = next
  }
  return { cycle: null, visited: cameBy.size }
}

function unwind(
  graph: Graph,
  cameBy: ReadonlyMap<number, { readonly previous: number; readonly from: number; readonly edge: number }>,
  arrived: number,
): readonly Step[] {
  const steps: Step[] = []
  for (let place = arrived; place !== -1;) {
    const { previous, from, edge } = cameBy.get(place)!
    const to = graph.target[edge]!
    steps.push({ from, to, relation: graph.relation[edge]!, value: graph.value[edge]! })
    place = previous
  }
  return steps.reverse()
}
