/**
 * What the mutants of ablation.test.ts are run against: one small configuration of transactions, exhausted, and a run that
 * hangs as soon as guard 0 is forced true.
 */
import { allSafeguards } from '@troupe/actor'
import { search } from '@troupe/simulator/model/index'
import { transactionBounds, transactionsModel } from '@troupe/simulator/models/transactions'
import { decide } from '../src/ablation/switchboard.ts'
import type { Run, Target } from '../src/ablation/contract.ts'

const bounds = { ...transactionBounds, transactions: 2, retries: 1 }

export function makeTargets(): Target[] {
  return [
    { name: 'transactions', run },
    { name: 'endless', run: hang },
  ]
}

function run(): Run {
  const options = { countWitnesses: true }
  const found = search(transactionsModel, allSafeguards, bounds, options)
  const { states, exhausted, violation, path, generated, witnesses } = found
  return {
    invariant: violation?.invariant ?? null,
    detail: violation?.detail ?? null,
    events: path.length,
    states,
    exhausted,
    seeds: 0,
    witnesses: exhausted ? Object.keys(witnesses).sort() : null,
    hash: String(generated),
  }
}

function hang(): Run {
  let rounds = 0
  while (decide(0, false)) rounds++
  const nothing = { invariant: null, detail: null, events: 0, states: 0, exhausted: false, seeds: 1, witnesses: null }
  return { ...nothing, hash: String(rounds) }
}
