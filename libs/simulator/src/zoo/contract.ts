/**
 * One cage of the bug zoo: a bug of Kafka's history, the safeguard that prevents it, and where it shows without it.
 *
 * Cages of an area are one file beside this one (`replication.ts`, `storage.ts`, …) that exports a list; `cages.ts`
 * puts the lists together.
 */
import type { Safeguards } from '@troupe/actor'
import type { Bounds, Model } from '../model/contract.ts'

export interface Cage {
  /** `Z06`, or `Z04-isr-expand` where an entry has several switches. */
  readonly id: string
  /** What goes wrong, in one line of the field's words. */
  readonly title: string
  /** KIP or issue. */
  readonly source: string
  readonly safeguard: keyof Safeguards
  /** Invariants that may catch it; the first one is expected in the shortest trace. */
  readonly invariants: readonly string[]
  // A zoo has many kinds of worlds; nothing here looks into one.
  // oxlint-disable-next-line no-explicit-any
  readonly model: Model<any>
  readonly bounds: Bounds
  /** How it is looked for: random walks from seed 1 on, or breadth first. The trace is made shortest afterwards. */
  readonly find: 'walk' | 'search'
  /** Set when our design makes the bug impossible; the search must then exhaust the bounds with the safeguard off. */
  readonly impossible?: string
}
