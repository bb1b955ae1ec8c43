/** `npm run lab -- pipeline examples/orders/scenario.ts`: the stock service. */
import type { Draw, InputRecord, Inputs, Scenario } from 'troupe/simulate'
import { stock } from './stock.ts'
import type { OrderEvent } from './order.ts'

const customers = ['ada', 'ben', 'cleo', 'dora']
const items = ['anvil', 'bellows', 'chisel']

/** Orders, some of which are cancelled later on. */
export function orders(draw: Draw): Inputs {
  const events: InputRecord[] = []
  const open: { key: string; value: OrderEvent }[] = []
  for (let n = 0; n < 40; n++) {
    const cancelled = open.length > 0 && draw.below(4) === 0 ? open.splice(draw.below(open.length), 1)[0] : undefined
    if (cancelled === undefined) open.push({ key: `order-${n}`, value: placed(draw) })
    events.push(cancelled ? { ...cancelled, value: { ...cancelled.value, kind: 'cancelled' } } : open.at(-1)!)
  }
  return { orders: events }
}

function placed(draw: Draw): OrderEvent {
  const quantity = 1 + draw.below(20)
  const customer = draw.pick(customers)
  return { kind: 'placed', customer, item: draw.pick(items), quantity, cents: quantity * (1 + draw.below(5000)) }
}

export default { pipeline: stock, inputs: orders } satisfies Scenario
