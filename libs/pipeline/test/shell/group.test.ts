/** Work is shared by the group: instances come and go, threads are workers, one sleeps while its tasks move on. */
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Cluster } from '@troupe/tools/cluster'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Admin } from '@troupe/client/shell/admin'
import { run, type Metrics, type Running } from '../../src/shell/run.ts'
import * as support from './support.ts'

const { until, partitions } = support
let cluster: Cluster
beforeAll(async () => {
  cluster = await support.startCluster()
})
afterAll(() => cluster.stop())

const owned = ['lines', 'counts', 'word-count-counts-repartition', 'word-count-counts-changelog']
beforeEach(async () => {
  await using admin = new Admin({ 'bootstrap.servers': cluster.bootstrap })
  const there = await admin.listTopics()
  const names = there.map(({ name }) => name).filter((name) => owned.includes(name))
  if (names.length > 0) await admin.deleteTopics(names)
  await until(
    async () => !(await admin.listTopics()).some(({ name }) => owned.includes(name)),
    20_000,
    () => 'topics stay',
  )
  await support.createTopics(cluster.bootstrap, ['lines', 'counts'])
})

const tasksOf = async (instance: Running): Promise<string[]> =>
  (await instance.metrics()).threads.flatMap(({ tasks }) => tasks.map(({ id }) => id)).sort()

const all = Array.from({ length: 2 }, (_, s) => Array.from({ length: partitions }, (__, p) => `${s}_${p}`)).flat()

/** They have all tasks between them, and none has more than one above the others. */
async function balanced(...instances: readonly Running[]): Promise<void> {
  await until(
    async () => {
      const shares = await Promise.all(instances.map(tasksOf))
      const sizes = shares.map(({ length }) => length)
      const whole = shares.flat().sort().join() === all.join()
      return (
        whole && Math.max(...sizes) - Math.min(...sizes) <= 1 && instances.every(({ state }) => state === 'RUNNING')
      )
    },
    30_000,
    () => `not balanced: ${instances.map(({ state, errors }) => `${state} ${errors}`)}`,
  )
}

async function countedOnce(sent: number): Promise<void> {
  const records = await support.allCounted(cluster.bootstrap, sent)
  expect(support.brokenCounts(records)).toEqual([])
  expect(support.lastCounts(records)).toEqual(support.expectedCounts(sent))
}

test('a second instance takes over half of the tasks, and gives them back; those that stay are not restored', async () => {
  const app = support.wordCount()
  const given = support.properties(cluster)
  const lines = support.feed(cluster.bootstrap)
  await using first = await run(app, given)
  await balanced(first)
  await until(
    async () => (await first.metrics()).processed > 500,
    30_000,
    () => 'the first does nothing',
  )
  const second = await run(app, given)
  await balanced(first, second)
  expect((await first.metrics()).restoredRecords).toBe(0)
  await until(
    async () => (await second.metrics()).processed > 500,
    30_000,
    () => 'the second does nothing',
  )
  expect(await second.close()).toBe(true)
  await balanced(first)
  const sent = await lines.stop()
  await countedOnce(sent)
  const { aborts } = await first.metrics()
  expect(aborts).toBe(0)
}, 90_000)

