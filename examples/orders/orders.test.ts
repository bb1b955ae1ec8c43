/** Two services on one topic, each down for a while; and both in the simulator. */
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { Cluster } from 'troupe/cluster'
import { run, type Pipeline } from 'troupe/pipeline'
import { exploreSeeds, simulate } from 'troupe/simulate'
import { impatience } from '../support/crashes.ts'
import { committed, feed } from '../support/records.ts'
import { invoicing } from './invoicing.ts'
import type { OrderEvent } from './order.ts'
import { answer, shelfSize, stock } from './stock.ts'
import scenario from './scenario.ts'
import invoicingScenario from './invoicing-scenario.ts'
import mistake from './mistake.ts'

const customers = ['ada', 'ben', 'cleo', 'dora', 'emil']
const items = ['anvil', 'bellows', 'chisel', 'drill']

const events = Array.from({ length: 450 }, (_, n): [string, OrderEvent] => {
  // Every third event cancels the order before it.
  const order = n % 3 === 2 ? n - 1 : n
  const [customer, item] = [customers[order % 5]!, items[(order * 7) % 4]!]
  const quantity = 1 + (order % 9)
  return [`order-${order}`, { kind: order === n ? 'placed' : 'cancelled', customer, item, quantity, cents: 99 * order }]
})
const third = events.length / 3
const patience = { timeout: 60_000, interval: 200 }

test('one service goes on while the other is down, and both count each event once', async () => {
  await using cluster = await Cluster.start({ brokers: 3 })
  for (const topic of ['orders', 'reservations']) await cluster.createTopic(topic, { partitions: 3 })
  await using directory = await mkdtempDisposable(join(tmpdir(), 'troupe-orders-'))
  const file = join(directory.path, 'books.sqlite')
  const properties = {
    'bootstrap.servers': cluster.bootstrapServers,
    'processing.guarantee': 'exactly_once_v2',
    // Of internal topics: the service goes on while a broker is away.
    'replication.factor': 3,
    ...impatience,
  }
  const start = (service: Pipeline) => run(service, properties, { connector: cluster.connector })
  const answered = () => committed(cluster, 'reservations', answer).then((answers) => answers.length)
  const postings = () => query(file, 'SELECT "order", cents FROM postings')

  const stockService = await start(stock)
  const firstInvoicing = await start(invoicing(file))
  await feed(cluster, 'orders', events.slice(0, third))
  await expect.poll(() => postings().length, patience).toBeGreaterThan(0)
  await firstInvoicing.crash()
  const before = postings().length
  await feed(cluster, 'orders', events.slice(third, 2 * third))
  await expect.poll(answered, patience).toBe(2 * third)
  expect(postings()).toHaveLength(before)

  const invoicingAgain = await start(invoicing(file))
  await stockService.crash()
  await cluster.crash(await cluster.leader('orders', 0))
  await feed(cluster, 'orders', events.slice(2 * third))
  const paying = events.filter(([, { cents }]) => cents > 0)
  await expect.poll(() => postings().length, patience).toBe(paying.length)
  expect(await answered()).toBe(2 * third)

  const stockAgain = await start(stock)
  await expect.poll(answered, patience).toBe(events.length)

  const owed = ({ kind, cents }: OrderEvent) => (kind === 'placed' ? cents : -cents)
  const wanted = paying.map(([order, event]) => `${order} ${owed(event)}`)
  expect(
    postings()
      .map(({ order, cents }) => `${order} ${cents}`)
      .toSorted(),
  ).toEqual(wanted.toSorted())
  const sums = new Map<string, number>()
  for (const [, event] of events) sums.set(event.customer, (sums.get(event.customer) ?? 0) + owed(event))
  const accounts = query(file, 'SELECT customer, owes FROM accounts').map(({ customer, owes }) => [customer, owes])
  expect(Object.fromEntries(accounts)).toEqual(Object.fromEntries(sums))

  const answers = await committed(cluster, 'reservations', answer)
  const cancelled = answers.filter(({ value }) => value.is === 'returned' || value.is === 'nothing to return')
  expect([answers.length, cancelled.length]).toEqual([events.length, events.length / 3])
  for (const item of items) {
    const quantity = (is: string): number =>
      answers.reduce((sum, { value }) => sum + (value.item === item && value.is === is ? value.quantity : 0), 0)
    const given = quantity('reserved') - quantity('returned')
    expect(given).toBeGreaterThan(0)
    expect(given).toBeLessThanOrEqual(shelfSize)
  }
  expect(await Promise.all([stockAgain.close(), invoicingAgain.close()])).toEqual([true, true])
})

test('20 seeds of the simulator for each service', async () => {
  const stockSeeds = await simulate(scenario.pipeline, { ...scenario, seeds: 20 })
  const invoicingSeeds = await simulate(invoicingScenario.pipeline, { ...invoicingScenario, seeds: 20 })
  for (const { faults, inputs } of [stockSeeds, invoicingSeeds]) expect([faults > 20, inputs]).toEqual([true, 20 * 40])
})

test('invoices outside of the transaction are found', async () => {
  const { failure } = await exploreSeeds(mistake.pipeline, { ...mistake, seeds: 20, shrinkRuns: 0 })
  expect(failure?.invariant).toBe('side-effect')
})

function query(file: string, sql: string): Record<string, unknown>[] {
  using database = new DatabaseSync(file)
  return database.prepare(sql).all()
}
