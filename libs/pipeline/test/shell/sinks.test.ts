/** Outside systems: every record once in SQLite and in PostgreSQL, whatever crashes, and zombies refused. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { int64, string } from '@troupe/client/serdes'
import type { Cluster } from '@troupe/tools/cluster'
import { startPostgres, type Postgres as PostgresServer } from '@troupe/tools/reference/postgres'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pipeline, postgresSink, sqliteSink } from '../../src/shell/index.ts'
import type { Sink } from '../../src/topology.ts'
import type { Pipeline } from '../../src/dsl/pipeline.ts'
import { run } from '../../src/shell/run.ts'
import { createTopics, expectedCounts, feed, properties, startCluster, until } from './support.ts'

let cluster: Cluster
const directory = mkdtempSync(join(tmpdir(), 'troupe-sinks-'))
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(async () => {
  await cluster.stop()
  rmSync(directory, { recursive: true, force: true })
})

const create =
  'CREATE TABLE IF NOT EXISTS counts (word varchar(20) PRIMARY KEY, count bigint NOT NULL, changes bigint NOT NULL)'

/** `changes` counts how often a row was written: a record applied twice would be one too many. */
const change =
  'INSERT INTO counts VALUES ($1, $2, 1) ON CONFLICT (word) DO UPDATE SET count = excluded.count, changes = counts.changes + 1'

function counting(name: string, sink: Sink): Pipeline {
  return pipeline(name, (p) => {
    p.stream(`${name}-lines`, { key: string, value: string })
      .flatMapValues((line: string) => line.split(' '))
      .groupBy((_key: unknown, word: string) => word, { key: string, value: string })
      .count({ store: 'counts' })
      .toStream()
      .toSink(sink, { key: string, value: int64 } as never)
  })
}

interface Counted {
  readonly word: string
  readonly count: number
  readonly changes: number
}

async function survives(
  name: string,
  sink: () => Sink,
  read: () => Promise<Counted[]>,
  disturb: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await createTopics(cluster.bootstrap, [`${name}-lines`])
  const given = properties(cluster)
  const lines = feed(cluster.bootstrap, `${name}-lines`)
  let running = await run(counting(name, sink()), given)
  for (let round = 0; round < 4; round++) {
    await until(
      async () => (await running.metrics()).external > 300,
      40_000,
      () => `nothing reaches the sink: ${running.state} ${running.errors}`,
    )
    await disturb()
    await cluster.crash((round % 3) + 1)
    await running.crash()
    running = await run(counting(name, sink()), given)
    await cluster.healed()
  }
  const sent = await lines.stop()
  const expected = expectedCounts(sent)
  let last: unknown
  await until(
    async () => {
      const rows = await read()
      last = [rows, expected, await running.metrics()]
      return rows.length === 7 && rows.every(({ word, count }) => count >= expected[word]!)
    },
    40_000,
    () => `not everything of ${sent} arrives: ${running.state} ${running.errors} ${JSON.stringify(last)}`,
  )
  for (const { word, count, changes } of await read()) {
    expect(`${word} ${count} ${changes}`).toBe(`${word} ${expected[word]} ${expected[word]}`)
  }
  expect(await running.close()).toBe(true)
}

test('SQLite holds every record once across crashes of brokers and pipelines', { timeout: 120_000 }, async () => {
  const file = join(directory, 'counts.db')
  const sink = (): Sink =>
    sqliteSink<string, number>({
      file,
      create,
      apply: ({ key, value }, database) => void database.prepare(change.replaceAll(/\$\d/g, '?')).run(key, value),
    })
  await survives('lite', sink, () => {
    const database = new DatabaseSync(file)
    const rows = database.prepare('SELECT * FROM counts').all()
    database.close()
    return Promise.resolve(rows as never)
  })
})

