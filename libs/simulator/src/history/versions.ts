/**
 * The order of the values in each partition, as far as clients could see it.
 *
 * Offsets come from every poll, whatever became of its transaction (a consumer must never be given bad data), and from
 * sends that must have happened: `ok`, or `info` with at least one of its values polled. An *index* is an offset
 * without the gaps: transaction markers and aborted records take offsets that nobody sees.
 */
import type { Operations } from './operations.ts'

export interface VersionOrder {
  /** Offsets at which something is known to be, ascending; the index is the position here. */
  readonly offsets: readonly number[]
  /** Numbers of the values at each index: one, or several that contradict each other. */
  readonly values: readonly (readonly number[])[]
}

export interface Versions {
  /** Per key number. */
  readonly orders: readonly VersionOrder[]
  /** Per value number: polled by an operation that completed `ok`. */
  readonly polledOk: Uint8Array
  /** Per value number: polled by anybody. */
  readonly polled: Uint8Array
  /** Per operation number: `ok`, or `info` with a value that was polled. */
  readonly committed: Uint8Array
  /** Per value number: index at which it stands first, and last; -1 where its offset is unknown. */
  readonly firstIndex: Int32Array
  readonly lastIndex: Int32Array
}

export function versionOrders(all: Operations): Versions {
  const { operations, values, reads, writes } = all
  const polled = new Uint8Array(values.name.length)
  const polledOk = new Uint8Array(values.name.length)
  const committed = new Uint8Array(operations.length)
  const places = new Places(all)
  for (let n = 0; n < operations.length; n++) {
    const ok = operations[n]!.type === 'ok' ? 1 : 0
    for (let i = reads.start[n]!; i < reads.start[n + 1]!; i++) {
      const value = reads.value[i]!
      polled[value] = 1
      polledOk[value]! |= ok
      places.add(value, reads.offset[i]!)
    }
  }
  for (let n = 0; n < operations.length; n++) {
    if (!mustHaveCommitted(all, n, polledOk)) continue
    committed[n] = 1
    for (let i = writes.start[n]!; i < writes.start[n + 1]!; i++) places.add(writes.value[i]!, writes.offset[i]!)
  }
  return { ...places.orders(), polled, polledOk, committed }
}

function mustHaveCommitted({ operations, writes }: Operations, n: number, polledOk: Uint8Array): boolean {
  const { type } = operations[n]!
  if (type !== 'info') return type === 'ok'
  for (let i = writes.start[n]!; i < writes.start[n + 1]!; i++) if (polledOk[writes.value[i]!] === 1) return true
  return false
}

/** Which value was seen at which offset, each pair once for the usual case that all agree. */
class Places {
  readonly #values: Operations['values']
  /** Per key: pairs of offset and value, in the order in which they were seen. */
  readonly #offsets: number[][]
  readonly #at: number[][]
  /** Per value: the offset seen first; a second one is rare and is kept as a further pair. */
  readonly #known: Float64Array

  constructor({ keys, values }: Operations) {
    this.#values = values
    this.#offsets = keys.map(() => [])
    this.#at = keys.map(() => [])
    this.#known = new Float64Array(values.name.length).fill(-1)
  }

  add(value: number, offset: number): void {
    if (offset < 0 || this.#known[value] === offset) return
    if (this.#known[value] === -1) this.#known[value] = offset
    const key = this.#values.key[value]!
    this.#offsets[key]!.push(offset)
    this.#at[key]!.push(value)
  }

  orders(): Pick<Versions, 'orders' | 'firstIndex' | 'lastIndex'> {
    const firstIndex = new Int32Array(this.#known.length).fill(-1)
    const lastIndex = new Int32Array(this.#known.length).fill(-1)
    const orders = this.#offsets.map((offsets, key) => {
      const order = order1(offsets, this.#at[key]!)
      order.values.forEach((values, index) => {
        for (const value of values) {
          if (firstIndex[value] === -1) firstIndex[value] = index
          lastIndex[value] = index
        }
      })
      return order
    })
    return { orders, firstIndex, lastIndex }
  }
}

function order1(offsets: readonly number[], at: readonly number[]): VersionOrder {
  const sorted = Uint32Array.from(offsets, (_, i) => i).sort((a, b) => offsets[a]! - offsets[b]! || a - b)
  const dense: number[] = []
  const values: number[][] = []
  for (const i of sorted) {
    const offset = offsets[i]!
    const value = at[i]!
    if (dense[dense.length - 1] !== offset) {
      dense.push(offset)
      values.push([value])
    } else if (!values[values.length - 1]!.includes(value)) {
      values[values.length - 1]!.push(value)
    }
  }
  return { offsets: dense, values }
}
