/** `npm run lab -- pipeline examples/ledger/scenario.ts` */
import type { Draw, Inputs, Scenario } from 'troupe/simulate'
import { ledger } from './pipeline.ts'

const accounts = ['ada', 'ben', 'cleo', 'dora', 'emil']

export function payments(draw: Draw): Inputs {
  const payment = (_: unknown, n: number) => {
    const from = draw.below(accounts.length)
    const to = (from + 1 + draw.below(accounts.length - 1)) % accounts.length
    return { key: `payment-${n}`, value: { from: accounts[from]!, to: accounts[to]!, cents: 1 + draw.below(10_000) } }
  }
  return { payments: Array.from({ length: 40 }, payment) }
}

export default { pipeline: ledger, inputs: payments } satisfies Scenario
