/**
 * PostgreSQL as a sink, through `pg` (an optional peer dependency): rows and offsets in one transaction.
 *
 * The first statement of every batch moves the partition's offset, if it is where the batch begins. That takes the lock
 * on its row: of two threads that believe they have the partition, the second one waits, finds another offset than it
 * expects, and is refused.
 */
import { KafkaError } from '@troupe/client/shell/errors'
import type { Sink, SinkBatch, SinkDriver, SinkRecord, TopicPartition } from '../../topology.ts'
import { changesOf, quoted, upsert, type Change, type SqlValue, type TableOptions } from './rows.ts'

/** As far as `pg` is used here: a `Client` of its pool. */
export interface PostgresClient {
  query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Record<string, unknown>[]; rowCount: number | null }>
}

interface PoolClient extends PostgresClient {
  release(error?: Error | boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
}

interface Pool extends PostgresClient {
  connect(): Promise<PoolClient>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'connect', listener: (client: PoolClient) => void): unknown
  end(): Promise<void>
}

interface Common {
  /** A connection string, or the configuration of a `pg.Pool`. */
  readonly connection: string | Readonly<Record<string, unknown>>
  /** Under which its offsets are kept. Default: the table's name, or `postgres`. */
  readonly name?: string
  /** Run once at the start: `CREATE TABLE IF NOT EXISTS …`. */
  readonly create?: string
  /** Default: `troupe_offsets`. */
  readonly offsetsTable?: string
}

/** Either rows of a table, or whatever `apply` does with the client within the transaction. */
export type PostgresSinkOptions<K, V> = Common &
  (TableOptions<K, V> | { readonly apply: (record: SinkRecord<K, V>, client: PostgresClient) => Promise<void> | void })

export function postgresSink<K, V>(options: PostgresSinkOptions<K, V>): Sink<K, V> {
  const name = options.name ?? ('table' in options ? options.table : 'postgres')
  return { name, open: () => open(name, options) }
}

async function open<K, V>(sink: string, options: PostgresSinkOptions<K, V>): Promise<SinkDriver<K, V>> {
  const { connection } = options
  const Pool = await loadPool()
  const pool = new Pool({ max: 2, ...(typeof connection === 'string' ? { connectionString: connection } : connection) })
  // A connection that is lost while it is idle: the next query gets another.
  pool.on('error', () => undefined)
  // And one that is lost during a batch fails its query, which says enough.
  pool.on('connect', (client) => client.on('error', () => undefined))
  const driver = new PostgresDriver(sink, options, pool)
  try {
    await driver.prepare()
  } catch (error) {
    await pool.end()
    throw error
  }
  return driver
}

async function loadPool(): Promise<new (config: object) => Pool> {
  const specifier = 'pg'
  try {
    const loaded = (await import(specifier)) as { default: { Pool: new (config: object) => Pool } }
    return loaded.default.Pool
  } catch (cause) {
    throw new KafkaError('ConfigException', 'postgresSink needs the package pg: npm install pg', { cause })
  }
}

/** PostgreSQL takes 65,535 values in one statement. */
const VALUES_MAX = 30_000

class PostgresDriver<K, V> implements SinkDriver<K, V> {
  readonly #options: PostgresSinkOptions<K, V>
  readonly #sink: string
  readonly #offsets: string
  readonly #pool: Pool

  constructor(sink: string, options: PostgresSinkOptions<K, V>, pool: Pool) {
    this.#sink = sink
    this.#options = options
    this.#offsets = quoted(options.offsetsTable ?? 'troupe_offsets')
    this.#pool = pool
  }

  /** One at a time: two that create the same table at once would meet an error. */
  prepare(): Promise<boolean> {
    return this.#transaction(async (client) => {
      await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [this.#offsets])
      await client.query(
        `CREATE TABLE IF NOT EXISTS ${this.#offsets} (sink text NOT NULL, topic text NOT NULL,
        "partition" integer NOT NULL, next bigint NOT NULL, PRIMARY KEY (sink, topic, "partition"))`,
      )
      if (this.#options.create !== undefined) await client.query(this.#options.create)
      return true
    })
  }

