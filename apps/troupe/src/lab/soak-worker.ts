/** One thread of a soak: every `step`-th seed from `first` on, until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads'
import { runTwice } from '@troupe/simulator/cluster/determinism'
import { drawOptions } from '@troupe/simulator/cluster/draw'
import { Simulation, type RunResult } from '@troupe/simulator/cluster/simulation'

export interface SoakTask {
  readonly first: number
  readonly step: number
  /** Seeds below this one are run twice. */
  readonly doubleBelow: number
  readonly stop: Int32Array
}

export interface SoakReport extends RunResult {
  readonly isDouble: boolean
}

const { first, step, doubleBelow, stop } = workerData as SoakTask

// At least one: a soak that has run nothing is not clean.
for (let seed = first; seed === first || Atomics.load(stop, 0) === 0; seed += step) {
  const isDouble = seed < doubleBelow
  const report: SoakReport = { ...runSeed(seed, isDouble), isDouble }
  parentPort!.postMessage(report)
}

function runSeed(seed: number, isDouble: boolean): RunResult {
  const options = drawOptions(seed)
  if (!isDouble) return new Simulation(options).run()
  const { result, difference } = runTwice(options)
  if (difference === null) return { ...result, events: result.events * 2, virtualMs: result.virtualMs * 2 }
  const { event, first: one, second: other } = difference
  return {
    ...result,
    violations: [{ invariant: 'determinism', detail: `event ${event}: ${one}, then ${other}`, event }],
  }
}
