/**
 * The second service: invoices, in an SQLite file. It adds to what the customer owes, which must not be done twice; the
 * file keeps the offset of the topic in the same transaction, and refuses a batch that does not begin there.
 */
import { pipeline, sqliteSink, string, type Pipeline } from 'troupe/pipeline'
import { orderEvent, type OrderEvent } from './order.ts'

export function invoicing(file: string): Pipeline {
  const books = sqliteSink<string, OrderEvent>({
    name: 'books',
    file,
    create: `
      CREATE TABLE IF NOT EXISTS postings (posting INTEGER PRIMARY KEY, "order" TEXT, customer TEXT, cents INTEGER);
      CREATE TABLE IF NOT EXISTS accounts (customer TEXT PRIMARY KEY, owes INTEGER)`,
    apply({ key: order, value: { kind, customer, cents } }, database) {
      const owed = kind === 'placed' ? cents : -cents
      database.prepare('INSERT INTO postings ("order", customer, cents) VALUES (?, ?, ?)').run(order, customer, owed)
      database
        .prepare('INSERT INTO accounts VALUES (?, ?) ON CONFLICT DO UPDATE SET owes = owes + excluded.owes')
        .run(customer, owed)
    },
  })
  return pipeline('invoicing', (p) => {
    p.stream('orders', { key: string, value: orderEvent })
      .filter((_order, { cents }) => cents > 0)
      .toSink(books)
  })
}
