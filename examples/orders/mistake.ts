/**
 * The mistake: invoices written by a function at the end of the stream, as any program would. It has happened when the
 * transaction that takes the order is aborted, and happens again with the next one: the customer pays twice.
 */
import { pipeline, string } from 'troupe/pipeline'
import type { Scenario } from 'troupe/simulate'
import { orderEvent } from './order.ts'
import { orders } from './scenario.ts'

const owes = new Map<string, number>()

const hasty = pipeline('hasty-invoicing', (p) => {
  p.stream('orders', { key: string, value: orderEvent }).foreach((_order, { kind, customer, cents }) => {
    owes.set(customer, (owes.get(customer) ?? 0) + (kind === 'placed' ? cents : -cents))
  })
})

export default { pipeline: hasty, inputs: orders } satisfies Scenario
