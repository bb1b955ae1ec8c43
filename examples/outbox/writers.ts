/** For the test: clients of the shop that place, change, pay and withdraw orders, until they are told to stop. */
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import type { Order } from './change.ts'
import { changeOrder } from './shop.ts'

const customers = ['ada', 'ben', 'cleo', 'dora', 'emil']
const orders = 60
const everyMs = 15

/** Resolves when all have stopped. A transaction that fails with the database is given up, whatever became of it. */
export async function write(connection: string, { signal, writers = 3 }: { signal: AbortSignal; writers?: number }) {
  const pool = new pg.Pool({ connectionString: connection, max: writers })
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  await Promise.all(Array.from({ length: writers }, (_, writer) => writeOn(pool, writer, signal)))
  await pool.end()
}

async function writeOn(pool: pg.Pool, writer: number, signal: AbortSignal): Promise<void> {
  for (let n = writer; !signal.aborted; n += 7) {
    const customer = customers[n % customers.length]!
    let client: pg.PoolClient | undefined
    try {
      client = await pool.connect()
      await changeOrder(client, `order-${n % orders}`, (before) => next(before, customer, n))
      // One that has told of a change and then thinks better of it.
      if (n % 5 === 0) await client.query("BEGIN; INSERT INTO outbox (topic) VALUES ('order-changes'); ROLLBACK")
      client.release()
    } catch {
      client?.release(true)
    }
    await setTimeout(everyMs)
  }
}

function next(before: Order | null, customer: string, n: number): Order | null {
  if (before === null) return { customer, status: 'placed', cents: 1 + ((n * 7919) % 5000) }
  if (before.status === 'paid') return null
  return n % 2 === 0 ? { ...before, status: 'paid' } : { ...before, cents: before.cents + 1 }
}
