/**
 * Logical decoding's messages, as far as a publication of inserts sends them: what each committed transaction has
 * inserted. Source: PostgreSQL, "Logical Replication Message Formats", protocol version 1.
 */

export interface Transaction {
  /** Log sequence number right behind its commit. They grow from each transaction to the next. */
  readonly end: bigint
  readonly rows: readonly Row[]
}

/** Columns by name, as text. */
export type Row = Readonly<Record<string, string | null>>

export class DecodingError extends Error {
  override readonly name = 'DecodingError'
}

/** Messages of whole transactions, in the order of their commits. */
export function transactionsOf(messages: Iterable<Buffer>): Transaction[] {
  const relations = new Map<number, readonly string[]>()
  const transactions: Transaction[] = []
  let rows: Row[] = []
  for (const message of messages) {
    const read = new Reader(message)
    const type = read.character()
    switch (type) {
      case 'B':
        rows = []
        break
      case 'R':
        relations.set(...relation(read))
        break
      case 'I':
        rows.push(inserted(read, relations))
        break
      case 'C':
        transactions.push({ end: commitEnd(read), rows })
        break
      default:
        throw new DecodingError(`a message of type ${type} in a publication of inserts`)
    }
  }
  return transactions
}

function relation(read: Reader): [id: number, columns: readonly string[]] {
  const id = read.int32()
  read.text() // namespace
  read.text() // name
  read.skip(1) // replica identity
  const columns = Array.from({ length: read.int16() }, () => {
    read.skip(1) // flags
    const name = read.text()
    read.skip(8) // type and its modifier
    return name
  })
  return [id, columns]
}

function inserted(read: Reader, relations: ReadonlyMap<number, readonly string[]>): Row {
  const columns = relations.get(read.int32())
  if (columns === undefined) throw new DecodingError('a row of a table that was not described')
  read.skip(1) // 'N': what follows is the new row
  const count = read.int16()
  return Object.fromEntries(columns.slice(0, count).map((column) => [column, read.column()]))
}

function commitEnd(read: Reader): bigint {
  read.skip(1 + 8) // flags, and where the commit's own record begins
  return read.int64()
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  skip(count: number): number {
    this.#at += count
    return this.#at - count
  }

  character(): string {
    return String.fromCharCode(this.#bytes.readUInt8(this.skip(1)))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.skip(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.skip(4))
  }

  int64(): bigint {
    return this.#bytes.readBigUInt64BE(this.skip(8))
  }

  /** Ends with a zero byte. */
  text(): string {
    const from = this.#at
    this.#at = this.#bytes.indexOf(0, from) + 1
    return this.#bytes.toString('utf8', from, this.#at - 1)
  }

  column(): string | null {
    const kind = this.character()
    if (kind === 'n') return null
    if (kind !== 't') throw new DecodingError(`a column of kind ${kind}`)
    const length = this.int32()
    const from = this.skip(length)
    return this.#bytes.toString('utf8', from, this.#at)
  }
}
