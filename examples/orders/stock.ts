/**
 * The first service: reserves stock. Each item has a shelf, which answers one order after the other; an order that asks
 * for more than is left is refused, and a cancelled one puts back what it held. Shelf, answer and offset are one
 * transaction: no shelf gives away more than it has, and each event gets one answer.
 */
import { json, pipeline, string } from 'troupe/pipeline'
import { orderEvent, type OrderEvent } from './order.ts'

export interface Answer {
  readonly item: string
  readonly quantity: number
  readonly is: 'reserved' | 'refused' | 'returned' | 'nothing to return'
}

interface Shelf {
  readonly left: number
  /** Quantity by order. */
  readonly held: Readonly<Record<string, number>>
  readonly answer: readonly [order: string, answer: Answer] | null
}

export const shelfSize = 100
export const answer = json<Answer>()
const request = json<readonly [order: string, event: OrderEvent]>()

export const stock = pipeline('stock', (p) => {
  p.stream('orders', { key: string, value: orderEvent })
    .map((order, event) => [event.item, [order, event] as const])
    .groupByKey({ name: 'by-item', key: string, value: request })
    .aggregate((): Shelf => ({ left: shelfSize, held: {}, answer: null }), answerOf, {
      store: 'shelves',
      key: string,
      value: json<Shelf>(),
    })
    .toStream()
    .map((_item, shelf) => shelf.answer!)
    .to('reservations', { key: string, value: answer })
})

function answerOf(item: string, [order, event]: readonly [string, OrderEvent], { left, held }: Shelf): Shelf {
  const say = (is: Answer['is'], quantity: number): [string, Answer] => [order, { item, quantity, is }]
  if (event.kind === 'placed') {
    const { quantity } = event
    if (quantity > left) return { left, held, answer: say('refused', quantity) }
    return { left: left - quantity, held: { ...held, [order]: quantity }, answer: say('reserved', quantity) }
  }
  const { [order]: quantity = 0, ...others } = held
  const is = quantity === 0 ? 'nothing to return' : 'returned'
  return { left: left + quantity, held: others, answer: say(is, quantity) }
}
