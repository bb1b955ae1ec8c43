/** From a real PostgreSQL to a view in it, through real brokers, while all of them crash; and in the simulator. */
import { setTimeout } from 'node:timers/promises'
import { startPostgres, type Postgres } from '@troupe/tools/reference/postgres'
import pg from 'pg'
import { expect, test } from 'vitest'
import { Cluster } from 'troupe/cluster'
import { run, string, type Running } from 'troupe/pipeline'
import { exploreSeeds, simulate } from 'troupe/simulate'
import { committed, type Committed } from '../support/records.ts'
import { change, type Change, type Order } from './change.ts'
import { materialise, order } from './pipeline.ts'
import { positionsTopic } from './position.ts'
import type { Step } from './relay.ts'
import { RelayProcess } from './relays.ts'
import { schema } from './shop.ts'
import { write } from './writers.ts'
import mistake from './mistake.ts'
import scenario from './scenario.ts'

const patience = { timeout: 120_000, interval: 500 }

test('every row of the outbox once, and a view that equals its source, whatever crashes', async ({ skip }) => {
  const postgres = await startPostgres()
  if ('skipped' in postgres) return skip(postgres.skipped)
  await using end = new AsyncDisposableStack()
  end.defer(() => postgres.stop())
  for (const statement of schema) await query(postgres, statement)
  const cluster = end.use(await Cluster.start({ brokers: 3, properties: { 'group.min.session.timeout.ms': 1000 } }))
  for (const topic of ['order-changes', 'orders']) await cluster.createTopic(topic, { partitions: 3 })
  await cluster.createTopic(positionsTopic, { configs: { 'cleanup.policy': 'compact' } })

  const stop = new AbortController()
  const writing = write(postgres.connection, { signal: stop.signal })
  const instance = await crashEverything(cluster, postgres)
  stop.abort()
  await writing

  await using relay = new RelayProcess(cluster.bootstrapServers, postgres.connection)
  const told = await query(postgres, 'SELECT id, key, payload FROM outbox ORDER BY id')
  const arrived = () => committed(cluster, 'order-changes', change).then(({ length }) => length)
  await expect.poll(arrived, { ...patience, message: relay.complaints }).toBeGreaterThanOrEqual(told.length)
  await expect.poll(() => seen(postgres), patience).toBeGreaterThanOrEqual(told.length)
  await instance.close()

  const records = await committed(cluster, 'order-changes', change)
  expect(records.map(outboxId).toSorted(byNumber)).toEqual(told.map(({ id }) => Number(id)))
  expectInOrderOfCommits(records)
  expect(told.length).toBeGreaterThan(200)
  const source = await query(
    postgres,
    'SELECT customer, count(*)::int AS orders, sum(cents)::int AS cents FROM orders GROUP BY 1 ORDER BY 1',
  )
  const view = await query(
    postgres,
    'SELECT customer, orders, cents::int FROM customers WHERE orders <> 0 OR cents <> 0 ORDER BY 1',
  )
  expect(view).toEqual(source)
  expect(await seen(postgres)).toBe(told.length)
  const newest = new Map((await committed(cluster, 'orders', order)).map(({ key, value }) => [key, value]))
  const rows = await query(postgres, 'SELECT id, customer, status, cents FROM orders ORDER BY id')
  const left = [...newest].filter(([, value]) => value !== null).map(([id, value]) => ({ id, ...value }))
  expect(left.toSorted((one, other) => (one.id < other.id ? -1 : 1))).toEqual(rows)
})

