/** The ledger on real brokers while everything crashes, and in the simulator. */
import { expect, test } from 'vitest'
import { Cluster } from 'troupe/cluster'
import { run } from 'troupe/pipeline'
import { exploreSeeds, simulate } from 'troupe/simulate'
import { committed, feed } from '../support/records.ts'
import { balance, entry, ledger, type Payment } from './pipeline.ts'
import scenario from './scenario.ts'
import mistake from './mistake.ts'

const accounts = ['ada', 'ben', 'cleo', 'dora', 'emil', 'fred', 'gina']
const payments = Array.from({ length: 600 }, (_, n): [string, Payment] => [
  `payment-${n}`,
  { from: accounts[n % 7]!, to: accounts[(n * 3 + 1) % 7]!, cents: 1 + ((n * 7919) % 5000) },
])

test('no cent is lost or doubled while brokers and the pipeline itself crash', async () => {
  await using cluster = await Cluster.start({ brokers: 3 })
  for (const topic of ['payments', 'ledger', 'balances']) await cluster.createTopic(topic, { partitions: 3 })
  const properties = {
    'bootstrap.servers': cluster.bootstrapServers,
    'processing.guarantee': 'exactly_once_v2',
    // How long the group waits for an instance that has crashed.
    'session.timeout.ms': 6000,
    'heartbeat.interval.ms': 1000,
  }
  const start = () => run(ledger, properties, { connector: cluster.connector })

  let instance = await start()
  const feeding = feed(cluster, 'payments', payments, { everyMs: 5 })
  for (const broker of cluster.brokers) {
    await cluster.crash(broker)
    await instance.crash()
    instance = await start()
    await cluster.start(broker)
  }
  await feeding
  const isDone = () => committed(cluster, 'ledger', entry).then((entries) => entries.length >= 2 * payments.length)
  await expect.poll(isDone, { timeout: 120_000, interval: 300 }).toBe(true)
  await instance.close()

  const entries = await committed(cluster, 'ledger', entry)
  const byPayment = new Map<string, string[]>()
  for (const { key, value } of entries) {
    byPayment.set(value.payment, [...(byPayment.get(value.payment) ?? []), `${key} ${value.cents}`].sort())
  }
  const wanted = payments.map(([id, { from, to, cents }]) => [id, [`${from} ${-cents}`, `${to} ${cents}`].sort()])
  expect(Object.fromEntries(byPayment)).toEqual(Object.fromEntries(wanted))
  expect(entries.reduce((sum, { value }) => sum + value.cents, 0)).toBe(0)

  const sums = new Map<string, number>()
  for (const { key, value } of entries) sums.set(key, (sums.get(key) ?? 0) + value.cents)
  const newest = new Map((await committed(cluster, 'balances', balance)).map(({ key, value }) => [key, value]))
  expect(newest).toEqual(sums)
})

test('20 seeds of the simulator', async () => {
  const { faults, inputs } = await simulate(ledger, { ...scenario, seeds: 20 })
  expect([faults > 20, inputs]).toEqual([true, 20 * 40])
})

test('balances in a variable are found', async () => {
  const { failure } = await exploreSeeds(mistake.pipeline, { ...mistake, seeds: 20, shrinkRuns: 0 })
  expect(failure?.detail).toContain('balances')
})