test('rows of a table are written by key, and taken away without a value', async () => {
  const file = join(directory, 'rows.db')
  const sink = sqliteSink<string, number | null>({
    file,
    table: 'rows',
    key: ['id'],
    row: ({ key, value }) => ({ id: key, amount: value }),
    create: 'CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, amount INTEGER)',
  })
  await checkDriver(sink, () => {
    const database = new DatabaseSync(file)
    const rows = database.prepare('SELECT id, amount FROM rows ORDER BY id').all()
    database.close()
    return Promise.resolve(rows.map(({ id, amount }) => `${String(id)}=${String(amount)}`))
  })
})

async function checkDriver(sink: Sink, rows: () => Promise<string[]>): Promise<void> {
  const driver = await sink.open()
  const partition = { topic: 't', partition: 1 }
  const record = (offset: number, key: string, value: number | null): object => ({
    key,
    value,
    headers: [],
    timestamp: 0,
    offset,
  })
  const apply = (from: number | null, to: number, ...records: object[]): PromiseLike<boolean> =>
    driver.apply({ partition, from, to, records: records as never })
  expect(await driver.offsets([partition])).toEqual([null])
  expect(await apply(null, 3, record(0, 'a', 1), record(1, 'b', 2), record(2, 'a', 3))).toBe(true)
  expect(await rows()).toEqual(['a=3', 'b=2'])
  // The same again, by somebody who begins where the partition began: refused, nothing changed.
  expect(await apply(null, 3, record(0, 'a', 1))).toBe(false)
  expect(await apply(2, 4, record(2, 'c', 1))).toBe(false)
  expect(await rows()).toEqual(['a=3', 'b=2'])
  expect(await apply(3, 5, record(3, 'b', null), record(4, 'c', 4))).toBe(true)
  expect(await rows()).toEqual(['a=3', 'c=4'])
  expect(await driver.offsets([{ topic: 't', partition: 0 }, partition])).toEqual([null, 5])
  // Two at once from the same offset: one of them has lost the partition.
  const other = await sink.open()
  const both = await Promise.all([
    apply(5, 6, record(5, 'd', 1)),
    other.apply({ partition, from: 5, to: 6, records: [record(5, 'd', 1)] as never }),
  ])
  expect(both.sort()).toEqual([false, true])
  await driver.close()
  await other.close()
}

interface Postgres {
  readonly connection: string
  query(text: string): Promise<Record<string, unknown>[]>
  stop(): Promise<void>
}

/** A pool, because the server is killed between questions. */
function withClient(server: PostgresServer): Postgres {
  const pool = new pg.Pool({ connectionString: server.connection, max: 1 })
  pool.on('error', () => undefined)
  return {
    connection: server.connection,
    query: async (text) => (await pool.query(text)).rows as Record<string, unknown>[],
    stop: async () => {
      await pool.end()
      await server.stop()
    },
  }
}

test(
  'PostgreSQL holds every record once across crashes of brokers, pipelines and its own',
  { timeout: 150_000 },
  async ({ skip }) => {
    const server = await startPostgres()
    if ('skipped' in server) return skip(server.skipped)
    const postgres = withClient(server)
    try {
      const rows = postgresSink<string, number | null>({
        connection: postgres.connection,
        table: 'rows',
        key: ['id'],
        row: ({ key, value }) => ({ id: key, amount: value }),
        create: 'CREATE TABLE IF NOT EXISTS rows (id text PRIMARY KEY, amount bigint)',
      })
      await checkDriver(rows, async () => {
        const found = await postgres.query('SELECT id, amount FROM rows ORDER BY id')
        return found.map(({ id, amount }) => `${String(id)}=${String(amount)}`)
      })
      const sink = (): Sink =>
        postgresSink<string, number>({
          connection: postgres.connection,
          create,
          apply: async ({ key, value }, client) => void (await client.query(change, [key, value])),
        })
      const read = async (): Promise<Counted[]> => {
        const found = await postgres.query('SELECT * FROM counts')
        return found.map(({ word, count, changes }) => {
          return { word: String(word), count: Number(count), changes: Number(changes) }
        })
      }
      // In the middle of whatever it does: of some batches nobody hears how they have ended.
      await survives('post', sink, read, async () => {
        await server.kill()
        await server.start()
      })
    } finally {
      await postgres.stop()
    }
  },
)
