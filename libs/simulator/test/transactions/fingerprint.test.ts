import { allSafeguards } from '@troupe/actor'
import { describe, expect, it } from 'vitest'
import { IdealLog } from '../../src/model-ports/ideal-log.ts'
import { search, type Model, type World } from '../../src/model/index.ts'
import { transactionBounds, transactionsModel } from '../../src/models/transactions.ts'
import { offsetCages } from '../../src/zoo/offsets.ts'
import { transactionCages } from '../../src/zoo/transactions.ts'

/** Everything in a world as text, ids by their value: slow, and no rule can be wrong about it. */
function textOf(world: World): string {
  const { cells, flights, ghostData, failure } = world
  const all = cells.map(({ name, running, incarnation, state, disk, timers, owed }) => [
    [name, running, incarnation, state, disk],
    timers.map(({ name: timer, message }) => json([timer, message])).sort(),
    owed.map(({ token }) => json(token)).sort(),
  ])
  const onTheWay = flights.map(({ from, to, actor, message }) => json([from, to, actor, message])).sort()
  return json([all, onTheWay, ghostData, failure])
}

/** The production code, configurations, and what is not the actors' own. */
const same = new Set(['coordinator', 'args', 'config', 'eligibleBrokers', 'flushResult'])

function json(value: unknown): string {
  return JSON.stringify(value, (name, inner: unknown) => {
    if (same.has(name) && typeof inner === 'object') return undefined
    if (inner instanceof IdealLog)
      return { batches: inner.batches.map(({ digest }) => digest), to: inner.highWatermark }
    if (inner instanceof Map) return [...inner].map(([key, of]) => json([key, of])).sort()
    if (inner instanceof Set) return [...inner].sort()
    return inner instanceof Uint8Array ? [...inner] : inner
  })
}

function fingerprint(world: World): readonly [number, number] {
  const text = textOf(world)
  let high = 0x811c9dc5
  let low = 0x9dc5811c
  for (let at = 0; at < text.length; at++) {
    high = Math.imul(high ^ text.charCodeAt(at), 0x01000193)
    low = Math.imul(low + text.charCodeAt(at), 0x85ebca6b) ^ (low >>> 13)
  }
  return [high >>> 0, low >>> 0]
}

const exact = <Of>(model: Model<Of>): Model<Of> => ({ ...model, fingerprint: (world) => fingerprint(world as World) })

describe('worlds that are taken for one are one', () => {
  const cages = [...transactionCages, ...offsetCages].filter(({ impossible }) => impossible === undefined)

  it.each(cages)('$id is as near when nothing is left out of the fingerprint', ({ model, safeguard, bounds }) => {
    const off = { ...allSafeguards, [safeguard]: false }
    expect(search(exact(model), off, bounds).path.length).toBe(search(model, off, bounds).path.length)
  })

  it('and the clean bounds show the same situations', () => {
    const bounds = { ...transactionBounds, transactions: 2, ticks: 1 }
    const ours = search(transactionsModel, allSafeguards, bounds, { countWitnesses: true })
    const all = search(exact(transactionsModel), allSafeguards, bounds, { countWitnesses: true })
    expect(all.states).toBeGreaterThan(ours.states)
    expect(all).toMatchObject({ exhausted: true, violation: null })
    expect(Object.keys(all.witnesses).sort()).toEqual(Object.keys(ours.witnesses).sort())
  })
})
