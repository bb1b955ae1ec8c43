/** Components and cycles against the plainest way to find them: reachability by trying everything. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkHistory } from '../../src/history/check.ts'
import type { DataOperation, History, MicroOp } from '../../src/history/format.ts'
import { components, GraphBuilder, shortestCycle, type CycleRule } from '../../src/history/graph.ts'

const nodes = 9
const edges = fc.array(fc.tuple(fc.nat(nodes - 1), fc.nat(nodes - 1), fc.constantFrom(1, 2, 4)), { maxLength: 24 })

/** reach[a][b]: there is a way of at least one edge. */
function reachability(size: number, list: readonly (readonly [number, number, number])[], mask: number): boolean[][] {
  const reach = Array.from({ length: size }, () => Array.from({ length: size }, () => false))
  for (const [from, to, relation] of list) if ((relation & mask) !== 0 && from !== to) reach[from]![to] = true
  for (let via = 0; via < size; via++) {
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < size; b++) if (reach[a]![via] && reach[via]![b]) reach[a]![b] = true
    }
  }
  return reach
}

const any: CycleRule = { mask: 7, first: 7, step: () => 0, accepts: () => true }

describe('graph', () => {
  it('has the components that reachability gives', () => {
    fc.assert(
      fc.property(edges, fc.constantFrom(1, 3, 7), (list, mask) => {
        const builder = new GraphBuilder()
        for (const [from, to, relation] of list) builder.add(from, to, relation, -1)
        const graph = builder.build(nodes)
        const reach = reachability(nodes, list, mask)
        const direct = components(graph, mask).component
        const within = components(graph, mask, components(graph, 7)).component
        for (let a = 0; a < nodes; a++) {
          expect(direct[a] !== -1).toBe(reach[a]![a])
          expect(within[a] !== -1).toBe(reach[a]![a])
          for (let b = 0; b < nodes; b++) {
            const together = a !== b && reach[a]![b]! && reach[b]![a]!
            if (a !== b) expect(direct[a] === direct[b] && direct[a] !== -1).toBe(together)
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  it('has a shortest cycle in every component, made of its edges', () => {
    fc.assert(
      fc.property(edges, (list) => {
        const builder = new GraphBuilder()
        for (const [from, to, relation] of list) builder.add(from, to, relation, -1)
        const graph = builder.build(nodes)
        const found = components(graph, 7)
        found.members.forEach((members, number) => {
          const cycle = shortestCycle(graph, found, number, any)!
          cycle.forEach(({ from, to, relation }, i) => {
            expect(list).toContainEqual([from, to, relation])
            expect(to).toBe(cycle[(i + 1) % cycle.length]!.from)
          })
          expect(cycle.length).toBe(Math.min(...members.map((member) => girth(list, member))))
        })
      }),
      { numRuns: 500 },
    )
  })
})

/** Length of the shortest cycle through a node. */
function girth(list: readonly (readonly [number, number, number])[], origin: number): number {
  let reached = new Set([origin])
  for (let length = 1; length <= nodes; length++) {
    reached = new Set(list.flatMap(([from, to]) => (from !== to && reached.has(from) ? [to] : [])))
    if (reached.has(origin)) return length
  }
  return Infinity
}

/** Operations at random times that send one value each and poll whatever they like: nothing about it need be right. */
const nonsense = fc
  .array(
    fc.record({
      process: fc.nat(3),
      lasts: fc.integer({ min: 1, max: 9 }),
      type: fc.constantFrom('ok' as const, 'ok' as const, 'info' as const),
      polls: fc.array(fc.nat(11), { maxLength: 3 }),
    }),
    { minLength: 2, maxLength: 12 },
  )
  .map((drawn): History => {
    const free = [0, 0, 0, 0]
    const events: { time: number; operation: Omit<DataOperation, 'index' | 'time'> }[] = []
    drawn.forEach(({ process, lasts, type, polls }, n) => {
      const begin = Math.max(free[process]!, n)
      free[process] = begin + lasts + 0.5
      const value: MicroOp[] = [
        ['send', n, 'v'],
        ['poll', polls.filter((key) => key < drawn.length && key !== n).map((key) => [key, [[0, 'v']]])],
      ]
      events.push({
        time: begin,
        operation: { process, type: 'invoke', f: 'txn', value: [['send', n, 'v'], ['poll']] },
      })
      events.push({ time: begin + lasts + 0.25, operation: { process, type, f: 'txn', value } })
    })
    return events
      .toSorted((a, b) => a.time - b.time)
      .map(({ operation, time }, index) => ({ ...operation, index, time }))
  })

describe('cycles of a history', () => {
  it('are there exactly when the plain closure of all its edges has them', () => {
    let cyclic = 0
    fc.assert(
      fc.property(nonsense, (history) => {
        const done = history.flatMap((operation) => {
          if (operation.type === 'invoke' || operation.f !== 'txn') return []
          const end = operation.index
          const before = history.slice(0, end).findLast(({ process }) => process === operation.process)!
          const own = operation.value.find((micro) => micro[0] === 'send')![1]
          const seen = operation.value.flatMap((micro) =>
            micro[0] === 'poll' ? (micro[1] ?? []).map(([key]) => key) : [],
          )
          return [{ begin: before.index, end, ok: operation.type === 'ok', own, seen }]
        })
        const list: [number, number, number][] = []
        done.forEach((a, from) => {
          done.forEach((b, to) => {
            if (b.seen.includes(a.own)) list.push([from, to, 1])
            if (a.ok && a.end < b.begin) list.push([from, to, 2])
          })
        })
        const reads = reachability(done.length, list, 1)
        const both = reachability(done.length, list, 3)
        const plain = reads.some((row, n) => row[n])
        const names = new Set(checkHistory(history).anomalies.map(({ name }) => name))
        expect(names.has('G1c')).toBe(plain)
        if (both.some((row, n) => row[n])) cyclic++
        if (!plain) expect(names.has('G1c-realtime')).toBe(both.some((row, n) => row[n]))
        if (!both.some((row, n) => row[n])) expect([...names].filter((name) => name.startsWith('G1c'))).toEqual([])
      }),
      { numRuns: 1000 },
    )
    expect(cyclic).toBeGreaterThan(100)
  })
})
