/**
 * An SQLite file as a sink, through `node:sqlite`: rows and offsets in one transaction of the file.
 *
 * The offsets lie in a table beside the rows. A batch is applied only if the file's offset is the one the batch begins
 * at: one that comes twice, or from a thread that has lost the partition, changes nothing.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Sink, SinkBatch, SinkDriver, SinkRecord, TopicPartition } from '../../topology.ts'
import { changesOf, quoted, upsert, type Change, type TableOptions } from './rows.ts'

interface Common {
  readonly file: string
  /** Under which its offsets are kept. Default: the table's name, or `sqlite`. */
  readonly name?: string
  /** Run once at the start: `CREATE TABLE IF NOT EXISTS …`. */
  readonly create?: string
  /** Default: `troupe_offsets`. */
  readonly offsetsTable?: string
  /** How long a writer of another process is waited for. Default: 5,000. */
  readonly busyTimeoutMs?: number
}

/** Either rows of a table, or whatever `apply` does with the database within the transaction. */
export type SqliteSinkOptions<K, V> = Common &
  (TableOptions<K, V> | { readonly apply: (record: SinkRecord<K, V>, database: DatabaseSync) => void })

export function sqliteSink<K, V>(options: SqliteSinkOptions<K, V>): Sink<K, V> {
  const name = options.name ?? ('table' in options ? options.table : 'sqlite')
  return { name, open: () => new SqliteDriver(name, options) }
}

class SqliteDriver<K, V> implements SinkDriver<K, V> {
  readonly #options: SqliteSinkOptions<K, V>
  readonly #sink: string
  readonly #offsets: string
  readonly #database: DatabaseSync

  constructor(sink: string, options: SqliteSinkOptions<K, V>) {
    this.#sink = sink
    this.#options = options
    this.#offsets = quoted(options.offsetsTable ?? 'troupe_offsets')
    // Here and not above: to load it is to be warned by older Nodes, and who has no such sink need not be.
    const sqlite = process.getBuiltinModule('node:sqlite')
    this.#database = new sqlite.DatabaseSync(options.file)
    const pause = options.busyTimeoutMs ?? 5000
    this.#database.exec(`PRAGMA busy_timeout = ${Math.trunc(pause)}; PRAGMA journal_mode = WAL`)
    this.#transaction(() => {
      this.#database.exec(
        `CREATE TABLE IF NOT EXISTS ${this.#offsets} (sink TEXT NOT NULL, topic TEXT NOT NULL,
        "partition" INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (sink, topic, "partition"))`,
      )
      if (options.create !== undefined) this.#database.exec(options.create)
      return true
    })
  }

  offsets(partitions: readonly TopicPartition[]): Promise<readonly (number | null)[]> {
    return attempt(() => partitions.map((partition) => this.#stored(partition)))
  }

  apply({ partition, from, to, records }: SinkBatch<K, V>): Promise<boolean> {
    return attempt(() =>
      this.#transaction(() => {
        if (this.#stored(partition) !== from) return false
        this.#write(records)
        const insert = `INSERT INTO ${this.#offsets} VALUES (?, ?, ?, ?)`
        this.#database
          .prepare(`${insert} ON CONFLICT (sink, topic, "partition") DO UPDATE SET next = excluded.next`)
          .run(this.#sink, partition.topic, partition.partition, to)
        return true
      }),
    )
  }

  close(): Promise<void> {
    return attempt(() => this.#database.close())
  }

  #stored({ topic, partition }: TopicPartition): number | null {
    const where = 'sink = ? AND topic = ? AND "partition" = ?'
    const select = this.#database.prepare(`SELECT next FROM ${this.#offsets} WHERE ${where}`)
    return (select.get(this.#sink, topic, partition)?.next as number | undefined) ?? null
  }

  #write(records: readonly SinkRecord<K, V>[]): void {
    const options = this.#options
    if ('apply' in options) {
      for (const record of records) options.apply(record, this.#database)
      return
    }
    for (const change of changesOf(options, records)) this.#change(options, change)
  }

  #change({ table, key }: TableOptions<K, V>, { row, deleted }: Change): void {
    if (deleted) {
      const where = key.map((column) => `${quoted(column)} = ?`).join(' AND ')
      const values = key.map((column) => row[column] ?? null)
      this.#database.prepare(`DELETE FROM ${quoted(table)} WHERE ${where}`).run(...values)
      return
    }
    const columns = Object.keys(row)
    const statement = upsert(table, key, columns, `(${columns.map(() => '?').join(', ')})`)
    this.#database.prepare(statement).run(...columns.map((column) => row[column] ?? null))
  }

  /** `IMMEDIATE`: the offset that is read cannot change before the end. False: nothing has happened. */
  #transaction(work: () => boolean): boolean {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const done = work()
      this.#database.exec(done ? 'COMMIT' : 'ROLLBACK')
      return done
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }
}

/** What throws at once, rejects. */
function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()))
}
