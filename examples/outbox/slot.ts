/** A replication slot, read by SQL. PostgreSQL keeps its log from where the slot was advanced to. */
import pg from 'pg'
import { transactionsOf, type Transaction } from './pgoutput.ts'

export class Slot {
  readonly name: string
  readonly #client: pg.Client

  private constructor(name: string, client: pg.Client) {
    this.name = name
    this.#client = client
  }

  static async open(name: string, connection: string): Promise<Slot> {
    const client = new pg.Client({ connectionString: connection })
    // A connection that is lost fails its query, which says enough.
    client.on('error', () => undefined)
    await client.connect()
    return new Slot(name, client)
  }

  close(): Promise<void> {
    return this.#client.end().catch(() => undefined)
  }

  /** How far it was advanced; null: there is no such slot. */
  async confirmed(): Promise<bigint | null> {
    const select = 'SELECT confirmed_flush_lsn AS lsn FROM pg_replication_slots WHERE slot_name = $1'
    const { rows } = await this.#client.query<{ lsn: string }>(select, [this.name])
    return rows[0] === undefined ? null : lsnOf(rows[0].lsn)
  }

  /** Transactions behind `from` that are committed, whole: about `atLeast` changes, if there are so many. */
  async read(from: bigint, atLeast: number): Promise<Transaction[]> {
    const select = `SELECT data FROM pg_logical_slot_peek_binary_changes($1, NULL, $2,
      'proto_version', '1', 'publication_names', 'outbox')`
    const { rows } = await this.#client.query<{ data: Buffer }>(select, [this.name, atLeast])
    return transactionsOf(rows.map(({ data }) => data)).filter(({ end }) => end > from)
  }

  /** What is before `to` is not asked for again. */
  async advance(to: bigint): Promise<void> {
    await this.#client.query('SELECT pg_replication_slot_advance($1, $2)', [this.name, lsnText(to)])
  }
}

/** `16/B374D848`: two hexadecimal halves. */
export function lsnOf(text: string): bigint {
  const [high, low] = text.split('/') as [string, string]
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

export function lsnText(lsn: bigint): string {
  const half = (value: bigint): string => value.toString(16).toUpperCase()
  return `${half(lsn >> 32n)}/${half(lsn & 0xffff_ffffn)}`
}
