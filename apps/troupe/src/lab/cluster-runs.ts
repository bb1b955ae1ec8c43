/** Runs of the whole cluster as the verbs share them: from options to a result, a short failure, a trace. */
import type { Safeguards } from '@troupe/actor'
import { drawOptions } from '@troupe/simulator/cluster/draw'
import type { FaultKind } from '@troupe/simulator/cluster/faults'
import type { Observer } from '@troupe/simulator/cluster/observer'
import type { ClusterOptions } from '@troupe/simulator/cluster/options'
import { Recorder } from '@troupe/simulator/cluster/recorder'
import { shrinkRun, type Shrunk } from '@troupe/simulator/cluster/shrink'
import { Simulation, type RunResult } from '@troupe/simulator/cluster/simulation'
import type { Trace } from '@troupe/simulator/trace/format'
import { commit, count, type Progress } from './output.ts'
import { offOf } from './usage.ts'

/** The model's name in the header of a cluster's trace. */
export const clusterModel = 'cluster'
const tracedEvents = 400
/** Of a long trace so much is printed. */
const printedEvents = 60

export interface DrawnBy {
  readonly faults?: readonly FaultKind[]
  readonly brokers?: number
  readonly virtualSeconds?: number
  readonly safeguards?: Partial<Safeguards>
}

export function drawFor(seed: number, { faults, brokers, safeguards, virtualSeconds }: DrawnBy): ClusterOptions {
  const safetyMs = virtualSeconds === undefined ? undefined : Math.ceil(virtualSeconds * 1000)
  return drawOptions(seed, { faults, brokers, safeguards, safetyMs })
}

/** Shows how far a run has come. */
export function watch(progress: Progress, seed: number): Observer {
  let events = 0
  return {
    stepped: () => {
      if (++events % 1024 === 0) progress.show(`seed ${seed}: ${count(events)} events`)
    },
  }
}

export interface Traced {
  readonly result: RunResult
  readonly trace: Trace
}

/** Runs the options and records the last events, and all that the clients did. */
export function traceRun(options: ClusterOptions): Traced {
  const simulation = new Simulation(options)
  const recorder = new Recorder(simulation.cluster, tracedEvents)
  simulation.cluster.observers.push(recorder)
  const { notebook } = simulation.clients
  notebook.onOperation = (process) => recorder.operation(process, simulation.clients.history.at(-1)!)
  const result = simulation.run()
  const events = recorder.trace
  const [found] = result.violations
  const header = {
    format: 'troupe-trace' as const,
    version: 1 as const,
    model: clusterModel,
    seed: options.seed,
    commit: commit(),
    off: offOf(options.safeguards),
    options: options as unknown as Record<string, unknown>,
    // A run ends with what was found.
    violation: found === undefined ? null : { ...found, event: events.at(-1)?.index ?? 0 },
  }
  return { result, trace: { header, events } }
}

/** The end of a trace. */
export function lastEvents(trace: Trace, most = printedEvents): Trace {
  return trace.events.length <= most ? trace : { ...trace, events: trace.events.slice(-most) }
}

/** A smaller run with the same violation. */
export function shrunk(options: ClusterOptions, invariant: string, runs: number, progress: Progress): Shrunk {
  let tries = 0
  const expired = (): boolean => {
    progress.show(`shrinking: ${tries++} questions, ${runs} runs at most`)
    return false
  }
  const small = shrinkRun(options, invariant, { runs, expired })
  progress.clear()
  return small
}
