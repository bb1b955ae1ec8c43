/** What the application says about an order each time it changes one. */
import { json } from 'troupe/pipeline'

export interface Order {
  readonly customer: string
  readonly status: 'placed' | 'paid'
  readonly cents: number
}

/** The row before and after; null: there was none, or there is none any more. */
export interface Change {
  readonly before: Order | null
  readonly after: Order | null
}

export const change = json<Change>()
