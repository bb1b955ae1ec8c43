/** Runs of the whole cluster as the verbs share them: from options to a result, a short failure, a trace. */
import { Recorder } from '@troupe/simulator/cluster/recorder'
import type { ClusterOptions } from '@troupe/simulator/cluster/options'
import { shrinkRun } from '@troupe/simulator/cluster/shrink'
import { Simulation, type RunResult } from '@troupe/simulator/cluster/simulation'
import type { Trace } from '@troupe/simulator/trace/format'
import { commit } from './output.ts'
import { offOf } from './usage.ts'

/** The model's name in the header of a cluster's trace. */
export const clusterModel = 'cluster'
const tracedEvents = 400

export interface Traced {
  readonly result: RunResult
  readonly trace: Trace
}

/** Runs the options and records the last events. */
export function traceRun(options: ClusterOptions): Traced {
  const simulation = new Simulation(options)
  const recorder = new Recorder(simulation.cluster, tracedEvents)
  simulation.cluster.observers.push(recorder)
  const { notebook } = simulation.clients
  notebook.onOperation = (process) => recorder.operation(process, simulation.history.at(-1)!)
  const result = simulation.run()
  const header = {
    format: 'troupe-trace' as const,
    version: 1 as const,
    model: clusterModel,
    seed: options.seed,
    commit: commit(),
    off: offOf(options.safeguards),
    options: options as unknown as Record<string, unknown>,
    violation: result.violations[0] ?? null,
  }
  return { result, trace: { header, events: recorder.trace } }
}

/** A smaller run with the same violation. */
export function shrunk(options: ClusterOptions, invariant: string, runs: number): ClusterOptions {
  return shrinkRun(options, invariant, { runs }).options
}
