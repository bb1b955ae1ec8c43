/**
 * What the mutants of ablation.test.ts are run against: one small configuration of transactions, exhausted, a run that
 * hangs as soon as guard 0 is forced true, and one that is another one ever after guard 1 was.
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
    { name: 'seed of trouble', run: remember },
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

const nothing = { invariant: null, detail: null, events: 0, states: 0, exhausted: false, seeds: 1, witnesses: null }

function hang(): Run {
  let rounds = 0
  while (decide(0, false)) rounds++
  return { ...nothing, hash: String(rounds) }
}

let isSpoilt = false

function remember(): Run {
  if (decide(1, false)) isSpoilt = true
  return { ...nothing, hash: String(isSpoilt) }
}
