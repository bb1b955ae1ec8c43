/**
 * The changes of orders as a view: what each customer has ordered, kept in PostgreSQL, and the newest state of each order
 * in a compacted topic. The sums are added to, so a change that counts twice, or not at all, is wrong for ever.
 */
import { json, nullable, pipeline, postgresSink, string, type PostgresClient } from 'troupe/pipeline'
import { change, type Change, type Order } from './change.ts'

export const order = nullable(json<Order>())

const create = `CREATE TABLE IF NOT EXISTS customers
  (customer text PRIMARY KEY, orders integer NOT NULL, cents bigint NOT NULL, changes integer NOT NULL)`

export const materialise = (connection: string) =>
  pipeline('order-view', (p) => {
    const changes = p.stream('order-changes', { key: string, value: change })
    changes.mapValues(({ after }) => after).to('orders', { key: string, value: order })
    changes
      // An order stays with its customer. By customer, so that no two tasks want the same row.
      .selectKey((_id, { before, after }) => (after ?? before)?.customer ?? '')
      .toSink(
        postgresSink<string, Change>({
          name: 'customers',
          connection,
          create,
          apply: ({ key, value }, client) => add(client, key, value),
        }),
        { key: string, value: change },
      )
  })

export async function add(client: PostgresClient, customer: string, { before, after }: Change): Promise<void> {
  const orders = Number(after !== null) - Number(before !== null)
  const cents = (after?.cents ?? 0) - (before?.cents ?? 0)
  const sum = 'orders = customers.orders + $2, cents = customers.cents + $3, changes = customers.changes + 1'
  const insert = `INSERT INTO customers VALUES ($1, $2, $3, 1) ON CONFLICT (customer) DO UPDATE SET ${sum}`
  await client.query(insert, [customer, orders, cents])
}
