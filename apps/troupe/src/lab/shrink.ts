/** `lab shrink`: a failing run, from a trace or a seed, made short. */
import { shrinkRun } from '@troupe/simulator/cluster/shrink'
import { Simulation } from '@troupe/simulator/cluster/simulation'
import { replay, shrink } from '@troupe/simulator/model/index'
import { renderTable } from '@troupe/simulator/render/table'
import type { Trace } from '@troupe/simulator/trace/format'
import type { ClusterOptions } from '@troupe/simulator/cluster/options'
import { traceRun } from './cluster-runs.ts'
import { commit, print, printJson, writeTrace } from './output.ts'
import { drawFor, type RunOptions } from './run.ts'
import { clusterOptionsOf, modelScheduleOf, readTrace } from './traces.ts'
import { UsageError } from './usage.ts'

export interface ShrinkVerbOptions extends Omit<RunOptions, 'seed' | 'seeds' | 'twice' | 'shrink'> {
  readonly seed?: number
  readonly runs: number
}

/** Returns whether there was a violation to shrink. */
export function shrinkFailure(file: string | undefined, options: ShrinkVerbOptions): boolean {
  if ((file === undefined) === (options.seed === undefined)) throw new UsageError('shrink needs a trace or --seed')
  const stored = file === undefined ? null : readTrace(file)
  const drawn = stored === null ? drawFor(options.seed!, options) : clusterOptionsOf(stored)
  const short = drawn === null ? shortModel(stored!) : shortCluster(drawn, options.runs)
  if (short === null) {
    if (options.format === 'json') printJson({ found: false })
    else print('nothing is violated')
    return false
  }
  const { trace, from, to, tries } = short
  if (options.out !== undefined) writeTrace(options.out, trace)
  if (options.format === 'json') {
    const { violation, off } = trace.header
    printJson({
      found: true,
      invariant: violation!.invariant,
      detail: violation!.detail,
      off,
      from,
      to,
      tries,
      events: trace.events.length,
    })
  } else {
    print(`${from} made ${to} in ${tries} runs`)
    print(renderTable(trace))
  }
  return true
}

interface Short {
  readonly trace: Trace
  readonly from: string
  readonly to: string
  readonly tries: number
}

function shortCluster(options: ClusterOptions, runs: number): Short | null {
  const [violation] = new Simulation(options).run().violations
  if (violation === undefined) return null
  const { options: small, tried } = shrinkRun(options, violation.invariant, { runs })
  const size = ({ faults, clients }: ClusterOptions): string => `${faults.length} faults and ${clients.length} clients`
  return { trace: traceRun(small).trace, from: size(options), to: size(small), tries: tried }
}

function shortModel(stored: Trace): Short | null {
  const { model, safeguards, bounds, labels } = modelScheduleOf(stored)
  const short = shrink(model, safeguards, bounds, labels)
  if (short === null) return null
  const trace = replay(model, safeguards, bounds, short.path, { seed: stored.header.seed, commit: commit() })
  return { trace, from: `${labels.length} choices`, to: `${short.path.length} choices`, tries: short.tries }
}