test('standby copies are kept in the other process, and take over without reading the log again', async () => {
  const app = support.wordCount()
  const given = { ...support.properties(cluster), 'num.standby.replicas': 1 }
  const lines = support.feed(cluster.bootstrap)
  const instances = [await run(app, given), await run(app, given)]
  await balanced(...instances)
  let threads: Metrics['threads'] = []
  await until(
    async () => {
      threads = (await Promise.all(instances.map((each) => each.metrics()))).flatMap(({ threads: own }) => own)
      const copies = threads.flatMap(({ standbys }) => standbys).sort()
      const apart = threads.every(({ tasks, standbys }) => tasks.every(({ id }) => !standbys.includes(id)))
      const read = threads.reduce((sum, { metrics }) => sum + metrics.restoredRecords, 0)
      return apart && copies.join() === '1_0,1_1,1_2' && read > 200
    },
    30_000,
    () => `no copies: ${JSON.stringify(threads)}`,
  )
  const sent = await lines.stop()
  await countedOnce(sent)
  const copied = async (): Promise<number> => (await instances[1]!.metrics()).restoredRecords
  let seen = -1
  await until(
    async () => seen === (seen = await copied()),
    10_000,
    () => 'copies never end',
  )
  await instances[0]!.close()
  await balanced(instances[1]!)
  // Markers apart there was nothing left to read.
  expect(await copied()).toBe(seen)
  const counts = await instances[1]!.query('counts')
  const stored = Object.fromEntries(counts.map(({ key, value }) => [key, Number(value)]))
  expect(stored).toEqual(support.expectedCounts(sent))
  await instances[1]!.close()
}, 90_000)

test('threads are worker threads when a module exports the pipeline', async () => {
  const lines = support.feed(cluster.bootstrap)
  const module = new URL('./word-count-app.ts', import.meta.url)
  const given = { ...support.properties(cluster), 'num.stream.threads': 2 }
  const running = await run(support.wordCount(), given, { module })
  await balanced(running)
  await until(
    async () => (await running.metrics()).processed > 500,
    30_000,
    () => 'nothing is done',
  )
  const sent = await lines.stop()
  await countedOnce(sent)
  expect(await running.close()).toBe(true)
  expect(running.errors).toEqual([])
}, 90_000)

test('an instance that slept while its tasks moved on is fenced, and starts anew', async () => {
  const lines = support.feed(cluster.bootstrap)
  const sleeper = new Child(cluster.bootstrap)
  await until(
    () => sleeper.state === 'RUNNING',
    30_000,
    () => `the sleeper is ${sleeper.state}`,
  )
  await using heir = await run(support.wordCount(), support.properties(cluster))
  for (let round = 0; round < 3; round++) {
    const before = (await sleeper.metrics()).processed
    await until(
      async () => (await sleeper.metrics()).processed > before + 200,
      30_000,
      () => 'the sleeper is idle',
    )
    sleeper.process.kill('SIGSTOP')
    await until(
      async () => (await tasksOf(heir)).length === all.length,
      30_000,
      () => 'nobody takes over',
    )
    const taken = (await heir.metrics()).processed
    await until(
      async () => (await heir.metrics()).processed > taken + 200,
      30_000,
      () => 'the heir is idle',
    )
    sleeper.process.kill('SIGCONT')
    await until(
      async () =>
        (await sleeper.metrics()).threads.some(({ tasks }) => tasks.length > 0) &&
        (await tasksOf(heir)).length < all.length,
      30_000,
      () => `the sleeper does not come back: ${sleeper.state}`,
    )
  }
  const sent = await lines.stop()
  await countedOnce(sent)
  expect((await sleeper.metrics()).aborts).toBeGreaterThan(0)
  expect(await sleeper.close()).toBe(true)
}, 120_000)

class Child {
  readonly process: ChildProcess
  state = 'CREATED'
  #heard: ((message: { metrics?: Metrics; clean?: boolean }) => void) | null = null

  constructor(bootstrap: string) {
    this.process = fork(join(import.meta.dirname, 'instance.ts'), [bootstrap], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    this.process.on('message', (message: { state?: string }) => {
      if (message.state === undefined) this.#heard?.(message as never)
      else this.state = message.state
    })
  }

  #ask(ask: 'metrics' | 'close'): Promise<{ metrics?: Metrics; clean?: boolean }> {
    return new Promise((resolve) => {
      this.#heard = resolve
      this.process.send({ ask })
    })
  }

  async metrics(): Promise<Metrics> {
    return (await this.#ask('metrics')).metrics!
  }

  async close(): Promise<boolean> {
    return (await this.#ask('close')).clean!
  }
}
