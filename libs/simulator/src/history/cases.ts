/** What the checks find: every case counted, the first few described. */
import type { Key } from './format.ts'
import type { Operations } from './operations.ts'
import type { Versions } from './versions.ts'

/** Anomalies of the Jepsen workload, `unwritten-read` (a value that nobody sent), and cycles of Elle by their name. */
export type AnomalyName = string

export interface AnomalyCase {
  /** In one line, for people. */
  readonly detail: string
  readonly key: Key | null
  /** Positions in the history of the operations that show it. */
  readonly operations: readonly number[]
}

export interface Analysis extends Operations, Versions {}

export class Cases {
  readonly #limit: number
  readonly #counts = new Map<AnomalyName, number>()
  readonly #cases = new Map<AnomalyName, AnomalyCase[]>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** `describe` is called only for the cases that are kept. */
  add(name: AnomalyName, describe: () => AnomalyCase): void {
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    if (count > this.#limit) return
    const cases = this.#cases.get(name)
    if (cases === undefined) this.#cases.set(name, [describe()])
    else cases.push(describe())
  }

  count(name: AnomalyName): number {
    return this.#counts.get(name) ?? 0
  }

  of(name: AnomalyName): readonly AnomalyCase[] {
    return this.#cases.get(name) ?? []
  }

  get names(): readonly AnomalyName[] {
    return [...this.#counts.keys()]
  }
}

/** Position in the history of the completion of operation `n`. */
export function at(all: Operations, n: number): number {
  return all.operations[n]!.completion.index
}

/** `3 of k1`: a value and the key it belongs to. */
export function named({ values, keys }: Operations, value: number): string {
  return `${values.name[value]!} of ${keys[values.key[value]!]!}`
}

/** The values between two indexes of a key, a few of them by name. */
export function between(all: Analysis, key: number, from: number, to: number): string {
  const names: string[] = []
  for (let index = from + 1; index < to && names.length < 8; index++) {
    names.push(String(all.values.name[all.orders[key]!.values[index]![0]!]!))
  }
  return names.join(', ') + (to - from - 1 > names.length ? ', …' : '')
}
