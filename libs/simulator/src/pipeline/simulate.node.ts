/**
 * `simulate`: a pipeline in the simulator, as a test helper. It throws when the pipeline has not counted each input
 * once; the message of the error is the smallest run found in which it goes wrong.
 */
import { setImmediate } from 'node:timers/promises'
import { explore, describeFailure, type Exploration, type ExploreOptions, type PipelineFailure } from './run.ts'
import type { Scenario } from './scenario.ts'

export type { Draw, InputRecord, Inputs, Scenario } from './scenario.ts'
export type { Exploration, PipelineFailure } from './run.ts'
export { describeFailure } from './run.ts'

export interface SimulateOptions extends Omit<Scenario, 'pipeline'>, Partial<ExploreOptions> {}

const defaultSeeds = 20

/** What some seed of a simulated pipeline has shown. */
export class NotExactlyOnce extends Error {
  override readonly name = 'NotExactlyOnce'
  readonly failure: PipelineFailure

  constructor(failure: PipelineFailure) {
    super(describeFailure(failure))
    this.failure = failure
  }
}

/**
 * Runs the very same pipeline with simulated brokers under crashes, pauses, cut links and rebalances, once for each of
 * `seeds` (default 20), and compares what it has committed with what its inputs give, each of them once.
 * Throws `NotExactlyOnce`.
 */
export async function simulate(pipeline: Scenario['pipeline'], options: SimulateOptions): Promise<Exploration> {
  const result = await exploreSeeds(pipeline, options)
  if (result.failure !== null) throw new NotExactlyOnce(result.failure)
  return result
}

/** As `simulate`, but answers with what it has found. One seed at a time: timers of the process are served between. */
export async function exploreSeeds(pipeline: Scenario['pipeline'], options: SimulateOptions): Promise<Exploration> {
  const { seeds = defaultSeeds, firstSeed = 1, ...rest } = options
  const scenario: Scenario = { ...options, pipeline }
  const total = { seeds: 0, events: 0, virtualMs: 0, faults: 0, inputs: 0 }
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const one = explore(scenario, { ...rest, seeds: 1, firstSeed: seed })
    for (const name of ['seeds', 'events', 'virtualMs', 'faults', 'inputs'] as const) total[name] += one[name]
    if (one.failure !== null) return { ...total, failure: one.failure }
    await setImmediate()
  }
  return { ...total, failure: null }
}
