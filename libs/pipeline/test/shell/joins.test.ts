/** Tasks with several inputs: in the order of timestamps, as far as the brokers have records (max.task.idle.ms=0). */
import { string } from '@troupe/client/serdes'
import { Producer } from '@troupe/client/shell/producer'
import type { Cluster } from '@troupe/tools/cluster'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pipeline } from '../../src/shell/index.ts'
import { run } from '../../src/shell/run.ts'
import { committedRecords, createTopics, properties, startCluster, until } from './support.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
  await createTopics(cluster.bootstrap, ['orders', 'customers', 'joined'])
})
afterAll(() => cluster.stop())

const text = { key: string, value: string }

test(
  'a table is as its records say at the time of the stream, whichever was fetched first',
  { timeout: 60_000 },
  async () => {
    const app = pipeline('joining', (p) => {
      const customers = p.table('customers', text)
      p.stream('orders', text)
        .join(customers, (order: string, customer: string) => `${order} of ${customer}`)
        .to('joined', text)
    })
    await using producer = new Producer({ 'bootstrap.servers': cluster.bootstrap }, text)
    const send = (topic: string, n: number, value: string, timestamp: number): Promise<unknown> =>
      producer.send({ topic, key: `k${n % 50}`, value, timestamp })
    // The stream's records are in the log first; by their times they come between two versions of the table.
    const orders = Array.from({ length: 3000 }, (_, n) => n)
    await Promise.all(orders.map((n) => send('orders', n, `order ${n}`, 2000)))
    for (const [version, at] of [
      ['old', 1000],
      ['new', 3000],
    ] as const) {
      await Promise.all(Array.from({ length: 50 }, (_, n) => send('customers', n, `${version} ${n}`, at)))
    }
    await using running = await run(app, { ...properties(cluster), 'buffered.records.per.partition': 100 })
    const joined = async (): Promise<string[]> =>
      (await committedRecords(cluster.bootstrap, 'joined', string)).map(({ value }) => value)
    await until(
      async () => (await joined()).length >= orders.length,
      30_000,
      () => `${running.state} ${running.errors}`,
    )
    const expected = orders.map((n) => `order ${n} of old ${n % 50}`)
    expect((await joined()).sort()).toEqual(expected.sort())
  },
)
