/**
 * The mistake: balances in a variable instead of a store. A crash forgets them, an account that moves to another instance
 * leaves them behind, and an aborted transaction does not take them back. A function makes the pipeline, so that each
 * simulated process has a variable of its own. `npm run lab -- pipeline examples/ledger/mistake.ts` shows it.
 */
import { json, pipeline, string, type Pipeline } from 'troupe/pipeline'
import type { Scenario } from 'troupe/simulate'
import { balance, entry, type Payment } from './pipeline.ts'
import { payments } from './scenario.ts'

function forgetful(): Pipeline {
  const balances = new Map<string, number>()
  return pipeline('forgetful-ledger', (p) => {
    p.stream('payments', { key: string, value: json<Payment>() })
      .flatMap((id, { from, to, cents }) => [
        [from, { payment: id, cents: -cents }],
        [to, { payment: id, cents }],
      ])
      .through({ name: 'by-account', key: string, value: entry })
      .mapValues(({ cents }, account) => {
        const sum = (balances.get(account) ?? 0) + cents
        balances.set(account, sum)
        return sum
      })
      .to('balances', { key: string, value: balance })
  })
}

export default { pipeline: forgetful, inputs: payments } satisfies Scenario