  async offsets(partitions: readonly TopicPartition[]): Promise<readonly (number | null)[]> {
    const select = `SELECT topic, "partition", next FROM ${this.#offsets} WHERE sink = $1`
    const { rows } = await this.#pool.query(select, [this.#sink])
    const known = new Map(rows.map((row) => [`${String(row.topic)}-${String(row.partition)}`, Number(row.next)]))
    return partitions.map(({ topic, partition }) => known.get(`${topic}-${partition}`) ?? null)
  }

  apply({ partition, from, to, records }: SinkBatch<K, V>): Promise<boolean> {
    return this.#transaction(async (client) => {
      if (!(await this.#advance(client, partition, from, to))) return false
      await this.#write(client, records)
      return true
    })
  }

  close(): Promise<void> {
    return this.#pool.end()
  }

  async #advance(
    client: PostgresClient,
    { topic, partition }: TopicPartition,
    from: number | null,
    to: number,
  ): Promise<boolean> {
    const where = 'sink = $1 AND topic = $2 AND "partition" = $3'
    const { rowCount } =
      from === null
        ? await client.query(`INSERT INTO ${this.#offsets} VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, [
            this.#sink,
            topic,
            partition,
            to,
          ])
        : await client.query(`UPDATE ${this.#offsets} SET next = $4 WHERE ${where} AND next = $5`, [
            this.#sink,
            topic,
            partition,
            to,
            from,
          ])
    return rowCount === 1
  }

  async #write(client: PostgresClient, records: readonly SinkRecord<K, V>[]): Promise<void> {
    const options = this.#options
    if ('apply' in options) {
      for (const record of records) await options.apply(record, client)
      return
    }
    const changes = changesOf(options, records)
    await this.#delete(
      client,
      options,
      changes.filter(({ deleted }) => deleted),
    )
    const byColumns = new Map<string, Change[]>()
    for (const change of changes) {
      if (change.deleted) continue
      const columns = JSON.stringify(Object.keys(change.row))
      const group = byColumns.get(columns)
      if (group === undefined) byColumns.set(columns, [change])
      else group.push(change)
    }
    for (const [columns, group] of byColumns)
      await this.#upsert(client, options, JSON.parse(columns) as string[], group)
  }

  async #delete(client: PostgresClient, { table, key }: TableOptions<K, V>, changes: readonly Change[]): Promise<void> {
    const where = key.map((column, index) => `${quoted(column)} = $${index + 1}`).join(' AND ')
    for (const { row } of changes) {
      const values = key.map((column) => row[column] ?? null)
      await client.query(`DELETE FROM ${quoted(table)} WHERE ${where}`, values)
    }
  }

  async #upsert(
    client: PostgresClient,
    { table, key }: TableOptions<K, V>,
    columns: readonly string[],
    changes: readonly Change[],
  ): Promise<void> {
    const atOnce = Math.max(1, Math.floor(VALUES_MAX / columns.length))
    for (let from = 0; from < changes.length; from += atOnce) {
      const values: SqlValue[] = []
      const rows = changes.slice(from, from + atOnce).map(({ row }) => {
        const places = columns.map((column) => `$${values.push(row[column] ?? null)}`)
        return `(${places.join(', ')})`
      })
      await client.query(upsert(table, key, columns, rows.join(', ')), values)
    }
  }

  /** False: rolled back. An error: nobody knows, and the connection is not used again. */
  async #transaction(work: (client: PostgresClient) => Promise<boolean>): Promise<boolean> {
    const client = await this.#pool.connect()
    try {
      await client.query('BEGIN')
      const done = await work(client)
      await client.query(done ? 'COMMIT' : 'ROLLBACK')
      client.release()
      return done
    } catch (error) {
      client.release(true)
      throw error
    }
  }
}
