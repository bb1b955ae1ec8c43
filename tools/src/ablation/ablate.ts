/**
 * Forces each guard true and false in turn and says what became of it.
 *
 * First a census: all targets with nothing forced, noting which values every guard has. A guard that is only ever true
 * in a target behaves the same there when it is forced true: those targets need not be run, and the answer is as good
 * as if they had been. The others are run, the cheapest first, until one of them is violated.
 *
 * A mutant that refuses everything violates nothing where nobody waits. It shows in what never happens any more: a
 * configuration that is exhausted, and lacks a witness that it had. That counts when no invariant says more.
 */
import type { Census, Mutant, Result, Run, Verdict } from './contract.ts'
import type { Guard } from './guards.ts'
import type { Laboratory, Ran } from './laboratory.ts'
import { differs } from './switchboard.ts'

export interface AblateOptions {
  /** For one mutant, over all its targets. */
  readonly seconds: number
  /** Once it says so no new mutant is begun; the rest is `not run`. */
  readonly isOver?: () => boolean
  /** A target that takes longer never ends. Default: 15 s, or 20 times as long as with nothing forced. */
  readonly endlessMs?: number
  readonly progress?: (done: number, of: number, result: Result) => void
}

const censusMs = 600_000
const endlessMsAtLeast = 15_000
const endlessFactor = 20
/** So many mutants later the worker must still do with nothing forced what it did at first. */
const controlEvery = 20

/** Of the targets whose names are wanted. */
export async function takeCensus(laboratory: Laboratory, wanted = /(?:)/): Promise<Census> {
  const names = await laboratory.open()
  const targets: { index: number; name: string; ms: number; run: Run; seen: Uint8Array }[] = []
  for (const [index, name] of names.entries()) {
    if (!wanted.test(name)) continue
    const ran = await laboratory.run(index, null, censusMs)
    if (ran.type !== 'ran') throw new Error(`${name}, with nothing forced: ${complaint(ran)}`)
    const { ms, run, seen } = ran
    targets.push({ index, name, ms, run, seen })
  }
  return { targets }
}

export function mutantsOf(guards: readonly Guard[]): Mutant[] {
  return guards.flatMap((guard) => [true, false].map((to) => ({ guard, to })))
}

export async function ablate(
  laboratory: Laboratory,
  census: Census,
  mutants: readonly Mutant[],
  options: AblateOptions,
): Promise<Result[]> {
  const results: Result[] = []
  let unchecked: number[] = []
  for (const mutant of mutants) {
    const isOver = options.isOver?.() ?? false
    const verdict: Verdict = isOver ? { type: 'not run' } : await judge(laboratory, census, mutant, options)
    results.push({ mutant, verdict })
    options.progress?.(results.length, mutants.length, results.at(-1)!)
    if (verdict.type === 'killed' || verdict.type === 'survived') unchecked.push(results.length - 1)
    if (unchecked.length < controlEvery && results.length < mutants.length) continue
    if (!(await isSound(laboratory, census))) {
      for (const index of unchecked) {
        laboratory.close()
        results[index] = { mutant: mutants[index]!, verdict: await judge(laboratory, census, mutants[index]!, options) }
      }
    }
    unchecked = []
  }
  return results
}

/**
 * With nothing forced the worker must still do what it did in the census. If it does not, something of a mutant has
 * outlived it, and those since then are judged again, each in a process of its own.
 */
async function isSound(laboratory: Laboratory, census: Census): Promise<boolean> {
  const sound = census.targets.filter(({ run }) => run.invariant === null)
  const seed = sound.find(({ name }) => name.startsWith('seed'))
  const cheapest = sound.reduce((best, target) => (target.ms < best.ms ? target : best))
  for (const { index, run } of seed === undefined ? [cheapest] : [cheapest, seed]) {
    const ran = await laboratory.run(index, null, censusMs)
    if (ran.type !== 'ran' || ran.run.hash !== run.hash) return false
  }
  return true
}

async function judge(
  laboratory: Laboratory,
  { targets }: Census,
  { guard, to }: Mutant,
  { seconds, endlessMs }: AblateOptions,
): Promise<Verdict> {
  if (targets.every(({ seen }) => seen[guard.id] === 0)) return { type: 'not reached' }
  // What is violated with nothing forced has nothing to say about a mutant.
  const telling = targets
    .filter(({ run, seen }) => run.invariant === null && differs(seen[guard.id]!, to))
    .sort((a, b) => Number(a.run.states === 0) - Number(b.run.states === 0) || a.ms - b.ms)
  if (telling.length === 0) return { type: 'no difference' }
  const began = Date.now()
  let states = 0
  let seeds = 0
  let silent: Verdict | null = null
  for (const [count, { name, index, ms, run: census }] of telling.entries()) {
    if (Date.now() - began > seconds * 1000) return silent ?? { type: 'not finished', targets: count, states, seeds }
    const limitMs = endlessMs ?? Math.max(endlessMsAtLeast, Math.ceil(ms / 1000) * 1000 * endlessFactor)
    const ran = await laboratory.run(index, { id: guard.id, to }, limitMs)
    const verdict = verdictOf(name, ran)
    if (verdict !== null) return verdict
    if (ran.type !== 'ran') continue
    silent ??= lackOf(name, census, ran.run)
    states += ran.run.states
    seeds += ran.run.seeds
  }
  return silent ?? { type: 'survived', targets: telling.length, states, seeds }
}

function verdictOf(target: string, ran: Ran): Verdict | null {
  if (ran.type === 'endless') {
    return { type: 'killed', by: 'endless', invariant: 'endless', detail: ran.why, target, events: 0 }
  }
  if (ran.type === 'threw') {
    return { type: 'killed', by: 'throw', invariant: 'model-threw', detail: ran.error, target, events: 0 }
  }
  const { invariant, detail, events } = ran.run
  return invariant === null
    ? null
    : { type: 'killed', by: classOf(invariant), invariant, detail: detail ?? '', target, events }
}

/** A witness that is there with nothing forced, and nowhere with the mutant. */
function lackOf(target: string, census: Run, { witnesses }: Run): Verdict | null {
  const lacking = witnesses === null ? undefined : census.witnesses?.find((name) => !witnesses.includes(name))
  if (lacking === undefined) return null
  return { type: 'killed', by: 'witness', invariant: `never “${lacking}”`, detail: '', target, events: 0 }
}

function classOf(invariant: string): 'safety' | 'liveness' | 'throw' {
  if (/^L\d/.test(invariant) || invariant === 'livelock') return 'liveness'
  return invariant === 'actor-threw' ? 'throw' : 'safety'
}

function complaint(ran: Exclude<Ran, { type: 'ran' }>): string {
  return ran.type === 'threw' ? ran.error : ran.why
}
