/** What the shop says about an order, keyed by its number. A cancellation carries the order that it takes back. */
import { json } from 'troupe/pipeline'

export interface OrderEvent {
  readonly kind: 'placed' | 'cancelled'
  readonly customer: string
  readonly item: string
  readonly quantity: number
  readonly cents: number
}

export const orderEvent = json<OrderEvent>()
