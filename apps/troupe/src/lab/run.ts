/** `lab run`: one seed or several, each a whole cluster with its clients. */
import { drawOptions, type DrawOptions } from '@troupe/simulator/cluster/draw'
import { runTwice } from '@troupe/simulator/cluster/determinism'
import type { FaultKind } from '@troupe/simulator/cluster/faults'
import type { ClusterOptions } from '@troupe/simulator/cluster/options'
import { Simulation, type RunResult } from '@troupe/simulator/cluster/simulation'
import { renderTable } from '@troupe/simulator/render/table'
import type { Safeguards } from '@troupe/actor'
import { shrunk, traceRun } from './cluster-runs.ts'
import { count, print, printJson, Progress, writeTrace, type Format } from './output.ts'

export interface RunOptions {
  readonly seed: number
  readonly seeds: number
  readonly faults?: readonly FaultKind[]
  readonly brokers?: number
  readonly virtualSeconds?: number
  readonly twice?: boolean
  readonly shrink: boolean
  readonly out?: string
  readonly safeguards?: Partial<Safeguards>
  readonly format: Format
}

const shrinkRuns = 200

export function drawFor(
  seed: number,
  options: Omit<DrawOptions, 'safetyMs'> & { virtualSeconds?: number },
): ClusterOptions {
  const { faults, brokers, safeguards, virtualSeconds } = options
  const safetyMs = virtualSeconds === undefined ? undefined : Math.ceil(virtualSeconds * 1000)
  return drawOptions(seed, { faults, brokers, safeguards, safetyMs })
}

/** Returns whether a violation was found. */
export function run(options: RunOptions): boolean {
  const progress = new Progress()
  const results: RunResult[] = []
  let failed: ClusterOptions | null = null
  for (let seed = options.seed; seed < options.seed + options.seeds && failed === null; seed++) {
    progress.show(`seed ${seed}`)
    const drawn = drawFor(seed, options)
    const result = options.twice === true ? runBoth(drawn) : new Simulation(drawn).run()
    results.push(result)
    if (result.violations.length > 0) failed = drawn
    if (options.format === 'text') printResult(drawn, result)
  }
  progress.clear()
  if (options.format === 'json') printJson(options.seeds === 1 ? results[0] : summary(results))
  if (failed !== null) showFailure(failed, results.at(-1)!, options)
  else if (options.out !== undefined) writeTrace(options.out, traceRun(drawFor(options.seed, options)).trace)
  return failed !== null
}

function runBoth(drawn: ClusterOptions): RunResult {
  const { result, difference } = runTwice(drawn)
  if (difference === null) return result
  const { event, first, second } = difference
  const detail = `event ${event}: ${first}, then ${second}`
  return { ...result, violations: [{ invariant: 'determinism', detail, event }] }
}

function printResult(drawn: ClusterOptions, result: RunResult): void {
  const kinds = [...new Set(drawn.faults.map(({ kind }) => kind))].join(', ')
  const roles = drawn.clients.map(({ role }) => role).join(', ')
  const { seed, events, virtualMs, hash, operations, faults, violations } = result
  print(
    `seed ${seed}  ${drawn.brokers} brokers; clients: ${roles}; ${faults} faults${kinds === '' ? '' : `: ${kinds}`}`,
  )
  print(
    `  ${count(events)} events in ${count(Math.round(virtualMs / 1000))} virtual seconds, ${operations} operations, hash ${hash}`,
  )
  if (violations.length === 0) print('  clean')
  for (const { invariant, detail } of violations) print(`  ${invariant} violated: ${detail}`)
}

function showFailure(drawn: ClusterOptions, result: RunResult, options: RunOptions): void {
  const { invariant } = result.violations[0]!
  const isShrinkable = options.shrink && invariant !== 'determinism' && options.format === 'text'
  const small = isShrinkable ? shrunk(drawn, invariant, shrinkRuns) : drawn
  const { trace } = traceRun(small)
  if (options.out !== undefined) writeTrace(options.out, trace)
  if (options.format === 'text') print(renderTable({ ...trace, events: trace.events.slice(-60) }))
}

function summary(results: readonly RunResult[]): object {
  const sum = (pick: (result: RunResult) => number): number =>
    results.reduce((total, result) => total + pick(result), 0)
  return {
    seeds: results.length,
    events: sum(({ events }) => events),
    virtualMs: sum(({ virtualMs }) => virtualMs),
    violations: results.flatMap(({ seed, violations }) => violations.map((violation) => ({ seed, ...violation }))),
    runs: results,
  }
}