/** The relay at each of its steps, each broker, the pipeline, PostgreSQL. */
async function crashEverything(cluster: Cluster, postgres: Postgres): Promise<Running> {
  const properties = {
    'bootstrap.servers': cluster.bootstrapServers,
    'processing.guarantee': 'exactly_once_v2',
    // How long the group waits for an instance that has crashed.
    'session.timeout.ms': 3000,
    'heartbeat.interval.ms': 500,
  }
  const start = () => run(materialise(postgres.connection), properties, { connector: cluster.connector })
  const relay = (step?: Step, count?: number) =>
    new RelayProcess(cluster.bootstrapServers, postgres.connection, step, count)
  const dies = async (step: Step, count: number) => expect(await relay(step, count).ended()).toBe('SIGKILL')

  let instance = await start()
  const fatal: readonly Step[] = ['read', 'sent', 'committed']
  for (const [index, broker] of cluster.brokers.entries()) {
    await using working = relay()
    const before = await seen(postgres)
    await cluster.until(async () => (await seen(postgres)) > before, { what: 'the view grows' })
    await cluster.crash(broker)
    await instance.crash()
    instance = await start()
    await working.kill()
    await dies(fatal[index]!, 1 + index)
    await cluster.start(broker)
  }
  await dies('initialised', 1)
  await dies('advanced', 5)

  await using older = relay()
  await cluster.until(() => relayed(cluster), { what: 'the relay works' })
  await postgres.kill()
  await postgres.start()
  await cluster.until(() => relayed(cluster), { what: 'the relay works again' })
  // Two that both believe to be the only one. The newer wins, unless it meets the older on the slot, which then starts anew.
  await using newer = relay()
  const fenced = await Promise.race([older, newer].map((one) => one.ended().then(() => one)))
  expect(await fenced.ended()).toBe(1)
  expect(fenced.complaints).toMatch(/PRODUCER_FENCED|INVALID_PRODUCER_EPOCH/)
  const winner = fenced === older ? newer : older
  const commitLate = await tellWithoutCommit(postgres)
  await cluster.until(() => relayed(cluster), { what: 'the relay that is left works' })
  await commitLate()
  await winner.kill()
  return instance
}

/** How many changes are in the view. */
async function seen(postgres: Postgres): Promise<number> {
  const [exists] = await query(postgres, "SELECT to_regclass('customers') IS NOT NULL AS there")
  if (exists!.there === false) return 0
  const [sum] = await query(postgres, 'SELECT coalesce(sum(changes), 0)::int AS changes FROM customers')
  return sum!.changes as number
}

/** Whether more has arrived than when it was first asked. */
async function relayed(cluster: Cluster): Promise<boolean> {
  const end = async () => (await cluster.lastStableOffset(positionsTopic, 0)).lastStableOffset
  const before = await end()
  await setTimeout(200)
  return (await end()) > before
}

/** A transaction that has its place in the outbox, and is committed when many behind it have been. */
async function tellWithoutCommit({ connection }: Postgres): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: connection })
  await client.connect()
  const after: Order = { customer: 'zoe', status: 'placed', cents: 1 }
  await client.query('BEGIN')
  await client.query("INSERT INTO orders VALUES ('late', 'zoe', 'placed', 1)")
  const insert = "INSERT INTO outbox (topic, key, payload) VALUES ('order-changes', 'late', $1)"
  await client.query(insert, [JSON.stringify({ before: null, after } satisfies Change)])
  return async () => {
    await client.query('COMMIT')
    await client.end()
  }
}

async function query({ connection }: Postgres, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: connection })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

const byNumber = (one: number, other: number): number => one - other

function outboxId({ headers }: Committed<unknown>): number {
  return Number(string.deserialize(headers.find(({ key }) => key === 'outbox.id')!.value))
}

/** Each change begins where the one before it has ended. */
function expectInOrderOfCommits(records: readonly Committed<Change>[]): void {
  const orders = new Map<string, Order | null>()
  for (const { key, value } of records) {
    expect(value.before).toEqual(orders.get(key) ?? null)
    orders.set(key, value.after)
  }
}

test('20 seeds of the simulator', async () => {
  const { faults, inputs } = await simulate(scenario.pipeline, { ...scenario, seeds: 20 })
  expect([faults > 20, inputs]).toEqual([true, 20 * 40])
})

test('a view that is written from a foreach is found', async () => {
  const { failure } = await exploreSeeds(mistake.pipeline, { ...mistake, seeds: 20, shrinkRuns: 0 })
  expect(failure?.invariant).toBe('side-effect')
})
