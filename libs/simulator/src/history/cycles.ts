/**
 * Cycles of dependencies, as Elle names them.
 *
 * wr: one operation polled what another sent. ww: one sent to an index, another to the next (only on request, for the
 * writes of several transactions interleave). rw: an operation polled up to an index, and another sent the next one
 * (only on request: a consumer that lags has such edges to everything it has not reached). process and realtime: one
 * operation was over before the other began.
 *
 * G0 is a cycle of ww, G1c of ww and wr, G-single has one rw, G-nonadjacent several that do not touch, G2 any; the
 * suffix says that an edge of process or realtime was needed.
 */
import { at, named, type Analysis, type AnomalyCase, type Cases } from './cases.ts'
import {
  components,
  GraphBuilder,
  PROCESS,
  REALTIME,
  RW,
  shortestCycle,
  WR,
  WW,
  type CycleRule,
  type Graph,
  type Step,
} from './graph.ts'
import { isData } from './format.ts'
import type { HistoryOptions } from './options.ts'

const relationNames = new Map([
  [WW, 'ww'],
  [WR, 'wr'],
  [RW, 'rw'],
  [PROCESS, 'process'],
  [REALTIME, 'realtime'],
])

export function checkCycles(all: Analysis, options: HistoryOptions, cases: Cases): void {
  const graph = dependencies(all, options)
  // Almost every history has none at all; one pass tells.
  const any = components(graph, 255)
  if (any.members.length === 0) return
  for (const variant of [0, PROCESS, REALTIME]) {
    for (const { name, rule } of rules(variant, options)) {
      const found = components(graph, rule.mask, any)
      for (let number = 0; number < found.members.length; number++) {
        const cycle = shortestCycle(graph, found, number, rule)
        if (cycle !== null) cases.add(name, () => describe(all, cycle))
      }
    }
  }
}

/** Bits of the walk's state: an edge of the variant was taken, the last edge was rw, a second rw was taken. */
const VARIED = 1
const AFTER_RW = 2
const AGAIN = 4

function rules(variant: number, options: HistoryOptions): readonly { name: string; rule: CycleRule }[] {
  const suffix = variant === 0 ? '' : `-${relationNames.get(variant)!}`
  const rule = (name: string, first: number, mask: number, step: CycleRule['step'], accepts: CycleRule['accepts']) => ({
    name: name + suffix,
    rule: { first, mask: mask | variant, step, accepts },
  })
  const step = (state: number, relation: number) => {
    const kept = state === -1 ? 0 : state & (VARIED | AGAIN)
    const rw = relation !== RW ? 0 : state === -1 ? AFTER_RW : AFTER_RW | AGAIN
    return kept | rw | (relation === variant ? VARIED : 0)
  }
  const singly = (state: number, relation: number) => (relation === RW && state !== -1 ? -1 : step(state, relation))
  const apart = (state: number, relation: number) =>
    relation === RW && state !== -1 && (state & AFTER_RW) !== 0 ? -1 : step(state, relation)
  const varied = (state: number) => variant === 0 || (state & VARIED) !== 0
  const several = (state: number) => varied(state) && (state & AGAIN) !== 0
  const list = [rule('G1c', WR, WW | WR, step, varied)]
  if (options.writeWriteEdges === true) list.unshift(rule('G0', WW, WW, step, varied))
  if (options.readWriteEdges === true) {
    list.push(rule('G-single', RW, WW | WR | RW, singly, varied))
    list.push(rule('G-nonadjacent', RW, WW | WR | RW, apart, (state) => several(state) && (state & AFTER_RW) === 0))
    // A cycle with two rw that touch can be walked from the second of them to the first.
    list.push(rule('G2', RW, WW | WR | RW, step, (state) => several(state) && (state & AFTER_RW) !== 0))
  }
  return list
}

type Emit = (from: number, to: number, relation: number, value: number) => void

/**
 * Only what can lie on a cycle. Almost all edges lead forward in time, and a cycle needs one that leads back: so only
 * the stretches of time that such edges span are of interest, and of a good history that is next to nothing.
 */
function dependencies(all: Analysis, options: HistoryOptions): Graph {
  const stretches = new Stretches(all)
  eachDataEdge(all, options, (from, to) => stretches.span(from, to))
  stretches.join()
  const builder = new GraphBuilder()
  const emit: Emit = (from, to, relation, value) => {
    if (from !== to && stretches.together(from, to)) builder.add(from, to, relation, value)
  }
  eachDataEdge(all, options, emit)
  eachProcessEdge(all, emit)
  eachRealtimeEdge(all, emit)
  return builder.build(all.operations.length)
}

/** Stretches of the history, such that no cycle leaves one. */
class Stretches {
  /**
   * Where an operation is in time: at its completion, and at its invocation where nobody knows when it happened. Edges
   * of process and realtime always lead forward.
   */
  readonly #place: Int32Array
  /** How many edges lead back over each position: first the changes, then the number of the stretch, 0 for none. */
  readonly #stretch: Int32Array

