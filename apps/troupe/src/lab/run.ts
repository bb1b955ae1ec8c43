/** `lab run`: one seed or several, each a whole cluster with its clients. */
import { runTwice } from '@troupe/simulator/cluster/determinism'
import type { ClusterOptions } from '@troupe/simulator/cluster/options'
import { Simulation, type RunResult } from '@troupe/simulator/cluster/simulation'
import { renderTable } from '@troupe/simulator/render/table'
import { drawFor, lastEvents, shrunk, traceRun, watch, type DrawnBy } from './cluster-runs.ts'
import { count, mustBeWritable, print, printJson, Progress, writeTrace, type Format } from './output.ts'

export interface RunOptions extends DrawnBy {
  readonly seed: number
  readonly seeds: number
  readonly twice?: boolean
  readonly shrink: boolean
  readonly out?: string
  readonly format: Format
}

const shrinkRuns = 200

interface Run {
  readonly drawn: ClusterOptions
  readonly result: RunResult
}

/** Returns whether a violation was found. */
export function run(options: RunOptions): boolean {
  mustBeWritable(options.out)
  const progress = new Progress()
  const runs: Run[] = []
  let failed: Run | null = null
  for (let seed = options.seed; seed < options.seed + options.seeds && failed === null; seed++) {
    progress.show(`seed ${seed}`)
    const drawn = drawFor(seed, options)
    const result = options.twice === true ? runBoth(drawn) : new Simulation(drawn, [watch(progress, seed)]).run()
    progress.clear()
    runs.push({ drawn, result })
    if (result.violations.length > 0) failed = { drawn, result }
    if (options.format === 'text') printResult(drawn, result)
  }
  const [first] = runs
  if (options.format === 'json') printJson(options.seeds === 1 ? described(first!) : summary(runs))
  if (failed !== null) showFailure(failed, options, progress)
  else if (options.out !== undefined && options.seeds === 1) writeTrace(options.out, traceRun(first!.drawn).trace)
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
  const { policy, network, disk } = drawn
  const slow = network.slowPerMille === 0 ? '' : `, ${network.slowPerMille} of 1000 ${network.slowMs} ms more`
  print(
    `seed ${seed}  ${drawn.brokers} brokers; clients: ${roles}; ${faults} faults${kinds === '' ? '' : `: ${kinds}`}`,
  )
  print(
    `  order ${policy}, messages take ${network.minDelayMs} to ${network.maxDelayMs} ms${slow}, syncs ${disk.syncMs} ms`,
  )
  print(
    `  ${count(events)} events in ${count(Math.round(virtualMs / 1000))} virtual seconds, ${operations} operations, hash ${hash}`,
  )
  if (violations.length === 0) print('  clean')
  for (const { invariant, detail } of violations) print(`  ${invariant} violated: ${detail}`)
}

function showFailure({ drawn, result }: Run, options: RunOptions, progress: Progress): void {
  const { invariant } = result.violations[0]!
  const isShrinkable = options.shrink && invariant !== 'determinism' && options.format === 'text'
  if (!isShrinkable && options.format === 'json' && options.out === undefined) return
  const small = isShrinkable ? shrunk(drawn, invariant, shrinkRuns, progress) : { options: drawn, tried: 0 }
  const { trace } = traceRun(small.options)
  if (options.out !== undefined) writeTrace(options.out, trace)
  if (options.format === 'json') return
  const { faults, clients } = small.options
  if (isShrinkable) {
    const [before, after] = [
      `${drawn.faults.length} faults, ${drawn.clients.length} clients`,
      `${faults.length} and ${clients.length}`,
    ]
    print(`  shrunk from ${before} to ${after} in ${small.tried} runs; its last events:`)
  }
  print(renderTable(lastEvents(trace)))
}

/** What a seed's run was made of, and what came of it. */
function described({ drawn, result }: Run): object {
  return { ...result, options: drawn }
}

function summary(runs: readonly Run[]): object {
  const results = runs.map(({ result }) => result)
  const sum = (pick: (result: RunResult) => number): number =>
    results.reduce((total, result) => total + pick(result), 0)
  const witnesses: Record<string, number> = {}
  for (const result of results)
    for (const [name, times] of Object.entries(result.witnesses)) witnesses[name] = (witnesses[name] ?? 0) + times
  return {
    seed: results[0]!.seed,
    seeds: results.length,
    events: sum(({ events }) => events),
    virtualMs: sum(({ virtualMs }) => virtualMs),
    violations: results.flatMap(({ seed, violations }) => violations.map((violation) => ({ seed, ...violation }))),
    witnesses,
    runs: results,
  }
}
