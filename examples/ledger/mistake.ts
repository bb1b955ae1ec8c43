/**
 * The mistake: balances in a variable instead of a store. A crash forgets them, and an aborted transaction leaves them as
 * they are, so the next one adds the same payment again. `npm run lab -- pipeline examples/ledger/mistake.ts` shows it.
 */
import { json, pipeline, string } from 'troupe/pipeline'
import type { Scenario } from 'troupe/simulate'
import { balance, entry, type Payment } from './pipeline.ts'
import { payments } from './scenario.ts'

const balances = new Map<string, number>()

const forgetful = pipeline('forgetful-ledger', (p) => {
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

export default { pipeline: forgetful, inputs: payments } satisfies Scenario