  constructor({ operations, history }: Analysis) {
    this.#place = Int32Array.from(operations, ({ type, invoke, completion }) =>
      type === 'info' ? invoke.index : completion.index,
    )
    this.#stretch = new Int32Array(history.length + 1)
  }

  span(from: number, to: number): void {
    const late = this.#place[from]!
    const early = this.#place[to]!
    if (early >= late) return
    this.#stretch[early]!++
    this.#stretch[late]!--
  }

  join(): void {
    let over = 0
    let number = 0
    for (let position = 0; position < this.#stretch.length; position++) {
      const before = over
      over += this.#stretch[position]!
      if (before === 0 && over > 0) number++
      this.#stretch[position] = before > 0 || over > 0 ? number : 0
    }
  }

  together(from: number, to: number): boolean {
    const stretch = this.#stretch[this.#place[from]!]!
    return stretch !== 0 && stretch === this.#stretch[this.#place[to]!]
  }
}

function eachDataEdge(all: Analysis, options: HistoryOptions, emit: Emit): void {
  eachReadEdge(all, emit)
  if (options.writeWriteEdges === true) eachWriteEdge(all, emit)
  if (options.readWriteEdges === true) eachAntidependency(all, emit)
}

function eachReadEdge({ operations, reads, values }: Analysis, emit: Emit): void {
  for (let n = 0; n < operations.length; n++) {
    let last = -1
    for (let i = reads.start[n]!; i < reads.start[n + 1]!; i++) {
      const writer = values.writer[reads.value[i]!]!
      if (writer !== -1 && writer !== last) emit(writer, n, WR, reads.value[i]!)
      last = writer
    }
  }
}

function eachWriteEdge({ orders, values }: Analysis, emit: Emit): void {
  for (const order of orders) {
    for (let index = 1; index < order.values.length; index++) {
      const earlier = values.writer[order.values[index - 1]![0]!]!
      const value = order.values[index]![0]!
      const later = values.writer[value]!
      if (earlier !== -1 && later !== -1) emit(earlier, later, WW, value)
    }
  }
}

function eachAntidependency({ operations, orders, reads, values, lastIndex }: Analysis, emit: Emit): void {
  for (let n = 0; n < operations.length; n++) {
    const highest = new Map<number, number>()
    for (let i = reads.start[n]!; i < reads.start[n + 1]!; i++) {
      const value = reads.value[i]!
      const key = values.key[value]!
      highest.set(key, Math.max(highest.get(key) ?? -1, lastIndex[value]!))
    }
    for (const [key, index] of highest) {
      const next = orders[key]!.values[index + 1]?.[0]
      if (next !== undefined && values.writer[next] !== -1) emit(n, values.writer[next]!, RW, next)
    }
  }
}

function eachProcessEdge({ operations }: Analysis, emit: Emit): void {
  const last = new Map<number, number>()
  for (let n = 0; n < operations.length; n++) {
    const { completion, type } = operations[n]!
    if (type !== 'ok' || !isData(completion)) continue
    const before = last.get(completion.process)
    if (before !== undefined) emit(before, n, PROCESS, -1)
    last.set(completion.process, n)
  }
}

/**
 * An operation comes after all that had completed `ok` when it was invoked. It is enough to draw the edges from those
 * that no completed operation has come after yet: these are a window of the list of completions.
 */
function eachRealtimeEdge({ operations, history }: Analysis, emit: Emit): void {
  const numbers = new Int32Array(history.length).fill(-1)
  operations.forEach(({ invoke, completion }, n) => {
    if (!isData(completion)) return
    numbers[invoke.index] = n
    numbers[completion.index] = n
  })
  /** How many had completed when it was invoked. */
  const before = new Int32Array(operations.length)
  const completed: number[] = []
  let low = 0
  for (let position = 0; position < history.length; position++) {
    const n = numbers[position]!
    if (n === -1) continue
    if (history[position]!.type === 'invoke') {
      before[n] = completed.length
      for (let i = low; i < completed.length; i++) emit(completed[i]!, n, REALTIME, -1)
    } else if (operations[n]!.type === 'ok') {
      low = Math.max(low, before[n]!)
      completed.push(n)
    }
  }
}

function describe(all: Analysis, cycle: readonly Step[]): AnomalyCase {
  const steps = cycle.map(({ from, to, relation, value }) => {
    const about = value === -1 ? '' : ` (${named(all, value)})`
    return `op ${at(all, from)} –${relationNames.get(relation)!}→ op ${at(all, to)}${about}`
  })
  const value = cycle.find((step) => step.value !== -1)?.value
  return {
    detail: steps.join(', '),
    key: value === undefined ? null : all.keys[all.values.key[value]!]!,
    operations: cycle.map(({ from }) => at(all, from)),
  }
}
