import { allSafeguards } from '@troupe/actor'
import { describe, expect, it } from 'vitest'
import { replay, search, type Bounds } from '../../src/model/index.ts'
import { offsetBounds, offsetsModel } from '../../src/models/offsets.ts'
import { transactionBounds, transactionsModel } from '../../src/models/transactions.ts'
import type { Cage } from '../../src/zoo/contract.ts'
import { offsetCages } from '../../src/zoo/offsets.ts'
import { transactionCages } from '../../src/zoo/transactions.ts'

const LONGEST_TRACE = 25
const off = ({ safeguard }: Cage) => ({ ...allSafeguards, [safeguard]: false })

describe.each([...transactionCages, ...offsetCages])('$id', (cage) => {
  it(cage.impossible === undefined ? `without ${cage.safeguard} it is found` : 'is impossible here', () => {
    const found = search(cage.model, off(cage), cage.bounds)
    if (cage.impossible !== undefined) {
      expect(found).toMatchObject({ exhausted: true, violation: null })
      return
    }
    expect(found.violation?.invariant).toBe(cage.invariants[0])
    expect(found.path.length).toBeLessThanOrEqual(LONGEST_TRACE)
    const trace = replay(cage.model, off(cage), cage.bounds, found.path)
    expect(trace.header.violation).toMatchObject({ invariant: cage.invariants[0] })
  })

  it('with all safeguards on the same bound is clean', () => {
    expect(search(cage.model, allSafeguards, cage.bounds)).toMatchObject({ exhausted: true, violation: null })
  })
})

describe('with all safeguards on', () => {
  it('transaction.version 1 leaves Z22 open: a late EndTxn ends the next transaction of the same epoch', () => {
    const bounds = { ...transactionBounds, version: 1, transactions: 2, retries: 1 }
    expect(search(transactionsModel, allSafeguards, bounds).violation?.invariant).toBe('T2')
  })

  it('transactions meet every interesting situation and break no rule', () => {
    const bounds: readonly Bounds[] = [
      { partitions: 2, transactions: 2 },
      { producers: 2 },
      { transactions: 2, ticks: 1 },
      { aborts: 1, fetches: 1 },
      { sweeps: 1, aborts: 1, startEpoch: 32765 },
      { transactions: 2, reloads: 1, failures: 1 },
      { transactions: 2, slow: 1, losses: 1 },
      { elections: 1, crashes: 1, partitions: 2 },
      { followers: 1, fetches: 1 },
    ]
    const seen = new Set<string>()
    for (const each of bounds) {
      const result = search(
        transactionsModel,
        allSafeguards,
        { ...transactionBounds, ...each },
        { countWitnesses: true },
      )
      expect(result).toMatchObject({ exhausted: true, violation: null })
      for (const name of Object.keys(result.witnesses)) seen.add(name)
    }
    expect([...seen].sort()).toEqual([
      'a committed record is read',
      'a marker is on its way twice',
      'a marker waits to be replicated',
      'a producer is fenced',
      'a producer knows of its commit',
      'a read names an aborted transaction',
      'a second owner',
      'a transaction is aborted',
      'a transaction is committed',
      'one partition is marked, the other is open',
      'the last stable offset waits',
      'the producer id is rotated',
    ])
  })

  it('offsets meet every interesting situation and break no rule', () => {
    const bounds: readonly Bounds[] = [
      { transactional: 1, output: 1, sweeps: 1 },
      { transactional: 1, static: 1, reloads: 1 },
      { records: 2, reloads: 1, sessions: 1 },
    ]
    const seen = new Set<string>()
    for (const each of bounds) {
      const result = search(offsetsModel, allSafeguards, { ...offsetBounds, ...each }, { countWitnesses: true })
      expect(result).toMatchObject({ exhausted: true, violation: null })
      for (const name of Object.keys(result.witnesses)) seen.add(name)
    }
    expect([...seen].sort()).toEqual([
      'a member waits for a stable offset',
      'a plain commit is acknowledged',
      'a second generation',
      'a static member came back',
      'a zombie is fenced',
      'an offset is undecided',
      'offsets are committed in a transaction',
    ])
  })
})
