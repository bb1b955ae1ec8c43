/** Records that cannot be read or processed: dead letters in the same transaction, a thread that stops, or a count. */
import { json, string } from '@troupe/client/serdes'
import { Producer } from '@troupe/client/shell/producer'
import type { Cluster } from '@troupe/tools/cluster'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pipeline } from '../../src/shell/index.ts'
import type { Pipeline } from '../../src/dsl/pipeline.ts'
import { run } from '../../src/shell/run.ts'
import { committedRecords, createTopics, properties, startCluster, until } from './support.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

interface Order {
  readonly amount: number
}

function orders(name: string): Pipeline {
  return pipeline(name, (p) => {
    p.stream(`${name}-in`, { key: string, value: json<Order>() })
      .mapValues(({ amount }: Order) => {
        if (amount < 0) throw new RangeError(`amount ${amount}`)
        return { amount: amount * 2 }
      })
      .to(`${name}-out`, { key: string, value: json<Order>() })
  })
}

/** 30 records; of every ten one is no JSON, and one is refused by the pipeline. */
async function send(topic: string): Promise<void> {
  await using producer = new Producer({ 'bootstrap.servers': cluster.bootstrap }, { key: string, value: string })
  for (let n = 0; n < 30; n++) {
    const value = n % 10 === 3 ? 'not JSON' : JSON.stringify({ amount: n % 10 === 7 ? -n : n })
    await producer.send({ topic, key: `k${n}`, value, headers: { origin: `test ${n}` } as never })
  }
}

const good = Array.from({ length: 30 }, (_, n) => n).filter((n) => n % 10 !== 3 && n % 10 !== 7)

async function outputs(name: string): Promise<number[]> {
  const records = await committedRecords(cluster.bootstrap, `${name}-out`, json<Order>())
  return records.map(({ value }) => (value as Order).amount / 2).sort((a, b) => a - b)
}

test('dead letters keep key, value and headers, and say what was wrong with them', { timeout: 60_000 }, async () => {
  const name = 'letters'
  await createTopics(cluster.bootstrap, [`${name}-in`, `${name}-out`, `${name}-dead`])
  await send(`${name}-in`)
  const handlers = {
    'deserialization.exception.handler': 'dead-letter',
    'processing.exception.handler': 'dead-letter',
    'errors.dead.letter.queue.topic.name': `${name}-dead`,
  }
  await using running = await run(orders(name), { ...properties(cluster), ...handlers })
  await until(
    async () => (await outputs(name)).length >= good.length,
    30_000,
    () => 'not all came',
  )
  expect(await outputs(name)).toEqual(good)
  const dead = await committedRecords(cluster.bootstrap, `${name}-dead`, string)
  const byKey = new Map(dead.map((record) => [record.key, record]))
  expect([...byKey.keys()].sort()).toEqual(['k13', 'k17', 'k23', 'k27', 'k3', 'k7'])
  expect(dead).toHaveLength(6)
  const header = (key: string, named: string): string => {
    const { headers } = byKey.get(key) as unknown as { headers: Iterable<{ key: string; value: Uint8Array }> }
    return new TextDecoder().decode([...headers].find((each) => each.key === named)!.value)
  }
  expect(byKey.get('k3')!.value).toBe('not JSON')
  expect(byKey.get('k17')!.value).toBe('{"amount":-17}')
  expect(header('k17', 'origin')).toBe('test 17')
  expect(header('k17', '__streams.errors.exception')).toBe('RangeError')
  expect(header('k17', '__streams.errors.message')).toBe('amount -17')
  expect(header('k17', '__streams.errors.topic')).toBe(`${name}-in`)
  expect(header('k17', '__troupe.errors.kind')).toBe('processing')
  expect(header('k3', '__troupe.errors.kind')).toBe('deserialization')
  const { deadLetters, droppedRecords } = await running.metrics()
  expect([deadLetters, droppedRecords]).toEqual([6, 0])
})

test('by default the thread stops, names the record, and commits nothing of it', { timeout: 60_000 }, async () => {
  const name = 'strict'
  await createTopics(cluster.bootstrap, [`${name}-in`, `${name}-out`])
  await send(`${name}-in`)
  const heard: string[] = []
  const running = await run(orders(name), properties(cluster), {
    uncaughtExceptionHandler: ({ message }) => {
      heard.push(message)
      return 'SHUTDOWN_CLIENT'
    },
  })
  await until(
    () => running.state === 'ERROR',
    30_000,
    () => `it is ${running.state}`,
  )
  expect(heard).toHaveLength(1)
  expect(heard[0]).toMatch(/^(deserialization|processing) error in task 0_\d, node .+, on strict-in-\d@\d+: /)
  const [error] = running.errors
  expect(error!.name).toBe('StreamsException')
  await expect(running.becomes('RUNNING')).rejects.toThrow(/ error in task /)
  // What was committed before it is complete; nothing behind a poisoned record was.
  const done = await outputs(name)
  expect(new Set(done).size).toBe(done.length)
  expect(done.every((n) => good.includes(n))).toBe(true)
  expect(done.length).toBeLessThan(good.length)
})

test('with `continue` they are counted, and replaced threads go on', { timeout: 60_000 }, async () => {
  const name = 'lenient'
  await createTopics(cluster.bootstrap, [`${name}-in`, `${name}-out`])
  await send(`${name}-in`)
  const given = {
    ...properties(cluster),
    'deserialization.exception.handler': 'org.apache.kafka.streams.errors.LogAndContinueExceptionHandler',
    'processing.exception.handler': 'continue',
  }
  await using running = await run(orders(name), given)
  await until(
    async () => (await outputs(name)).length >= good.length,
    30_000,
    () => 'not all came',
  )
  expect(await outputs(name)).toEqual(good)
  expect((await running.metrics()).droppedRecords).toBe(6)
})
