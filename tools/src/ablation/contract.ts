/** What is run, and what came of it. */
import type { Guard } from './guards.ts'

/** How far a mutant is followed; the bound that its survival is worth. */
export interface Limits {
  /** Worlds of each model configuration. */
  readonly states: number
  /** Random walks through each configuration that these do not exhaust. */
  readonly walks: number
  /** Of the whole cluster, from 1 on. */
  readonly seeds: number
}

export interface Target {
  readonly name: string
  readonly run: () => Run
}

/** One target's run, to its end or to the first violation. */
export interface Run {
  readonly invariant: string | null
  readonly detail: string | null
  /** Until the violation; in a search that is the shortest way to it. */
  readonly events: number
  readonly states: number
  readonly exhausted: boolean
  /** Walks or cluster runs. */
  readonly seeds: number
  /** Names of the interesting things that an exhausted configuration shows; null where nobody can tell. */
  readonly witnesses: readonly string[] | null
  /** Equal runs have equal hashes. */
  readonly hash: string
}

/** What every guard does when nothing is forced. */
export interface Census {
  readonly targets: readonly {
    readonly index: number
    readonly name: string
    readonly ms: number
    readonly run: Run
    /** Per guard, see switchboard.ts. */
    readonly seen: Uint8Array
  }[]
}

export interface Mutant {
  readonly guard: Guard
  readonly to: boolean
}

export type Verdict =
  | {
      readonly type: 'killed'
      readonly by: 'safety' | 'liveness' | 'throw' | 'endless' | 'witness'
      readonly invariant: string
      readonly detail: string
      readonly target: string
      readonly events: number
    }
  /** Everything that differed was run: `targets` of them, with so many states and seeds. */
  | { readonly type: 'survived'; readonly targets: number; readonly states: number; readonly seeds: number }
  /** The guard has the forced value wherever the census came. */
  | { readonly type: 'no difference' }
  /** The census never came there. */
  | { readonly type: 'not reached' }
  /** Of the targets that differ, so many were run before the time was over, without a violation. */
  | { readonly type: 'not finished'; readonly targets: number; readonly states: number; readonly seeds: number }
  | { readonly type: 'not run' }

export interface Result {
  readonly mutant: Mutant
  readonly verdict: Verdict
}
