/** `lab shrink`: a failing run, from a trace or a seed, made short. */
import type { ClusterOptions } from '@troupe/simulator/cluster/options'
import { Simulation } from '@troupe/simulator/cluster/simulation'
import { replay, shrink } from '@troupe/simulator/model/index'
import { renderTable } from '@troupe/simulator/render/table'
import type { Trace } from '@troupe/simulator/trace/format'
import { drawFor, lastEvents, shrunk, traceRun, watch, type DrawnBy } from './cluster-runs.ts'
import { commit, mustBeWritable, print, printJson, Progress, writeTrace, type Format } from './output.ts'
import { clusterOptionsOf, modelScheduleOf, readTrace } from './traces.ts'
import { UsageError } from './usage.ts'

export interface ShrinkVerbOptions extends DrawnBy {
  readonly seed?: number
  readonly runs: number
  readonly out?: string
  readonly format: Format
}

/** Returns whether there was a violation to shrink. */
export function shrinkFailure(file: string | undefined, options: ShrinkVerbOptions): boolean {
  if ((file === undefined) === (options.seed === undefined))
    throw new UsageError('shrink needs a trace, or --seed, and not both')
  const { faults, brokers, virtualSeconds, safeguards } = options
  if (file !== undefined && [faults, brokers, virtualSeconds, safeguards].some((given) => given !== undefined))
    throw new UsageError('a trace says itself what its run was made of: --faults, --brokers, … go with --seed')
  mustBeWritable(options.out)
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
    const { invariant, detail } = violation!
    printJson({ found: true, invariant, detail, off, from, to, tries, events: trace.events.length })
  } else {
    print(`${from} made ${to} in ${tries} runs`)
    print(renderTable(drawn === null ? trace : lastEvents(trace)))
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
  const progress = new Progress()
  const [violation] = new Simulation(options, [watch(progress, options.seed)]).run().violations
  progress.clear()
  if (violation === undefined) return null
  const { options: small, tried } = shrunk(options, violation.invariant, runs, progress)
  const size = ({ faults, clients }: ClusterOptions): string => `${faults.length} faults and ${clients.length} clients`
  return { trace: traceRun(small).trace, from: size(options), to: size(small), tries: tried }
}

function shortModel(stored: Trace): Short | null {
  const { model, safeguards, bounds, labels } = modelScheduleOf(stored)
  const short = shrink(model, safeguards, bounds, labels)
  if (short === null) return null
  const trace = replay(model, safeguards, bounds, short.path, { seed: stored.header.seed, commit: commit() })
  return { trace, from: `${labels.length} events`, to: `${short.path.length} events`, tries: short.tries }
}
