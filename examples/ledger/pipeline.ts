/**
 * Payments to an audited ledger. A payment becomes two entries, one for each account; the entries of an account add up
 * to its balance. Both are written in the transaction that commits the payment's offset, so a payment is in the ledger
 * and in both balances, or nowhere yet.
 */
import { json, pipeline, string } from 'troupe/pipeline'

export interface Payment {
  readonly from: string
  readonly to: string
  readonly cents: number
}

export interface Entry {
  readonly payment: string
  readonly cents: number
}

export const entry = json<Entry>()
export const balance = json<number>()

export const ledger = pipeline('ledger', (p) => {
  const entries = p
    .stream('payments', { key: string, value: json<Payment>() })
    .filter((_id, { cents }) => Number.isSafeInteger(cents) && cents > 0)
    .flatMap((id, { from, to, cents }) => [
      [from, { payment: id, cents: -cents }],
      [to, { payment: id, cents }],
    ])
    .through({ name: 'by-account', key: string, value: entry })
  entries.to('ledger', { key: string, value: entry })
  entries
    .groupByKey({ key: string, value: entry })
    .aggregate(
      () => 0,
      (_account, { cents }, sum: number) => sum + cents,
      { store: 'balances', key: string, value: balance },
    )
    .toStream()
    .to('balances', { key: string, value: balance })
})
