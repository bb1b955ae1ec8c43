/**
 * Opens a cage: looks for the bug with its safeguard off, makes the schedule short, and then looks just as hard with all
 * safeguards on, where nothing may be found.
 */
import { allSafeguards, type Safeguards } from '@troupe/actor'
import { replay, search, shrink, walks } from '../model/index.ts'
import type { Trace } from '../trace/format.ts'
import type { Cage } from './contract.ts'

export interface ExamineOptions {
  /** Milliseconds from anywhere. */
  readonly clock: () => number
  /** For finding one bug. */
  readonly limitMs: number
  /** For the search with all safeguards on. */
  readonly cleanMs: number
  readonly commit?: string | null
  /** Called now and then. */
  readonly progress?: (soFar: string) => void
}

export interface Examined {
  readonly cage: Cage
  readonly found: boolean
  /** Seeds that were walked, or null. */
  readonly seeds: number | null
  /** Worlds that were seen, or null. */
  readonly states: number | null
  readonly seconds: number
  /** null when nothing was found. */
  readonly invariant: string | null
  readonly detail: string | null
  readonly path: readonly string[]
  readonly trace: Trace | null
  /** No shorter schedule exists: a breadth-first search has shown it. */
  readonly isShortest: boolean
  /** With the safeguard off the bounds were exhausted: what `impossible` claims. */
  readonly exhausted: boolean
  readonly clean: Clean
  /** What the cage says of itself has come true. */
  readonly ok: boolean
}

export interface Clean {
  /** Actions taken with all safeguards on. */
  readonly events: number
  readonly states: number
  readonly exhausted: boolean
  readonly violation: string | null
}

const walkSteps = 300
const cleanWalkSeed = 1_000_001

export function examine(cage: Cage, options: ExamineOptions): Examined {
  const { clock } = options
  const off: Safeguards = { ...allSafeguards, [cage.safeguard]: false }
  const began = clock()
  const hunt = cage.find === 'walk' && cage.impossible === undefined ? huntByWalks : huntBySearch
  const found = hunt(cage, off, began + options.limitMs, options)
  const seconds = (clock() - began) / 1000
  const trace = found.path === null ? null : traceOf(cage, off, found.path, found.seed, options)
  const violation = trace?.header.violation ?? null
  const clean = lookClean(cage, options)
  const isCaught = violation !== null && cage.invariants.includes(violation.invariant)
  return {
    cage,
    found: violation !== null,
    seeds: found.seeds,
    states: found.states,
    seconds,
    invariant: violation?.invariant ?? null,
    detail: violation?.detail ?? null,
    path: found.path ?? [],
    trace,
    isShortest: found.isShortest,
    exhausted: found.exhausted,
    clean,
    ok: clean.violation === null && (cage.impossible === undefined ? isCaught : violation === null && found.exhausted),
  }
}

interface Hunted {
  readonly seeds: number | null
  readonly states: number | null
  readonly seed: number | null
  readonly path: readonly string[] | null
  readonly isShortest: boolean
  readonly exhausted: boolean
}

function huntByWalks({ model, bounds }: Cage, off: Safeguards, deadline: number, { clock }: ExamineOptions): Hunted {
  const { found, seeds } = walks(model, off, bounds, {
    firstSeed: 1,
    seeds: Infinity,
    steps: walkSteps,
    clock,
    deadline,
  })
  const none = { seeds, states: null, seed: null, path: null, isShortest: false, exhausted: false }
  if (found === null) return none
  const short = shrink(model, off, bounds, found.path)
  return short === null ? none : { ...none, seed: found.seed, path: short.path, isShortest: short.isShortest }
}

function huntBySearch(
  { model, bounds }: Cage,
  off: Safeguards,
  deadline: number,
  { clock, progress }: ExamineOptions,
): Hunted {
  const limits = { clock, deadline, progress: stateProgress(progress, 'off') }
  const { states, violation, path, exhausted } = search(model, off, bounds, limits)
  return {
    seeds: null,
    states,
    seed: null,
    path: violation === null ? null : path,
    isShortest: violation !== null,
    exhausted,
  }
}

function traceOf(
  { model, bounds }: Cage,
  off: Safeguards,
  path: readonly string[],
  seed: number | null,
  { commit }: ExamineOptions,
): Trace {
  return replay(model, off, bounds, path, { seed, commit: commit ?? null })
}

function stateProgress(progress: ExamineOptions['progress'], how: string): (soFar: { states: number }) => void {
  return ({ states }) => progress?.(`${how}, ${states} states`)
}

function lookClean(cage: Cage, { clock, cleanMs, progress }: ExamineOptions): Clean {
  const { model, bounds } = cage
  const deadline = clock() + cleanMs
  if (cage.find === 'walk') {
    const clean = { firstSeed: cleanWalkSeed, seeds: Infinity, steps: walkSteps, clock, deadline }
    const { found, steps } = walks(model, allSafeguards, bounds, clean)
    const violation = found?.violation?.invariant ?? null
    return { events: steps, states: 0, exhausted: false, violation }
  }
  const limits = { clock, deadline, progress: stateProgress(progress, 'on') }
  const { generated, states, exhausted, violation } = search(model, allSafeguards, bounds, limits)
  return { events: generated, states, exhausted, violation: violation?.invariant ?? null }
}
