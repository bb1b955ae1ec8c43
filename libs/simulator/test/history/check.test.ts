/**
 * The checkers against histories that are right by construction and against one planted anomaly at a time: nothing
 * may be said of the first, and the right name of the second.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkHistory } from '../../src/history/check.ts'
import type { HistoryOptions } from '../../src/history/options.ts'
import { plants } from './plants.ts'
import { correctHistory, randomInts } from './world.ts'

const shape = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  processes: fc.integer({ min: 1, max: 5 }),
  keys: fc.integer({ min: 1, max: 4 }),
  operations: fc.integer({ min: 0, max: 150 }),
  finalPolls: fc.constant(true),
})

/** Enough operations for a plant to find its place more often than not. */
const busy = shape.map((drawn) => ({ ...drawn, operations: drawn.operations + 50 }))

const edges: Readonly<Record<string, HistoryOptions>> = {
  G0: { writeWriteEdges: true },
  'G-single': { readWriteEdges: true },
  'G-nonadjacent': { readWriteEdges: true },
  G2: { readWriteEdges: true },
}

describe('history checkers', () => {
  it('find nothing in a correct history', () => {
    fc.assert(
      fc.property(shape, fc.boolean(), fc.boolean(), (drawn, writeWriteEdges, readWriteEdges) => {
        const report = checkHistory(correctHistory(drawn), { writeWriteEdges, readWriteEdges })
        expect(report.anomalies.filter(({ allowed }) => !allowed)).toEqual([])
        expect(report.valid).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('find nothing but what was not polled yet in a history without final polls', () => {
    fc.assert(
      fc.property(shape, (drawn) => {
        const history = correctHistory({ ...drawn, finalPolls: false })
        const names = checkHistory(history).anomalies.filter(({ allowed }) => !allowed)
        expect(names.map(({ name }) => name).filter((name) => name !== 'unseen')).toEqual([])
        expect(checkHistory(history, { complete: false }).valid).toBe(true)
      }),
      { numRuns: 100 },
    )
  })

  for (const [name, plant] of Object.entries(plants)) {
    it(`name a planted ${name}`, () => {
      let planted = 0
      fc.assert(
        fc.property(busy, (drawn) => {
          const history = plant(correctHistory(drawn), randomInts(drawn.seed))
          if (history === null) return
          planted++
          const report = checkHistory(history, edges[name] ?? {})
          const found = report.anomalies.find((anomaly) => anomaly.name === name)
          expect(found?.count, report.anomalies.map((anomaly) => anomaly.name).join(' ')).toBeGreaterThan(0)
          expect(found!.cases[0]!.operations.length).toBeGreaterThan(0)
          expect(report.valid).toBe(report.anomalies.every(({ allowed }) => allowed))
        }),
        { numRuns: 60 },
      )
      expect(planted).toBeGreaterThan(10)
    })
  }
})
