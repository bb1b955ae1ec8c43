/** `lab pipeline FILE`: a pipeline of the user's own, seed after seed, under everything that can go wrong. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describeFailure, explore } from '@troupe/simulator/pipeline/run'
import { pipelineOf, type Scenario } from '@troupe/simulator/pipeline/scenario'
import type { FaultKind } from '@troupe/simulator/cluster/faults'
import { count, mustBeWritable, print, printJson, Progress, writeTrace, type Format } from './output.ts'
import { UsageError } from './usage.ts'

export interface PipelineOptions {
  readonly seed: number
  readonly seeds: number
  readonly faults?: readonly FaultKind[]
  readonly brokers?: number
  readonly virtualSeconds?: number
  readonly guarantee?: string
  readonly shrink: boolean
  readonly out?: string
  readonly format: Format
}

const shrinkRuns = 150

/** Returns whether some seed did not count each input once. */
export async function pipeline(file: string, options: PipelineOptions): Promise<boolean> {
  mustBeWritable(options.out)
  const scenario = withGuarantee(await load(file), options.guarantee)
  const { faults, brokers, virtualSeconds } = options
  const progress = new Progress()
  const result = explore(scenario, {
    seeds: options.seeds,
    firstSeed: options.seed,
    faults,
    brokers,
    safetyMs: virtualSeconds === undefined ? undefined : Math.ceil(virtualSeconds * 1000),
    shrinkRuns: options.shrink ? shrinkRuns : 0,
    onSeed: ({ seed, events }) => progress.show(`seed ${seed}: ${count(events)} events`),
  })
  progress.clear()
  const { failure, ...totals } = result
  if (options.out !== undefined && failure !== null) writeTrace(options.out, failure.trace)
  if (options.format === 'json') printJson(result)
  else {
    const { seeds, events, virtualMs, faults: done, inputs } = totals
    print(
      `${pipelineOf(scenario).name}: ${count(seeds)} seeds, ${count(inputs)} inputs, ${count(done)} faults, ` +
        `${count(events)} events in ${count(Math.round(virtualMs / 1000))} virtual seconds`,
    )
    print(failure === null ? 'each input counted once' : describeFailure(failure))
  }
  return failure !== null
}

/** The file's default export: `{ pipeline, inputs, … }`. */
async function load(file: string): Promise<Scenario> {
  let module: { default?: Partial<Scenario> }
  try {
    module = await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    throw new UsageError(`cannot load ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
  const scenario = module.default as Scenario | undefined
  if (typeof (scenario?.pipeline && pipelineOf(scenario).topology) !== 'function' || scenario?.inputs === undefined) {
    throw new UsageError(`${file} has no default export { pipeline, inputs, … }`)
  }
  return scenario
}

function withGuarantee(scenario: Scenario, guarantee: string | undefined): Scenario {
  if (guarantee === undefined) return scenario
  return { ...scenario, properties: { ...scenario.properties, 'processing.guarantee': guarantee } }
}
