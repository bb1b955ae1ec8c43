/** `npm run lab -- pipeline examples/outbox/scenario.ts` */
import type { Draw, Inputs, Scenario } from 'troupe/simulate'
import type { Change, Order } from './change.ts'
import { materialise } from './pipeline.ts'

const customers = ['ada', 'ben', 'cleo', 'dora']

/** Orders are placed, paid and withdrawn. */
export function changes(draw: Draw): Inputs {
  const orders = new Map<string, Order>()
  const records = Array.from({ length: 40 }, () => {
    const at = draw.below(8)
    const id = `order-${at}`
    const before = orders.get(id) ?? null
    const after = next(draw, before, customers[at % customers.length]!)
    if (after === null) orders.delete(id)
    else orders.set(id, after)
    return { key: id, value: { before, after } satisfies Change }
  })
  return { 'order-changes': records }
}

function next(draw: Draw, before: Order | null, customer: string): Order | null {
  if (before === null) return { customer, status: 'placed', cents: 1 + draw.below(10_000) }
  if (before.status === 'paid') return null
  return draw.below(2) === 0 ? { ...before, status: 'paid' } : { ...before, cents: 1 + draw.below(10_000) }
}

// The simulator has an outside system of its own, which takes part as the sink does: nobody connects to anything.
export default { pipeline: materialise('postgres://nowhere'), inputs: changes } satisfies Scenario
