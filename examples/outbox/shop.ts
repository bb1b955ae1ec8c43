/**
 * The application: orders in a table, and in the same transaction one row in the outbox for each change of an order. It
 * knows nothing of Kafka. Rows of the outbox may be deleted at any time: the relay reads the database's log, not the table.
 */
import type { ClientBase } from 'pg'
import type { Change, Order } from './change.ts'

export const schema = [
  'CREATE TABLE orders (id text PRIMARY KEY, customer text NOT NULL, status text NOT NULL, cents integer NOT NULL)',
  'CREATE TABLE outbox (id bigserial PRIMARY KEY, topic text NOT NULL, key text, payload text)',
  "CREATE PUBLICATION outbox FOR TABLE outbox WITH (publish = 'insert')",
  // Before the first row is written: the slot keeps the log from here on.
  "SELECT pg_create_logical_replication_slot('outbox', 'pgoutput')",
]

/** Makes of an order what `next` says, which is told what it was: null is no order. */
export async function changeOrder(
  client: ClientBase,
  id: string,
  next: (before: Order | null) => Order | null,
): Promise<void> {
  await client.query('BEGIN')
  try {
    // Whoever changes the same order waits, so its changes are committed in the order in which they are told.
    await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [id])
    const { rows } = await client.query<Order>('SELECT customer, status, cents FROM orders WHERE id = $1', [id])
    const before = rows[0] ?? null
    const after = next(before)
    if (after === null) await client.query('DELETE FROM orders WHERE id = $1', [id])
    else await write(client, id, after)
    const change: Change = { before, after }
    const insert = "INSERT INTO outbox (topic, key, payload) VALUES ('order-changes', $1, $2)"
    await client.query(insert, [id, JSON.stringify(change)])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

async function write(client: ClientBase, id: string, { customer, status, cents }: Order): Promise<void> {
  const insert = 'INSERT INTO orders VALUES ($1, $2, $3, $4)'
  const update = 'ON CONFLICT (id) DO UPDATE SET customer = $2, status = $3, cents = $4'
  await client.query(`${insert} ${update}`, [id, customer, status, cents])
}
