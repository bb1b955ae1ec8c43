/** Runs of a pipeline: one seed, many, and the smallest one that still goes wrong. Everything here is synchronous. */
import type { Cluster } from '../cluster/cluster.ts'
import type { DrawOptions } from '../cluster/draw.ts'
import { describeFault } from '../cluster/faults.ts'
import type { Observer } from '../cluster/observer.ts'
import type { ClusterOptions } from '../cluster/options.ts'
import { Recorder } from '../cluster/recorder.ts'
import { shrinkRun } from '../cluster/shrink.ts'
import { Simulation, type RunResult } from '../cluster/simulation.ts'
import type { Trace } from '../trace/format.ts'
import { drawPipelineRun } from './draw.ts'
import { Pipelines } from './pipelines.ts'
import { pipelineOf, type Scenario } from './scenario.ts'
import { Story } from './story.ts'

export interface ExploreOptions extends DrawOptions {
  /** How many seeds, from `firstSeed` (default 1) on. */
  readonly seeds: number
  readonly firstSeed?: number
  /** Runs that making a failure smaller may take; 0: leave it as it is. Default 150. */
  readonly shrinkRuns?: number
  readonly onSeed?: (result: RunResult) => void
}

export interface Exploration {
  readonly seeds: number
  readonly events: number
  readonly virtualMs: number
  readonly faults: number
  /** Records that were fed, over all seeds. */
  readonly inputs: number
  readonly failure: PipelineFailure | null
}

export interface PipelineFailure {
  readonly seed: number
  readonly invariant: string
  readonly detail: string
  /** The smaller run. */
  readonly options: ClusterOptions
  /** The last events of it. */
  readonly trace: Trace
  /** What happened around the records that were taken more than once. */
  readonly story: string
  /** How many runs it took to make it smaller. */
  readonly tried: number
}

/** How the name of the model begins in the header of a pipeline's trace. */
export const pipelineModel = 'pipeline '
const tracedEvents = 400
const defaultShrinkRuns = 150

export function runPipeline(
  scenario: Scenario,
  options: ClusterOptions,
  observers: readonly Observer[] = [],
): RunResult {
  return simulationOf(scenario, options, observers).run()
}

/** Seed after seed, up to the first that goes wrong; that one is made smaller. */
export function explore(scenario: Scenario, given: ExploreOptions): Exploration {
  const { seeds, firstSeed = 1, shrinkRuns = defaultShrinkRuns, onSeed } = given
  const total = { seeds: 0, events: 0, virtualMs: 0, faults: 0, inputs: 0 }
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const options = drawPipelineRun(seed, scenario, given)
    const result = runPipeline(scenario, options)
    total.seeds++
    total.events += result.events
    total.virtualMs += result.virtualMs
    total.faults += result.faults
    total.inputs += result.operations
    onSeed?.(result)
    const [violation] = result.violations
    if (violation !== undefined)
      return { ...total, failure: smallest(scenario, options, violation.invariant, shrinkRuns) }
  }
  return { ...total, failure: null }
}

function smallest(scenario: Scenario, options: ClusterOptions, invariant: string, runs: number): PipelineFailure {
  const shrunk = shrinkRun(options, invariant, { runs }, (candidate) =>
    isWhole(candidate) ? runPipeline(scenario, candidate) : { violations: [] },
  )
  const { result, trace, story } = tracePipeline(scenario, shrunk.options)
  const { detail } = result.violations[0]!
  return { seed: options.seed, invariant, detail, options: shrunk.options, trace, story, tried: shrunk.tried }
}

/** Without a feeder nothing is fed, and without an instance nothing is processed: that would explain nothing. */
function isWhole({ clients }: ClusterOptions): boolean {
  return clients[0]?.role === 'feeder' && clients.length > 1
}

/** Runs the options and records the last events. */
export function tracePipeline(
  scenario: Scenario,
  options: ClusterOptions,
): { result: RunResult; trace: Trace; story: string } {
  const simulation = simulationOf(scenario, options, [])
  const recorder = new Recorder(simulation.cluster, tracedEvents)
  const story = new Story(simulation.cluster)
  simulation.cluster.observers.push(recorder, story)
  const result = simulation.run()
  const events = recorder.trace
  const [found] = result.violations
  const header = {
    format: 'troupe-trace' as const,
    version: 1 as const,
    model: `${pipelineModel}${pipelineOf(scenario).name}`,
    seed: options.seed,
    commit: null,
    off: [],
    options: options as unknown as Record<string, unknown>,
    violation: found === undefined ? null : { ...found, event: events.at(-1)?.index ?? 0 },
  }
  return { result, trace: { header, events }, story: story.tell() }
}

/** What a person wants to see of it: what is wrong, in which run, and how it came about. */
export function describeFailure({ seed, invariant, detail, options, story, tried }: PipelineFailure): string {
  const { brokers, faults, clients } = options
  const size = `${brokers} brokers, ${clients.length - 1} instances, ${faults.length} faults`
  return [
    `seed ${seed}: ${invariant}: ${detail}`,
    `The smallest run found in ${tried} tries (${size}); b: brokers, c1: the feeder, c2 and on: instances.`,
    ...faults.map((fault) => `  fault at ${fault.at} ms: ${describeFault(fault)}`),
    story,
  ].join('\n')
}

function simulationOf(
  scenario: Scenario,
  options: ClusterOptions,
  observers: readonly Observer[],
): Simulation<Pipelines> {
  return new Simulation<Pipelines>(options, observers, (cluster: Cluster) => new Pipelines(cluster, scenario))
}
